# wirelab: `make run` and `make check` do all that a fresh machine needs.
#   make SAN=address,undefined    a variant, in a directory of its own; also SAN=thread
#   make CC=clang BUILD=build-clang
CC      = gcc
SAN     =
comma  := ,
BUILD   = build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
PREFIX  = /usr/local
DESTDIR =

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
Q = $(if $(V),,@)

WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror=implicit-function-declaration
HARDEN = -fPIE -fstack-protector-strong -fcf-protection $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CFLAGS = -O2 -g
override CFLAGS += -std=c17 -D_GNU_SOURCE $(WARN) $(HARDEN) -Icommon -I. -I/usr/include/postgresql $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(if $(SAN),-fsanitize=$(SAN))
LIBS = -luv -lssl -lcrypto -lconfuse -lsqlite3 -lz -lmnl -ljansson -lpthread

SERVERS = dhcpd dnsd httpd imapd smtpd
LIB_SRC := $(wildcard common/wire/*.c common/*.c) $(foreach s,$(SERVERS),$(filter-out $(s)/main.c,$(wildcard $(s)/*.c)))
LAB_SRC := $(filter-out lab/main.c,$(wildcard lab/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LAB_OBJ := $(LAB_SRC:%.c=$(BUILD)/obj/%.o)
PROGRAMS = $(SERVERS:%=$(BUILD)/%) $(BUILD)/wirelab

all: $(PROGRAMS) $(BUILD)/purity

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libwirelab.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $(LIB_OBJ)

$(SERVERS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/obj/%/main.o $(BUILD)/libwirelab.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/wirelab: $(BUILD)/obj/lab/main.o $(LAB_OBJ) $(BUILD)/libwirelab.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# Rule 1: a pure file reaches for nothing. Sanitizers add symbols of their own, so the plain build is the proof.
$(BUILD)/purity: docs/architecture.md tests/purity $(LIB_OBJ) $(LAB_OBJ)
	$(if $(SAN),,tests/purity $(BUILD))
	@touch $@

-include $(LIB_OBJ:.o=.d) $(LAB_OBJ:.o=.d) $(wildcard $(BUILD)/obj/*/main.d $(BUILD)/obj/tests/*/*.d)

# ---- tests -----------------------------------------------------------------------------
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
SIM  = $(patsubst tests/sim/%.c,$(BUILD)/sim/%,$(wildcard tests/sim/sim_*.c))
FUZZ_BUILD = build-fuzz
FUZZ = $(patsubst tests/fuzz/%.c,$(FUZZ_BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS = 600

$(BUILD)/unit/% $(BUILD)/sim/%: override CFLAGS += -Itests
$(BUILD)/unit/test_udp: override LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libwirelab.a $(LAB_OBJ)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  TEST  $@")
	$(Q)$(CC) $(CFLAGS) -MMD -MP $(LDFLAGS) $< $(LAB_OBJ) $(BUILD)/libwirelab.a -lcmocka $(LIBS) -o $@
$(BUILD)/sim/%: tests/sim/%.c $(BUILD)/libwirelab.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  TEST  $@")
	$(Q)$(CC) $(CFLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libwirelab.a -lcmocka $(LIBS) -o $@
-include $(UNIT:=.d) $(SIM:=.d)

# One libFuzzer target for each reader of foreign bytes, on objects built by clang with coverage.
fuzz-build:
	@$(MAKE) --no-print-directory CC=clang SAN=address,undefined BUILD=$(FUZZ_BUILD) FUZZING=1 fuzz-targets
fuzz-targets: $(FUZZ)
ifdef FUZZING
override CFLAGS += -fsanitize=fuzzer-no-link -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
endif
$(FUZZ_BUILD)/fuzz/%: tests/fuzz/%.c $(LAB_OBJ) $(BUILD)/libwirelab.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  FUZZ  $@")
	$(Q)$(CC) $(CFLAGS) -Itests -fsanitize=fuzzer $(LDFLAGS) $< $(LAB_OBJ) $(BUILD)/libwirelab.a $(LIBS) -o $@

test-programs: $(UNIT) $(SIM)
fuzz:
	@tests/setup build check
	@$(MAKE) --no-print-directory fuzz-build
	tests/run fuzz --seconds $(FUZZ_SECONDS) --fuzz-build $(FUZZ_BUILD)
check:
	@tests/setup build check
	@$(MAKE) --no-print-directory all test-programs
	@$(if $(SAN),,$(MAKE) --no-print-directory fuzz-build)
	tests/run check --build $(BUILD) $(if $(SAN),,--fuzz-build $(FUZZ_BUILD))

# Under the thread sanitizer: servers with several threads, and what works on threads beside the loop.
THREADED = test_dns_workers test_dns_reload test_dns_rate test_dns_zonemd test_dns_zones test_smtp test_imap test_http test_dhcp_promises
check-threads:
	@tests/setup build check
	@$(MAKE) --no-print-directory SAN=thread all
	tests/run check --build build-thread $(THREADED)

# ---- people ----------------------------------------------------------------------------
run:
	@tests/setup build
	@$(MAKE) --no-print-directory all
	@$(BUILD)/wirelab run -c examples/chapter9.conf

C_FILES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')
format:
	clang-format -i $(C_FILES)
lint:
	@tests/setup build check lint
	@tests/lint $(C_FILES)
$(BUILD)/bench/load: $(wildcard tests/bench/*.c tests/bench/*.h) $(BUILD)/libwirelab.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.c,$^) $(BUILD)/libwirelab.a $(LIBS) -o $@
bench:
	@tests/setup build bench
	@$(MAKE) --no-print-directory all $(BUILD)/bench/load
	tests/bench/run $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/wirelab $(DESTDIR)$(PREFIX)/share/doc/wirelab
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	cp -r examples/. $(DESTDIR)$(PREFIX)/share/wirelab/
	install -m 644 README.md LICENSE docs/*.md $(DESTDIR)$(PREFIX)/share/doc/wirelab/

clean:
	rm -rf build build-*

.PHONY: all check check-threads run fuzz fuzz-build fuzz-targets test-programs format lint bench install clean
