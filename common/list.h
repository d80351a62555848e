/* An intrusive doubly linked list. A node is in at most one list; a node set to zero is in none. */
#ifndef WIRELAB_LIST_H
#define WIRELAB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *previous, *next;
};

struct list {
    struct list_node head;
};

/* The structure that holds this node as `member`. */
#define list_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_open(struct list *l)
{
    l->head.previous = l->head.next = &l->head;
}

static inline bool list_empty(const struct list *l)
{
    return l->head.next == &l->head;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}

static inline void list_insert_before(struct list_node *at, struct list_node *n)
{
    n->previous = at->previous;
    n->next = at;
    at->previous->next = n;
    at->previous = n;
}

static inline void list_append(struct list *l, struct list_node *n)
{
    list_insert_before(&l->head, n);
}

static inline void list_prepend(struct list *l, struct list_node *n)
{
    list_insert_before(l->head.next, n);
}

/* Harmless for a node that is in no list. */
static inline void list_remove(struct list_node *n)
{
    if (!n->next)
        return;
    n->previous->next = n->next;
    n->next->previous = n->previous;
    n->previous = n->next = NULL;
}

/* The first node, or NULL. */
static inline struct list_node *list_first(const struct list *l)
{
    return l->head.next == &l->head ? NULL : l->head.next;
}

/* The node after this one, or NULL. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}

/* Takes the first node off; NULL when there is none. */
static inline struct list_node *list_take(struct list *l)
{
    struct list_node *n = list_first(l);
    if (n)
        list_remove(n);
    return n;
}

#endif
