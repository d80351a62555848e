#include "search.h"

#define DAY_S 86400

bool imap_search_needs_text(const struct imap_search *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->keys[i].kind >= IMAP_KEY_SENTBEFORE && s->keys[i].kind <= IMAP_KEY_TEXT)
            return true;
    return false;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Without regard to the case of ASCII letters. Steps from one place of the first letter to the next. */
static bool contains(struct span text, struct span what)
{
    if (what.len == 0)
        return true;
    uint8_t first = ascii_lower(what.at[0]);
    for (size_t i = 0; i + what.len <= text.len; i++)
        if (ascii_lower(text.at[i]) == first &&
            span_equal_nocase(span_head(span_from(text, i), what.len), what))
            return true;
    return false;
}

/* As it is written, or as it is meant (RFC 2047). */
static bool header_contains(struct span value, struct span what, struct arena *a)
{
    uint8_t *room = arena_alloc_bytes(a, 2 * value.len + 1);
    struct writer w = writer_over(room, room ? 2 * value.len + 1 : 0);
    if (contains(value, what))
        return true;
    mime_write_decoded_words(&w, value);
    return writer_ok(&w) && contains(writer_span(&w), what);
}

static bool has_field(const struct imap_key *k, struct span header, struct arena *a)
{
    struct reader r = reader_over(header);
    struct mime_field field;
    while (mime_next_field(&r, &field))
        if (span_equal_nocase(field.name, k->field) && header_contains(field.value, k->string, a))
            return true;
    return false;
}

static bool part_contains(const struct mime_part *p, struct span what, struct arena *a)
{
    uint8_t *room = arena_alloc_bytes(a, p->body.len + 1);
    struct writer w = writer_over(room, room ? p->body.len + 1 : 0);
    if (p->kind != MIME_LEAF || !span_is_nocase(p->type, "text"))
        return false;
    mime_write_decoded_body(&w, p->body, mime_find_field(p->header, span_text("Content-Transfer-Encoding")));
    return writer_ok(&w) && contains(writer_span(&w), what);
}

/* The text that a reader would see, without what is attached. */
static bool body_contains(const struct mime_tree *t, struct span what, struct arena *a)
{
    for (size_t i = 0; i < t->count; i++)
        if (part_contains(&t->parts[i], what, a))
            return true;
    return false;
}

/* Since 1970; negative before. */
static int64_t day_of(int64_t unix_s)
{
    return unix_s / DAY_S - (unix_s % DAY_S < 0);
}

static bool sent(const struct imap_key *k, struct span header, enum imap_key_kind on)
{
    int64_t zone_s = 0, date_s = mime_parse_date(mime_find_field(header, span_text("Date")), &zone_s);
    if (date_s == -1)
        return false;
    int64_t day = day_of(date_s + zone_s); /* as its writer's calendar had it: RFC 3501 6.4.4 */
    return on == IMAP_KEY_BEFORE ? day < k->number : on == IMAP_KEY_ON ? day == k->number : day >= k->number;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool text_key(const struct imap_key *k, const struct imap_message *m, struct arena *a)
{
    struct span header = m->tree->parts[0].header;
    switch (k->kind) {
    case IMAP_KEY_SENTBEFORE:
        return sent(k, header, IMAP_KEY_BEFORE);
    case IMAP_KEY_SENTON:
        return sent(k, header, IMAP_KEY_ON);
    case IMAP_KEY_SENTSINCE:
        return sent(k, header, IMAP_KEY_SINCE);
    case IMAP_KEY_HEADER:
        return has_field(k, header, a);
    case IMAP_KEY_BODY:
        return body_contains(m->tree, k->string, a);
    default: /* IMAP_KEY_TEXT */
        return header_contains(header, k->string, a) || body_contains(m->tree, k->string, a);
    }
}

static bool key(const struct imap_key *k, const struct imap_message *m, uint32_t largest,
                uint32_t largest_uid, struct arena *a)
{
    switch (k->kind) {
    case IMAP_KEY_ALL:
        return true;
    case IMAP_KEY_FLAG:
        return (m->flags & k->flags) != 0;
    case IMAP_KEY_UNFLAG:
        return (m->flags & k->flags) == 0;
    case IMAP_KEY_NEW:
        return (m->flags & IMAP_RECENT) && !(m->flags & IMAP_SEEN);
    case IMAP_KEY_SEQUENCE:
        return imap_set_has(&k->set, m->number, largest);
    case IMAP_KEY_UID:
        return imap_set_has(&k->set, m->uid, largest_uid);
    case IMAP_KEY_BEFORE:
        return day_of(m->date_s) < k->number;
    case IMAP_KEY_ON:
        return day_of(m->date_s) == k->number;
    case IMAP_KEY_SINCE:
        return day_of(m->date_s) >= k->number;
    case IMAP_KEY_LARGER:
        return m->bytes > (uint64_t)k->number;
    case IMAP_KEY_SMALLER:
        return m->bytes < (uint64_t)k->number;
    default:
        return text_key(k, m, a);
    }
}

/* An operator takes its operands off the stack, the result goes onto it. The reader of the command has made
 * sure that they are there. */
static size_t apply(const struct imap_key *k, bool *stack, size_t depth)
{
    size_t operands = k->kind == IMAP_KEY_NOT ? 1 : k->kind == IMAP_KEY_OR ? 2 : (size_t)k->number;
    bool any = false, all = true;
    for (size_t i = depth - operands; i < depth; i++) {
        any = any || stack[i];
        all = all && stack[i];
    }
    depth -= operands;
    stack[depth] = k->kind == IMAP_KEY_NOT ? !any : k->kind == IMAP_KEY_OR ? any : all;
    return depth + 1;
}

bool imap_search_matches(const struct imap_search *s, const struct imap_message *m, uint32_t largest,
                         uint32_t largest_uid, struct arena *a)
{
    bool stack[IMAP_KEYS_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct imap_key *k = &s->keys[i];
        if (k->kind >= IMAP_KEY_NOT)
            depth = apply(k, stack, depth);
        else
            stack[depth++] = key(k, m, largest, largest_uid, a);
    }
    return depth == 1 && stack[0];
}
