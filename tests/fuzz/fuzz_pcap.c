/* Any bytes as a capture file: every packet is inside the file; what it says can be drawn and told, and a
 * figure keeps its width. */
#include "lab/explain_hosts.h"
#include "lab/view_json.h"
#include "wire/pcap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void lines_keep_their_width(const struct writer *w, size_t width)
{
    size_t column = 0;
    for (size_t i = 0; i < writer_length(w); i++) {
        column = w->start[i] == '\n' ? 0 : column + 1;
        must(column <= width && (w->start[i] == '\n' || (w->start[i] >= ' ' && w->start[i] < 0x7f)));
    }
}

static void draw(const struct ladder *l)
{
    static uint8_t room[LADDER_FRAME_BYTES];
    struct writer w = writer_over(room, sizeof room);
    ladder_write_messages(&w, l);
    must(writer_ok(&w));
    lines_keep_their_width(&w, l->width);
}

static void tell(const struct ladder *l)
{
    static uint8_t room[VIEW_JSON_BYTES];
    const struct view_message *m;
    while ((m = view_world_next(l->world))) {
        struct writer w = writer_over(room, sizeof room);
        must(m->word.len && m->field_count <= VIEW_FIELDS_MAX && m->shown_count <= VIEW_SHOWN_MAX);
        view_write_json(&w, m, l->began_ns, m->word, m->word);
        must(writer_ok(&w));
    }
}

/* Once each way through the file; how many packets it has. */
static size_t walk(struct ladder *l, struct explain_hosts *h, struct span file, bool json)
{
    struct pcap_reader r;
    struct pcap_packet p;
    size_t packets = 0;
    l->world = view_world_open();
    if (!l->world || !pcap_open(&r, file)) {
        view_world_close(l->world);
        return 0;
    }
    while (pcap_next(&r, &p)) {
        must(p.bytes.len == 0 || (p.bytes.at >= file.at && p.bytes.at + p.bytes.len <= file.at + file.len));
        struct view_frame f = { .link_type = p.link_type, .unix_ns = p.unix_ns, .bytes = p.bytes };
        view_world_take(l->world, &f);
        packets++;
        const struct view_message *m;
        if (h)
            while ((m = view_world_next(l->world)))
                explain_hosts_note(h, m);
        else if (json)
            tell(l);
        else
            draw(l);
    }
    must(pcap_offset(&r) <= file.len);
    view_world_finish(l->world);
    if (json)
        tell(l);
    else
        draw(l);
    view_world_close(l->world);
    return packets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span file = span_of(data, size);
    static struct explain_hosts hosts;
    struct pcap_names names;
    struct pcapng_name n;
    struct ladder l = { .width = 100, .all = size & 1 };
    memset(&hosts, 0, sizeof hosts);
    size_t packets = walk(&l, &hosts, file, false);
    pcap_names_open(&names, file);
    while (pcap_next_name(&names, &n)) {
        struct address a = { .family = n.address.len == 4 ? FAMILY_IP4 : FAMILY_IP6 };
        memcpy(a.bytes, n.address.at, n.address.len);
        explain_hosts_name(&hosts, a, n.name);
    }
    explain_hosts_finish(&hosts, 6);
    l.hosts = hosts.hosts;
    l.host_count = hosts.count;
    must(walk(&l, NULL, file, false) == packets);
    must(walk(&l, NULL, file, true) == packets);
    return 0;
}
