/* Any bytes as a message: its tree holds together, its envelope and structure are written within bounds with
 * balanced parentheses, its encodings shrink. A large message takes no longer than its size. */
#include "arena.h"
#include "wire/imap.h"
#include "wire/mime.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX   (1 << 20)
#define ARENA_BYTES (4 << 20)
#define ROOM        (4 << 20)

static struct mime_part parts[MIME_PARTS_MAX];
static uint8_t room[ROOM];

static void must(bool condition)
{
    if (!condition)
        abort();
}

static bool within(struct span s, struct span in)
{
    return s.at >= in.at && s.at + s.len <= in.at + in.len;
}

/* ---- the tree ------------------------------------------------------------------------------ */

static void check_part(const struct mime_tree *t, uint32_t at, struct span text)
{
    const struct mime_part *p = &t->parts[at];
    must(within(p->header, text) && within(p->body, text));
    must(p->header.at + p->header.len == p->body.at);
    must(p->depth < MIME_DEPTH_MAX && (at == 0) == (p->parent == MIME_NONE));
    must(p->kind != MIME_LEAF || p->child == MIME_NONE);
    must(p->kind != MIME_MESSAGE || (p->child != MIME_NONE && t->parts[p->child].next == MIME_NONE));
    if (at == 0)
        return;
    const struct mime_part *up = &t->parts[p->parent];
    /* the empty line behind a header may be the line end of the delimiter that follows */
    struct span outer = span_of(up->body.at, up->body.len + 2);
    must(p->parent < at && p->depth == up->depth + 1 && within(p->header, outer) && within(p->body, outer));
}

static void tree(struct span text, size_t most, struct mime_tree *t)
{
    *t = (struct mime_tree){ .parts = parts, .room = most };
    mime_parse(t, text);
    must(t->count >= 1 && t->count <= most);
    for (size_t i = 0; i < t->count; i++)
        check_part(t, (uint32_t)i, text);
    must(parts[0].body.at + parts[0].body.len == text.at + text.len);
}

/* ---- what is written of it ----------------------------------------------------------------- */

/* Strings and literals aside, each parenthesis has its other one. */
static bool is_balanced(struct span s, struct arena *a)
{
    struct reader r = reader_over(s);
    long open = 0;
    while (reader_ok(&r) && reader_left(&r) > 0) {
        int c = reader_peek(&r);
        if (c == '"' || c == '{') {
            arena_reset(a);
            imap_read_string(&r, a);
            continue;
        }
        read_skip(&r, 1);
        open += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (open < 0 ||
            (c != '(' && c != ')' && c != ' ' && c != 'N' && c != 'I' && c != 'L' && (c < '0' || c > '9')))
            return false;
    }
    return open == 0 && reader_ok(&r);
}

static void written(const struct mime_tree *t, struct span text, size_t most, size_t arena_bytes)
{
    struct arena a, strings;
    bool nul = span_find(text, '\0') < text.len; /* no string has one, though a server may have to send it */
    arena_open(&a, 4096, arena_bytes);
    arena_open(&strings, 4096, ARENA_BYTES);
    for (int extended = 0; extended < 2; extended++) {
        struct writer w = writer_over(room, most);
        imap_write_structure(&w, t, extended, &a);
        must(!writer_ok(&w) || nul || is_balanced(writer_span(&w), &strings));
        arena_reset(&a);
    }
    struct writer w = writer_over(room, most);
    imap_write_envelope(&w, t->parts[0].header, &a);
    must(!writer_ok(&w) || nul || is_balanced(writer_span(&w), &strings));
    arena_close(&a);
    arena_close(&strings);
}

/* ---- single values ------------------------------------------------------------------------- */

static void values(struct span in)
{
    static const char *const encodings[] = { "base64", "quoted-printable", "8bit" };
    struct reader r = reader_over(in);
    struct mime_field f;
    int64_t zone_s;
    while (mime_next_field(&r, &f))
        must(within(f.name, f.whole) && f.name.len > 0 && within(f.value, f.whole) && within(f.whole, in));
    must(mime_parse_date(in, &zone_s) >= -1 || zone_s != INT64_MAX);
    struct writer w = writer_over(room, 2 * in.len);
    mime_write_decoded_words(&w, in);
    must(writer_ok(&w));
    for (size_t i = 0; i < 3; i++) {
        w = writer_over(room, in.len);
        mime_write_decoded_body(&w, in, span_text(encodings[i]));
        must(writer_ok(&w));
    }
    w = writer_over(room, ROOM);
    mime_write_base64_strict(&w, in);
    struct mime_value v = mime_parse_value(in);
    struct span name;
    w = writer_over(room, in.len);
    while (mime_next_parameter(&v.parameters, &name, &w))
        must(writer_ok(&w) && name.len > 0);
    struct mime_addresses left = mime_addresses_of(in);
    struct mime_address x;
    size_t count = 0;
    w = writer_over(room, in.len);
    while (mime_next_address(&left, &w, &x))
        must(writer_ok(&w) && ++count <= in.len + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX)
        return 0;
    struct span text = span_of(data + 2, size - 2);
    struct mime_tree t;
    tree(text, data[0] & 1 ? MIME_PARTS_MAX : 1 + data[0] / 2u, &t);
    written(&t, text, data[1] & 1 ? ROOM : data[1] * 4u, data[1] & 2 ? ARENA_BYTES : data[1] * 64u);
    values(text);
    return 0;
}
