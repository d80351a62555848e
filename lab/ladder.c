#include "ladder.h"

#include "text.h"

#define TIME_CHARACTERS 11 /* "  12.345678" and a blank behind it */
#define MICRO           1000000
#define PARTS_MAX       8  /* messages of one frame that stand on its line; further ones are counted */
#define WORD_BYTES      24 /* of a word */
#define SHARE_LEAST     12 /* of what a part shows; less says nothing */
#define SEPARATOR       3  /* " | " */
#define MORE_CHARACTERS 5  /* " | +9" */

/* A character of a line: ASCII, or one of these, which become line drawing where that is wanted. */
enum glyph { GLYPH_COLUMN = 1, GLYPH_LINE, GLYPH_THIN, GLYPH_RIGHT, GLYPH_LEFT };
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
        [GLYPH_COLUMN] = "│", [GLYPH_LINE] = "─", [GLYPH_THIN] = "╌", [GLYPH_RIGHT] = "▶", [GLYPH_LEFT] = "◀",
    };
    static const char *const ascii[] = {
        [GLYPH_COLUMN] = "|", [GLYPH_LINE] = "-", [GLYPH_THIN] = ".", [GLYPH_RIGHT] = ">", [GLYPH_LEFT] = "<",
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

/* Where a heading of this length begins: centred on its column, and inside the figure. */
static size_t heading_begin(const struct canvas *c, const struct ladder *l, size_t host, size_t length)
{
    size_t column = column_of(c, l, host), half = length / 2;
    size_t at = column > TIME_CHARACTERS + half ? column - half : TIME_CHARACTERS;
    if (at + length > c->width)
        at = c->width > length + TIME_CHARACTERS ? c->width - length : TIME_CHARACTERS;
    return at;
}

static struct span heading_of(const struct ladder *l, size_t host, bool place)
{
    return place ? l->hosts[host].place : l->hosts[host].name;
}

/* How long headings may be so that none touches its neighbour. */
static size_t heading_most(const struct canvas *c, const struct ladder *l, bool place)
{
    size_t end = 0;
    for (size_t i = 0; i < l->host_count; i++) {
        size_t length = heading_of(l, i, place).len, begin = heading_begin(c, l, i, length);
        if (i && length && begin <= end) /* the first and half of the second, and so on */
            return (column_of(c, l, 1) - column_of(c, l, 0)) / 5 * (l->host_count > 2 ? 3 : 2);
        end = length ? begin + length : end;
    }
    return c->width;
}

/* Of addresses the end is kept: it tells them apart. */
static void put_headings(struct canvas *c, const struct ladder *l, bool place)
{
    enum style style = place ? STYLE_PLAIN : STYLE_WORD;
    size_t most = heading_most(c, l, place);
    for (size_t i = 0; i < l->host_count; i++) {
        struct span text = heading_of(l, i, place);
        bool dotted = text.len > most && most > 2 && span_find(text, ':') < text.len;
        size_t at = heading_begin(c, l, i, text.len < most ? text.len : most);
        if (dotted) {
            put_text(c, at, span_text(".."), STYLE_FAINT);
            put_text(c, at + 2, span_from(text, text.len - (most - 2)), style);
        } else {
            put_text(c, at, span_head(text, most), style);
        }
    }
}

void ladder_write_head(struct writer *w, const struct ladder *l)
{
    struct canvas c;
    clear(&c, l);
    put_text(&c, 3, span_text("seconds"), STYLE_FAINT);
    put_headings(&c, l, false);
    write_canvas(w, &c, l);
    clear(&c, l);
    put_headings(&c, l, true);
    write_canvas(w, &c, l);
    clear(&c, l);
    put_columns(&c, l);
    write_canvas(w, &c, l);
}

/* ---- what stands on a line -------------------------------------------------------------------------- */

struct part {
    uint8_t word[WORD_BYTES];
    size_t word_length;
    uint8_t shown[LADDER_WIDTH_MOST];
    size_t shown_length, ends[VIEW_SHOWN_MAX], end_count; /* where it may be cut */
};

/* The messages of one frame that go the same way. */
struct line {
    struct view_end from, to;
    bool everyone, reply, thin;
    int64_t unix_ns;
    struct part parts[PARTS_MAX];
    size_t count; /* of messages: more than parts, perhaps */
};

static void add_part(struct line *line, const struct view_message *m)
{
    struct part *p = &line->parts[line->count++];
    struct writer w = writer_over(p->shown, sizeof p->shown);
    p->word_length = m->word.len < WORD_BYTES ? m->word.len : WORD_BYTES;
    memcpy(p->word, m->word.at, p->word_length);
    p->end_count = 0;
    for (size_t i = 0; i < m->shown_count; i++) {
        if (i)
            write_text(&w, ", ");
        write_span(&w, span_head(m->shown[i], writer_room(&w)));
        p->ends[p->end_count++] = writer_length(&w);
        if (!writer_ok(&w) || !writer_room(&w))
            break;
    }
    p->shown_length = writer_length(&w);
}

static bool end_equal(const struct view_end *a, const struct view_end *b)
{
    return a->port == b->port && address_equal(a->address, b->address) &&
           memcmp(a->hardware, b->hardware, sizeof a->hardware) == 0;
}

/* Whether it goes onto the line that is begun. */
static bool joins(const struct line *line, const struct view_message *m)
{
    return line->count && line->thin == (m->weight != VIEW_APPLICATION) && !line->thin &&
           end_equal(&line->from, &m->from) && end_equal(&line->to, &m->to);
}

static void begin_line(struct line *line, const struct view_message *m)
{
    line->from = m->from;
    line->to = m->to;
    line->everyone = m->everyone;
    line->reply = m->reply;
    line->thin = m->weight != VIEW_APPLICATION;
    line->unix_ns = m->unix_ns;
    line->count = 0;
}

/* How much of what a part shows fits: whole fields; the first one may be cut. */
static size_t cut_of(const struct part *p, size_t room, bool *dotted)
{
    size_t best = 0;
    *dotted = false;
    for (size_t i = 0; i < p->end_count && p->ends[i] <= room; i++)
        best = p->ends[i];
    if (best || room < 8 || !p->shown_length)
        return best;
    *dotted = true;
    return room - 2;
}

/* How many parts have room for their words, and how much room those take. */
static size_t parts_that_fit(const struct line *line, size_t room, size_t *fixed)
{
    size_t parts = line->count < PARTS_MAX ? line->count : PARTS_MAX;
    *fixed = 0;
    for (size_t i = 0; i < parts; i++) {
        size_t more = line->parts[i].word_length + (i ? SEPARATOR : 0);
        size_t kept = i + 1 == line->count ? 0 : MORE_CHARACTERS;
        if (i && *fixed + more + kept > room)
            return i;
        *fixed += more;
    }
    return parts;
}

/* Shares the room among what the parts show: who wants less than an equal share leaves the rest to others. */
static void share_room(const struct line *line, size_t parts, size_t room, size_t *shares)
{
    bool settled[PARTS_MAX] = { false };
    size_t open = parts;
    for (size_t turn = 0; turn < parts && open; turn++) /* each turn settles one, or is the last */
        for (size_t i = 0, equal = room / open; i < parts; i++) {
            size_t wanted = line->parts[i].shown_length ? line->parts[i].shown_length + 2 : 0;
            if (settled[i] || wanted > equal)
                continue;
            shares[i] = wanted;
            settled[i] = true;
            room -= wanted;
            open--;
        }
    size_t equal =
        open && room / open >= SHARE_LEAST ? room / open : room; /* too little for all: the first first */
    for (size_t i = 0; i < parts; i++)
        if (!settled[i]) {
            size_t wanted = line->parts[i].shown_length + 2, most = equal < room ? equal : room;
            shares[i] = wanted < most ? wanted : most;
            room -= shares[i];
        }
}

/* Of all its parts, whole. */
static size_t label_length(const struct line *line)
{
    size_t length = 0;
    for (size_t i = 0; i < line->count && i < PARTS_MAX; i++) {
        const struct part *p = &line->parts[i];
        length += (i ? SEPARATOR : 0) + p->word_length + (p->shown_length ? 2 + p->shown_length : 0);
    }
    return length + (line->count > PARTS_MAX ? MORE_CHARACTERS : 0);
}

/* Returns its length. */
static size_t put_part(struct canvas *c, const struct part *p, size_t begin, size_t share, bool thin)
{
    bool dotted = false;
    size_t at = begin, shown = share > 2 ? cut_of(p, share - 2, &dotted) : 0;
    put_text(c, at, span_of(p->word, p->word_length), thin ? STYLE_FAINT : STYLE_WORD);
    at += p->word_length;
    if (!shown)
        return at - begin;
    if (p->word_length) {
        put_text(c, at, span_text("  "), STYLE_PLAIN);
        at += 2;
    }
    put_text(c, at, span_of(p->shown, shown), thin ? STYLE_FAINT : STYLE_PLAIN);
    at += shown;
    if (dotted)
        put_text(c, at, span_text(".."), STYLE_FAINT);
    return at + (dotted ? 2 : 0) - begin;
}

/* "DISCOVER  requested-address ...", "MAIL  ... | RCPT  ... | DATA"; returns its length. */
static size_t put_label(struct canvas *c, const struct line *line, size_t begin, size_t room)
{
    uint8_t text[8];
    struct writer w = writer_over(text, sizeof text);
    size_t fixed, at = begin, shares[PARTS_MAX] = { 0 };
    size_t parts = parts_that_fit(line, room, &fixed), hidden = line->count - parts;
    fixed += hidden ? MORE_CHARACTERS : 0;
    share_room(line, parts, room > fixed ? room - fixed : 0, shares);
    for (size_t i = 0; i < parts; i++) {
        bool dotted;
        if (!line->parts[i].word_length &&
            !cut_of(&line->parts[i], shares[i] > 2 ? shares[i] - 2 : 0, &dotted))
            break;
        if (i) {
            put_text(c, at, span_text(" | "), STYLE_FAINT);
            at += SEPARATOR;
        }
        at += put_part(c, &line->parts[i], at, shares[i], line->thin);
    }
    if (!hidden)
        return at - begin;
    write_format(&w, hidden < 10 ? " | +%zu" : " +%zu", hidden < 1000 ? hidden : 999);
    put_text(c, at, writer_span(&w), STYLE_FAINT);
    return at + writer_length(&w) - begin;
}

/* ---- arrows ------------------------------------------------------------------------------------------- */

/* From one column towards another: `from` is where the sender stands. */
struct arrow {
    size_t from, left, right; /* columns */
    bool head_left, head_right;
};

static bool has_address(const struct ladder_host *h, struct address a)
{
    for (size_t i = 0; i < h->address_count; i++)
        if (address_equal(h->addresses[i], a))
            return true;
    return false;
}

static bool has_hardware(const struct ladder_host *h, const struct view_end *e)
{
    static const uint8_t none[6];
    return e->has_hardware && memcmp(h->hardware, none, sizeof none) != 0 &&
           memcmp(h->hardware, e->hardware, sizeof none) == 0;
}

size_t ladder_host_of(const struct ladder *l, const struct view_end *e)
{
    for (size_t i = 0; i < l->host_count; i++)
        if (l->hosts[i].port && l->hosts[i].port == e->port && has_address(&l->hosts[i], e->address))
            return i;
    for (size_t i = 0; i < l->host_count; i++)
        if (!l->hosts[i].port && has_address(&l->hosts[i], e->address))
            return i;
    for (size_t i = 0; i < l->host_count; i++)
        if (has_hardware(&l->hosts[i], e))
            return i;
    return LADDER_HOSTS_MAX;
}

/* False when it leads from or to nobody that is drawn. */
static bool find_arrow(struct arrow *a, const struct canvas *c, const struct ladder *l,
                       const struct line *line)
{
    size_t from = ladder_host_of(l, &line->from), to = ladder_host_of(l, &line->to);
    bool everyone = line->everyone;
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

/* ---- what a short arrow has no room for ---------------------------------------------------------------- */

/* The longer of the two sides of an arrow, over the columns of hosts that have no part in the message. */
struct beside {
    bool left;
    size_t begin, room;
};

static struct beside find_beside(const struct canvas *c, const struct arrow *a)
{
    size_t left = a->left - TIME_CHARACTERS, right = c->width - 1 - a->right;
    bool is_left = left > right;
    size_t room = is_left ? left : right;
    return (struct beside){ .left = is_left,
                            .begin = is_left ? TIME_CHARACTERS + 2 : a->right + 2,
                            .room = room > 4 ? room - 3 : 0 };
}

/* The same messages with their words alone, or with what they show alone. */
static void take_some(struct line *some, const struct line *line, bool words)
{
    *some = *line;
    some->count = 0;
    for (size_t i = 0; i < line->count && i < PARTS_MAX; i++) {
        struct part *p = &some->parts[some->count];
        *p = line->parts[i];
        if (words)
            p->shown_length = p->end_count = 0;
        else
            p->word_length = 0;
        some->count += words || p->shown_length;
    }
    if (words)
        some->count = line->count;
}

/* At the arrow's own end of the room. False: it would not show more than is shown on the arrow. */
static bool put_beside(struct canvas *c, const struct beside *b, const struct line *details, size_t more_than)
{
    struct canvas trial = *c;
    size_t length = put_label(&trial, details, b->begin, b->room);
    if (length <= more_than || length > b->room) /* longer: all it has is how many there are */
        return false;
    size_t at = b->left ? b->begin + b->room - length : b->begin;
    put(c, at - 1, ' ', STYLE_PLAIN);
    put_label(c, details, at, b->room);
    put(c, at + length, ' ', STYLE_PLAIN);
    return true;
}

/* The label stands in the longer of the two parts beside the sender; what it shows stands beside the arrow
 * when there is more room. */
static void put_words(struct canvas *c, const struct arrow *a, const struct line *line)
{
    struct line words, details;
    struct canvas trial = *c;
    struct beside beside = find_beside(c, a);
    bool rightwards = a->right - a->from >= a->from - a->left;
    size_t begin = rightwards ? a->from : a->left, end = rightwards ? a->right : a->from;
    size_t between = end - begin - 1; /* the two columns */
    if (between <= 8)
        return;
    /* "-- DISCOVER ... ->": three characters before, at least three behind, blanks around */
    size_t room = between - 7, at = begin + 4;
    if (label_length(line) > room) {
        take_some(&words, line, true);
        take_some(&details, line, false);
        size_t whole = put_label(&trial, line, at, room), bare = put_label(&trial, &words, at, room);
        if (put_beside(c, &beside, &details, whole > bare ? whole - bare : 0))
            line = &words;
    }
    put(c, at - 1, ' ', STYLE_PLAIN);
    size_t length = put_label(c, line, at, room);
    put(c, at + length, ' ', STYLE_PLAIN);
}

static void put_arrow(struct canvas *c, const struct arrow *a, const struct line *line)
{
    enum style style = line->thin ? STYLE_FAINT : line->reply ? STYLE_REPLY : STYLE_REQUEST;
    for (size_t i = a->left + 1; i < a->right; i++)
        if (i != a->from)
            put(c, i, line->thin ? GLYPH_THIN : GLYPH_LINE, style);
    if (a->head_left)
        put(c, a->left + 1, GLYPH_LEFT, style);
    if (a->head_right)
        put(c, a->right - 1, GLYPH_RIGHT, style);
    put_words(c, a, line);
}

/* ---- lines ----------------------------------------------------------------------------------------------
 */

/* Seconds; in long captures with fewer digits behind the point. */
static void put_time(struct canvas *c, int64_t ns)
{
    uint8_t text[32];
    struct writer w = writer_over(text, sizeof text);
    int64_t us = (ns < 0 ? 0 : ns) / 1000;
    long long s = us / MICRO, fraction = us % MICRO;
    if (s < 1000)
        write_format(&w, "%3lld.%06lld", s, fraction);
    else if (s < 1000000)
        write_format(&w, "%6lld.%03lld", s, fraction / 1000);
    else
        write_format(&w, "%10lld", s);
    put_text(c, 0, span_head(writer_span(&w), TIME_CHARACTERS - 1), STYLE_FAINT);
}

/* A host that has no column: by its address. */
static size_t put_end(struct canvas *c, size_t at, const struct ladder *l, const struct view_end *e)
{
    char text[ADDRESS_TEXT_MAX > HARDWARE_TEXT_MAX ? ADDRESS_TEXT_MAX : HARDWARE_TEXT_MAX] = "?";
    size_t host = ladder_host_of(l, e);
    struct span name;
    if (e->address.family)
        address_format(e->address, text);
    else if (e->has_hardware)
        hardware_format(span_of(e->hardware, sizeof e->hardware), text);
    name = host < l->host_count ? l->hosts[host].name : span_text(text);
    put_text(c, at, name, STYLE_PLAIN);
    return name.len;
}

static void put_alone(struct canvas *c, const struct ladder *l, const struct line *line)
{
    size_t at = TIME_CHARACTERS + 2;
    if (line->from.address.family || line->from.has_hardware) {
        at += put_end(c, at, l, &line->from);
        put_text(c, at, span_text(" to "), STYLE_FAINT);
        at += 4;
        if (line->everyone) {
            put_text(c, at, span_text("everyone"), STYLE_PLAIN);
            at += 8;
        } else {
            at += put_end(c, at, l, &line->to);
        }
        put_text(c, at, span_text(": "), STYLE_FAINT);
        at += 2;
    }
    if (at < c->width)
        put_label(c, line, at, c->width - at);
}

static void write_line(struct writer *w, const struct ladder *l, struct line *line)
{
    struct canvas c;
    struct arrow a;
    if (!line->count)
        return;
    clear(&c, l);
    put_time(&c, line->unix_ns - l->began_ns);
    put_columns(&c, l);
    if (find_arrow(&a, &c, l, line))
        put_arrow(&c, &a, line);
    else
        put_alone(&c, l, line);
    line->count = 0;
    if (writer_room(w) >= LADDER_LINE_BYTES)
        write_canvas(w, &c, l);
}

void ladder_write_messages(struct writer *w, const struct ladder *l)
{
    struct line line = { .count = 0 };
    const struct view_message *m;
    while ((m = view_world_next(l->world))) { /* each turn takes a message */
        if (m->weight == VIEW_QUIET && !l->all)
            continue;
        if (!joins(&line, m)) {
            write_line(w, l, &line);
            begin_line(&line, m);
        }
        if (line.count < PARTS_MAX)
            add_part(&line, m);
        else
            line.count++;
    }
    write_line(w, l, &line);
}

void ladder_write_frame(struct writer *w, const struct ladder *l, struct span frame, int64_t unix_ns)
{
    struct view_frame f = { .link_type = VIEW_LINK_ETHERNET, .unix_ns = unix_ns, .bytes = frame };
    view_world_take(l->world, &f);
    ladder_write_messages(w, l);
}
