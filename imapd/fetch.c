#include "fetch.h"

#include "text.h"

/* ---- sections (RFC 3501 6.4.5) --------------------------------------------------------------- */

static const struct mime_part *part_at(const struct mime_tree *t, uint32_t place)
{
    return place == MIME_NONE ? NULL : &t->parts[place];
}

/* The part of the message or multipart `p` that `number` means: what is no multipart is its own first part.
 * NULL: there is none. */
static const struct mime_part *step_into(const struct mime_tree *t, const struct mime_part *p,
                                         uint32_t number)
{
    if (p->kind != MIME_MULTIPART)
        return number == 1 ? p : NULL;
    const struct mime_part *child = part_at(t, p->child);
    for (uint32_t i = 1; child && i < number; i++) /* no further than there are children */
        child = part_at(t, child->next);
    return child;
}

/* A message in a message counts as what it has inside. */
static const struct mime_part *inside(const struct mime_tree *t, const struct mime_part *p)
{
    return p->kind == MIME_MESSAGE ? part_at(t, p->child) : p;
}

static const struct mime_part *find_part(const struct imap_section *s, const struct mime_tree *t)
{
    const struct mime_part *p = &t->parts[0];
    for (size_t i = 0; p && i < s->depth; i++) {
        const struct mime_part *holder = i == 0 ? p : inside(t, p);
        if (i > 0 && holder == p && p->kind == MIME_LEAF)
            return NULL; /* nothing is inside a leaf that was named already */
        p = holder ? step_into(t, holder, s->path[i]) : NULL;
    }
    return p;
}

static bool is_named(const struct imap_section *s, struct span field)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (span_equal_nocase(field, s->fields[i]))
            return true;
    return false;
}

/* The fields that were asked for, or the others, and the empty line. */
static struct span fields_of(const struct imap_section *s, struct span header, struct arena *a)
{
    uint8_t *room = arena_alloc_bytes(a, header.len + 2);
    struct writer w = writer_over(room, room ? header.len + 2 : 0);
    struct reader r = reader_over(header);
    struct mime_field field;
    while (mime_next_field(&r, &field))
        if (is_named(s, field.name) == (s->text == IMAP_SECTION_FIELDS))
            write_span(&w, field.whole);
    write_text(&w, "\r\n");
    return writer_ok(&w) ? writer_span(&w) : span_of(NULL, 0);
}

struct span imap_section_bytes(const struct imap_section *s, const struct mime_tree *t, struct arena *a)
{
    const struct mime_part *p = find_part(s, t);
    const struct span none = span_of(NULL, 0),
                      whole = span_of(t->parts[0].header.at, t->parts[0].header.len + t->parts[0].body.len);
    if (!p)
        return none;
    if (s->text == IMAP_SECTION_MIME)
        return p->header;
    if (s->text == IMAP_SECTION_ALL)
        return s->depth == 0 ? whole : p->body;
    /* HEADER and TEXT are of a message: the whole one, or the one inside a part */
    if (s->depth > 0)
        p = p->kind == MIME_MESSAGE ? part_at(t, p->child) : NULL;
    if (!p)
        return none;
    if (s->text == IMAP_SECTION_TEXT)
        return p->body;
    return s->text == IMAP_SECTION_HEADER ? p->header : fields_of(s, p->header, a);
}

static struct span cut(struct span s, const struct imap_fetch_item *item)
{
    return item->partial && s.at ? span_head(span_from(s, item->offset), item->count) : s;
}

/* As a literal in any case: it may be anything, and clients rely on it. */
static void write_literal(struct writer *w, struct span s)
{
    if (!s.at) {
        write_text(w, "NIL");
        return;
    }
    write_format(w, "{%zu}\r\n", s.len);
    write_span(w, s);
}

/* ---- items ------------------------------------------------------------------------------------- */

static void write_flags(struct writer *w, unsigned flags)
{
    write_text(w, "FLAGS (");
    imap_write_flags(w, flags);
    write_u8(w, ')');
}

static void write_old_name(struct writer *w, const char *name, enum imap_section_text text,
                           const struct imap_message *m, struct arena *a)
{
    const struct imap_section section = { .text = text };
    write_text(w, name);
    write_u8(w, ' ');
    write_literal(w, imap_section_bytes(&section, m->tree, a));
}

static void write_section_item(struct writer *w, const struct imap_fetch_item *item,
                               const struct imap_message *m, struct arena *a)
{
    imap_write_section(w, item);
    write_u8(w, ' ');
    write_literal(w, cut(imap_section_bytes(&item->section, m->tree, a), item));
}

static void write_item(struct writer *w, const struct imap_fetch_item *item, const struct imap_message *m,
                       struct arena *a)
{
    switch (item->kind) {
    case IMAP_FETCH_FLAGS:
        write_flags(w, m->flags);
        return;
    case IMAP_FETCH_UID:
        write_format(w, "UID %lu", (unsigned long)m->uid);
        return;
    case IMAP_FETCH_INTERNALDATE:
        write_text(w, "INTERNALDATE ");
        imap_write_date_time(w, m->date_s);
        return;
    case IMAP_FETCH_SIZE:
        write_format(w, "RFC822.SIZE %llu", (unsigned long long)m->bytes);
        return;
    case IMAP_FETCH_ENVELOPE:
        write_text(w, "ENVELOPE ");
        imap_write_envelope(w, m->tree->parts[0].header, a);
        return;
    case IMAP_FETCH_BODY:
    case IMAP_FETCH_BODYSTRUCTURE:
        write_text(w, item->kind == IMAP_FETCH_BODY ? "BODY " : "BODYSTRUCTURE ");
        imap_write_structure(w, m->tree, item->kind == IMAP_FETCH_BODYSTRUCTURE, a);
        return;
    case IMAP_FETCH_SECTION:
        write_section_item(w, item, m, a);
        return;
    case IMAP_FETCH_RFC822:
        write_old_name(w, "RFC822", IMAP_SECTION_ALL, m, a);
        return;
    case IMAP_FETCH_RFC822_HEADER:
        write_old_name(w, "RFC822.HEADER", IMAP_SECTION_HEADER, m, a);
        return;
    case IMAP_FETCH_RFC822_TEXT:
        write_old_name(w, "RFC822.TEXT", IMAP_SECTION_TEXT, m, a);
    }
}

static bool has(const struct imap_fetch *f, enum imap_fetch_kind kind)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind == kind)
            return true;
    return false;
}

bool imap_fetch_needs_tree(const struct imap_fetch *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind >= IMAP_FETCH_ENVELOPE)
            return true;
    return false;
}

void imap_write_fetch(struct writer *w, const struct imap_fetch *f, const struct imap_message *m, bool flags,
                      bool uid, struct arena *a)
{
    const struct imap_fetch_item add_uid = { .kind = IMAP_FETCH_UID },
                                 add_flags = { .kind = IMAP_FETCH_FLAGS };
    write_format(w, "* %lu FETCH (", (unsigned long)m->number);
    for (size_t i = 0; i < f->count; i++) {
        if (i > 0)
            write_u8(w, ' ');
        write_item(w, &f->items[i], m, a);
    }
    if (uid && !has(f, IMAP_FETCH_UID)) {
        write_text(w, " ");
        write_item(w, &add_uid, m, a);
    }
    if (flags && !has(f, IMAP_FETCH_FLAGS)) {
        write_text(w, " ");
        write_item(w, &add_flags, m, a);
    }
    write_text(w, ")\r\n");
}

void imap_write_fetch_flags(struct writer *w, const struct imap_message *m, bool uid)
{
    struct imap_fetch_item flags = { .kind = IMAP_FETCH_FLAGS };
    const struct imap_fetch only = { .items = &flags, .count = 1 };
    imap_write_fetch(w, &only, m, false, uid, NULL);
}
