#include "config_guard.h"

#include "hash.h"
#include "text.h"

#include <stdio.h>

#define TITLED_ROOM 64 /* to begin with; a power of two */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_EQUALS,
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_BAD
};

struct token {
    enum token_kind kind;
    struct span text; /* inside the quotes of a string */
    struct config_place place;
    size_t from; /* where its text begins, quote included */
};

struct scanner {
    struct span text;
    size_t at;
    unsigned line;
    size_t line_start;
    char *blanked;
    struct token token;    /* the one to be looked at */
    struct guard_item *in; /* the section being read */
    size_t depth, problems;
    struct arena *arena;
    struct guard_item **titled; /* by name and title: an open table, half empty */
    size_t titled_count, titled_room;
    guard_tell_fn *tell;
    void *owner;
    bool broken; /* the structure itself: nothing can be parsed */
};

/* A problem of one item, which is then skipped. */
#define TELL(s, place, right, ...)                                                                           \
    do {                                                                                                     \
        if ((s)->problems++ < GUARD_PROBLEMS_MAX)                                                            \
            (s)->tell((s)->owner, (s)->in, place, right, __VA_ARGS__);                                       \
    } while (0)
#define TELL_BROKEN(s, place, right, ...)                                                                    \
    do {                                                                                                     \
        (s)->broken = true;                                                                                  \
        TELL(s, place, right, __VA_ARGS__);                                                                  \
    } while (0)

/* ---- words ----------------------------------------------------------------------------------- */

static uint8_t peek(const struct scanner *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? s->text.at[s->at + ahead] : 0;
}

static struct config_place place_of(const struct scanner *s, size_t from, size_t length)
{
    return (struct config_place){ s->line, (unsigned)(from - s->line_start) + 1, (unsigned)length };
}

static void step(struct scanner *s)
{
    if (s->text.at[s->at] == '\n') {
        s->line++;
        s->line_start = s->at + 1;
    }
    s->at++;
}

/* Comments become spaces, so that libConfuse's places and ours stay the same. */
static void blank(struct scanner *s)
{
    if (s->text.at[s->at] != '\n')
        s->blanked[s->at] = ' ';
    step(s);
}

static bool comment_begins(const struct scanner *s)
{
    return peek(s, 0) == '#' || (peek(s, 0) == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*'));
}

static void skip_comment(struct scanner *s)
{
    bool block = peek(s, 0) == '/' && peek(s, 1) == '*';
    struct config_place begin = place_of(s, s->at, 2);
    if (!block) {
        while (s->at < s->text.len && peek(s, 0) != '\n')
            blank(s);
        return;
    }
    while (s->at < s->text.len && !(peek(s, 0) == '*' && peek(s, 1) == '/'))
        blank(s);
    if (s->at == s->text.len) {
        TELL_BROKEN(s, begin, "close it with */", "this comment has no end");
        return;
    }
    blank(s);
    blank(s);
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->text.len) {
        uint8_t c = peek(s, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            step(s);
        else if (comment_begins(s))
            skip_comment(s);
        else
            return;
    }
}

static bool word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '/';
}

/* A string ends on its line. Escapes and ${...} would mean something else to libConfuse than they look like.
 */
static void scan_string(struct scanner *s)
{
    uint8_t quote = peek(s, 0);
    step(s);
    size_t from = s->at;
    while (s->at < s->text.len && peek(s, 0) != quote && peek(s, 0) != '\n') {
        uint8_t c = peek(s, 0);
        if (c == '\\' || c == 0 || (c == '$' && peek(s, 1) == '{'))
            TELL_BROKEN(s, place_of(s, s->at, 1), "write the text itself", "%s cannot stand in a string",
                        c == 0     ? "a NUL byte"
                        : c == '$' ? "${...}"
                                   : "a backslash");
        step(s);
    }
    s->token = (struct token){ TOKEN_STRING, span_head(span_from(s->text, from), s->at - from),
                               place_of(s, from, s->at - from), from - 1 };
    if (s->at < s->text.len && peek(s, 0) == quote)
        step(s);
    else
        TELL_BROKEN(s, place_of(s, from - 1, 1), "a string ends on the line on which it begins",
                    "this string has no end");
}

static enum token_kind mark_kind(uint8_t c)
{
    switch (c) {
    case '=':
        return TOKEN_EQUALS;
    case ',':
        return TOKEN_COMMA;
    case '{':
        return TOKEN_OPEN;
    case '}':
        return TOKEN_CLOSE;
    default:
        return TOKEN_BAD;
    }
}

static void next_token(struct scanner *s)
{
    skip_space(s);
    size_t from = s->at;
    if (from == s->text.len) {
        s->token = (struct token){ TOKEN_END, span_of(NULL, 0), place_of(s, from, 1), from };
        return;
    }
    if (peek(s, 0) == '"' || peek(s, 0) == '\'') {
        scan_string(s);
        return;
    }
    while (s->at < s->text.len && word_byte(peek(s, 0)) && !comment_begins(s))
        step(s);
    enum token_kind kind = TOKEN_WORD;
    if (s->at == from) {
        kind = mark_kind(peek(s, 0));
        step(s);
    }
    s->token = (struct token){ kind, span_head(span_from(s->text, from), s->at - from),
                               place_of(s, from, s->at - from), from };
    if (kind == TOKEN_BAD)
        TELL_BROKEN(s, s->token.place, "quote values that are more than letters, digits and . : / - _",
                    "this character has no meaning here");
}

/* ---- keys -------------------------------------------------------------------------------------- */

const struct config_key *guard_find_key(const struct config_key *keys, struct span name)
{
    for (; keys && keys->name; keys++)
        if (span_is(name, keys->name))
            return keys;
    return NULL;
}

const struct config_key *guard_nearest_key(const struct config_key *keys, struct span name)
{
    char word[64];
    const struct config_key *best = NULL;
    size_t best_distance = 3; /* two edits at most */
    if (name.len >= sizeof word)
        return NULL;
    memcpy(word, name.at, name.len);
    word[name.len] = 0;
    for (; keys && keys->name; keys++) {
        size_t distance = edit_distance(word, keys->name);
        bool part = name.len >= 4 && strstr(keys->name, word) != NULL;
        if (part && best_distance > 2)
            best = keys;
        if (distance < best_distance && distance < name.len) {
            best_distance = distance;
            best = keys;
        }
    }
    return best;
}

static void list_keys(struct writer *w, const struct config_key *keys)
{
    for (size_t i = 0; keys && keys[i].name; i++) {
        struct mark before = writer_mark(w);
        write_text(w, i ? ", " : "");
        write_text(w, keys[i].name);
        if (!writer_ok(w)) {
            writer_back_to(w, before);
            write_text(w, "...");
            return;
        }
    }
}

static const struct config_key *keys_in(const struct guard_item *section, const struct config_key *root)
{
    if (!section->parent)
        return root;
    return section->key && section->key->type == CONFIG_SECTION ? section->key->keys : NULL;
}

static void tell_unknown(struct scanner *s, const struct config_key *keys, const struct token *t)
{
    char right[600];
    struct writer w = writer_over(right, sizeof right - 1);
    const struct config_key *near = guard_nearest_key(keys, t->text);
    writer_reserve(&w, 4);
    if (near)
        write_format(&w, "did you mean \"%s\"? ", near->name);
    write_format(&w, "keys of %.*s: ", s->in->parent ? (int)s->in->name.len : 8,
                 s->in->parent ? (const char *)s->in->name.at : "the file");
    list_keys(&w, keys);
    writer_release(&w, 4);
    right[writer_length(&w)] = 0;
    TELL(s, t->place, right, "unknown key \"%.*s\"", (int)t->text.len, (const char *)t->text.at);
}

static struct guard_item *item_add(struct scanner *s, const struct token *t, const struct config_key *root)
{
    const struct config_key *keys = keys_in(s->in, root);
    struct guard_item *item = arena_array(s->arena, 1, sizeof *item);
    if (!item) {
        TELL_BROKEN(s, t->place, NULL, "the file is too large for the memory there is");
        return NULL;
    }
    item->name = t->text;
    item->place = t->place;
    item->from = t->from;
    item->parent = s->in;
    item->key = guard_find_key(keys, t->text);
    item->skipped = !item->key;
    if (!item->key && keys) /* inside an unknown section nothing more is said */
        tell_unknown(s, keys, t);
    if (s->in->last)
        s->in->last->next = item;
    else
        s->in->first = item;
    s->in->last = item;
    return item;
}

/* Two values for one key, or two sections of one title, cannot both count. */
static bool repeats(const struct guard_item *a, const struct guard_item *b)
{
    if (!span_equal(a->name, b->name) || !b->key)
        return false;
    return !(b->key->flags & CONFIG_TITLED) ||
           (a->has_title && b->has_title && span_equal(a->title, b->title));
}

static const struct guard_item *find_repeated(const struct scanner *s, const struct guard_item *item)
{
    const struct guard_item *i = s->in->first;
    while (i != item && !repeats(i, item)) /* as many as the section's table has keys, each once */
        i = i->next;
    return i != item ? i : NULL;
}

/* Where a section of this title is in the table, or would be. */
static struct guard_item **titled_slot(const struct scanner *s, const struct guard_item *item)
{
    size_t mask = s->titled_room - 1;
    size_t i = hash_bytes(item->title, (uintptr_t)item->parent) & mask;
    while (s->titled[i] && !(s->titled[i]->parent == item->parent && repeats(s->titled[i], item)))
        i = (i + 1) & mask; /* half of them are empty */
    return &s->titled[i];
}

/* False: no memory. */
static bool titled_make_room(struct scanner *s)
{
    struct guard_item **old = s->titled;
    size_t room = s->titled_room;
    if (s->titled_count * 2 < room)
        return true;
    s->titled_room = room ? room * 2 : TITLED_ROOM;
    s->titled = arena_array(s->arena, s->titled_room, sizeof(struct guard_item *));
    if (!s->titled)
        return false;
    for (size_t i = 0; i < room; i++)
        if (old[i])
            *titled_slot(s, old[i]) = old[i];
    return true;
}

/* The first one of this title; there may be a hundred thousand of others. */
static const struct guard_item *find_titled(struct scanner *s, struct guard_item *item)
{
    if (!titled_make_room(s)) {
        TELL_BROKEN(s, item->place, NULL, "the file is too large for the memory there is");
        s->titled_room = 0;
        return NULL;
    }
    struct guard_item **slot = titled_slot(s, item), *first = *slot;
    if (!first) {
        *slot = item;
        s->titled_count++;
    }
    return first;
}

static void tell_repeated(struct scanner *s, struct guard_item *item)
{
    char right[80];
    bool titled = item->key && item->key->flags & CONFIG_TITLED;
    const struct guard_item *first = NULL;
    if (!item->key || (titled && !item->has_title))
        return;
    first = titled ? find_titled(s, item) : find_repeated(s, item);
    if (!first)
        return;
    item->skipped = true;
    snprintf(right, sizeof right, "keep one of them: the first is in line %u", first->place.line);
    TELL(s, item->place, right, "\"%.*s\" is here a second time", (int)item->name.len,
         (const char *)item->name.at);
}

/* ---- structure ----------------------------------------------------------------------------------- */

static void value_add(struct scanner *s, struct guard_item *item)
{
    struct guard_value *v = arena_array(s->arena, 1, sizeof *v);
    if (!v)
        return;
    v->place = s->token.place;
    if (item->last_value)
        item->last_value->next = v;
    else
        item->values = v;
    item->last_value = v;
}

static bool is_value(enum token_kind kind)
{
    return kind == TOKEN_WORD || kind == TOKEN_STRING;
}

static void read_list(struct scanner *s, struct guard_item *item)
{
    struct config_place open = s->token.place;
    next_token(s);
    while (is_value(s->token.kind)) {
        value_add(s, item);
        next_token(s);
        if (s->token.kind != TOKEN_COMMA)
            break;
        next_token(s);
    }
    if (s->token.kind == TOKEN_CLOSE)
        next_token(s);
    else if (is_value(s->token.kind))
        TELL_BROKEN(s, s->token.place, "{ \"one\", \"two\" }", "a comma is missing before this value");
    else
        TELL_BROKEN(s, open, "{ \"one\", \"two\" }", "this list is not closed");
}

/* Takes a wrong item out of what libConfuse will see, up to the token that follows it. */
static void item_ends(struct scanner *s, struct guard_item *item)
{
    item->until = s->token.from;
    for (size_t i = item->from; item->skipped && i < s->token.from; i++)
        if (s->blanked[i] != '\n')
            s->blanked[i] = ' ';
}

static void read_values(struct scanner *s, struct guard_item *item)
{
    next_token(s);
    bool list = item->key && item->key->flags & CONFIG_LIST;
    item->skipped |= item->key && item->key->type == CONFIG_SECTION;
    if (item->key && item->key->type == CONFIG_SECTION)
        TELL(s, item->place, "write a section as: name { ... }", "\"%s\" is a section and takes no value",
             item->key->name);
    if (is_value(s->token.kind)) {
        value_add(s, item);
        next_token(s);
    } else if (s->token.kind == TOKEN_OPEN) {
        bool one_only = item->key && item->key->type != CONFIG_SECTION && !list;
        item->skipped |= one_only;
        if (one_only)
            TELL(s, s->token.place, item->key->example, "\"%s\" takes one value, not a list",
                 item->key->name);
        read_list(s, item);
    } else {
        TELL_BROKEN(s, s->token.place, item->key ? item->key->example : NULL, "a value is missing here");
    }
}

static void read_title(struct scanner *s, struct guard_item *item)
{
    item->has_title = true;
    item->title = s->token.text;
    item->title_place = s->token.place;
    bool unwanted = item->key && item->key->type == CONFIG_SECTION && !(item->key->flags & CONFIG_TITLED);
    item->skipped |= unwanted;
    if (unwanted)
        TELL(s, s->token.place, "write it without", "the section \"%s\" takes no title", item->key->name);
    next_token(s);
}

/* A section was opened: what follows belongs to it. */
static void enter(struct scanner *s, struct guard_item *item)
{
    bool untitled = item->key && item->key->flags & CONFIG_TITLED && !item->has_title;
    item->skipped |= untitled || (item->key && item->key->type != CONFIG_SECTION);
    if (item->key && item->key->type != CONFIG_SECTION)
        TELL(s, item->place, item->key->example,
             "\"%s\" is no section; it takes a value after =", item->key->name);
    else if (untitled)
        TELL(s, item->place, item->key->example, "the section \"%s\" needs a title", item->key->name);
    next_token(s);
    if (s->depth == GUARD_DEPTH_MAX) {
        TELL_BROKEN(s, item->place, NULL, "sections nest no deeper than %d", GUARD_DEPTH_MAX);
        s->at = s->text.len; /* nothing after this can be understood */
        next_token(s);
        return;
    }
    s->depth++;
    s->in = item;
}

static void leave(struct scanner *s)
{
    next_token(s);
    item_ends(s, s->in);
    s->depth--;
    s->in = s->in->parent;
}

/* One key with its value, or the opening of a section. */
static void read_item(struct scanner *s, const struct config_key *root)
{
    struct token name = s->token;
    struct guard_item *item = item_add(s, &name, root);
    next_token(s);
    if (!item)
        return;
    if (is_value(s->token.kind) && s->token.place.line == name.place.line)
        read_title(s, item);
    tell_repeated(s, item);
    if (s->token.kind == TOKEN_EQUALS && !item->has_title) {
        read_values(s, item);
        item_ends(s, item);
    } else if (s->token.kind == TOKEN_OPEN) {
        enter(s, item);
    } else {
        TELL_BROKEN(s, name.place,
                    item->key && item->key->example ? item->key->example
                                                    : "name = \"value\", or name { ... }",
                    "after \"%.*s\" = or { is missing", (int)name.text.len, (const char *)name.text.at);
    }
}

static void read_all(struct scanner *s, const struct config_key *root)
{
    next_token(s);
    while (s->token.kind != TOKEN_END && s->problems < GUARD_PROBLEMS_MAX) {
        if (s->token.kind == TOKEN_WORD) {
            read_item(s, root);
        } else if (s->token.kind == TOKEN_CLOSE && s->depth > 0) {
            leave(s);
        } else {
            if (s->token.kind == TOKEN_CLOSE)
                TELL_BROKEN(s, s->token.place, "take it away, or open its section", "this } closes nothing");
            else if (s->token.kind != TOKEN_BAD)
                TELL_BROKEN(s, s->token.place, "name = \"value\", or name { ... }", "a key is expected here");
            next_token(s);
        }
    }
    for (; s->depth > 0 && s->token.kind == TOKEN_END; s->depth--) {
        TELL_BROKEN(s, s->in->place, "put a } where it ends", "the section \"%.*s\" is not closed",
                    (int)s->in->name.len, (const char *)s->in->name.at);
        s->in = s->in->parent;
    }
}

bool guard_read(struct guard *g, struct span text, const struct config_key *root, struct arena *a,
                guard_tell_fn *tell, void *owner)
{
    *g = (struct guard){ 0 };
    struct scanner s = { .text = text, .line = 1, .in = &g->root, .arena = a, .tell = tell, .owner = owner };
    if (text.len > GUARD_BYTES_MAX) {
        TELL_BROKEN(&s, ((struct config_place){ 1, 1, 1 }), NULL, "the file is larger than %d MiB",
                    GUARD_BYTES_MAX >> 20);
        return false;
    }
    s.blanked = g->blanked = arena_text(a, text);
    if (!g->blanked) {
        TELL_BROKEN(&s, ((struct config_place){ 1, 1, 1 }), NULL, "out of memory");
        return false;
    }
    read_all(&s, root);
    return !s.broken;
}
