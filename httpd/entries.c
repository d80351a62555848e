#include "entries.h"

#include <stdlib.h>

static const struct store_table table = { .name = "httpd_entry",
                                          .key_columns = 1,
                                          .column_count = 5,
                                          .columns = { { "id", STORE_NUMBER },
                                                       { "site", STORE_TEXT },
                                                       { "form", STORE_TEXT },
                                                       { "unix_ms", STORE_NUMBER },
                                                       { "fields", STORE_TEXT } } };

static void entry_free(struct entry *e)
{
    free(e->site);
    free(e->form);
    free((void *)(uintptr_t)e->fields.at);
    free(e);
}

static struct entry *entry_new(int64_t id, struct span site, struct span form, int64_t unix_ms,
                               struct span fields)
{
    struct entry *e = calloc(1, sizeof *e);
    char *copy = strndup((const char *)fields.at, fields.len);
    if (e) {
        e->id = id;
        e->unix_ms = unix_ms;
        e->site = strndup((const char *)site.at, site.len);
        e->form = strndup((const char *)form.at, form.len);
        e->fields = span_of(copy, copy ? fields.len : 0);
    }
    if (e && copy && e->site && e->form)
        return e;
    if (e)
        entry_free(e);
    else
        free(copy);
    return NULL;
}

static bool load_row(void *owner, const struct store_value *v)
{
    struct entries *all = owner;
    struct entry *e = entry_new(v[0].number, v[1].bytes, v[2].bytes, v[3].number, v[4].bytes);
    if (!e)
        return false;
    list_append(&all->kept, &e->node);
    if (e->id >= all->next_id)
        all->next_id = e->id + 1;
    return true;
}

bool entries_open(struct entries *all, struct store *store, struct problem *p)
{
    *all = (struct entries){ .store = store, .next_id = 1 };
    list_open(&all->kept);
    return store_use(store, &table, p) && store_load(store, &table, load_row, all, p);
}

void entries_close(struct entries *all)
{
    struct list_node *n;
    while ((n = list_take(&all->kept)))
        entry_free(list_item(n, struct entry, node));
}

static bool belongs(const struct entry *e, const char *site, const char *form)
{
    return strcmp(e->site, site) == 0 && strcmp(e->form, form) == 0;
}

/* The nearest one of this form at `n` or behind it (in front of it, when `back`). */
static const struct entry *find(const struct entries *all, const struct list_node *n, bool back,
                                const char *site, const char *form)
{
    for (; n != &all->kept.head; n = back ? n->previous : n->next) {
        const struct entry *e = list_item(n, struct entry, node);
        if (belongs(e, site, form))
            return e;
    }
    return NULL;
}

const struct entry *entries_next(const struct entries *all, const struct entry *after)
{
    return find(all, after->node.next, false, after->site, after->form);
}

const struct entry *entries_first_shown(const struct entries *all, const struct http_site *site,
                                        const struct http_form *form)
{
    const struct entry *first = NULL;
    const struct entry *e = find(all, all->kept.head.previous, true, site->host, form->path);
    size_t bytes = 0;
    for (size_t i = 0; e && i < ENTRIES_SHOWN_MAX; i++) {
        bytes += e->fields.len;
        if (bytes > ENTRIES_SHOWN_BYTES)
            break;
        first = e;
        e = find(all, e->node.previous, true, site->host, form->path);
    }
    return first;
}

/* The oldest entry when the form is full. */
static struct entry *one_too_many(const struct entries *all, const struct http_site *site,
                                  const struct http_form *form)
{
    size_t count = 0;
    const struct entry *first = find(all, all->kept.head.next, false, site->host, form->path);
    for (const struct entry *e = first; e; e = entries_next(all, e))
        count++;
    return count >= ENTRIES_KEPT_MAX ? (struct entry *)(uintptr_t)first : NULL;
}

/* Two that were posted together may have found the same oldest: it is still there only for the first. */
static void take_out(struct entries *all, const struct entry *oldest)
{
    for (struct list_node *n = oldest ? list_first(&all->kept) : NULL; n; n = list_next(&all->kept, n)) {
        struct entry *e = list_item(n, struct entry, node);
        if (e == oldest) {
            list_remove(&e->node);
            entry_free(e);
            return;
        }
    }
}

static void committed(void *owner, bool ok, const char *why)
{
    struct entry *e = owner;
    struct entries *all = e->entries;
    all->waiting--;
    if (!ok) {
        e->done(e->owner, NULL, why);
        entry_free(e);
        return;
    }
    take_out(all, e->replaces);
    list_append(&all->kept, &e->node);
    e->done(e->owner, e, NULL);
}

int64_t entries_new_id(struct entries *all, int64_t least)
{
    int64_t id = all->next_id > least ? all->next_id : least;
    all->next_id = id + 1;
    return id;
}

bool entries_add(struct entries *all, const struct http_site *site, const struct http_form *form, int64_t id,
                 struct span fields, struct now now,
                 void (*done)(void *owner, const struct entry *e, const char *why), void *owner)
{
    struct entry *e = entry_new(id, span_text(site->host), span_text(form->path), now.unix_ms, fields);
    if (!e)
        return false;
    all->waiting++;
    e->done = done;
    e->owner = owner;
    e->entries = all;
    e->replaces = one_too_many(all, site, form);
    struct store_change changes[2] = { { .kind = STORE_PUT,
                                         .table = &table,
                                         .values = { { .number = e->id },
                                                     { .bytes = span_text(e->site) },
                                                     { .bytes = span_text(e->form) },
                                                     { .number = e->unix_ms },
                                                     { .bytes = e->fields } } } };
    if (e->replaces)
        changes[1] = (struct store_change){ .kind = STORE_DELETE,
                                            .table = &table,
                                            .values = { { .number = e->replaces->id } } };
    store_commit(all->store, changes, e->replaces ? 2 : 1, committed, e);
    return true;
}
