#include "mime.h"

#include "text.h"

static bool is_white(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trimmed_end(struct span s)
{
    while (s.len > 0 && is_white(s.at[s.len - 1]))
        s.len--;
    return s;
}

static struct span trimmed(struct span s)
{
    size_t from = 0;
    while (from < s.len && is_white(s.at[from]))
        from++;
    return trimmed_end(span_from(s, from));
}

/* A line with its LF, or what is left. */
static struct span read_line(struct reader *r)
{
    static const bool end[256] = { ['\n'] = true };
    struct reader ahead = *r;
    struct span line = read_until(&ahead, end);
    return read_span(r, line.len + (reader_left(&ahead) > 0));
}

static bool is_blank(struct span line)
{
    return span_is(line, "\r\n") || span_is(line, "\n");
}

/* From one place of the text to another, not before it. */
static struct span slice(struct span text, size_t from, size_t to)
{
    struct reader r = reader_over(text);
    read_skip(&r, from);
    return read_span(&r, to - from);
}

/* ---- fields ------------------------------------------------------------------------------ */

/* RFC 5322 3.6.8 */
static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 127)
            return false;
    return s.len > 0;
}

bool mime_next_field(struct reader *header, struct mime_field *out)
{
    while (reader_left(header) > 0) {
        struct reader whole = *header;
        struct span line = read_line(header);
        size_t colon = span_find(line, ':'), len = line.len;
        if (is_blank(line))
            return false;
        while (reader_peek(header) == ' ' || reader_peek(header) == '\t')
            len += read_line(header).len;
        if (colon == line.len || !is_name(trimmed_end(span_head(line, colon))))
            continue;
        out->whole = read_span(&whole, len);
        out->name = trimmed_end(span_head(out->whole, colon));
        out->value = trimmed(span_from(out->whole, colon + 1));
        return true;
    }
    return false;
}

struct span mime_find_field(struct span header, struct span name)
{
    struct reader r = reader_over(header);
    struct mime_field f;
    while (mime_next_field(&r, &f))
        if (span_equal_nocase(f.name, name))
            return f.value;
    return span_of(NULL, 0);
}

void mime_write_unfolded(struct writer *w, struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] != '\r' && value.at[i] != '\n')
            write_u8(w, value.at[i]);
}

/* White space and comments (RFC 5322 3.2.2). */
static void skip_white(struct reader *r)
{
    size_t depth = 0;
    while (reader_left(r) > 0 && (depth > 0 || is_white(reader_peek(r)) || reader_peek(r) == '(')) {
        uint8_t c = read_u8(r);
        if (c == '\\' && depth > 0 && reader_left(r) > 0)
            read_skip(r, 1);
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
    }
}

/* ---- dates -------------------------------------------------------------------------------- */

static struct span next_word(struct reader *r)
{
    static const bool ends[256] = {
        [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, [','] = true, [':'] = true, ['('] = true
    };
    skip_white(r);
    while (reader_peek(r) == ',' || reader_peek(r) == ':') {
        read_skip(r, 1);
        skip_white(r);
    }
    return read_until(r, ends);
}

static int64_t number_of(struct span word)
{
    uint64_t v;
    return parse_decimal(word, 9999, &v) ? (int64_t)v : -1;
}

static int month_of(struct span word)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (span_equal_nocase(word, span_of(&names[3 * i], 3)))
            return i + 1;
    return -1;
}

/* The zone in seconds east of UTC; obsolete names other than those of RFC 5322 4.3 mean 0. */
static int64_t zone_of(struct span word)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
                  { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 } };
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        if (span_is_nocase(word, zones[i].name))
            return zones[i].hours * 3600;
    int64_t v = word.len == 5 ? number_of(span_from(word, 1)) : -1;
    if (v < 0 || (word.at[0] != '+' && word.at[0] != '-'))
        return 0;
    v = (v / 100 * 60 + v % 100) * 60;
    return word.at[0] == '+' ? v : -v;
}

int64_t mime_parse_date(struct span value, int64_t *zone_s)
{
    struct reader r = reader_over(value.at ? value : span_text(""));
    struct span word = next_word(&r);
    if (number_of(word) < 0) /* the day of the week may be there or not */
        word = next_word(&r);
    int64_t day = number_of(word);
    int month = month_of(next_word(&r));
    int64_t year = number_of(next_word(&r));
    int64_t hour = number_of(next_word(&r));
    int64_t minute = number_of(next_word(&r));
    int64_t second = 0;
    skip_white(&r);
    if (reader_peek(&r) == ':')
        second = number_of(next_word(&r));
    *zone_s = zone_of(next_word(&r));
    if (year >= 0 && year < 1000) /* RFC 5322 4.3 */
        year += year < 50 ? 2000 : 1900;
    if (day < 0 || month < 0 || year < 0)
        return -1;
    int64_t unix_s =
        civil_to_unix_s((int)year, month, (int)day, hour < 0 ? 0 : (int)hour, minute < 0 ? 0 : (int)minute,
                        second < 0 || second > 59 ? 59 : (int)second);
    return unix_s == -1 ? -1 : unix_s - *zone_s;
}

/* ---- values with parameters ----------------------------------------------------------------- */

static struct span read_token(struct reader *r)
{
    static const bool ends[256] = {
        [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, ['('] = true, [')'] = true,
        ['<'] = true, ['>'] = true,  ['@'] = true,  [','] = true,  [';'] = true, [':'] = true,
        ['"'] = true, ['/'] = true,  ['['] = true,  [']'] = true,  ['?'] = true, ['='] = true
    };
    skip_white(r);
    return read_until(r, ends);
}

static void write_quoted_content(struct reader *r, struct writer *w)
{
    read_skip(r, 1);
    while (reader_left(r) > 0 && reader_peek(r) != '"') {
        uint8_t c = read_u8(r);
        if (c == '\\' && reader_left(r) > 0)
            c = read_u8(r);
        if (c != '\r' && c != '\n')
            write_u8(w, c);
    }
    if (reader_left(r) > 0)
        read_skip(r, 1);
}

struct mime_value mime_parse_value(struct span value)
{
    struct mime_value v = { .parameters = reader_over(value.at ? value : span_text("")) };
    v.type = read_token(&v.parameters);
    skip_white(&v.parameters);
    if (reader_peek(&v.parameters) == '/') {
        read_skip(&v.parameters, 1);
        v.subtype = read_token(&v.parameters);
    }
    return v;
}

bool mime_next_parameter(struct reader *r, struct span *name, struct writer *value)
{
    static const bool semicolon[256] = { [';'] = true }, ends[256] = {
        [';'] = true, [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, ['('] = true
    };
    while (reader_left(r) > 0) { /* each turn takes a semicolon at least */
        read_until(r, semicolon);
        if (reader_left(r) == 0)
            return false;
        read_skip(r, 1);
        *name = read_token(r);
        skip_white(r);
        if (name->len == 0 || reader_peek(r) != '=')
            continue;
        read_skip(r, 1);
        skip_white(r);
        if (reader_peek(r) == '"')
            write_quoted_content(r, value);
        else
            write_span(value, read_until(r, ends));
        return true;
    }
    return false;
}

/* ---- parts --------------------------------------------------------------------------------- */

struct open_multipart {
    uint32_t part;
    char boundary[MIME_BOUNDARY_MAX];
    size_t boundary_len;
};

struct parse {
    struct mime_tree *t;
    struct span text;
    struct open_multipart open[MIME_DEPTH_MAX];
    size_t open_count;
    uint32_t current;
    enum { IN_HEADER, IN_BODY } state;
    size_t start; /* of the header or body that is being read */
};

/* MIME_NONE when there is no room. */
static uint32_t add_part(struct parse *p, uint32_t parent, size_t start)
{
    struct mime_tree *t = p->t;
    uint32_t depth = parent == MIME_NONE ? 0 : t->parts[parent].depth + 1;
    if (t->count == t->room || t->count == MIME_PARTS_MAX || depth >= MIME_DEPTH_MAX)
        return MIME_NONE;
    uint32_t at = (uint32_t)t->count++;
    t->parts[at] = (struct mime_part){ .parent = parent,
                                       .child = MIME_NONE,
                                       .last_child = MIME_NONE,
                                       .next = MIME_NONE,
                                       .depth = depth,
                                       .type = span_text("text"),
                                       .subtype = span_text("plain") };
    t->parts[at].header = t->parts[at].body = slice(p->text, start, start);
    if (parent != MIME_NONE) {
        struct mime_part *up = &t->parts[parent];
        if (up->child == MIME_NONE)
            up->child = at;
        else
            t->parts[up->last_child].next = at;
        up->last_child = at;
    }
    p->current = at;
    p->state = IN_HEADER;
    p->start = start;
    return at;
}

static bool find_boundary(struct mime_value *v, struct open_multipart *out)
{
    struct span name;
    struct writer w = writer_over(out->boundary, sizeof out->boundary);
    while (mime_next_parameter(&v->parameters, &name, &w)) {
        if (span_is_nocase(name, "boundary")) {
            out->boundary_len = writer_length(&w);
            return writer_ok(&w) && out->boundary_len > 0;
        }
        w = writer_over(out->boundary, sizeof out->boundary);
    }
    return false;
}

static bool in_digest(const struct parse *p, const struct mime_part *part)
{
    return part->parent != MIME_NONE && p->t->parts[part->parent].kind == MIME_MULTIPART &&
           span_is_nocase(p->t->parts[part->parent].subtype, "digest");
}

static void find_type(struct parse *p, struct mime_part *part, struct mime_value *v)
{
    part->content_type = mime_find_field(part->header, span_text("Content-Type"));
    *v = mime_parse_value(part->content_type);
    if (v->type.len > 0 && v->subtype.len > 0) {
        part->type = v->type;
        part->subtype = v->subtype;
    } else {
        part->content_type = span_of(NULL, 0);
        if (in_digest(p, part)) { /* RFC 2046 5.1.5 */
            part->type = span_text("message");
            part->subtype = span_text("rfc822");
        }
    }
}

/* It says that there are parts, and none can be read: one thing as a whole. */
static void be_opaque(struct mime_part *part)
{
    part->content_type = span_of(NULL, 0);
    part->type = span_text("application");
    part->subtype = span_text("octet-stream");
}

/* The header of the current part ends before `at`: what its body is. */
static void end_header(struct parse *p, size_t at)
{
    struct mime_part *part = &p->t->parts[p->current];
    struct open_multipart *open = &p->open[p->open_count];
    uint32_t self = p->current;
    struct mime_value v;
    part->header = slice(p->text, p->start, at);
    part->body = slice(p->text, at, at);
    p->state = IN_BODY;
    p->start = at;
    find_type(p, part, &v);
    if (span_is_nocase(part->type, "multipart")) {
        if (p->open_count == MIME_DEPTH_MAX || !find_boundary(&v, open)) {
            be_opaque(part);
            return;
        }
        part->kind = MIME_MULTIPART;
        open->part = self;
        p->open_count++;
    } else if (span_is_nocase(part->type, "message") && span_is_nocase(part->subtype, "rfc822")) {
        if (add_part(p, self, at) == MIME_NONE)
            be_opaque(part);
        else
            part->kind = MIME_MESSAGE;
    }
}

/* The current part and those around it, up to `until` and not with it, end at `at`. */
static void close_parts(struct parse *p, uint32_t until, size_t at)
{
    if (p->current != until && p->state == IN_HEADER)
        end_header(p, at); /* there was no empty line; it may have opened a message that is empty */
    for (uint32_t i = p->current; i != until; i = p->t->parts[i].parent) { /* at most MIME_DEPTH_MAX */
        struct mime_part *part = &p->t->parts[i];
        size_t from = (size_t)(part->body.at - p->text.at);
        part->body.len = at > from ? at - from : 0;
    }
    p->current = until;
    p->state = IN_BODY;
}

/* Which open multipart a line delimits: its place + 1, or 0. */
static size_t delimited(const struct parse *p, struct span line, bool *closes)
{
    if (!span_starts(line, "--"))
        return 0;
    struct span rest = span_from(line, 2);
    for (size_t i = p->open_count; i-- > 0;) {
        const struct open_multipart *o = &p->open[i];
        if (rest.len < o->boundary_len || memcmp(rest.at, o->boundary, o->boundary_len) != 0)
            continue;
        struct span tail = span_from(rest, o->boundary_len);
        *closes = span_starts(tail, "--");
        if (trimmed(span_from(tail, *closes ? 2 : 0)).len == 0)
            return i + 1;
    }
    return 0;
}

static void take_delimiter(struct parse *p, size_t which, bool closes, size_t at, size_t after)
{
    uint32_t multipart = p->open[which - 1].part;
    size_t end = at >= 2 && p->text.at[at - 2] == '\r' && p->text.at[at - 1] == '\n' ? at - 2 : at;
    if (p->state == IN_HEADER && p->current != multipart)
        end = end > p->start ? end : p->start;
    close_parts(p, multipart, end);
    p->open_count = closes ? which - 1 : which;
    if (!closes)
        add_part(p, multipart, after);
}

void mime_parse(struct mime_tree *t, struct span text)
{
    struct parse p = { .t = t, .text = text };
    struct reader r = reader_over(text);
    t->count = 0;
    add_part(&p, MIME_NONE, 0);
    while (reader_left(&r) > 0) {
        size_t at = reader_offset(&r);
        struct span line = read_line(&r);
        bool closes = false;
        size_t which = delimited(&p, line, &closes);
        if (which > 0)
            take_delimiter(&p, which, closes, at, reader_offset(&r));
        else if (p.state == IN_HEADER && is_blank(line))
            end_header(&p, reader_offset(&r));
    }
    close_parts(&p, MIME_NONE, text.len);
}
