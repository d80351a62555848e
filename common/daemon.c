#include "daemon.h"

#include "control.h"
#include "log.h"
#include "metrics.h"
#include "ready.h"
#include "work.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICES_MAX  8
#define DRAIN_MS      5000 /* what is in hand after a SIGTERM has this long to be finished */
#define DRAIN_LOOK_MS 10
#define STORE_MS      3000 /* and what waits in the store, to be committed */
#define OWN_BYTES     1024 /* of the file's own keys: names and paths */
#define OWN_BYTES_MAX (1024 * 1024)

struct running {
    const struct service_type *type;
    struct service *service; /* NULL: the file has no such section */
};

/* The file's own keys, after the file is forgotten; NULL where it has none. */
struct own {
    struct arena arena;
    const char *name, *state, *store, *log, *keylog;
};

/* The file is read anew on a thread; then all live by it. */
struct reloading {
    struct work work;
    bool under_way;
    bool again;    /* it was asked for once more meanwhile */
    bool is_right; /* the file checks: there are settings */
    void *settings[SERVICES_MAX];
};

struct daemon {
    struct home home; /* first: a home is its daemon */
    struct reloading reloading;
    struct own own;
    struct loop loop;
    struct events events;
    struct log log;
    struct ready ready;
    const struct daemon_options *options;
    const struct service_type *only;
    struct running running[SERVICES_MAX];
    size_t count;
    struct control *control; /* NULL: it could not be opened */
    struct timer drain_look;
    uint64_t drain_until_ms;
    bool draining;
};

/* ---- the file ---------------------------------------------------------------------------- */

static const struct config_key own_keys[] = {
    { .name = "name",
      .type = CONFIG_TEXT,
      .otherwise = "wirelab",
      .flags = CONFIG_RESTART,
      .help = "What the ready line and the table call this lab.",
      .example = "name = \"chapter9\"" },
    { .name = "state",
      .type = CONFIG_PATH,
      .otherwise = "./state",
      .flags = CONFIG_RESTART,
      .help = "The directory for leases, mail, the lab's certificates: all that must outlive the process.",
      .example = "state = \"/var/lib/wirelab\"" },
    { .name = "store",
      .type = CONFIG_TEXT,
      .flags = CONFIG_RESTART | CONFIG_SECRET,
      .help = "A PostgreSQL database in the place of the file in `state`: several dhcpd with one database "
              "give out "
              "the same addresses, and never one of them twice. A password is better kept in a file "
              "(PGPASSFILE).",
      .example = "store = \"postgresql:///wirelab?host=/run/postgresql\"" },
    { .name = "log",
      .type = CONFIG_CHOICE,
      .choices = "error warning info traffic",
      .flags = CONFIG_RESTART,
      .help = "The least important events that are written to standard error: info, or traffic under "
              "`wirelab run`.",
      .example = "log = \"warning\"" },
    { .name = "keylog",
      .type = CONFIG_PATH,
      .flags = CONFIG_RESTART,
      .help = "A file to which TLS secrets are appended, so that Wireshark can decrypt. Whoever has it reads "
              "all.",
      .example = "keylog = \"./state/keys.log\"",
      .reference = "RFC 9850" },
};

#define OWN_KEYS (sizeof own_keys / sizeof own_keys[0])

const struct config_key *daemon_root_keys(void)
{
    static struct config_key root[OWN_KEYS + SERVICES_MAX + 1];
    memcpy(root, own_keys, sizeof own_keys);
    for (size_t i = 0; i < SERVICES_MAX && all_services[i]; i++)
        root[OWN_KEYS + i] = (struct config_key){ .name = all_services[i]->name,
                                                  .type = CONFIG_SECTION,
                                                  .keys = all_services[i]->keys,
                                                  .help = all_services[i]->summary };
    return root;
}

/* settings[i] belongs to all_services[i]; NULL where the file has no such section. */
static bool configure(struct config *c, const struct service_type *only, void **settings)
{
    size_t sections = 0;
    for (size_t i = 0; all_services[i]; i++) {
        const struct config_section *s = config_section(config_root(c), all_services[i]->name);
        if (!s || (only && only != all_services[i]))
            continue;
        sections++;
        settings[i] = all_services[i]->configure(c, s);
    }
    if (!sections)
        config_problem(c, config_root(c), NULL, NULL, "there is no section %s: nothing to run",
                       only ? only->name : "of any server");
    return config_ok(c);
}

static void forget(void **settings)
{
    for (size_t i = 0; all_services[i]; i++)
        if (settings[i])
            all_services[i]->forget(settings[i]);
}

static struct config *read_config(const char *path, struct span text, const struct service_type *only,
                                  void **settings)
{
    struct config *c = text.len ? config_read_text(text, path, daemon_root_keys())
                                : config_read_file(path, daemon_root_keys());
    memset(settings, 0, SERVICES_MAX * sizeof *settings);
    if (c && config_ok(c) && configure(c, only, settings))
        return c;
    if (c) {
        config_print_problems(c, stderr);
        forget(settings);
    } else {
        fprintf(stderr, "out of memory\n");
    }
    config_close(c);
    return NULL;
}

static void say_listeners(const struct config_section *s, const char *service)
{
    static const char *const keys[] = { "listen", "listen-tls" };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        size_t count;
        const struct config_value *v = config_list(s, keys[k], &count);
        for (size_t i = 0; i < count; i++)
            printf("  %s %s %s\n", service, keys[k], v[i].text);
    }
}

static bool check_files(void *const *settings)
{
    bool ok = true;
    for (size_t i = 0; all_services[i]; i++)
        if (settings[i] && all_services[i]->check)
            ok = all_services[i]->check(settings[i]) && ok;
    return ok;
}

int daemon_check(const char *path, bool effective)
{
    void *settings[SERVICES_MAX];
    struct config *c = read_config(path, (struct span){ 0 }, NULL, settings);
    if (!c)
        return EXIT_WRONG_USE;
    bool ok = check_files(settings);
    printf(ok ? "%s is right; it makes\n" : "%s is right, but files that it names are not; it would make\n",
           path);
    for (size_t i = 0; all_services[i]; i++)
        if (settings[i])
            say_listeners(config_section(config_root(c), all_services[i]->name), all_services[i]->name);
    config_print_warnings(c, stdout);
    if (effective) {
        printf("\n# in force, defaults included\n");
        config_print_effective(c, stdout);
    }
    forget(settings);
    config_close(c);
    return ok ? EXIT_OK : EXIT_WRONG_USE;
}

/* ---- what services stand on ---------------------------------------------------------------- */

struct store *home_store(struct home *h, struct problem *p)
{
    if (!h->store) {
        h->store = store_open(h->loop, h->store_url ? h->store_url : h->state_directory, p);
        if (h->store)
            store_watch(h->store, h->events);
    }
    return h->store;
}

static void add_listener(struct home *h, const char *service, const char *protocol, const struct endpoint *at,
                         const char *try)
{
    ready_add(&((struct daemon *)h)->ready, service, protocol, at, try);
}

static bool make_state_directory(const char *path, struct problem *p)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return true;
    problem_set(p, "cannot make the state directory %s: %s", path, strerror(errno));
    problem_remedy(p, "write another path for the key `state`, or make its parent directory");
    return false;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void stop_services(struct daemon *d)
{
    for (size_t i = d->count; i-- > 0;)
        if (d->running[i].service) {
            d->running[i].type->stop(d->running[i].service);
            d->running[i].service = NULL;
        }
}

static bool start_services(struct daemon *d, void **settings, struct problem *p)
{
    for (; all_services[d->count]; d->count++) {
        size_t i = d->count;
        d->running[i].type = all_services[i];
        if (!settings[i])
            continue;
        d->running[i].service = all_services[i]->start(&d->home, settings[i], p);
        if (!d->running[i].service)
            return false;
        settings[i] = NULL;
    }
    return true;
}

static void tell_metrics(struct daemon *d, struct http_exchange *x)
{
    metrics_begin(x);
    for (size_t i = 0; i < d->count; i++)
        if (d->running[i].service && d->running[i].type->measure)
            d->running[i].type->measure(d->running[i].service, x);
    metrics_events(x, &d->events);
    http_end(x);
}

/* "/dhcpd/leases/..." goes to dhcpd. */
static void take_request(void *owner, struct http_exchange *x, struct span path)
{
    struct daemon *d = owner;
    struct span name = span_head(path, span_find(path, '/'));
    if (span_is(path, "metrics")) {
        tell_metrics(d, x);
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct running *r = &d->running[i];
        if (r->service && r->type->control && span_is(name, r->type->name)) {
            r->type->control(r->service, x, span_from(path, name.len + 1));
            return;
        }
    }
    control_say(x, 404, "There is no such service here");
}

static void open_control(struct daemon *d)
{
    struct problem p;
    const char *name = d->only ? d->only->name : "wirelab";
    d->control = control_open(&d->loop, d->home.state_directory, name, take_request, d, &p);
    if (!d->control)
        event_note(&d->events, EVENT_CONTROL_REFUSED, loop_now(&d->loop), "reason", p.what);
}

static bool anyone_busy(const struct daemon *d)
{
    if (work_under_way(&d->loop))
        return true;
    for (size_t i = 0; i < d->count; i++)
        if (d->running[i].service && d->running[i].type->busy(d->running[i].service))
            return true;
    return false;
}

static void look_at_drain(struct timer *t, struct now now)
{
    struct daemon *d = list_item(t, struct daemon, drain_look);
    if (!anyone_busy(d) || now.mono_ms >= d->drain_until_ms)
        loop_stop(&d->loop);
    else
        loop_arm(&d->loop, t, now.mono_ms + DRAIN_LOOK_MS);
}

static void drain(struct daemon *d)
{
    struct now now = loop_now(&d->loop);
    d->draining = true;
    for (size_t i = 0; i < d->count; i++)
        if (d->running[i].service)
            d->running[i].type->drain(d->running[i].service);
    d->drain_until_ms = now.mono_ms + DRAIN_MS;
    d->drain_look.fire = look_at_drain;
    loop_arm(&d->loop, &d->drain_look, now.mono_ms);
}

static void begin_drain(struct daemon *d)
{
    if (d->draining) { /* asked a second time: at once */
        loop_stop(&d->loop);
        return;
    }
    ready_notify("STOPPING=1");
    event_note(&d->events, EVENT_STOPPING, loop_now(&d->loop), "why", "asked by a signal");
    drain(d);
}

static bool reload_services(struct daemon *d, void **settings, struct problem *p)
{
    bool ok = true;
    for (size_t i = 0; i < d->count; i++) {
        struct running *r = &d->running[i];
        if (!settings[i] != !r->service) {
            problem_set(p, "the section %s came or went: that needs a restart", r->type->name);
            ok = false;
        } else if (r->service && r->type->reload(r->service, settings[i], p)) {
            settings[i] = NULL;
        } else if (r->service) {
            ok = false;
        }
    }
    return ok;
}

static void read_anew(struct work *w)
{
    struct daemon *d = list_item(w, struct daemon, reloading.work);
    struct reloading *r = &d->reloading;
    struct config *c = read_config(d->options->config_path, d->options->config_text, d->only, r->settings);
    r->is_right = c != NULL;
    config_close(c);
    for (size_t i = 0; r->is_right && i < d->count; i++)
        if (r->settings[i] && d->running[i].service && d->running[i].type->prepare)
            d->running[i].type->prepare(d->running[i].service, r->settings[i]);
}

static void reload(struct daemon *d);

static void was_read(struct work *w)
{
    struct daemon *d = list_item(w, struct daemon, reloading.work);
    struct reloading *r = &d->reloading;
    struct now now = loop_now(&d->loop);
    struct problem p = { 0 };
    r->under_way = false;
    if (!r->is_right)
        event_note(&d->events, EVENT_RELOAD_REFUSED, now, "reason", "the file does not check; see above");
    else if (d->draining)
        event_note(&d->events, EVENT_RELOAD_REFUSED, now, "reason", "the program ends");
    else if (reload_services(d, r->settings, &p))
        event_note(&d->events, EVENT_RELOADED, now, "file", d->options->config_path);
    else
        event_note(&d->events, EVENT_RELOAD_REFUSED, now, "reason", p.what);
    if (r->is_right)
        forget(r->settings);
    if (r->again && !d->draining)
        reload(d);
}

static void reload(struct daemon *d)
{
    struct reloading *r = &d->reloading;
    r->again = r->under_way;
    if (r->under_way)
        return;
    r->under_way = true;
    r->work.run = read_anew;
    r->work.done = was_read;
    work_start(&d->loop, &r->work);
}

static void on_signal(void *owner, int number)
{
    struct daemon *d = owner;
    if (number == SIGHUP)
        reload(d);
    else
        begin_drain(d);
}

/* False: no memory. */
static bool keep_own(struct daemon *d, const struct config *c)
{
    static const char *const keys[] = { "name", "state", "store", "log", "keylog" };
    const char **kept[] = { &d->own.name, &d->own.state, &d->own.store, &d->own.log, &d->own.keylog };
    arena_open(&d->own.arena, OWN_BYTES, OWN_BYTES_MAX);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = config_text(config_root(c), keys[i]);
        *kept[i] = text ? arena_text(&d->own.arena, span_text(text)) : NULL;
        if (text && !*kept[i])
            return false;
    }
    return true;
}

static void open_log(struct daemon *d)
{
    const char *word = d->options->log_level ? d->options->log_level : d->own.log;
    enum event_level level = d->options->follow ? EVENT_TRAFFIC : EVENT_INFO;
    if (word)
        log_level_parse(span_text(word), &level);
    bool person = d->options->follow && isatty(STDERR_FILENO);
    log_open(&d->log, &d->events, level,
             d->options->json ? LOG_JSON
             : person         ? LOG_TERMINAL
                              : LOG_LOGFMT,
             STDERR_FILENO);
}

static bool open_home(struct daemon *d, struct problem *p)
{
    const char *keylog = d->own.keylog;
    d->home.loop = &d->loop;
    d->home.events = &d->events;
    d->home.listening = add_listener;
    d->home.state_directory = d->own.state;
    d->home.store_url = d->own.store;
    rng_seed(&d->home.rng, entropy_u64());
    if (!make_state_directory(d->home.state_directory, p))
        return false;
    d->home.tls = tls_home_open(d->home.state_directory, keylog ? keylog : getenv("SSLKEYLOGFILE"));
    if (!d->home.tls)
        problem_set(p, "out of memory");
    return d->home.tls != NULL;
}

static void tell_ready(struct daemon *d, struct now started)
{
    struct now now = loop_now(&d->loop);
    bool machine = d->options->json || !isatty(STDOUT_FILENO);
    ready_print(&d->ready, d->own.name, now.mono_ms - started.mono_ms, tls_home_ca_path(d->home.tls),
                machine);
    ready_notify("READY=1");
    struct event ev;
    if (event_happens(&d->events, EVENT_READY)) {
        event_begin(&ev, EVENT_READY, now);
        event_number(&ev, "listeners", (int64_t)d->ready.count);
        event_number(&ev, "ms", (int64_t)(now.mono_ms - started.mono_ms));
        event_emit(&d->events, &ev);
    }
}

static void say_problem(const struct daemon_options *o, const struct problem *p)
{
    fprintf(stderr, "%s: %s\n", o->program, p->what);
    if (p->remedy[0])
        fprintf(stderr, "  %s\n", p->remedy);
}

/* Nothing may be freed under a thread that does not come back: the system takes all. */
static _Noreturn void end_by_force(struct daemon *d, const char *why, int code)
{
    event_note(&d->events, EVENT_STOPPING_FORCED, loop_now(&d->loop), "reason", why);
    _exit(code);
}

static void end(struct daemon *d, int code)
{
    if (d->control)
        control_close(d->control);
    if (work_under_way(&d->loop)) /* the drain is over */
        end_by_force(d, "a file is still being read or written", code);
    stop_services(d);
    if (d->home.store && !store_end(d->home.store, STORE_MS))
        end_by_force(d, "the store does not answer", code);
    if (d->home.store)
        store_close(d->home.store);
    loop_close(&d->loop);
    tls_home_close(d->home.tls);
    log_close(&d->log, &d->events);
    ready_close(&d->ready);
}

/* From here on everything that was opened is given back on every way out. */
static int run_configured(struct daemon *d, void **settings)
{
    struct problem p = { 0 };
    struct now started = loop_now(&d->loop);
    int code = EXIT_RUNNING;
    events_open(&d->events);
    open_log(d);
    if (open_home(d, &p) && start_services(d, settings, &p)) {
        loop_watch_signals(&d->loop, on_signal, d);
        open_control(d);
        tell_ready(d, started);
        loop_run(&d->loop);
        code = EXIT_OK;
    } else {
        say_problem(d->options, &p);
        if (work_under_way(&d->loop)) { /* of those that could be started */
            drain(d);
            loop_run(&d->loop);
        }
    }
    end(d, code);
    return code;
}

int daemon_run(const struct daemon_options *o, const struct service_type *only)
{
    void *settings[SERVICES_MAX];
    struct config *c = read_config(o->config_path, o->config_text, only, settings);
    if (!c)
        return EXIT_WRONG_USE;
    struct daemon *d = calloc(1, sizeof *d);
    int code = EXIT_RUNNING;
    signal(SIGPIPE, SIG_IGN); /* a connection that is gone shows as an error of its own write */
    bool ok = d && keep_own(d, c);
    config_close(c); /* of a hundred thousand zones it takes more than they do */
    if (ok && loop_open(&d->loop) == 0) {
        d->options = o;
        d->only = only;
        code = run_configured(d, settings);
    } else {
        fprintf(stderr, "%s: out of memory\n", o->program);
    }
    if (d)
        arena_close(&d->own.arena);
    free(d);
    forget(settings);
    return code;
}

/* ---- a server alone -------------------------------------------------------------------------- */

static void print_usage(FILE *out, const struct service_type *t)
{
    fprintf(out,
            "usage: %s -c FILE [-t] [--json] [--log LEVEL]\n"
            "%s\n\n"
            "  -c, --config FILE   the configuration; only its %s section (and state, log) counts here\n"
            "  -t, --check         check the file, say what it means, and end\n"
            "      --json          the ready line even on a terminal, and the log as JSON\n"
            "      --log LEVEL     error, warning, info (the default) or traffic\n"
            "  -h, --help   -v, --version\n",
            t->name, t->summary, t->name);
}

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "check", no_argument, NULL, 't' },
    { "json", no_argument, NULL, 'j' },
    { "log", required_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 },
};

int daemon_main(int argc, char **argv, const struct service_type *type)
{
    struct daemon_options o = { .program = type->name };
    bool check = false;
    enum event_level ignored;
    for (int letter; (letter = getopt_long(argc, argv, "c:thv", long_options, NULL)) != -1;) {
        if (letter == 'c')
            o.config_path = optarg;
        else if (letter == 't')
            check = true;
        else if (letter == 'j')
            o.json = true;
        else if (letter == 'l' && log_level_parse(span_text(optarg), &ignored))
            o.log_level = optarg;
        else if (letter == 'h') {
            print_usage(stdout, type);
            return EXIT_OK;
        } else if (letter == 'v') {
            printf("%s (wirelab) %s\n", type->name, WIRELAB_VERSION);
            return EXIT_OK;
        } else {
            print_usage(stderr, type);
            return EXIT_WRONG_USE;
        }
    }
    if (!o.config_path || optind != argc) {
        fprintf(stderr, "%s: %s\n", type->name, o.config_path ? "one word too many" : "-c FILE is needed");
        print_usage(stderr, type);
        return EXIT_WRONG_USE;
    }
    return check ? daemon_check(o.config_path, true) : daemon_run(&o, type);
}
