#include "timer.h"

#include <stdlib.h>

void timers_open(struct timers *h)
{
    *h = (struct timers){ 0 };
}

void timers_close(struct timers *h)
{
    for (size_t i = 1; i <= h->count; i++)
        h->heap[i]->heap_slot = 0;
    free(h->heap);
    *h = (struct timers){ 0 };
}

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->armed_seq < b->armed_seq;
}

static void place(struct timers *h, size_t slot, struct timer *t)
{
    h->heap[slot] = t;
    t->heap_slot = slot;
}

static void sift_up(struct timers *h, size_t slot, struct timer *t)
{
    while (slot > 1 && earlier(t, h->heap[slot / 2])) {
        place(h, slot, h->heap[slot / 2]);
        slot /= 2;
    }
    place(h, slot, t);
}

static void sift_down(struct timers *h, size_t slot, struct timer *t)
{
    for (size_t child; (child = slot * 2) <= h->count; slot = child) {
        if (child < h->count && earlier(h->heap[child + 1], h->heap[child]))
            child++;
        if (!earlier(h->heap[child], t))
            break;
        place(h, slot, h->heap[child]);
    }
    place(h, slot, t);
}

static bool grow(struct timers *h)
{
    size_t room = h->room ? h->room * 2 : 64;
    struct timer **heap = realloc(h->heap, (room + 1) * sizeof *heap);
    if (!heap)
        return false;
    h->heap = heap;
    h->room = room;
    return true;
}

bool timer_arm(struct timers *h, struct timer *t, uint64_t due_ms)
{
    timer_stop(h, t);
    if (h->count == h->room && !grow(h))
        return false;
    t->due_ms = due_ms;
    t->armed_seq = h->next_seq++;
    h->count++;
    sift_up(h, h->count, t);
    return true;
}

void timer_stop(struct timers *h, struct timer *t)
{
    size_t slot = t->heap_slot;
    if (!slot)
        return;
    t->heap_slot = 0;
    struct timer *last = h->heap[h->count--];
    if (last == t)
        return;
    if (slot > 1 && earlier(last, h->heap[slot / 2]))
        sift_up(h, slot, last);
    else
        sift_down(h, slot, last);
}

uint64_t timers_next_due(const struct timers *h)
{
    return h->count ? h->heap[1]->due_ms : TIMER_NEVER;
}

size_t timers_run(struct timers *h, struct now now, size_t max)
{
    size_t fired = 0;
    while (fired < max && h->count && h->heap[1]->due_ms <= now.mono_ms) {
        struct timer *t = h->heap[1];
        timer_stop(h, t);
        fired++;
        t->fire(t, now);
    }
    return fired;
}
