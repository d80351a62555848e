#include "imap.h"

#include "text.h"

/* ---- FETCH -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum imap_fetch_kind kind;
    bool sees;
} simple[] = {
    { "FLAGS", IMAP_FETCH_FLAGS, false },
    { "UID", IMAP_FETCH_UID, false },
    { "INTERNALDATE", IMAP_FETCH_INTERNALDATE, false },
    { "RFC822.SIZE", IMAP_FETCH_SIZE, false },
    { "ENVELOPE", IMAP_FETCH_ENVELOPE, false },
    { "BODY", IMAP_FETCH_BODY, false },
    { "BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, false },
    { "RFC822", IMAP_FETCH_RFC822, true },
    { "RFC822.HEADER", IMAP_FETCH_RFC822_HEADER, false },
    { "RFC822.TEXT", IMAP_FETCH_RFC822_TEXT, true },
};

/* What ALL, FAST and FULL stand for (RFC 3501 6.4.5): so many items of the list. */
static const enum imap_fetch_kind macro_items[] = { IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE,
                                                    IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE, IMAP_FETCH_BODY };
static const struct {
    const char *name;
    size_t count;
} macros[] = { { "FAST", 3 }, { "ALL", 4 }, { "FULL", 5 } };

static const struct {
    const char *name;
    enum imap_section_text text;
} texts[] = {
    { "HEADER", IMAP_SECTION_HEADER },
    { "HEADER.FIELDS", IMAP_SECTION_FIELDS },
    { "HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT },
    { "TEXT", IMAP_SECTION_TEXT },
    { "MIME", IMAP_SECTION_MIME },
};

static void read_fields(struct reader *r, struct arena *a, struct imap_section *s)
{
    imap_read_space(r);
    s->fields = arena_array(a, IMAP_FIELDS_MAX, sizeof *s->fields);
    if (!s->fields || !imap_take(r, '('))
        reader_fail(r);
    do { /* each turn takes a name, or fails */
        if (s->field_count == IMAP_FIELDS_MAX)
            reader_fail(r);
        struct span name = imap_read_astring(r, a);
        if (reader_ok(r))
            s->fields[s->field_count++] = name;
    } while (reader_ok(r) && imap_take(r, ' '));
    if (!imap_take(r, ')'))
        reader_fail(r);
}

static void read_section_text(struct reader *r, struct arena *a, struct imap_section *s)
{
    struct span word = imap_read_word(r);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (span_is_nocase(word, texts[i].name))
            s->text = texts[i].text;
    if (s->text == IMAP_SECTION_ALL || (s->text == IMAP_SECTION_MIME && s->depth == 0))
        reader_fail(r);
    if (s->text == IMAP_SECTION_FIELDS || s->text == IMAP_SECTION_FIELDS_NOT)
        read_fields(r, a, s);
}

/* What stands between the brackets; the first is taken already. */
static void read_section(struct reader *r, struct arena *a, struct imap_section *s)
{
    bool more = reader_peek(r) != ']';
    while (more && reader_peek(r) >= '0' && reader_peek(r) <= '9') {
        if (s->depth == IMAP_PART_DEPTH_MAX)
            reader_fail(r);
        else
            s->path[s->depth++] = imap_read_number_nz(r);
        more = imap_take(r, '.');
    }
    if (more)
        read_section_text(r, a, s);
    if (!imap_take(r, ']'))
        reader_fail(r);
}

static void read_partial(struct reader *r, struct imap_fetch_item *item)
{
    if (!imap_take(r, '<'))
        return;
    item->partial = true;
    item->offset = imap_read_number(r);
    if (!imap_take(r, '.'))
        reader_fail(r);
    item->count = imap_read_number_nz(r);
    if (!imap_take(r, '>'))
        reader_fail(r);
}

static void add_item(struct imap_fetch *f, struct imap_fetch_item item, bool sees)
{
    f->items[f->count++] = item;
    f->sees = f->sees || sees;
    f->needs_text = f->needs_text || item.kind > IMAP_FETCH_SIZE;
}

static void read_item(struct reader *r, struct arena *a, struct imap_fetch *f, struct span word)
{
    struct imap_fetch_item item = { .kind = IMAP_FETCH_SECTION };
    bool peeks = span_is_nocase(word, "BODY.PEEK");
    if ((peeks || span_is_nocase(word, "BODY")) && imap_take(r, '[')) {
        read_section(r, a, &item.section);
        read_partial(r, &item);
        add_item(f, item, !peeks);
        return;
    }
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (!span_is_nocase(word, simple[i].name))
            continue;
        item.kind = simple[i].kind;
        add_item(f, item, simple[i].sees);
        return;
    }
    reader_fail(r);
}

static bool is_macro(struct imap_fetch *f, struct span word)
{
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
        if (!span_is_nocase(word, macros[i].name))
            continue;
        for (size_t k = 0; k < macros[i].count; k++)
            add_item(f, (struct imap_fetch_item){ .kind = macro_items[k] }, false);
        return true;
    }
    return false;
}

struct imap_fetch imap_read_fetch(struct reader *r, struct arena *a)
{
    struct imap_fetch f = { 0 };
    size_t most = reader_left(r) / 3 + 5; /* the shortest item and its space have four characters */
    most = most < IMAP_FETCH_MAX ? most : IMAP_FETCH_MAX;
    f.items = arena_array(a, most + 1, sizeof *f.items); /* one more for the UID of UID FETCH */
    if (!f.items) {
        reader_fail(r);
        return f;
    }
    if (!imap_take(r, '(')) {
        struct span word = imap_read_word(r);
        if (reader_ok(r) && !is_macro(&f, word))
            read_item(r, a, &f, word);
        return f;
    }
    do { /* each turn takes an item, or fails */
        if (f.count == most)
            reader_fail(r);
        else
            read_item(r, a, &f, imap_read_word(r));
    } while (reader_ok(r) && imap_take(r, ' '));
    if (!imap_take(r, ')'))
        reader_fail(r);
    return f;
}

void imap_write_section(struct writer *w, const struct imap_fetch_item *item)
{
    const struct imap_section *s = &item->section;
    write_text(w, "BODY[");
    for (size_t i = 0; i < s->depth; i++)
        write_format(w, i ? ".%lu" : "%lu", (unsigned long)s->path[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].text == s->text)
            write_format(w, s->depth ? ".%s" : "%s", texts[i].name);
    for (size_t i = 0; i < s->field_count; i++) {
        write_text(w, i ? " " : " (");
        imap_write_astring(w, s->fields[i]);
    }
    write_text(w, s->field_count ? ")]" : "]");
    if (item->partial)
        write_format(w, "<%lu>", (unsigned long)item->offset);
}

/* ---- STATUS -------------------------------------------------------------------------------- */

unsigned imap_read_status_items(struct reader *r)
{
    static const struct {
        const char *name;
        enum imap_status_item item;
    } items[] = { { "MESSAGES", IMAP_STATUS_MESSAGES },
                  { "RECENT", IMAP_STATUS_RECENT },
                  { "UIDNEXT", IMAP_STATUS_UIDNEXT },
                  { "UIDVALIDITY", IMAP_STATUS_UIDVALIDITY },
                  { "UNSEEN", IMAP_STATUS_UNSEEN } };
    unsigned got = 0;
    if (!imap_take(r, '('))
        reader_fail(r);
    do { /* each turn takes an item, or fails */
        struct span word = imap_read_word(r);
        unsigned item = 0;
        for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
            if (span_is_nocase(word, items[i].name))
                item = items[i].item;
        if (item == 0)
            reader_fail(r);
        got |= item;
    } while (reader_ok(r) && imap_take(r, ' '));
    if (!imap_take(r, ')'))
        reader_fail(r);
    return got;
}

/* ---- SEARCH ------------------------------------------------------------------------------- */

enum key_argument { ARG_NONE, ARG_DATE, ARG_NUMBER, ARG_STRING, ARG_FIELD_STRING, ARG_KEYWORD, ARG_SET };

static const struct key_row {
    const char *name;
    enum imap_key_kind kind;
    enum key_argument argument;
    unsigned flags;
    const char *field;
} key_rows[] = {
    { "ALL", IMAP_KEY_ALL, ARG_NONE, 0, NULL },
    { "ANSWERED", IMAP_KEY_FLAG, ARG_NONE, IMAP_ANSWERED, NULL },
    { "BCC", IMAP_KEY_HEADER, ARG_STRING, 0, "Bcc" },
    { "BEFORE", IMAP_KEY_BEFORE, ARG_DATE, 0, NULL },
    { "BODY", IMAP_KEY_BODY, ARG_STRING, 0, NULL },
    { "CC", IMAP_KEY_HEADER, ARG_STRING, 0, "Cc" },
    { "DELETED", IMAP_KEY_FLAG, ARG_NONE, IMAP_DELETED, NULL },
    { "DRAFT", IMAP_KEY_FLAG, ARG_NONE, IMAP_DRAFT, NULL },
    { "FLAGGED", IMAP_KEY_FLAG, ARG_NONE, IMAP_FLAGGED, NULL },
    { "FROM", IMAP_KEY_HEADER, ARG_STRING, 0, "From" },
    { "HEADER", IMAP_KEY_HEADER, ARG_FIELD_STRING, 0, NULL },
    { "KEYWORD", IMAP_KEY_FLAG, ARG_KEYWORD, 0, NULL },
    { "LARGER", IMAP_KEY_LARGER, ARG_NUMBER, 0, NULL },
    { "NEW", IMAP_KEY_NEW, ARG_NONE, 0, NULL },
    { "OLD", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_RECENT, NULL },
    { "ON", IMAP_KEY_ON, ARG_DATE, 0, NULL },
    { "RECENT", IMAP_KEY_FLAG, ARG_NONE, IMAP_RECENT, NULL },
    { "SEEN", IMAP_KEY_FLAG, ARG_NONE, IMAP_SEEN, NULL },
    { "SENTBEFORE", IMAP_KEY_SENTBEFORE, ARG_DATE, 0, NULL },
    { "SENTON", IMAP_KEY_SENTON, ARG_DATE, 0, NULL },
    { "SENTSINCE", IMAP_KEY_SENTSINCE, ARG_DATE, 0, NULL },
    { "SINCE", IMAP_KEY_SINCE, ARG_DATE, 0, NULL },
    { "SMALLER", IMAP_KEY_SMALLER, ARG_NUMBER, 0, NULL },
    { "SUBJECT", IMAP_KEY_HEADER, ARG_STRING, 0, "Subject" },
    { "TEXT", IMAP_KEY_TEXT, ARG_STRING, 0, NULL },
    { "TO", IMAP_KEY_HEADER, ARG_STRING, 0, "To" },
    { "UID", IMAP_KEY_UID, ARG_SET, 0, NULL },
    { "UNANSWERED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_ANSWERED, NULL },
    { "UNDELETED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_DELETED, NULL },
    { "UNDRAFT", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_DRAFT, NULL },
    { "UNFLAGGED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_FLAGGED, NULL },
    { "UNKEYWORD", IMAP_KEY_UNFLAG, ARG_KEYWORD, 0, NULL },
    { "UNSEEN", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_SEEN, NULL },
};

/* What waits for operands: a list in parentheses (or the whole command), NOT, OR. */
struct open_key {
    enum imap_key_kind kind;
    size_t operands;
};

struct search_parse {
    struct reader *r;
    struct arena *a;
    struct imap_search out;
    size_t most;
    struct open_key open[IMAP_KEY_DEPTH_MAX];
    size_t depth;
};

static void emit(struct search_parse *p, struct imap_key key)
{
    if (p->out.count == p->most)
        reader_fail(p->r);
    else
        p->out.keys[p->out.count++] = key;
}

static void push(struct search_parse *p, enum imap_key_kind kind)
{
    if (p->depth == IMAP_KEY_DEPTH_MAX)
        reader_fail(p->r);
    else
        p->open[p->depth++] = (struct open_key){ kind, 0 };
}

/* An operand is there; it may complete NOT and OR, which are operands then. */
static void completed(struct search_parse *p)
{
    for (;;) { /* each turn but the last takes one off the stack; the bottom is a list */
        struct open_key *top = &p->open[p->depth - 1];
        top->operands++;
        if (top->kind == IMAP_KEY_AND || (top->kind == IMAP_KEY_OR && top->operands < 2))
            return;
        emit(p, (struct imap_key){ .kind = top->kind });
        p->depth--;
    }
}

static void close_list(struct search_parse *p)
{
    emit(p, (struct imap_key){ .kind = IMAP_KEY_AND, .number = (int64_t)p->open[p->depth - 1].operands });
    p->depth--;
}

static void read_argument(struct search_parse *p, const struct key_row *row)
{
    struct imap_key key = { .kind = row->kind, .flags = row->flags };
    if (row->argument != ARG_NONE)
        imap_read_space(p->r);
    if (row->argument == ARG_DATE)
        key.number = imap_read_date(p->r);
    if (row->argument == ARG_NUMBER)
        key.number = imap_read_number(p->r);
    if (row->argument == ARG_KEYWORD)
        key.flags = imap_keyword(imap_read_atom(p->r));
    if (row->argument == ARG_SET)
        key.set = imap_read_set(p->r, p->a);
    key.field = row->field ? span_text(row->field) : span_text("");
    if (row->argument == ARG_FIELD_STRING) {
        key.field = imap_read_astring(p->r, p->a);
        imap_read_space(p->r);
    }
    if (row->argument == ARG_STRING || row->argument == ARG_FIELD_STRING)
        key.string = imap_read_astring(p->r, p->a);
    emit(p, key);
}

static const struct key_row *find_key(struct span word)
{
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++)
        if (span_is_nocase(word, key_rows[i].name))
            return &key_rows[i];
    return NULL;
}

/* True when an operand is there; false when a list, NOT or OR began, or for a failure. */
static bool read_key(struct search_parse *p)
{
    int next = reader_peek(p->r);
    if (imap_take(p->r, '(')) {
        push(p, IMAP_KEY_AND);
        return false;
    }
    if (next == '*' || (next >= '0' && next <= '9')) {
        emit(p, (struct imap_key){ .kind = IMAP_KEY_SEQUENCE, .set = imap_read_set(p->r, p->a) });
        return true;
    }
    struct span word = imap_read_word(p->r);
    if (span_is_nocase(word, "NOT") || span_is_nocase(word, "OR")) {
        push(p, word.len == 3 ? IMAP_KEY_NOT : IMAP_KEY_OR);
        imap_read_space(p->r);
        return false;
    }
    const struct key_row *row = find_key(word);
    if (row)
        read_argument(p, row);
    else
        reader_fail(p->r);
    return true;
}

static void read_charset(struct search_parse *p)
{
    struct reader ahead = *p->r;
    if (!span_is_nocase(imap_read_word(&ahead), "CHARSET"))
        return;
    *p->r = ahead;
    imap_read_space(p->r);
    struct span name = imap_read_astring(p->r, p->a);
    imap_read_space(p->r);
    p->out.bad_charset = !span_is_nocase(name, "US-ASCII") && !span_is_nocase(name, "UTF-8");
}

struct imap_search imap_read_search(struct reader *r, struct arena *a)
{
    struct search_parse p = { .r = r, .a = a };
    p.most = reader_left(r) + 2; /* "(1)" is two keys, and the whole is one more */
    p.most = p.most < IMAP_KEYS_MAX ? p.most : IMAP_KEYS_MAX;
    p.out.keys = arena_array(a, p.most, sizeof *p.out.keys);
    if (!p.out.keys) {
        reader_fail(r);
        return p.out;
    }
    read_charset(&p);
    push(&p, IMAP_KEY_AND);
    while (reader_ok(r)) { /* each turn takes a key, or fails */
        if (!read_key(&p))
            continue;
        completed(&p);
        while (p.depth > 1 && p.open[p.depth - 1].kind == IMAP_KEY_AND && imap_take(r, ')')) {
            close_list(&p);
            completed(&p);
        }
        if (reader_left(r) == 0)
            break;
        imap_read_space(r);
    }
    if (p.depth != 1)
        reader_fail(r);
    else
        close_list(&p);
    return p.out;
}
