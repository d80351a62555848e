#include "imap.h"

#include "mime.h"

/* ---- ENVELOPE (RFC 3501 7.4.2) ------------------------------------------------------------- */

static struct span arena_unfolded(struct arena *a, struct span value)
{
    uint8_t *room = value.at ? arena_alloc_bytes(a, value.len + 1) : NULL;
    if (!room)
        return span_of(NULL, 0);
    struct writer w = writer_over(room, value.len + 1);
    mime_write_unfolded(&w, value);
    return writer_span(&w);
}

static void write_field(struct writer *w, struct span header, const char *name, struct arena *a)
{
    imap_write_nstring(w, arena_unfolded(a, mime_find_field(header, span_text(name))));
}

static void write_address(struct writer *w, const struct mime_address *x)
{
    write_u8(w, '(');
    imap_write_nstring(w, x->kind == MIME_ADDRESS ? x->name : span_of(NULL, 0));
    write_u8(w, ' ');
    imap_write_nstring(w, x->route);
    write_u8(w, ' ');
    imap_write_nstring(w, x->kind == MIME_ADDRESS ? x->local : x->name);
    write_u8(w, ' ');
    imap_write_nstring(w, x->kind == MIME_ADDRESS ? x->domain : span_of(NULL, 0));
    write_u8(w, ')');
}

/* False, and nothing is written, when there is no address in it. */
static bool write_addresses(struct writer *w, struct span value, struct arena *a)
{
    struct mime_addresses left = mime_addresses_of(value);
    struct mime_address x;
    uint8_t *scratch = value.at ? arena_alloc_bytes(a, value.len + 1) : NULL;
    if (!scratch)
        return false;
    struct writer room = writer_over(scratch, value.len + 1);
    bool any = false;
    while (mime_next_address(&left, &room, &x)) {
        if (x.kind == MIME_ADDRESS && !x.local.at)
            x.local = span_text("");
        if (x.kind == MIME_ADDRESS && !x.domain.at)
            x.domain = span_text("");
        write_text(w, any ? "" : "(");
        write_address(w, &x);
        any = true;
    }
    if (any)
        write_u8(w, ')');
    return any;
}

void imap_write_envelope(struct writer *w, struct span header, struct arena *a)
{
    static const char *const lists[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc" };
    struct span from = mime_find_field(header, span_text("From"));
    write_u8(w, '(');
    write_field(w, header, "Date", a);
    write_u8(w, ' ');
    write_field(w, header, "Subject", a);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bool defaults = i == 1 || i == 2; /* an absent Sender or Reply-To is From */
        write_u8(w, ' ');
        if (!write_addresses(w, mime_find_field(header, span_text(lists[i])), a) &&
            !(defaults && write_addresses(w, from, a)))
            write_text(w, "NIL");
    }
    write_u8(w, ' ');
    write_field(w, header, "In-Reply-To", a);
    write_u8(w, ' ');
    write_field(w, header, "Message-ID", a);
    write_u8(w, ')');
}

/* ---- BODYSTRUCTURE -------------------------------------------------------------------------- */

static uint64_t lines_of(struct span body)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < body.len; i++)
        lines += body.at[i] == '\n';
    return lines;
}

static void write_parameters(struct writer *w, struct reader parameters, struct arena *a)
{
    bool any = false;
    size_t most = reader_left(&parameters) + 1;
    uint8_t *scratch = arena_alloc_bytes(a, most);
    if (!scratch) {
        write_text(w, "NIL");
        return;
    }
    struct writer value = writer_over(scratch, most);
    struct span name;
    while (mime_next_parameter(&parameters, &name, &value)) {
        write_text(w, any ? " " : "(");
        imap_write_string(w, name);
        write_u8(w, ' ');
        imap_write_string(w, writer_span(&value));
        value = writer_over(scratch, most);
        any = true;
    }
    write_text(w, any ? ")" : "NIL");
}

static void write_disposition(struct writer *w, struct span value, struct arena *a)
{
    struct mime_value v = mime_parse_value(value);
    if (v.type.len == 0) {
        write_text(w, "NIL");
        return;
    }
    write_u8(w, '(');
    imap_write_string(w, v.type);
    write_u8(w, ' ');
    write_parameters(w, v.parameters, a);
    write_u8(w, ')');
}

/* Disposition, language and location: what all parts end with. */
static void write_extension(struct writer *w, const struct mime_part *p, struct arena *a)
{
    write_u8(w, ' ');
    write_disposition(w, mime_find_field(p->header, span_text("Content-Disposition")), a);
    write_u8(w, ' ');
    write_field(w, p->header, "Content-Language", a);
    write_u8(w, ' ');
    write_field(w, p->header, "Content-Location", a);
}

static void write_basic(struct writer *w, const struct mime_part *p, struct arena *a)
{
    struct span encoding = mime_find_field(p->header, span_text("Content-Transfer-Encoding"));
    imap_write_string(w, p->type);
    write_u8(w, ' ');
    imap_write_string(w, p->subtype);
    write_u8(w, ' ');
    if (p->content_type.len > 0)
        write_parameters(w, mime_parse_value(p->content_type).parameters, a);
    else if (span_is_nocase(p->type, "text"))
        write_text(w, "(\"charset\" \"us-ascii\")"); /* RFC 2045 5.2 */
    else
        write_text(w, "NIL");
    write_u8(w, ' ');
    write_field(w, p->header, "Content-ID", a);
    write_u8(w, ' ');
    write_field(w, p->header, "Content-Description", a);
    write_u8(w, ' ');
    if (encoding.len > 0)
        imap_write_string(w, encoding);
    else
        write_text(w, "\"7BIT\"");
    write_u8(w, ' ');
    write_decimal(w, p->body.len);
}

struct structure {
    struct writer *w;
    const struct mime_tree *t;
    bool extended;
    struct arena *a;
};

static void write_end(const struct structure *s, const struct mime_part *p)
{
    if (s->extended) {
        if (p->kind == MIME_MULTIPART) {
            write_u8(s->w, ' ');
            write_parameters(s->w, mime_parse_value(p->content_type).parameters, s->a);
        } else {
            write_u8(s->w, ' ');
            write_field(s->w, p->header, "Content-MD5", s->a);
        }
        write_extension(s->w, p, s->a);
    }
    write_u8(s->w, ')');
}

/* Up to the children of a part, or all of a leaf. */
static void write_begin(const struct structure *s, const struct mime_part *p)
{
    write_u8(s->w, '(');
    if (p->kind == MIME_MULTIPART) {
        if (p->child == MIME_NONE) /* the grammar wants one part at least */
            write_text(s->w, "(\"text\" \"plain\" NIL NIL NIL \"7BIT\" 0 0)");
        return;
    }
    write_basic(s->w, p, s->a);
    if (p->kind == MIME_MESSAGE) {
        write_u8(s->w, ' ');
        imap_write_envelope(s->w, s->t->parts[p->child].header, s->a);
        write_u8(s->w, ' ');
    } else if (span_is_nocase(p->type, "text")) {
        write_u8(s->w, ' ');
        write_decimal(s->w, lines_of(p->body));
    }
}

static void write_after_children(const struct structure *s, const struct mime_part *p)
{
    write_u8(s->w, ' ');
    if (p->kind == MIME_MULTIPART)
        imap_write_string(s->w, p->subtype);
    else
        write_decimal(s->w, lines_of(p->body));
}

void imap_write_structure(struct writer *w, const struct mime_tree *t, bool extended, struct arena *a)
{
    const struct structure s = { w, t, extended, a };
    uint32_t at = 0;
    bool entering = true;
    for (;;) { /* each part is entered once and left once */
        const struct mime_part *p = &t->parts[at];
        if (entering) {
            write_begin(&s, p);
            entering = p->child != MIME_NONE;
            if (entering) {
                at = p->child;
                continue;
            }
        }
        if (p->kind != MIME_LEAF)
            write_after_children(&s, p);
        write_end(&s, p);
        if (p->parent == MIME_NONE)
            return;
        entering = p->next != MIME_NONE;
        at = entering ? p->next : p->parent;
    }
}
