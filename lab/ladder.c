#include "ladder.h"

#include "text.h"
#include "view.h"

#define TIME_CHARACTERS 11 /* "  12.345678" and a blank behind it */
#define NANO            1000000000

/* A character of a line: ASCII, or one of these, which become line drawing where that is wanted. */
enum glyph { GLYPH_COLUMN = 1, GLYPH_LINE, GLYPH_RIGHT, GLYPH_LEFT };
enum style { STYLE_PLAIN, STYLE_FAINT, STYLE_REQUEST, STYLE_REPLY, STYLE_WORD };

struct cell {
    uint8_t glyph;
    uint8_t style;
};

struct canvas {
    struct cell cells[LADDER_WIDTH_MOST];
    size_t width;
};

/* ---- the canvas ----------------------------------------------------------------------------- */

static void clear(struct canvas *c, const struct ladder *l)
{
    c->width = l->width < LADDER_WIDTH_LEAST  ? LADDER_WIDTH_LEAST
               : l->width > LADDER_WIDTH_MOST ? LADDER_WIDTH_MOST
                                              : l->width;
    for (size_t i = 0; i < LADDER_WIDTH_MOST; i++)
        c->cells[i] = (struct cell){ ' ', STYLE_PLAIN };
}

static void put(struct canvas *c, size_t at, uint8_t glyph, enum style style)
{
    if (at < c->width)
        c->cells[at] = (struct cell){ glyph, (uint8_t)style };
}

/* Bytes that are not printable ASCII become '?'. */
static void put_text(struct canvas *c, size_t at, struct span text, enum style style)
{
    struct reader r = reader_over(text);
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t byte = read_u8(&r);
        put(c, at++, byte >= ' ' && byte < 0x7f ? byte : '?', style);
    }
}

/* Where the column of a host stands: the first and the last at the edges. */
static size_t column_of(const struct canvas *c, const struct ladder *l, size_t host)
{
    size_t room = c->width - TIME_CHARACTERS - 1;
    return TIME_CHARACTERS + (l->host_count > 1 ? host * room / (l->host_count - 1) : 0);
}

static void put_columns(struct canvas *c, const struct ladder *l)
{
    for (size_t i = 0; i < l->host_count; i++)
        put(c, column_of(c, l, i), GLYPH_COLUMN, STYLE_FAINT);
}

static const char *glyph_text(uint8_t glyph, bool boxes)
{
    static const char *const drawn[] = {
        [GLYPH_COLUMN] = "│", [GLYPH_LINE] = "─", [GLYPH_RIGHT] = "▶", [GLYPH_LEFT] = "◀"
    };
    static const char *const ascii[] = {
        [GLYPH_COLUMN] = "|", [GLYPH_LINE] = "-", [GLYPH_RIGHT] = ">", [GLYPH_LEFT] = "<"
    };
    return boxes ? drawn[glyph] : ascii[glyph];
}

static const char *style_text(uint8_t style)
{
    static const char *const styles[] = {
        [STYLE_PLAIN] = "\033[0m",    [STYLE_FAINT] = "\033[0;2m", [STYLE_REQUEST] = "\033[0;36m",
        [STYLE_REPLY] = "\033[0;32m", [STYLE_WORD] = "\033[0;1m",
    };
    return styles[style];
}

/* Without the blanks at the end. */
static void write_canvas(struct writer *w, const struct canvas *c, const struct ladder *l)
{
    size_t length = c->width;
    uint8_t style = STYLE_PLAIN;
    while (length && c->cells[length - 1].glyph == ' ')
        length--;
    for (size_t i = 0; i < length; i++) {
        const struct cell *cell = &c->cells[i];
        if (l->colours && cell->style != style)
            write_text(w, style_text(cell->style));
        style = cell->style;
        if (cell->glyph <= GLYPH_LEFT)
            write_text(w, glyph_text(cell->glyph, l->boxes));
        else
            write_u8(w, cell->glyph);
    }
    if (l->colours && style != STYLE_PLAIN)
        write_text(w, style_text(STYLE_PLAIN));
    write_u8(w, '\n');
}

/* ---- the head --------------------------------------------------------------------------------- */

/* Centred on its column, and inside the figure. */
static void put_heading(struct canvas *c, const struct ladder *l, size_t host, struct span text,
                        enum style style)
{
    size_t column = column_of(c, l, host), half = text.len / 2;
    size_t at = column > TIME_CHARACTERS + half ? column - half : TIME_CHARACTERS;
    if (at + text.len > c->width)
        at = c->width > text.len + TIME_CHARACTERS ? c->width - text.len : TIME_CHARACTERS;
    put_text(c, at, text, style);
}

void ladder_write_head(struct writer *w, const struct ladder *l)
{
    struct canvas c;
    clear(&c, l);
    put_text(&c, 3, span_text("seconds"), STYLE_FAINT);
    for (size_t i = 0; i < l->host_count; i++)
        put_heading(&c, l, i, l->hosts[i].name, STYLE_WORD);
    write_canvas(w, &c, l);
    clear(&c, l);
    for (size_t i = 0; i < l->host_count; i++)
        put_heading(&c, l, i, l->hosts[i].place, STYLE_PLAIN);
    write_canvas(w, &c, l);
    clear(&c, l);
    put_columns(&c, l);
    write_canvas(w, &c, l);
}

/* ---- a message ---------------------------------------------------------------------------------- */

/* From one column towards another: `from` is where the sender stands. */
struct arrow {
    size_t from, left, right; /* columns */
    bool head_left, head_right;
};

static size_t host_of(const struct ladder *l, const uint8_t hardware[6])
{
    for (size_t i = 0; i < l->host_count; i++)
        if (memcmp(l->hosts[i].hardware, hardware, 6) == 0)
            return i;
    return LADDER_HOSTS_MAX;
}

/* False when it leads from or to nobody that is drawn. */
static bool find_arrow(struct arrow *a, const struct canvas *c, const struct ladder *l, const struct view *v)
{
    size_t from = host_of(l, v->ethernet.from), to = host_of(l, v->ethernet.to);
    bool everyone = (v->ethernet.to[0] & 1) != 0;
    if (from == LADDER_HOSTS_MAX || (!everyone && (to == LADDER_HOSTS_MAX || to == from)) ||
        l->host_count < 2)
        return false;
    size_t first = everyone ? 0 : from < to ? from : to;
    size_t last = everyone ? l->host_count - 1 : from > to ? from : to;
    *a = (struct arrow){ .from = column_of(c, l, from),
                         .left = column_of(c, l, first),
                         .right = column_of(c, l, last),
                         .head_left = from != first,
                         .head_right = from != last };
    return true;
}

/* "DISCOVER  requested-address ..." in at most `room` characters; *word is the length of the first part. */
static struct span label_of(const struct view *v, uint8_t *into, size_t room, size_t *word)
{
    struct writer w = writer_over(into, room);
    write_text(&w, view_word(v));
    *word = writer_length(&w);
    struct mark named = writer_mark(&w);
    uint8_t fields[LADDER_WIDTH_MOST];
    size_t left = writer_room(&w) > 2 ? writer_room(&w) - 2 : 0;
    struct writer f = writer_over(fields, left < sizeof fields ? left : sizeof fields);
    view_write_decisive(v, &f);
    if (writer_length(&f)) {
        write_text(&w, "  ");
        write_span(&w, writer_span(&f));
    }
    if (!writer_ok(&w))
        writer_back_to(&w, named);
    return writer_span(&w);
}

/* Returns its length. */
static size_t put_label(struct canvas *c, const struct view *v, size_t at, size_t room)
{
    uint8_t text[LADDER_WIDTH_MOST];
    size_t word;
    struct span label = label_of(v, text, room < sizeof text ? room : sizeof text, &word);
    put_text(c, at, span_head(label, word), STYLE_WORD);
    put_text(c, at + word, span_from(label, word), STYLE_PLAIN);
    return label.len;
}

/* The label stands in the longer of the two parts beside the sender. */
static void put_arrow(struct canvas *c, const struct arrow *a, const struct view *v)
{
    enum style style =
        v->protocol == VIEW_DHCP4 && v->dhcp.fixed.op == DHCP4_BOOTREPLY ? STYLE_REPLY : STYLE_REQUEST;
    for (size_t i = a->left + 1; i < a->right; i++)
        if (i != a->from)
            put(c, i, GLYPH_LINE, style);
    if (a->head_left)
        put(c, a->left + 1, GLYPH_LEFT, style);
    if (a->head_right)
        put(c, a->right - 1, GLYPH_RIGHT, style);
    bool rightwards = a->right - a->from >= a->from - a->left;
    size_t begin = rightwards ? a->from : a->left, end = rightwards ? a->right : a->from;
    size_t room = end - begin - 1; /* between the two columns */
    if (room <= 8)
        return;
    /* "-- DISCOVER ... ->": three characters before, at least three behind, blanks around */
    put(c, begin + 3, ' ', STYLE_PLAIN);
    size_t length = put_label(c, v, begin + 4, room - 7);
    put(c, begin + 4 + length, ' ', STYLE_PLAIN);
}

static void put_time(struct canvas *c, int64_t ns)
{
    uint8_t text[32];
    struct writer w = writer_over(text, sizeof text);
    int64_t us = (ns < 0 ? 0 : ns) / 1000;
    write_format(&w, "%3lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
    put_text(c, 0, writer_span(&w), STYLE_FAINT);
}

void ladder_write_frame(struct writer *w, const struct ladder *l, struct span frame, int64_t unix_ns)
{
    struct canvas c;
    struct view v;
    struct arrow a;
    clear(&c, l);
    put_time(&c, unix_ns - l->began_ns);
    put_columns(&c, l);
    if (!view_read(&v, frame))
        put_text(&c, TIME_CHARACTERS + 2, span_text("a frame that is cut short"), STYLE_PLAIN);
    else if (find_arrow(&a, &c, l, &v))
        put_arrow(&c, &a, &v);
    else
        put_label(&c, &v, TIME_CHARACTERS + 2, c.width - TIME_CHARACTERS - 2);
    write_canvas(w, &c, l);
}
