/* A scenario: hosts, how they are linked, what runs and happens on them, where it is recorded, what must be
 * seen. The text file is read line by line; the first word says what a line is, `#` begins a comment:
 *
 *   title "A client without a lease gets one"
 *   host server                            a host; the lines that follow are about it
 *     hardware 00:0c:29:c0:60:a4             its MAC; one is made up when there is none
 *     address 192.168.1.5/24                 up to four
 *     route 4.2.2.1/32                       what it reaches over its link beside its own network
 *     link-local                             an IPv6 address made of its MAC (RFC 4291); with IPv6 always
 *     file zones/example.zone                a file for its servers, up to `end`
 *       ...
 *     end
 *     serve                                  what a configuration file would say, up to `end`;
 *       dhcpd { listen = { "eth0" } ... }    the host's interface is eth0
 *     end
 *   link client server                     a cable; three hosts and more: a switch
 *   capture client                         where to record from here on; `as NAME`: the file's name
 *   play client dhcp-acquire               a step; what its client needs to know follows, a line each
 *     requested-address 192.168.100.129
 *     within 10s
 *   await server dhcp.bound                a step: until a server of this host has told this event
 *   expect client -> everyone DISCOVER host-name=ubuntu2
 */
#ifndef WIRELAB_SCENARIO_H
#define WIRELAB_SCENARIO_H

#include "arena.h"
#include "client.h"
#include "client_dhcp.h"

#define SCENARIO_BYTES_MAX      (256 * 1024)
#define SCENARIO_FILE_BYTES_MAX (4 * 1024 * 1024) /* that a step names: a message */
#define SCENARIO_HOSTS_MAX      16                /* columns of a ladder that a person can follow, and more */
#define SCENARIO_ADDRESSES_MAX  4
#define SCENARIO_ROUTES_MAX     8
#define SCENARIO_FILES_MAX      16 /* of one host */
#define SCENARIO_LINKS_MAX      8
#define SCENARIO_CAPTURES_MAX   8
#define SCENARIO_STEPS_MAX      32
#define SCENARIO_EXPECTS_MAX    256
#define SCENARIO_FIELDS_MAX     16 /* of one expectation */
#define SCENARIO_PROBLEMS_MAX   16 /* told of one file */
#define SCENARIO_NAME_MAX       32
#define SCENARIO_EVERYONE       SCENARIO_HOSTS_MAX /* broadcast, in the place of a host's number */

struct scenario_address {
    struct address address;
    uint8_t bits;
};

/* A file of a host: its path in the directory that the host's configuration begins its paths at. */
struct scenario_file {
    struct span path, bytes;
};

struct scenario_host {
    struct span name;
    unsigned line;
    uint8_t hardware[6];
    struct scenario_address addresses[SCENARIO_ADDRESSES_MAX];
    size_t address_count;
    struct scenario_address routes[SCENARIO_ROUTES_MAX]; /* networks */
    size_t route_count;
    bool link_local;
    struct scenario_file files[SCENARIO_FILES_MAX];
    size_t file_count;
    struct span serve;   /* the lines between `serve` and `end` */
    unsigned serve_line; /* the first of them; 0: no servers run here */
    size_t link;         /* SCENARIO_LINKS_MAX: none */
};

struct scenario_link {
    size_t hosts[SCENARIO_HOSTS_MAX];
    size_t host_count;
};

struct scenario_capture {
    size_t host;
    size_t from_step; /* before which it begins; 0: before the servers start */
    struct span name; /* of the file; empty: the scenario's */
    unsigned line;
};

enum scenario_step_kind { STEP_DHCP, STEP_CLIENT, STEP_AWAIT };

struct scenario_step {
    enum scenario_step_kind kind;
    unsigned line;
    size_t host;
    uint32_t within_ms; /* how long the step may take */

    struct client_dhcp_settings dhcp; /* STEP_DHCP */

    const struct client_type *type; /* STEP_CLIENT, and what its lines say */
    struct client_setting *settings;
    size_t setting_count;

    struct span event; /* STEP_AWAIT: its name, and texts that its line must have: name=value */
    struct span event_fields[CLIENT_WORDS_MAX];
    size_t event_field_count;
};

struct scenario_field {
    struct span name, value;
};

struct scenario_expect {
    unsigned line;
    size_t from, to; /* hosts; `to` may be SCENARIO_EVERYONE */
    struct span word;
    struct scenario_field fields[SCENARIO_FIELDS_MAX];
    size_t field_count;
};

struct scenario_problem {
    unsigned line; /* 0: about the whole file */
    struct problem problem;
};

struct scenario {
    struct span text, title;
    struct scenario_host hosts[SCENARIO_HOSTS_MAX];
    struct scenario_link links[SCENARIO_LINKS_MAX];
    struct scenario_capture captures[SCENARIO_CAPTURES_MAX];
    struct scenario_step steps[SCENARIO_STEPS_MAX];
    struct scenario_expect expects[SCENARIO_EXPECTS_MAX];
    size_t host_count, link_count, capture_count, step_count, expect_count;
    struct scenario_problem problems[SCENARIO_PROBLEMS_MAX];
    size_t problem_count;
};

/* Reads the whole text, which must live as long as *s, and finds all that is wrong with it. Values are kept
 * in the arena. True when there is no problem. */
bool scenario_parse(struct scenario *s, struct span text, struct arena *a);
/* The line of this number without its end, for messages; empty when there is none. */
struct span scenario_line(struct span text, unsigned line);
/* The title of a text that need not be right otherwise; empty when it has none. */
struct span scenario_title(struct span text);
/* For help: an example or a word, and what it means. */
typedef void scenario_tell_fn(void *owner, const char *what, const char *meaning);
/* Every kind of line. */
void scenario_list_lines(scenario_tell_fn *tell, void *owner);
/* Every step that a host can play. */
void scenario_list_steps(scenario_tell_fn *tell, void *owner);
/* The lines that a step may have; false when there is no step of this word. */
bool scenario_list_step_lines(struct span word, scenario_tell_fn *tell, void *owner);

#endif
