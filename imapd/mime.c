#include "mime.h"

#include "text.h"

#include <stdio.h>

#define PARAMS_MAX 16 /* of a Content-Type */

struct content {
    struct span type, subtype;
    struct {
        struct span name, value;
    } params[PARAMS_MAX];
    size_t count;
};

/* ---- header fields
 * ------------------------------------------------------------------------------------------ */

static struct span none(void)
{
    return (struct span){ NULL, 0 };
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span s)
{
    while (s.len && is_blank(s.at[0]))
        s = span_from(s, 1);
    while (s.len && is_blank(s.at[s.len - 1]))
        s = span_head(s, s.len - 1);
    return s;
}

/* The next line with its end; empty at the end of `in`. */
static struct span take_line(struct span *in)
{
    size_t end = span_find(*in, '\n');
    struct span line = span_head(*in, end < in->len ? end + 1 : end);
    *in = span_from(*in, line.len);
    return line;
}

/* The next field with its folded lines. */
static struct span take_field(struct span *in)
{
    struct span begin = *in, line = take_line(in);
    size_t length = line.len;
    while (in->len && (in->at[0] == ' ' || in->at[0] == '\t')) /* each turn takes a line */
        length += take_line(in).len;
    return span_head(begin, length);
}

struct span mime_field(struct span header, const char *name)
{
    while (header.len) { /* each turn takes a field */
        struct span field = take_field(&header);
        size_t colon = span_find(field, ':');
        if (colon < field.len && span_is_nocase(trim(span_head(field, colon)), name))
            return trim(span_from(field, colon + 1));
    }
    return none();
}

/* Header up to and with the empty line; the rest is the body. */
static void split(struct span message, struct mime_part *p)
{
    struct span rest = message;
    size_t length = 0;
    while (rest.len) { /* each turn takes a line */
        struct span line = take_line(&rest);
        length += line.len;
        if (!trim(line).len)
            break;
    }
    p->header = span_head(message, length);
    p->body = span_from(message, length);
}

/* ---- Content-Type: RFC 2045 5.1
 * ------------------------------------------------------------------------------- */

static struct span take_token(struct span *in)
{
    size_t n = 0;
    *in = trim(*in);
    while (n < in->len && !is_blank(in->at[n]) && !strchr("()<>@,;:\\\"/[]?=", in->at[n]))
        n++;
    struct span token = span_head(*in, n);
    *in = trim(span_from(*in, n));
    return token;
}

/* A token or a quoted string; escapes stay, as nearly nobody writes them. */
static struct span take_value(struct span *in)
{
    *in = trim(*in);
    if (!in->len || in->at[0] != '"')
        return take_token(in);
    struct span inside = span_from(*in, 1);
    size_t end = span_find(inside, '"');
    *in = trim(span_from(inside, end + 1));
    return span_head(inside, end);
}

static void take_params(struct span rest, struct content *c)
{
    while (rest.len && rest.at[0] == ';' && c->count < PARAMS_MAX) { /* each turn takes a parameter */
        rest = span_from(rest, 1);
        struct span name = take_token(&rest);
        if (!rest.len || rest.at[0] != '=')
            return;
        rest = span_from(rest, 1);
        struct span value = take_value(&rest);
        c->params[c->count].name = name;
        c->params[c->count++].value = value;
    }
}

static struct content content_of(struct span header)
{
    struct content c = { 0 };
    struct span rest = mime_field(header, "Content-Type");
    struct span type = take_token(&rest);
    if (type.len && rest.len && rest.at[0] == '/') {
        rest = span_from(rest, 1);
        c.type = type;
        c.subtype = take_token(&rest);
        take_params(rest, &c);
    }
    if (!c.subtype.len) /* RFC 2045 5.2 */
        c = (struct content){ .type = span_text("TEXT"), .subtype = span_text("PLAIN") };
    return c;
}

static struct span param(const struct content *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (span_is_nocase(c->params[i].name, name))
            return c->params[i].value;
    return none();
}

/* ---- parts: RFC 2046 5.1
 * ------------------------------------------------------------------------------------------ */

struct reading {
    struct arena *arena;
    size_t parts;
};

static struct mime_part *read_part(struct reading *r, struct span whole, size_t depth);

/* "--BOUNDARY", and whether it is the last. */
static bool is_delimiter(struct span line, struct span boundary, bool *last)
{
    line = trim(line);
    if (!span_starts(line, "--") || line.len < boundary.len + 2 ||
        !span_equal(span_head(span_from(line, 2), boundary.len), boundary))
        return false;
    struct span after = span_from(line, boundary.len + 2);
    *last = span_starts(after, "--");
    return !after.len || *last;
}

static struct span without_line_end(struct span s)
{
    if (s.len && s.at[s.len - 1] == '\n')
        s = span_head(s, s.len - 1);
    return s.len && s.at[s.len - 1] == '\r' ? span_head(s, s.len - 1) : s;
}

static void read_children(struct reading *r, struct mime_part *p, struct span boundary, size_t depth)
{
    struct span rest = p->body, begin = none();
    struct mime_part **tail = &p->first_child;
    bool last = false;
    size_t length = 0;
    while (rest.len && !last && r->parts < MIME_PARTS_MAX) { /* each turn takes a line */
        struct span line = take_line(&rest);
        if (!is_delimiter(line, boundary, &last)) {
            length += line.len;
            continue;
        }
        if (begin.at && (*tail = read_part(r, without_line_end(span_head(begin, length)), depth + 1)))
            tail = &(*tail)->next;
        begin = rest;
        length = 0;
    }
    if (!last && begin.at && length && r->parts < MIME_PARTS_MAX) /* its end was forgotten */
        *tail = read_part(r, span_head(begin, length), depth + 1);
}

/* Goes MIME_DEPTH_MAX deep at most. */
static struct mime_part *read_part(struct reading *r, struct span whole, size_t depth)
{
    struct mime_part *p = arena_alloc(r->arena, sizeof *p);
    if (!p)
        return NULL;
    *p = (struct mime_part){ 0 };
    r->parts++;
    split(whole, p);
    if (depth >= MIME_DEPTH_MAX)
        return p;
    struct content c = content_of(p->header);
    struct span boundary = param(&c, "boundary");
    if (span_is_nocase(c.type, "multipart") && boundary.len) {
        read_children(r, p, boundary, depth);
        p->multipart = p->first_child != NULL;
    } else if (span_is_nocase(c.type, "message") && span_is_nocase(c.subtype, "rfc822")) {
        p->first_child = read_part(r, p->body, depth + 1);
        p->message = p->first_child != NULL;
    }
    return p;
}

struct mime_part *mime_read(struct span message, struct arena *a)
{
    struct reading r = { .arena = a };
    return read_part(&r, message, 0);
}

/* ---- sections: RFC 3501 6.4.5
 * --------------------------------------------------------------------------------------- */

static const struct mime_part *child(const struct mime_part *p, uint32_t number)
{
    if (p->message) /* the parts of a message inside are numbered as its own */
        p = p->first_child;
    if (!p->multipart)
        return number == 1 ? p : NULL;
    p = p->first_child;
    while (p && --number > 0)
        p = p->next;
    return p;
}

const struct mime_part *mime_find(const struct mime_part *message, const uint32_t *path, size_t depth)
{
    for (size_t i = 0; message && i < depth; i++)
        message = child(message, path[i]);
    return message;
}

static bool is_named(const struct imap_section *s, struct span field)
{
    struct span name = trim(span_head(field, span_find(field, ':')));
    for (size_t i = 0; i < s->field_count; i++)
        if (span_equal_nocase(s->fields[i], name))
            return true;
    return false;
}

static struct span some_fields(struct span header, const struct imap_section *s, struct arena *a)
{
    uint8_t *room = arena_alloc_bytes(a, header.len + 2);
    struct writer w = writer_over(room, room ? header.len + 2 : 0);
    while (header.len) { /* each turn takes a field */
        struct span field = take_field(&header);
        if (trim(field).len && is_named(s, field) == (s->text == IMAP_SECTION_FIELDS))
            write_span(&w, field);
    }
    write_text(&w, "\r\n");
    return writer_span(&w);
}

struct span mime_section(const struct mime_part *message, const struct imap_section *s, struct arena *a)
{
    const struct mime_part *p = mime_find(message, s->path, s->depth);
    if (!p)
        return none();
    const struct mime_part *inside = s->depth && p->message ? p->first_child : p;
    bool has_header = !s->depth || p->message;
    switch (s->text) {
    case IMAP_SECTION_ALL:
        if (s->depth)
            return p->body;
        return span_of(p->header.at, p->header.len + p->body.len);
    case IMAP_SECTION_MIME:
        return p->header;
    case IMAP_SECTION_HEADER:
        return has_header ? inside->header : none();
    case IMAP_SECTION_TEXT:
        return has_header ? inside->body : none();
    case IMAP_SECTION_FIELDS:
    case IMAP_SECTION_FIELDS_NOT:
        return has_header ? some_fields(inside->header, s, a) : none();
    }
    return none();
}

/* ---- envelopes
 * ------------------------------------------------------------------------------------------------------- */

/* A value on one line; at == NULL: NIL. */
static struct span unfolded(struct span value, struct arena *a)
{
    uint8_t *room = value.at ? arena_alloc_bytes(a, value.len + 1) : NULL;
    struct writer w = writer_over(room, room ? value.len + 1 : 0);
    for (struct reader r = reader_over(value); room && reader_left(&r);) { /* each turn takes a byte */
        uint8_t c = read_u8(&r);
        if (c != '\r' && c != '\n')
            write_u8(&w, c);
    }
    return room ? writer_span(&w) : none();
}

/* Where the next of these characters stands outside of quotes, comments and <>. */
static size_t find_outside(struct span s, const char *any)
{
    int comments = 0;
    bool quoted = false, angle = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)s.at[i];
        if (c == '\\')
            i++;
        else if (c == '"' && !comments)
            quoted = !quoted;
        else if (!quoted && c == '(')
            comments++;
        else if (!quoted && c == ')' && comments)
            comments--;
        else if (!quoted && !comments && c && strchr(any, c) && !angle)
            return i;
        else if (!quoted && !comments && (c == '<' || c == '>'))
            angle = c == '<';
    }
    return s.len;
}

static struct span unquoted(struct span s)
{
    s = trim(s);
    if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"')
        s = span_head(span_from(s, 1), s.len - 2);
    return s.len ? s : none();
}

static void write_mailbox(struct writer *w, struct span name, struct span address)
{
    size_t at = address.len;
    for (size_t i = 0; i < address.len; i++) /* the last one */
        if (address.at[i] == '@')
            at = i;
    write_u8(w, '(');
    imap_write_nstring(w, name);
    write_text(w, " NIL ");
    imap_write_nstring(w, trim(span_head(address, at)));
    write_u8(w, ' ');
    imap_write_nstring(w, at < address.len ? trim(span_from(address, at + 1)) : span_text(""));
    write_u8(w, ')');
}

/* NAME <ADDRESS>, or ADDRESS (NAME) */
static void write_address(struct writer *w, struct span one)
{
    size_t open = find_outside(one, "<");
    if (open < one.len) {
        struct span address = span_from(one, open + 1);
        write_mailbox(w, unquoted(span_head(one, open)), span_head(address, span_find(address, '>')));
        return;
    }
    size_t comment = span_find(one, '(');
    struct span name = span_from(one, comment + 1);
    write_mailbox(w, comment < one.len ? unquoted(span_head(name, span_find(name, ')'))) : none(),
                  trim(span_head(one, comment)));
}

static void write_group_begin(struct writer *w, struct span name)
{
    write_text(w, "(NIL NIL ");
    imap_write_nstring(w, unquoted(name));
    write_text(w, " NIL)");
}

/* RFC 5322 3.4; NIL when there is none. */
static void write_addresses(struct writer *w, struct span value)
{
    if (!trim(value).len) {
        write_text(w, "NIL");
        return;
    }
    write_u8(w, '(');
    while (value.len) { /* each turn takes an address, or the beginning or the end of a group */
        size_t end = find_outside(value, ",:;");
        char c = end < value.len ? (char)value.at[end] : ',';
        struct span one = trim(span_head(value, end));
        value = span_from(value, end + 1);
        if (c == ':') {
            write_group_begin(w, one);
            continue;
        }
        if (one.len)
            write_address(w, one);
        if (c == ';')
            write_text(w, "(NIL NIL NIL NIL)");
    }
    write_u8(w, ')');
}

void mime_write_envelope(struct writer *w, struct span header, struct arena *a)
{
    static const char *const lists[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc" };
    struct span from = unfolded(mime_field(header, "From"), a);
    write_u8(w, '(');
    imap_write_nstring(w, unfolded(mime_field(header, "Date"), a));
    write_u8(w, ' ');
    imap_write_nstring(w, unfolded(mime_field(header, "Subject"), a));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct span value = unfolded(mime_field(header, lists[i]), a);
        bool as_from = (i == 1 || i == 2) && !trim(value).len; /* RFC 3501 7.4.2 */
        write_u8(w, ' ');
        write_addresses(w, as_from ? from : value);
    }
    write_u8(w, ' ');
    imap_write_nstring(w, unfolded(mime_field(header, "In-Reply-To"), a));
    write_u8(w, ' ');
    imap_write_nstring(w, unfolded(mime_field(header, "Message-ID"), a));
    write_u8(w, ')');
}

/* ---- body structures
 * -------------------------------------------------------------------------------------------------- */

static void write_params(struct writer *w, const struct content *c)
{
    if (!c->count) {
        write_text(w, "NIL");
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        write_u8(w, i ? ' ' : '(');
        imap_write_string(w, c->params[i].name);
        write_u8(w, ' ');
        imap_write_string(w, c->params[i].value);
    }
    write_u8(w, ')');
}

static void write_disposition(struct writer *w, struct span header)
{
    struct content c = { 0 };
    struct span rest = mime_field(header, "Content-Disposition");
    struct span kind = take_token(&rest);
    if (!kind.len) {
        write_text(w, "NIL");
        return;
    }
    take_params(rest, &c);
    write_u8(w, '(');
    imap_write_string(w, kind);
    write_u8(w, ' ');
    write_params(w, &c);
    write_u8(w, ')');
}

static size_t count_lines(struct span s)
{
    size_t n = 0;
    while (s.len) { /* each turn takes a line */
        take_line(&s);
        n++;
    }
    return n;
}

/* language and location are rare, and NIL is always allowed */
static void write_extension(struct writer *w, struct span header)
{
    write_u8(w, ' ');
    write_disposition(w, header);
    write_text(w, " NIL NIL");
}

static void write_multipart(struct writer *w, const struct mime_part *p, const struct content *c,
                            bool extended, struct arena *a)
{
    for (const struct mime_part *one = p->first_child; one; one = one->next) /* as many as were read */
        mime_write_structure(w, one, extended, a);
    write_u8(w, ' ');
    imap_write_string(w, c->subtype);
    if (!extended)
        return;
    write_u8(w, ' ');
    write_params(w, c);
    write_extension(w, p->header);
}

static void write_single(struct writer *w, const struct mime_part *p, const struct content *c, bool extended,
                         struct arena *a)
{
    struct span encoding = mime_field(p->header, "Content-Transfer-Encoding");
    imap_write_string(w, c->type);
    write_u8(w, ' ');
    imap_write_string(w, c->subtype);
    write_u8(w, ' ');
    write_params(w, c);
    write_u8(w, ' ');
    imap_write_nstring(w, unfolded(mime_field(p->header, "Content-ID"), a));
    write_u8(w, ' ');
    imap_write_nstring(w, unfolded(mime_field(p->header, "Content-Description"), a));
    write_u8(w, ' ');
    imap_write_string(w, encoding.len ? encoding : span_text("7BIT"));
    write_format(w, " %zu", p->body.len);
    if (p->message) {
        write_u8(w, ' ');
        mime_write_envelope(w, p->first_child->header, a);
        write_u8(w, ' ');
        mime_write_structure(w, p->first_child, extended, a);
    }
    if (p->message || span_is_nocase(c->type, "text"))
        write_format(w, " %zu", count_lines(p->body));
    if (!extended)
        return;
    write_text(w, " NIL");
    write_extension(w, p->header);
}

/* As deep as the parts were read. */
void mime_write_structure(struct writer *w, const struct mime_part *p, bool extended, struct arena *a)
{
    struct content c = content_of(p->header);
    write_u8(w, '(');
    if (p->multipart)
        write_multipart(w, p, &c, extended, a);
    else
        write_single(w, p, &c, extended, a);
    write_u8(w, ')');
}
