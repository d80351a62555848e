/* The configuration: one file, libConfuse's language, described by one table row a key. From the rows come
 * the checks, the errors, `-t`, `wirelab help KEY`, the manual's table and the sample.
 *
 * All problems of a file are found in one run; each names file, line and column, shows the line, says what
 * was wrong and what would be right, and names the nearest key for a misspelt one. */
#ifndef WIRELAB_CONFIG_H
#define WIRELAB_CONFIG_H

#include "arena.h"
#include "endpoint.h"

#include <stdio.h>

enum config_type {
    CONFIG_TEXT,
    CONFIG_FLAG,     /* true, false */
    CONFIG_NUMBER,   /* digits */
    CONFIG_DURATION, /* "600s" "10m" "1h" "7d" "infinite" -> seconds; "250ms" where DURATION_MS */
    CONFIG_SIZE,     /* "512" "64KiB" "10MiB" -> bytes */
    CONFIG_CHOICE,   /* one of the words in `choices` */
    CONFIG_PATH,     /* relative to the file's own directory; made absolute in `text` */
    CONFIG_ADDRESS,  /* an IPv4 or IPv6 address */
    CONFIG_ADDRESS4,
    CONFIG_PREFIX, /* address/bits, or an address alone */
    CONFIG_PREFIX4,
    CONFIG_RANGE4,   /* "192.168.1.10-192.168.1.199", or one address */
    CONFIG_ENDPOINT, /* address:port */
    CONFIG_LISTEN,   /* address:port, or the name of an interface (then text, and family NONE) */
    CONFIG_HARDWARE, /* 00:0c:29:59:fd:21 */
    CONFIG_DOMAIN,   /* a domain name, with or without the final dot */
    CONFIG_SECTION,
};

enum config_flags {
    CONFIG_LIST = 1 << 0, /* { "a", "b" }; a bare value is a list of one */
    CONFIG_REQUIRED = 1 << 1,
    CONFIG_TITLED = 1 << 2,  /* section "title" { ... }, any number of them, titles unique */
    CONFIG_SECRET = 1 << 8,  /* its value is never printed */
    CONFIG_RESTART = 1 << 3, /* a change needs a restart; else SIGHUP is enough */
    CONFIG_MS = 1 << 4,      /* a DURATION counted in milliseconds */
};

struct config_key {
    const char *name; /* NULL ends a table */
    enum config_type type;
    unsigned flags;
    int64_t least, most;           /* NUMBER, DURATION, SIZE; both 0: unbounded */
    const char *otherwise;         /* the default as it would be written in the file; NULL: none */
    const char *choices;           /* CHOICE: "one two three" */
    const struct config_key *keys; /* SECTION: its rows */
    enum config_type title_type;   /* TITLED: what the title must be */
    const char *help;              /* one sentence */
    const char *example;           /* a line that would be right */
    const char *reference;         /* "RFC 2131 4.3.1"; may be NULL */
};

struct config_place {
    unsigned line, column; /* 1-based; line 0: not in the file (a default) */
    unsigned length;       /* columns to underline */
};

/* A checked value; which member counts is told by the key's type. */
struct config_value {
    const char *text;         /* always: as written, without quotes */
    int64_t number;           /* NUMBER, DURATION (INT64_MAX: infinite), SIZE, FLAG, CHOICE (index) */
    struct endpoint endpoint; /* ADDRESS (address only), ENDPOINT, LISTEN */
    struct prefix prefix;     /* PREFIX */
    uint32_t first, last;     /* RANGE4, host order */
    uint8_t hardware[16];
    size_t hardware_len;
    struct config_place place;
};

struct config_section;
struct config;

/* The rows of the whole file: `root` (its own keys, then a SECTION row a service). */
/* Reads and checks. Never NULL but for want of memory; ask config_ok(). `path` is for messages and
 * CONFIG_PATH. */
struct config *config_read_file(const char *path, const struct config_key *root);
struct config *config_read_text(struct span text, const char *path, const struct config_key *root);
void config_close(struct config *c);
bool config_ok(const struct config *c);
size_t config_problem_count(const struct config *c);
/* All problems, one blank line between them, in the order of the file. */
void config_print_problems(const struct config *c, FILE *out);
/* A server's own check found that the value (or, at NULL, the section) cannot be: the same form as all
 * others. `right` says what would be right; may be NULL. */
void config_problem(struct config *c, const struct config_section *s, const struct config_value *v,
                    const char *right, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Something allowed that a person should know (an open relay, a .local zone); printed by `check`. */
void config_warning(struct config *c, const struct config_section *s, const struct config_value *v,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void config_print_warnings(const struct config *c, FILE *out);
const char *config_path(const struct config *c);

const struct config_section *config_root(const struct config *c);
/* NULL when it is not in the file. */
const struct config_section *config_section(const struct config_section *s, const char *key);
/* The titled sections of this name, in the order of the file; *count may become 0. */
const struct config_section *const *config_sections(const struct config_section *s, const char *key,
                                                    size_t *count);
const struct config_value *config_title(const struct config_section *s);
/* The value or its default; NULL when there is neither. */
const struct config_value *config_value(const struct config_section *s, const char *key);
/* The list or its default; *count may become 0. */
const struct config_value *config_list(const struct config_section *s, const char *key, size_t *count);
/* Shorthands for keys that have a default. */
int64_t config_number(const struct config_section *s, const char *key);
const char *config_text(const struct config_section *s, const char *key); /* NULL when absent */
bool config_flag(const struct config_section *s, const char *key);

/* `wirelab help KEY`: "dhcpd.subnet.lease-time", "lease-time", "dhcpd"; false when there is no such key (then
 * the nearest is named on `out`). */
bool config_help(const struct config_key *root, const char *key, FILE *out);
/* The manual's table (Markdown) and the commented sample, made from the rows. */
void config_print_manual(const struct config_key *root, FILE *out);
void config_print_sample(const struct config_key *root, FILE *out);
/* The effective configuration, defaults included (`-t`). */
void config_print_effective(const struct config *c, FILE *out);

#endif
