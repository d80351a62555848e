#include "expect.h"

#include "text.h"

#define TEXT_MAX 640 /* of a difference; longer values are cut */

struct check {
    const struct scenario *s;
    expect_tell_fn *tell;
    void *owner;
    size_t differences;
    bool mentioned[VIEW_PROTOCOLS];
    struct view_world *world;
    const struct pcapng_packet *at, *end; /* packets that were not taken yet */
    bool began, finished;
    bool met[SCENARIO_EXPECTS_MAX]; /* lines, some before their turn */
};

/* ---- hosts ----------------------------------------------------------------------------------------------
 */

static bool has_address(const struct scenario_host *h, struct address a)
{
    for (size_t i = 0; i < h->address_count; i++)
        if (address_equal(h->addresses[i].address, a))
            return true;
    return false;
}

size_t expect_host_of(const struct scenario *s, const struct view_end *e)
{
    for (size_t i = 0; i < s->host_count; i++)
        if (has_address(&s->hosts[i], e->address))
            return i;
    for (size_t i = 0; i < s->host_count; i++)
        if (e->has_hardware && memcmp(s->hosts[i].hardware, e->hardware, sizeof e->hardware) == 0)
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

/* ---- differences ------------------------------------------------------------------------------------------
 */

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

static void write_seen(struct writer *w, const struct check *c, const struct view_message *m)
{
    write_span(w, m->word);
    write_text(w, " from ");
    write_host(w, c->s, expect_host_of(c->s, &m->from));
    write_text(w, " to ");
    if (m->everyone)
        write_text(w, "everyone");
    else
        write_host(w, c->s, expect_host_of(c->s, &m->to));
}

/* What stood on the wire may not reach a terminal as it is. */
static void tell(struct check *c, unsigned line, struct writer *w)
{
    char text[TEXT_MAX + 1];
    size_t length = writer_length(w) < TEXT_MAX ? writer_length(w) : TEXT_MAX;
    for (size_t i = 0; i < length; i++)
        text[i] = w->start[i] < 0x80 ? (char)w->start[i] : '?';
    text[length] = 0;
    c->differences++;
    c->tell(c->owner, line, text);
}

/* As much as there is room for. */
static void write_cut(struct writer *w, struct span s)
{
    write_span(w, span_head(s, writer_room(w)));
}

static void check_field(struct check *c, const struct scenario_expect *e, const struct view_message *m,
                        size_t number, const struct scenario_field *f)
{
    uint8_t room[TEXT_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct span value;
    bool there = view_field(m, f->name, &value);
    if (there && span_equal(value, f->value))
        return;
    write_format(&w, "message %zu, ", number);
    write_span(&w, m->word);
    write_text(&w, ": ");
    write_span(&w, f->name);
    write_text(&w, " is ");
    write_cut(&w, there ? span_head(value, TEXT_MAX / 3) : span_text("not there"));
    write_text(&w, ", expected was ");
    write_cut(&w, f->value);
    tell(c, e->line, &w);
}

/* ---- which messages are looked at
 * --------------------------------------------------------------------------- */

static bool is_carrier(enum view_protocol p)
{
    return p < VIEW_DHCP4;
}

/* Which protocols a line can speak of. */
static bool speaks_of(const struct scenario_expect *e, enum view_protocol p)
{
    for (size_t i = 0; i < e->field_count; i++)
        if (span_is(e->fields[i].name, "protocol"))
            return span_is(e->fields[i].value, view_protocol_name(p));
    return view_has_word(p, e->word);
}

static void note_mentioned(struct check *c)
{
    for (int p = 0; p < VIEW_PROTOCOLS; p++)
        for (size_t i = 0; i < c->s->expect_count; i++)
            c->mentioned[p] = c->mentioned[p] || speaks_of(&c->s->expects[i], (enum view_protocol)p);
}

/* The line is about what carries a conversation. */
static bool names_carrier(const struct scenario_expect *e)
{
    for (int p = 0; p < VIEW_DHCP4; p++)
        if (speaks_of(e, (enum view_protocol)p))
            return true;
    return false;
}

static bool is_expected(const struct check *c, const struct scenario_expect *e, const struct view_message *m)
{
    bool to =
        e->to == SCENARIO_EVERYONE ? m->everyone : !m->everyone && expect_host_of(c->s, &m->to) == e->to;
    return span_equal(e->word, m->word) && to && expect_host_of(c->s, &m->from) == e->from;
}

static const struct view_message *next_message(struct check *c)
{
    const struct view_message *m = c->began ? view_world_next(c->world) : NULL;
    c->began = true;
    while (!m && !c->finished) { /* each turn takes a packet, or is the last */
        if (c->at == c->end) {
            view_world_finish(c->world);
            c->finished = true;
        } else {
            struct view_frame f = { .link_type = VIEW_LINK_ETHERNET,
                                    .unix_ns = c->at->unix_ns,
                                    .bytes = c->at->bytes,
                                    .original_bytes = c->at->original_bytes };
            view_world_take(c->world, &f);
            c->at++;
        }
        m = view_world_next(c->world);
    }
    return m;
}

/* The next one that counts for this line (NULL: the end of all lines). */
static const struct view_message *next_counted(struct check *c, const struct scenario_expect *e)
{
    const struct view_message *m;
    bool carrier = e && names_carrier(e);
    while ((m = next_message(c))) { /* each turn takes a message */
        bool counts = is_carrier(m->protocol) ? carrier && is_expected(c, e, m) : c->mentioned[m->protocol];
        if (counts)
            return m;
    }
    return NULL;
}

static void check_fields(struct check *c, size_t line, const struct view_message *m)
{
    const struct scenario_expect *e = &c->s->expects[line];
    for (size_t f = 0; f < e->field_count; f++)
        check_field(c, e, m, line + 1, &e->fields[f]);
    c->met[line] = true;
}

static bool is_between(const struct check *c, const struct scenario_expect *e, const struct view_message *m)
{
    size_t from = expect_host_of(c->s, &m->from), to = expect_host_of(c->s, &m->to);
    return (e->from == from && e->to == to) || (e->from == to && e->to == from);
}

/* Connections of other hosts do not wait for each other: the next line about their hosts may be met before
 * its turn. */
static bool meets_another(struct check *c, size_t line, const struct view_message *m)
{
    bool over_tcp = m->protocol >= VIEW_HTTP;
    for (int p = VIEW_HTTP; p < VIEW_PROTOCOLS; p++)
        over_tcp = over_tcp || speaks_of(&c->s->expects[line], (enum view_protocol)p);
    if (!over_tcp || is_between(c, &c->s->expects[line], m))
        return false;
    for (size_t i = line + 1; i < c->s->expect_count; i++) {
        const struct scenario_expect *e = &c->s->expects[i];
        if (c->met[i] || !is_between(c, e, m))
            continue;
        if (is_expected(c, e, m))
            check_fields(c, i, m);
        return c->met[i];
    }
    return false;
}

static bool check_line(struct check *c, size_t line)
{
    const struct scenario_expect *e = &c->s->expects[line];
    uint8_t room[TEXT_MAX];
    struct writer w = writer_over(room, sizeof room);
    const struct view_message *m;
    do
        m = next_counted(c, e);
    while (m && !is_expected(c, e, m) && meets_another(c, line, m)); /* each turn meets a line */
    if (m && is_expected(c, e, m)) {
        check_fields(c, line, m);
        return true;
    }
    write_format(&w, "message %zu: expected was ", line + 1);
    write_expected(&w, c, e);
    if (m) {
        write_text(&w, ", seen was ");
        write_seen(&w, c, m);
    } else {
        write_text(&w, ", and nothing more came");
    }
    tell(c, e->line, &w);
    return false;
}

static void check_all(struct check *c)
{
    uint8_t room[TEXT_MAX];
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i < c->s->expect_count; i++)
        if (!c->met[i] && !check_line(c, i))
            return;
    const struct view_message *m = next_counted(c, NULL);
    if (!m)
        return;
    write_format(&w, "message %zu: ", c->s->expect_count + 1);
    write_seen(&w, c, m);
    write_text(&w, " was not expected");
    tell(c, 0, &w);
}

size_t expect_compare(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                      expect_tell_fn *tell_fn, void *owner)
{
    struct check c = { .s = s, .tell = tell_fn, .owner = owner, .at = packets, .end = packets + count };
    if (!s->expect_count)
        return 0;
    c.world = view_world_open();
    if (!c.world) {
        c.tell(owner, 0, "there is no memory to compare what was seen with what was expected");
        return 1;
    }
    note_mentioned(&c);
    check_all(&c);
    view_world_close(c.world);
    return c.differences;
}
