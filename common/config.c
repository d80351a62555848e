#include "config.h"

#include "config_guard.h"
#include "config_tree.h"
#include "config_types.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_CHUNK     (64 * 1024)
#define ARENA_MAX       (1024u * 1024 * 1024)
#define PATH_TEXT_BYTES 512
#define MESSAGE_BYTES   1024
#define TOGETHER        256 /* sections that libConfuse parses at once: each costs it a look at those before it */

/* ---- notes ------------------------------------------------------------------------------------- */

static bool before(const struct config_place *a, const struct config_place *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static char *keep(struct config *c, const char *text)
{
    return text ? arena_text(&c->arena, span_text(text)) : NULL;
}

static void note_add(struct config *c, struct config_note **list, struct config_place place, const char *path,
                     const char *message, const char *right)
{
    struct config_note *n = arena_array(&c->arena, 1, sizeof *n);
    if (!n) {
        c->failed = true;
        return;
    }
    *n = (struct config_note){ NULL, place, keep(c, path), keep(c, message), keep(c, right) };
    while (*list && !before(&place, &(*list)->place))
        list = &(*list)->next;
    n->next = *list;
    *list = n;
}

static void write_step(struct writer *w, struct span name, bool titled, struct span title)
{
    if (writer_length(w))
        write_text(w, " > ");
    write_span(w, name);
    if (titled) {
        write_text(w, " \"");
        write_span(w, title);
        write_text(w, "\"");
    }
}

/* "dhcpd > subnet "192.168.1.0/24"": depth is bounded by the guard. */
static void write_guard_path(struct writer *w, const struct guard_item *in)
{
    const struct guard_item *up[GUARD_DEPTH_MAX + 1];
    size_t n = 0;
    for (; in && in->parent && n <= GUARD_DEPTH_MAX; in = in->parent)
        up[n++] = in;
    while (n--)
        write_step(w, up[n]->name, up[n]->has_title, up[n]->title);
}

static void write_section_path(struct writer *w, const struct config_section *s)
{
    const struct config_section *up[GUARD_DEPTH_MAX + 1];
    size_t n = 0;
    for (; s && s->key && n <= GUARD_DEPTH_MAX; s = s->parent)
        up[n++] = s;
    while (n--)
        write_step(w, span_text(up[n]->key->name), up[n]->titled,
                   span_text(up[n]->title.text ? up[n]->title.text : ""));
}

static const char *path_end(struct writer *w)
{
    if (!writer_ok(w))
        return "";
    w->start[writer_length(w)] = 0;
    return (const char *)w->start;
}

static void tell(void *owner, const struct guard_item *in, struct config_place place, const char *right,
                 const char *format, ...)
{
    struct config *c = owner;
    char message[MESSAGE_BYTES], path[PATH_TEXT_BYTES];
    struct writer w = writer_over(path, sizeof path - 1);
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    write_guard_path(&w, in);
    note_add(c, &c->problems, place, path_end(&w), message, right);
    c->problem_count++;
}

static struct config_place place_for(const struct config_section *s, const struct config_value *v)
{
    return v && v->place.line ? v->place : s->place;
}

/* Which key of the section the value belongs to; NULL for its title. */
static const char *key_of(const struct config_section *s, const struct config_value *v)
{
    for (size_t i = 0; v && i < s->entry_count; i++) {
        const struct config_entry *e = &s->entries[i];
        if (e->count > 0 && v >= e->values && v < e->values + e->count)
            return e->key->name;
    }
    return NULL;
}

static void note_about(struct config *c, struct config_note **list, const struct config_section *s,
                       const struct config_value *v, const char *right, const char *message)
{
    char path[PATH_TEXT_BYTES];
    struct writer w = writer_over(path, sizeof path - 1);
    const char *key = key_of(s, v);
    write_section_path(&w, s);
    if (key)
        write_step(&w, span_text(key), false, span_of(NULL, 0));
    note_add(c, list, place_for(s, v), path_end(&w), message, right);
}

void config_problem(struct config *c, const struct config_section *s, const struct config_value *v,
                    const char *right, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    note_about(c, &c->problems, s, v, right, message);
    c->problem_count++;
}

void config_warning(struct config *c, const struct config_section *s, const struct config_value *v,
                    const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    note_about(c, &c->warnings, s, v, NULL, message);
}

/* ---- libConfuse's side ------------------------------------------------------------------------- */

static size_t rows_of(const struct config_key *keys)
{
    size_t n = 0;
    while (keys[n].name)
        n++;
    return n;
}

/* Every value is text to libConfuse; what it means is ours to check. */
static cfg_opt_t option_of(const struct config_key *k, cfg_opt_t *inside)
{
    if (k->type == CONFIG_SECTION) {
        bool titled = k->flags & CONFIG_TITLED;
        cfg_opt_t section =
            CFG_SEC(k->name, inside, titled ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE);
        return section;
    }
    if (k->flags & CONFIG_LIST) {
        cfg_opt_t list = CFG_STR_LIST(k->name, NULL, CFGF_NODEFAULT);
        return list;
    }
    cfg_opt_t one = CFG_STR(k->name, NULL, CFGF_NODEFAULT);
    return one;
}

/* Our rows as libConfuse's. The rows are our own tables, so this recursion is as deep as they are. */
static cfg_opt_t *options_of(struct arena *a, const struct config_key *keys)
{
    size_t n = rows_of(keys);
    cfg_opt_t *options = arena_array(a, n + 1, sizeof *options);
    if (!options)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        cfg_opt_t *inside = keys[i].type == CONFIG_SECTION ? options_of(a, keys[i].keys) : NULL;
        if (keys[i].type == CONFIG_SECTION && !inside)
            return NULL;
        options[i] = option_of(&keys[i], inside);
    }
    cfg_opt_t end = CFG_END();
    options[n] = end;
    return options;
}

/* The guard found every error first; what libConfuse still says goes where it points. */
static __thread struct config *parsing;

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
{
    char message[MESSAGE_BYTES];
    vsnprintf(message, sizeof message, format, args);
    struct config_place place = { cfg && cfg->line > 0 ? (unsigned)cfg->line : 1, 1, 1 };
    note_add(parsing, &parsing->problems, place, "", message, NULL);
    parsing->problem_count++;
}

static cfg_t *confuse_parse(struct config *c, cfg_opt_t *options, const char *text)
{
    cfg_t *cfg = options ? cfg_init(options, CFGF_NONE) : NULL;
    if (!cfg) {
        c->failed = true;
        return NULL;
    }
    parsing = c;
    cfg_set_error_function(cfg, confuse_error);
    size_t before_parsing = c->problem_count;
    bool ok = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
    parsing = NULL;
    if (ok && c->problem_count == before_parsing)
        return cfg;
    if (c->problem_count == before_parsing)
        config_problem(c, c->root, NULL, NULL, "the file cannot be parsed");
    cfg_free(cfg);
    return NULL;
}

/* ---- pieces of the file -------------------------------------------------------------------------
 * Titled sections are parsed some at a time, apart from what they stand in: a hundred thousand at once would
 * take libConfuse minutes and a gigabyte. */

static bool is_titled(const struct guard_item *i)
{
    return !i->skipped && i->key->type == CONFIG_SECTION && i->key->flags & CONFIG_TITLED;
}

static void write_piece(struct writer *w, const char *blanked, size_t from, size_t until)
{
    write_bytes(w, blanked + from, until - from);
}

/* What stands in the section, without titled ones, up to where *from is then. As deep as the guard lets a
 * file be. */
static void write_plain(struct writer *w, const char *blanked, const struct guard_item *in, size_t *from)
{
    for (const struct guard_item *i = in->first; i; i = i->next) {
        if (i->skipped || i->key->type != CONFIG_SECTION)
            continue;
        if (!is_titled(i)) {
            write_plain(w, blanked, i, from);
            continue;
        }
        write_piece(w, blanked, *from, i->from);
        *from = i->until;
    }
}

/* A section with what is plain in it, from one place of the file to another. */
static void write_section(struct writer *w, const char *blanked, const struct guard_item *in, size_t from,
                          size_t until)
{
    write_plain(w, blanked, in, &from);
    write_piece(w, blanked, from, until);
}

/* In a text of its own; NULL, and the configuration has failed. */
static cfg_t *parse_written(struct config *c, cfg_opt_t *options, struct writer *w)
{
    write_u8(w, 0);
    if (!writer_ok(w)) {
        c->failed = true;
        return NULL;
    }
    return confuse_parse(c, options, (const char *)w->start);
}

/* ---- the tree ---------------------------------------------------------------------------------- */

static void check_value(struct config *c, const struct config_section *s, const struct config_key *key,
                        enum config_type type, const char *text, struct config_place place,
                        struct config_value *v)
{
    struct type_fault f = { 0 };
    char *kept = keep(c, text);
    char path[PATH_TEXT_BYTES], message[MESSAGE_BYTES];
    struct writer w = writer_over(path, sizeof path - 1);
    if (!kept) {
        c->failed = true;
        return;
    }
    bool ok = type_check(key, type, kept, c->directory, &c->arena, v, &f);
    v->place = place;
    if (ok)
        return;
    struct span part = span_head(span_from(span_text(text), f.from), f.length);
    struct config_place at = { place.line, place.column + (unsigned)f.from, (unsigned)f.length };
    snprintf(message, sizeof message, "\"%.*s\" %s", (int)part.len, (const char *)part.at, f.wrong);
    write_section_path(&w, s);
    if (type != key->title_type || key->type != CONFIG_SECTION)
        write_step(&w, span_text(key->name), false, span_of(NULL, 0));
    note_add(c, &c->problems, at, path_end(&w), message, f.right[0] ? f.right : NULL);
    c->problem_count++;
}

static void fill_from_file(struct config *c, const struct config_section *s, struct config_entry *e,
                           cfg_opt_t *option, const struct guard_item *item)
{
    const struct guard_value *place = item->values;
    e->count = cfg_opt_size(option);
    e->values = arena_array(&c->arena, e->count ? e->count : 1, sizeof *e->values);
    e->in_file = true;
    for (size_t i = 0; e->values && i < e->count; i++) {
        check_value(c, s, e->key, e->key->type, cfg_opt_getnstr(option, (unsigned)i),
                    place ? place->place : item->place, &e->values[i]);
        place = place ? place->next : NULL;
    }
}

/* A default is written in the row as it would be in the file: one value, or { "a", "b" }. */
static void fill_from_default(struct config *c, const struct config_section *s, struct config_entry *e)
{
    struct span rest = span_text(e->key->otherwise);
    char text[256];
    e->values = arena_array(&c->arena, 16, sizeof *e->values);
    bool list = rest.len && rest.at[0] == '{';
    while (e->values && e->count < 16) {
        size_t quote = list ? span_find(rest, '"') : 0;
        if (list && quote == rest.len)
            return;
        struct span value = list ? span_from(rest, quote + 1) : rest;
        if (list)
            value = span_head(value, span_find(value, '"'));
        snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.at);
        check_value(c, s, e->key, e->key->type, text, (struct config_place){ 0 }, &e->values[e->count++]);
        if (!list)
            return;
        rest = span_from(rest, quote + 2 + value.len);
    }
}

static struct config_section *section_read(struct config *c, const struct config_key *own,
                                           const struct config_key *keys, cfg_t *cfg,
                                           const struct guard_item *item,
                                           const struct config_section *parent);

/* The next titled section of this key. */
static const struct guard_item *next_titled(const struct guard_item *i, const struct config_key *key)
{
    while (i && (i->skipped || i->key != key))
        i = i->next;
    return i;
}

/* Some of them, from *i on, which is where to go on then. False: they cannot be parsed. */
static bool fill_some(struct config *c, const struct config_section *s, struct config_entry *e,
                      cfg_opt_t *options, const struct guard_item **i)
{
    size_t count = 0, bytes = 1;
    const struct guard_item *first = *i = next_titled(*i, e->key);
    for (; *i && count < TOGETHER; *i = next_titled((*i)->next, e->key), count++)
        bytes += (*i)->until - (*i)->from;
    uint8_t *text = malloc(bytes);
    struct writer w = writer_over(text, text ? bytes : 0);
    const struct guard_item *at = first;
    for (size_t n = 0; n < count; n++, at = next_titled(at->next, e->key))
        write_section(&w, c->blanked, at, at->from, at->until);
    cfg_t *cfg = parse_written(c, options, &w);
    free(text);
    at = first;
    for (size_t n = 0; cfg && n < count; n++, at = next_titled(at->next, e->key))
        e->sections[e->section_count++] = section_read(
            c, e->key, e->key->keys, cfg_opt_getnsec(cfg_getopt(cfg, e->key->name), (unsigned)n), at, s);
    if (cfg)
        cfg_free(cfg);
    return cfg != NULL;
}

static void fill_titled(struct config *c, const struct config_section *s, struct config_entry *e,
                        const struct guard_item *in)
{
    struct config_key table[2] = { *e->key, { 0 } };
    cfg_opt_t *options = options_of(&c->arena, table);
    const struct guard_item *i = in->first;
    size_t count = 0;
    for (const struct guard_item *k = next_titled(i, e->key); k; k = next_titled(k->next, e->key))
        count++;
    e->sections = arena_array(&c->arena, count, sizeof *e->sections);
    while (options && e->sections && e->section_count < count)
        if (!fill_some(c, s, e, options, &i))
            break;
    c->failed = c->failed || !options || !e->sections;
}

static void fill_section(struct config *c, const struct config_section *s, struct config_entry *e,
                         cfg_opt_t *option, const struct guard_item *item)
{
    e->sections = arena_array(&c->arena, 1, sizeof *e->sections);
    if (!e->sections || !cfg_opt_size(option)) {
        c->failed = true;
        return;
    }
    e->sections[e->section_count++] =
        section_read(c, e->key, e->key->keys, cfg_opt_getnsec(option, 0), item, s);
}

static struct config_entry *entry_in_file(const struct config_section *s, const struct config_key *row)
{
    for (size_t i = 0; i < s->entry_count; i++)
        if (s->entries[i].key == row)
            return &s->entries[i];
    return NULL;
}

static void check_required(struct config *c, const struct config_section *s)
{
    for (const struct config_key *row = s->keys; row->name; row++)
        if (row->flags & CONFIG_REQUIRED && !entry_in_file(s, row))
            config_problem(c, s, NULL, row->example, "\"%s\" is missing", row->name);
}

/* Of all sections that have this table; NULL: no memory. */
static const struct config_entry *defaults_of(struct config *c, const struct config_section *s)
{
    struct config_defaults *d = c->defaults;
    while (d && d->keys != s->keys) /* as many as there are tables */
        d = d->next;
    if (d)
        return d->entries;
    size_t n = rows_of(s->keys);
    d = arena_array(&c->arena, 1, sizeof *d);
    struct config_entry *entries = arena_array(&c->arena, n + 1, sizeof *entries);
    if (!d || !entries)
        return NULL;
    *d = (struct config_defaults){ c->defaults, s->keys, entries };
    c->defaults = d;
    for (size_t i = 0; i < n; i++) {
        entries[i].key = &s->keys[i];
        if (s->keys[i].otherwise)
            fill_from_default(c, s, &entries[i]);
    }
    return entries;
}

/* An entry for each key that is there, in the order in which they came. False: no memory. */
static bool fill_entries(struct config *c, struct config_section *s, cfg_t *cfg,
                         const struct guard_item *item)
{
    size_t room = 0;
    for (const struct guard_item *i = item->first, *last = NULL; i; i = i->next)
        if (!i->skipped && (!last || i->key != last->key)) { /* of many sections, one */
            room++;
            last = i;
        }
    s->entries = arena_array(&c->arena, room, sizeof *s->entries);
    for (const struct guard_item *i = item->first; s->entries && i; i = i->next) {
        if (i->skipped || (s->entry_count && s->entries[s->entry_count - 1].key == i->key) ||
            entry_in_file(s, i->key))
            continue;
        struct config_entry *e = &s->entries[s->entry_count++];
        e->key = i->key;
        e->in_file = true;
        if (is_titled(i))
            fill_titled(c, s, e, item);
        else if (i->key->type == CONFIG_SECTION)
            fill_section(c, s, e, cfg_getopt(cfg, i->key->name), i);
        else
            fill_from_file(c, s, e, cfg_getopt(cfg, i->key->name), i);
    }
    return s->entries;
}

static struct config_section *section_read(struct config *c, const struct config_key *own,
                                           const struct config_key *keys, cfg_t *cfg,
                                           const struct guard_item *item, const struct config_section *parent)
{
    struct config_section *s = arena_array(&c->arena, 1, sizeof *s);
    if (!s) {
        c->failed = true;
        return NULL;
    }
    s->key = own;
    s->parent = parent;
    s->place = item->place;
    s->keys = keys;
    s->titled = item->has_title;
    s->defaults = defaults_of(c, s);
    if (s->titled)
        check_value(c, s, own, own->title_type, cfg_title(cfg), item->title_place, &s->title);
    if (!fill_entries(c, s, cfg, item) || !s->defaults) {
        c->failed = true;
        return NULL;
    }
    check_required(c, s);
    return s;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static char *directory_of(struct config *c, const char *path)
{
    struct span p = span_text(path);
    while (p.len && p.at[p.len - 1] != '/')
        p.len--;
    return p.len ? arena_text(&c->arena, span_head(p, p.len > 1 ? p.len - 1 : 1)) : keep(c, ".");
}

static struct config *config_new(const char *path, const struct config_key *root)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    arena_open(&c->arena, ARENA_CHUNK, ARENA_MAX);
    c->keys = root;
    c->path = keep(c, path);
    c->directory = directory_of(c, path);
    c->root = arena_array(&c->arena, 1, sizeof *c->root);
    if (c->path && c->directory && c->root)
        return c;
    config_close(c);
    return NULL;
}

static void read_text(struct config *c, struct span text)
{
    struct guard g;
    c->text = arena_copy(&c->arena, text);
    c->root->place = (struct config_place){ 1, 1, 1 };
    if (!c->text.at) {
        c->failed = true;
        return;
    }
    if (!guard_read(&g, c->text, c->keys, &c->arena, tell, c))
        return;
    struct writer w = writer_over(malloc(text.len + 1), text.len + 1);
    c->blanked = g.blanked;
    if (!w.start) {
        c->failed = true;
        return;
    }
    write_section(&w, g.blanked, &g.root, 0, text.len);
    cfg_t *cfg = parse_written(c, options_of(&c->arena, c->keys), &w);
    free(w.start);
    if (!cfg)
        return;
    struct config_section *root = section_read(c, NULL, c->keys, cfg, &g.root, NULL);
    cfg_free(cfg);
    if (!root)
        return;
    root->place = c->root->place;
    c->root = root;
}

struct config *config_read_text(struct span text, const char *path, const struct config_key *root)
{
    struct config *c = config_new(path, root);
    if (c)
        read_text(c, text);
    return c;
}

/* The whole file, or NULL with errno. One byte more than the guard takes is enough to be refused by it. */
static uint8_t *file_bytes(const char *path, size_t *len)
{
    FILE *f = fopen(path, "re");
    uint8_t *bytes = NULL;
    size_t room = 0, n = 0;
    *len = 0;
    if (!f)
        return NULL;
    do {
        if (*len + ARENA_CHUNK > room) {
            room = room ? room * 2 : ARENA_CHUNK * 2;
            uint8_t *more = realloc(bytes, room);
            if (!more)
                break;
            bytes = more;
        }
        n = fread(bytes + *len, 1, ARENA_CHUNK, f);
        *len += n;
    } while (n == ARENA_CHUNK && *len <= GUARD_BYTES_MAX);
    int error = ferror(f) ? errno : 0;
    fclose(f);
    if (!error)
        return bytes;
    free(bytes);
    errno = error;
    return NULL;
}

struct config *config_read_file(const char *path, const struct config_key *root)
{
    size_t len;
    uint8_t *bytes = file_bytes(path, &len);
    struct config *c = config_new(path, root);
    if (c && bytes) {
        read_text(c, span_of(bytes, len));
    } else if (c) {
        note_add(c, &c->problems, (struct config_place){ 0 }, "", strerror(errno),
                 "name a file that can be read; `wirelab manual --sample` prints one to begin with");
        c->problem_count++;
    }
    free(bytes);
    return c;
}

void config_close(struct config *c)
{
    if (!c)
        return;
    arena_close(&c->arena);
    free(c);
}

bool config_ok(const struct config *c)
{
    return c->problem_count == 0 && !c->failed;
}

size_t config_problem_count(const struct config *c)
{
    return c->problem_count;
}

const char *config_path(const struct config *c)
{
    return c->path;
}

/* ---- asking ------------------------------------------------------------------------------------ */

const struct config_section *config_root(const struct config *c)
{
    return c->root;
}

const struct config_entry *config_entry_of(const struct config_section *s, const struct config_key *row)
{
    const struct config_entry *in_file = entry_in_file(s, row);
    return in_file ? in_file : &s->defaults[row - s->keys];
}

static const struct config_entry *entry(const struct config_section *s, const char *key)
{
    for (const struct config_key *row = s->keys; row && row->name; row++)
        if (strcmp(row->name, key) == 0)
            return config_entry_of(s, row);
    return NULL;
}

const struct config_section *config_section(const struct config_section *s, const char *key)
{
    const struct config_entry *e = entry(s, key);
    return e && e->section_count ? e->sections[0] : NULL;
}

const struct config_section *const *config_sections(const struct config_section *s, const char *key,
                                                    size_t *count)
{
    const struct config_entry *e = entry(s, key);
    *count = e ? e->section_count : 0;
    return e ? e->sections : NULL;
}

const struct config_value *config_title(const struct config_section *s)
{
    return s->titled ? &s->title : NULL;
}

const struct config_value *config_list(const struct config_section *s, const char *key, size_t *count)
{
    const struct config_entry *e = entry(s, key);
    *count = e ? e->count : 0;
    return e ? e->values : NULL;
}

const struct config_value *config_value(const struct config_section *s, const char *key)
{
    size_t count;
    const struct config_value *v = config_list(s, key, &count);
    return count ? v : NULL;
}

int64_t config_number(const struct config_section *s, const char *key)
{
    const struct config_value *v = config_value(s, key);
    return v ? v->number : 0;
}

const char *config_text(const struct config_section *s, const char *key)
{
    const struct config_value *v = config_value(s, key);
    return v ? v->text : NULL;
}

bool config_flag(const struct config_section *s, const char *key)
{
    return config_number(s, key) != 0;
}
