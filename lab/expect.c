#include "expect.h"

#include "text.h"

#define TEXT_MAX 640 /* of a difference; longer values are cut */

struct check {
    const struct scenario *s;
    expect_tell_fn *tell;
    void *owner;
    size_t differences;
};

size_t expect_host_of(const struct scenario *s, const uint8_t hardware[6])
{
    for (size_t i = 0; i < s->host_count; i++)
        if (memcmp(s->hosts[i].hardware, hardware, 6) == 0)
            return i;
    return SCENARIO_HOSTS_MAX;
}

static void write_host(struct writer *w, const struct scenario *s, size_t host)
{
    if (host < s->host_count)
        write_span(w, s->hosts[host].name);
    else
        write_text(w, "an unknown host");
}

static void write_expected(struct writer *w, const struct check *c, const struct scenario_expect *e)
{
    write_span(w, e->word);
    write_text(w, " from ");
    write_host(w, c->s, e->from);
    write_text(w, " to ");
    if (e->to == SCENARIO_EVERYONE)
        write_text(w, "everyone");
    else
        write_host(w, c->s, e->to);
}

static void write_seen(struct writer *w, const struct check *c, const struct view *v)
{
    write_text(w, view_word(v));
    write_text(w, " from ");
    write_host(w, c->s, expect_host_of(c->s, v->ethernet.from));
    write_text(w, " to ");
    if (view_is_broadcast(v))
        write_text(w, "everyone");
    else
        write_host(w, c->s, expect_host_of(c->s, v->ethernet.to));
}

static void tell(struct check *c, unsigned line, struct writer *w)
{
    char text[TEXT_MAX + 1];
    size_t length = writer_length(w) < TEXT_MAX ? writer_length(w) : TEXT_MAX;
    memcpy(text, w->start, length);
    text[length] = 0;
    c->differences++;
    c->tell(c->owner, line, text);
}

static bool is_expected(const struct check *c, const struct scenario_expect *e, const struct view *v)
{
    bool to = e->to == SCENARIO_EVERYONE
                  ? view_is_broadcast(v)
                  : !view_is_broadcast(v) && expect_host_of(c->s, v->ethernet.to) == e->to;
    return span_is(e->word, view_word(v)) && to && expect_host_of(c->s, v->ethernet.from) == e->from;
}

static void check_field(struct check *c, const struct scenario_expect *e, const struct view *v, size_t number,
                        const struct scenario_field *f)
{
    uint8_t value[TEXT_MAX], room[TEXT_MAX];
    struct writer got = writer_over(value, sizeof value), w = writer_over(room, sizeof room);
    bool there = view_field(v, f->name, &got);
    if (there && writer_ok(&got) && span_equal(writer_span(&got), f->value))
        return;
    write_format(&w, "message %zu, %s: %.*s is ", number, view_word(v), (int)f->name.len, f->name.at);
    write_span(&w, there ? writer_span(&got) : span_text("not there"));
    write_text(&w, ", expected was ");
    write_span(&w, f->value);
    tell(c, e->line, &w);
}

/* Only messages that an `expect` line can name are counted. */
static const struct pcapng_packet *next_message(const struct pcapng_packet **at,
                                                const struct pcapng_packet *end, struct view *v)
{
    while (*at != end) { /* each turn takes a packet */
        const struct pcapng_packet *packet = (*at)++;
        if (view_read(v, packet->bytes) && view_knows_word(span_text(view_word(v))))
            return packet;
    }
    return NULL;
}

size_t expect_compare(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                      expect_tell_fn *tell_fn, void *owner)
{
    struct check c = { .s = s, .tell = tell_fn, .owner = owner };
    const struct pcapng_packet *at = packets, *end = packets + count;
    uint8_t room[TEXT_MAX];
    struct view v;
    for (size_t i = 0; i < s->expect_count; i++) {
        const struct scenario_expect *e = &s->expects[i];
        struct writer w = writer_over(room, sizeof room);
        bool came = next_message(&at, end, &v) != NULL;
        if (!came || !is_expected(&c, e, &v)) {
            write_format(&w, "message %zu: expected was ", i + 1);
            write_expected(&w, &c, e);
            if (came) {
                write_text(&w, ", seen was ");
                write_seen(&w, &c, &v);
            } else {
                write_text(&w, ", and nothing more came");
            }
            tell(&c, e->line, &w);
            return c.differences;
        }
        for (size_t f = 0; f < e->field_count; f++)
            check_field(&c, e, &v, i + 1, &e->fields[f]);
    }
    if (s->expect_count && next_message(&at, end, &v)) {
        struct writer w = writer_over(room, sizeof room);
        write_format(&w, "message %zu: ", s->expect_count + 1);
        write_seen(&w, &c, &v);
        write_text(&w, " was not expected");
        tell(&c, 0, &w);
    }
    return c.differences;
}
