#include "counts.h"

#include "metrics.h"
#include "wire/dns_rdata.h"

#define TYPE_TEXT_MAX 16

static void move(uint64_t *to, uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
        from[i] = 0;
    }
}

void counts_move(struct counts *to, struct counts *from)
{
    move(to->transports, from->transports, EDNS_TLS + 1);
    move(to->rcodes, from->rcodes, COUNTS_RCODES);
    move(to->types, from->types, COUNTS_TYPES);
}

static void tell_types(const struct counts *c, struct http_exchange *x)
{
    uint8_t room[TYPE_TEXT_MAX];
    for (uint16_t type = 0; type < COUNTS_TYPES; type++) {
        struct writer w = writer_over(room, sizeof room);
        if (type < COUNTS_TYPES - 1)
            write_dns_type_text(&w, type);
        else
            write_text(&w, "other");
        write_u8(&w, 0);
        if (c->types[type] && writer_ok(&w))
            metric_line(x, "wirelab_dns_questions_total", "type", (const char *)room, NULL, NULL,
                        c->types[type]);
    }
}

void counts_tell(const struct counts *c, struct http_exchange *x)
{
    static const char *const transports[] = { "udp", "tcp", "tls" };
    for (size_t i = 0; i <= EDNS_TLS; i++)
        if (c->transports[i])
            metric_line(x, "wirelab_dns_messages_total", "transport", transports[i], NULL, NULL,
                        c->transports[i]);
    for (size_t i = 0; i < COUNTS_RCODES; i++) {
        const char *name = dns_rcode_name((enum dns_rcode)i);
        if (c->rcodes[i])
            metric_line(x, "wirelab_dns_replies_total", "rcode", name ? name : "other", NULL, NULL,
                        c->rcodes[i]);
    }
    tell_types(c, x);
}
