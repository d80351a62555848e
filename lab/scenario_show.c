#include "scenario_show.h"

#include "daemon.h"
#include "expect.h"
#include "explain.h"
#include "record.h"
#include "view_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES  8192
#define PLACE_BYTES (ADDRESS_TEXT_MAX > HARDWARE_TEXT_MAX ? ADDRESS_TEXT_MAX : HARDWARE_TEXT_MAX)

struct pcapng_packet *scenario_packets(const struct play *p, size_t capture, size_t *count)
{
    struct reader r = capture_log_reader(&p->log);
    struct capture_record record;
    size_t room = 1;
    *count = 0;
    while (capture_log_next(&r, &record)) /* each turn takes a record */
        room++;
    struct pcapng_packet *packets = calloc(room, sizeof *packets);
    r = capture_log_reader(&p->log);
    while (packets && capture_log_next(&r, &record)) { /* as before */
        if (record.number != capture)
            continue;
        packets[(*count)++] =
            (struct pcapng_packet){ .unix_ns = record.unix_ns,
                                    .original_bytes = (uint32_t)record.frame.len,
                                    .direction = record.outgoing ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
                                    .bytes = record.frame };
    }
    return packets;
}

bool scenario_record(const struct play *p, const char *directory, const char *name, size_t capture,
                     const struct pcapng_packet *packets, size_t count)
{
    const struct scenario_capture *c = &p->scenario->captures[capture];
    struct span tls_keys = span_of(p->secrets, p->secrets_length);
    size_t room = record_bytes_max(p->scenario, packets, count, tls_keys);
    uint8_t *bytes = malloc(room);
    char path[PATH_BYTES];
    struct writer w = writer_over(bytes, bytes ? room : 0);
    record_write(&w, p->scenario, c, PLAY_INTERFACE, packets, count, tls_keys);
    if (c->name.len)
        snprintf(path, sizeof path, "%s/%.*s.pcapng", directory, (int)c->name.len, (const char *)c->name.at);
    else
        snprintf(path, sizeof path, "%s/%s.pcapng", directory, name);
    bool ok = writer_ok(&w) && file_write_durably(path, writer_span(&w), 0644);
    if (ok)
        printf("recorded in %s\n", path);
    else
        fprintf(stderr, "wirelab: cannot write %s: %s\n", path, strerror(errno));
    free(bytes);
    return ok;
}

/* ---- the figure -------------------------------------------------------------------------------------------
 */

/* What stands below a host's name; room for PLACE_BYTES. */
static void place_of(const struct scenario_host *h, char *place)
{
    if (h->address_count)
        address_format(h->addresses[0].address, place);
    else
        hardware_format(span_of(h->hardware, sizeof h->hardware), place);
}

void scenario_draw(const struct scenario *s, const struct pcapng_packet *packets, size_t count)
{
    static char places[SCENARIO_HOSTS_MAX][PLACE_BYTES];
    struct ladder_host hosts[SCENARIO_HOSTS_MAX];
    static uint8_t lines[LADDER_FRAME_BYTES];
    struct ladder l = ladder_for_output();
    for (size_t i = 0; i < s->host_count; i++) {
        const struct scenario_host *h = &s->hosts[i];
        place_of(h, places[i]);
        hosts[i] = (struct ladder_host){ .name = h->name, .place = span_text(places[i]) };
        memcpy(hosts[i].hardware, h->hardware, sizeof hosts[i].hardware);
        for (size_t a = 0; a < h->address_count && a < LADDER_ADDRESSES_MAX; a++)
            hosts[i].addresses[hosts[i].address_count++] = h->addresses[a].address;
    }
    l.hosts = hosts;
    l.host_count = s->host_count;
    l.began_ns = count ? packets[0].unix_ns : 0;
    l.world = view_world_open();
    struct writer w = writer_over(lines, sizeof lines);
    ladder_write_head(&w, &l);
    fwrite(lines, 1, writer_length(&w), stdout);
    for (size_t i = 0; l.world && i < count; i++) {
        w = writer_over(lines, sizeof lines);
        ladder_write_frame(&w, &l, packets[i].bytes, packets[i].unix_ns);
        fwrite(lines, 1, writer_length(&w), stdout);
    }
    view_world_close(l.world);
}

static struct span name_of(const struct scenario *s, const struct view_end *end)
{
    size_t host = expect_host_of(s, end);
    return host < SCENARIO_HOSTS_MAX ? s->hosts[host].name : (struct span){ s->text.at, 0 };
}

void scenario_print_json(const struct scenario *s, const struct pcapng_packet *packets, size_t count)
{
    static uint8_t line[VIEW_JSON_BYTES];
    struct view_world *world = view_world_open();
    for (size_t i = 0; world && i <= count; i++) {
        struct view_frame f = { .link_type = VIEW_LINK_ETHERNET };
        if (i < count) {
            f.unix_ns = packets[i].unix_ns;
            f.bytes = packets[i].bytes;
            view_world_take(world, &f);
        } else {
            view_world_finish(world);
        }
        for (const struct view_message *m; (m = view_world_next(world)) != NULL;) { /* those of one frame */
            struct writer w = writer_over(line, sizeof line);
            view_write_json(&w, m, packets[0].unix_ns, name_of(s, &m->from), name_of(s, &m->to));
            fwrite(line, 1, writer_length(&w), stdout);
        }
    }
    view_world_close(world);
}
