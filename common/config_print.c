#include "config.h"

#include "config_guard.h"
#include "config_tree.h"
#include "config_types.h"

#include <stdio.h>

#define LINE_SHOWN_MAX 200

/* ---- problems ----------------------------------------------------------------------------------- */

static struct span line_of(struct span text, unsigned number)
{
    for (unsigned i = 1; i < number; i++)
        text = span_from(text, span_find(text, '\n') + 1);
    text = span_head(text, span_find(text, '\n'));
    if (text.len && text.at[text.len - 1] == '\r')
        text.len--;
    return text;
}

/* Bytes of the file on a terminal: what is not text is shown as ?. */
static void put_text(FILE *out, struct span s, bool only_space)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];
        if (c == '\t')
            fputc('\t', out);
        else
            fputc(only_space ? ' ' : c < ' ' || c == 0x7f ? '?' : c, out);
    }
}

static void print_note(const struct config *c, const struct config_note *n, const char *kind, FILE *out)
{
    const struct config_place *p = &n->place;
    struct span line = span_head(line_of(c->text, p->line), LINE_SHOWN_MAX);
    if (p->line == 0) {
        fprintf(out, "%s: %s%s\n", c->path, kind, n->message);
        if (n->right)
            fprintf(out, "  %s\n", n->right);
        return;
    }
    fprintf(out, "%s:%u:%u: %s%s%s%s\n", c->path, p->line, p->column, kind, n->path, n->path[0] ? ": " : "",
            n->message);
    fprintf(out, "  %3u | ", p->line);
    put_text(out, line, false);
    fprintf(out, "\n      | ");
    put_text(out, span_head(line, p->column - 1), true);
    for (unsigned i = 0; i < (p->length ? p->length : 1) && p->column + i <= line.len + 1; i++)
        fputc('^', out);
    fprintf(out, "%s%s\n", n->right ? " " : "", n->right ? n->right : "");
}

static void print_notes(const struct config *c, const struct config_note *n, const char *kind, FILE *out)
{
    for (; n; n = n->next) {
        print_note(c, n, kind, out);
        if (n->next)
            fputc('\n', out);
    }
}

void config_print_problems(const struct config *c, FILE *out)
{
    print_notes(c, c->problems, "", out);
    if (c->failed)
        fprintf(out, "%s: out of memory\n", c->path);
}

void config_print_warnings(const struct config *c, FILE *out)
{
    print_notes(c, c->warnings, "warning: ", out);
}

/* ---- the rows as text ----------------------------------------------------------------------------- */

/* Depth of our own tables; a table that nests deeper is cut there. */
#define TABLE_DEPTH_MAX 6

struct walk {
    FILE *out;
    const char *path[TABLE_DEPTH_MAX];
    size_t depth;
};

static void print_path(const struct walk *w, const char *name, FILE *out)
{
    for (size_t i = 0; i < w->depth; i++)
        fprintf(out, "%s.", w->path[i]);
    fprintf(out, "%s", name);
}

static void print_type(const struct config_key *k, FILE *out)
{
    if (k->type == CONFIG_SECTION)
        fprintf(out, k->flags & CONFIG_TITLED ? "sections with a title (%s)" : "section%.0s",
                type_words(k->title_type));
    else if (k->type == CONFIG_CHOICE)
        fprintf(out, "one of: %s", k->choices);
    else
        fprintf(out, "%s%s", k->flags & CONFIG_LIST ? "list: " : "", type_words(k->type));
}

static void explain_key(const struct walk *w, const struct config_key *k)
{
    print_path(w, k->name, w->out);
    fprintf(w->out, "  (");
    print_type(k, w->out);
    fprintf(w->out, ")\n  %s\n", k->help ? k->help : "");
    if (k->otherwise)
        fprintf(w->out, "  default: %s\n", k->otherwise);
    if (k->flags & CONFIG_REQUIRED)
        fprintf(w->out, "  must be written\n");
    if (k->example)
        fprintf(w->out, "  example: %s\n", k->example);
    if (k->reference)
        fprintf(w->out, "  see: %s\n", k->reference);
    if (k->flags & CONFIG_RESTART)
        fprintf(w->out, "  a change needs a restart\n");
    for (const struct config_key *i = k->type == CONFIG_SECTION ? k->keys : NULL; i && i->name; i++)
        fprintf(w->out, "    %-20s %s\n", i->name, i->help ? i->help : "");
}

/* Does the dotted text end in this path? "subnet.lease-time" fits dhcpd > subnet > lease-time. */
static bool path_fits(const struct walk *w, const char *name, const char *wanted)
{
    struct span rest = span_text(wanted);
    size_t level = w->depth;
    const char *part = name;
    for (;;) {
        size_t len = strlen(part);
        if (rest.len < len || memcmp(rest.at + rest.len - len, part, len) != 0)
            return false;
        rest.len -= len;
        if (rest.len == 0)
            return true;
        if (rest.at[rest.len - 1] != '.' || level == 0)
            return false;
        rest.len--;
        part = w->path[--level];
    }
}

typedef void visit_fn(struct walk *w, const struct config_key *k, void *arg);

/* Calls fn for each row, a section before its own rows. */
static void visit(struct walk *w, const struct config_key *keys, visit_fn *fn, void *arg)
{
    for (; keys->name; keys++) {
        fn(w, keys, arg);
        if (keys->type != CONFIG_SECTION || w->depth == TABLE_DEPTH_MAX)
            continue;
        w->path[w->depth++] = keys->name;
        visit(w, keys->keys, fn, arg);
        w->depth--;
    }
}

struct search {
    const char *wanted;
    size_t found;
    const struct config_key *near;
};

static void search_key(struct walk *w, const struct config_key *k, void *arg)
{
    struct search *s = arg;
    if (path_fits(w, k->name, s->wanted)) {
        if (s->found++)
            fputc('\n', w->out);
        explain_key(w, k);
    }
    const struct config_key one[] = { *k, { .name = NULL } };
    const char *dot = strrchr(s->wanted, '.');
    if (!s->near && guard_nearest_key(one, span_text(dot ? dot + 1 : s->wanted)))
        s->near = k;
}

bool config_help(const struct config_key *root, const char *key, FILE *out)
{
    struct walk w = { .out = out };
    struct search s = { .wanted = key };
    visit(&w, root, search_key, &s);
    if (s.found)
        return true;
    fprintf(out, "there is no key \"%s\"", key);
    if (s.near)
        fprintf(out, "; did you mean \"%s\"?", s.near->name);
    fprintf(out, "\n`wirelab manual` lists all keys\n");
    return false;
}

static void print_cell(const char *text, FILE *out)
{
    for (; text && *text; text++)
        fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_row(const struct walk *w, const struct config_key *k)
{
    fprintf(w->out, "| `%s` | ", k->name);
    print_type(k, w->out);
    fprintf(w->out, " | ");
    if (k->otherwise)
        fprintf(w->out, "`%s`", k->otherwise);
    else if (k->flags & CONFIG_REQUIRED)
        fprintf(w->out, "must be written");
    fprintf(w->out, " | ");
    print_cell(k->help, w->out);
    if (k->reference)
        fprintf(w->out, " (%s)", k->reference);
    fprintf(w->out, "%s |\n", k->flags & CONFIG_RESTART ? " Needs a restart." : "");
}

static void print_table(const struct walk *w, const struct config_key *keys)
{
    fprintf(w->out, "\n| key | what it takes | default | meaning |\n| --- | --- | --- | --- |\n");
    for (; keys->name; keys++)
        print_row(w, keys);
}

#define SHARED_TABLES_MAX 64  /* more than there are sections */
#define PATH_TEXT_MAX     256 /* six short words */

/* Tables of keys that were printed: some are those of several sections. */
struct printed {
    const struct config_key *tables[SHARED_TABLES_MAX];
    char paths[SHARED_TABLES_MAX][PATH_TEXT_MAX];
    size_t count;
};

/* Where the table stands already; NULL: nowhere, and it is printed now. */
static const char *printed_before(struct printed *p, const struct walk *w, const struct config_key *k)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->tables[i] == k->keys)
            return p->paths[i];
    if (p->count < SHARED_TABLES_MAX) {
        FILE *path = fmemopen(p->paths[p->count], PATH_TEXT_MAX, "w");
        if (path) {
            print_path(w, k->name, path);
            fclose(path);
            p->tables[p->count++] = k->keys;
        }
    }
    return NULL;
}

static void manual_section(struct walk *w, const struct config_key *k, void *arg)
{
    if (k->type != CONFIG_SECTION)
        return;
    const char *before = printed_before(arg, w, k);
    fprintf(w->out, "\n## ");
    print_path(w, k->name, w->out);
    fprintf(w->out, "\n\n%s\n", k->help ? k->help : "");
    if (k->example)
        fprintf(w->out, "\n    %s\n", k->example);
    if (before)
        fprintf(w->out, "\nIts keys are those of `%s`.\n", before);
    else
        print_table(w, k->keys);
}

void config_print_manual(const struct config_key *root, FILE *out)
{
    struct walk w = { .out = out };
    struct printed printed = { 0 };
    fprintf(out, "# Configuration keys\n\nThis page is made by `wirelab manual` from the tables that check "
                 "the file.\n");
    print_table(&w, root);
    visit(&w, root, manual_section, &printed);
}

/* ---- the sample ------------------------------------------------------------------------------------ */

static void sample_keys(struct walk *w, const struct config_key *keys);

static void sample_section(struct walk *w, const struct config_key *k)
{
    const char *brace = k->example ? strchr(k->example, '{') : NULL;
    int indent = (int)w->depth * 2;
    if (brace)
        fprintf(w->out, "#%*s%.*s {\n", indent, "", (int)(brace - k->example - 1), k->example);
    else
        fprintf(w->out, "#%*s%s%s {\n", indent, "", k->name, k->flags & CONFIG_TITLED ? " \"name\"" : "");
    if (w->depth < TABLE_DEPTH_MAX) {
        w->path[w->depth++] = k->name;
        sample_keys(w, k->keys);
        w->depth--;
    }
    fprintf(w->out, "#%*s}\n", indent, "");
}

/* Taking the first # of each line away gives a file that loads. */
static void sample_keys(struct walk *w, const struct config_key *keys)
{
    for (; keys->name; keys++) {
        int indent = (int)w->depth * 2;
        fprintf(w->out, "#%*s# %s\n", indent, "", keys->help ? keys->help : keys->name);
        if (keys->type == CONFIG_SECTION)
            sample_section(w, keys);
        else if (keys->example)
            fprintf(w->out, "#%*s%s\n", indent, "", keys->example);
    }
}

void config_print_sample(const struct config_key *root, FILE *out)
{
    struct walk w = { .out = out };
    sample_keys(&w, root);
}

/* ---- what is in force -------------------------------------------------------------------------------- */

static void print_value(const struct config_entry *e, const struct config_value *v, FILE *out)
{
    if (e->key->flags & CONFIG_SECRET) {
        fputs("(not shown)", out);
        return;
    }
    bool bare = e->key->type == CONFIG_FLAG || e->key->type == CONFIG_NUMBER;
    fprintf(out, bare ? "%s" : "\"%s\"", v->text);
}

static void print_entry(const struct config_entry *e, int indent, FILE *out)
{
    bool list = e->key->flags & CONFIG_LIST;
    if (e->key->type == CONFIG_SECTION || (!e->count && !e->in_file))
        return;
    fprintf(out, "%*s%s = %s", indent, "", e->key->name, list ? "{ " : "");
    for (size_t i = 0; i < e->count; i++) {
        fprintf(out, "%s", i ? ", " : "");
        print_value(e, &e->values[i], out);
    }
    fprintf(out, "%s%s\n", list ? " }" : "", e->in_file ? "" : "  # default");
}

/* Recursion no deeper than the guard lets a file be. */
static void print_section(const struct config_section *s, int indent, FILE *out)
{
    for (const struct config_key *row = s->keys; row && row->name; row++) {
        const struct config_entry *e = config_entry_of(s, row);
        print_entry(e, indent, out);
        for (size_t j = 0; j < e->section_count; j++) {
            const struct config_section *inside = e->sections[j];
            fprintf(out, "%*s%s", indent, "", e->key->name);
            if (inside->titled)
                fprintf(out, " \"%s\"", inside->title.text);
            fprintf(out, " {\n");
            print_section(inside, indent + 2, out);
            fprintf(out, "%*s}\n", indent, "");
        }
    }
}

void config_print_effective(const struct config *c, FILE *out)
{
    print_section(c->root, 0, out);
}
