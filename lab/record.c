#include "record.h"

#include "view.h"

#define COMMENT_MAX 256
#define NAME_BYTES  (SCENARIO_NAME_MAX + 32) /* a name and its address in the file */

size_t record_bytes_max(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                        struct span tls_keys)
{
    size_t names = s->host_count * SCENARIO_ADDRESSES_MAX * NAME_BYTES;
    size_t bytes = 4 * (size_t)PCAPNG_BLOCK_OVERHEAD + s->title.len + 2 * (size_t)SCENARIO_NAME_MAX + names;
    bytes += PCAPNG_BLOCK_OVERHEAD + tls_keys.len;
    for (size_t i = 0; i < count; i++)
        bytes += PCAPNG_BLOCK_OVERHEAD + COMMENT_MAX + packets[i].bytes.len;
    return bytes;
}

static void write_interface(struct writer *w, const struct scenario_host *h, const char *interface)
{
    uint8_t ip4[8];
    struct writer a = writer_over(ip4, sizeof ip4);
    for (size_t i = 0; i < h->address_count && !writer_length(&a); i++)
        if (h->addresses[i].address.family == FAMILY_IP4) {
            write_bytes(&a, h->addresses[i].address.bytes, 4);
            write_u32(&a, (uint32_t)(UINT64_C(0xffffffff) << (32 - h->addresses[i].bits)));
        }
    struct pcapng_interface i = { .link_type = PCAPNG_ETHERNET,
                                  .name = span_text(interface),
                                  .description = h->name,
                                  .hardware = span_of(h->hardware, sizeof h->hardware),
                                  .ip4 = writer_span(&a) };
    pcapng_write_interface(w, &i);
}

static void write_names(struct writer *w, const struct scenario *s)
{
    struct pcapng_name names[SCENARIO_HOSTS_MAX * SCENARIO_ADDRESSES_MAX];
    size_t count = 0;
    for (size_t h = 0; h < s->host_count; h++)
        for (size_t i = 0; i < s->hosts[h].address_count; i++) {
            const struct address *a = &s->hosts[h].addresses[i].address;
            names[count].address = span_of(a->bytes, a->family == FAMILY_IP4 ? 4 : 16);
            names[count++].name = s->hosts[h].name;
        }
    if (count)
        pcapng_write_names(w, names, count);
}

/* Bytes that are not ASCII are not for a file's comment: whether they are UTF-8 nobody knows. */
static void write_plain(struct writer *w, struct span text)
{
    struct reader r = reader_over(text);
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t byte = read_u8(&r);
        write_u8(w, byte < 0x80 ? byte : '?');
    }
}

/* The sentences of the frame's messages, as long as they fit. */
static void write_comment(struct writer *w, struct view_world *world, const struct pcapng_packet *packet)
{
    struct view_frame f = { .link_type = VIEW_LINK_ETHERNET,
                            .unix_ns = packet->unix_ns,
                            .bytes = packet->bytes,
                            .original_bytes = packet->original_bytes };
    const struct view_message *m;
    view_world_take(world, &f);
    while ((m = view_world_next(world))) { /* each turn takes a message */
        struct mark before = writer_mark(w);
        if (writer_length(w) && m->sentence.len)
            write_text(w, "; ");
        write_plain(w, m->sentence);
        if (!writer_ok(w))
            writer_back_to(w, before);
    }
}

static void write_packet(struct writer *w, struct view_world *world, const struct pcapng_packet *packet)
{
    uint8_t comment[COMMENT_MAX];
    struct writer text = writer_over(comment, sizeof comment);
    struct pcapng_packet p = *packet;
    if (world)
        write_comment(&text, world, packet);
    p.comment = writer_span(&text);
    pcapng_write_packet(w, &p);
}

void record_write(struct writer *w, const struct scenario *s, const struct scenario_capture *c,
                  const char *interface, const struct pcapng_packet *packets, size_t count,
                  struct span tls_keys)
{
    struct pcapng_section section = { .comment = s->title, .application = span_text("wirelab") };
    struct pcapng_secrets secrets = { .type = PCAPNG_TLS_KEY_LOG, .bytes = tls_keys };
    struct view_world *world = view_world_open(); /* without memory for it there are no comments */
    pcapng_write_section(w, &section);
    write_interface(w, &s->hosts[c->host], interface);
    write_names(w, s);
    if (tls_keys.len)
        pcapng_write_secrets(w, &secrets);
    for (size_t i = 0; i < count; i++)
        write_packet(w, world, &packets[i]);
    view_world_close(world);
}
