#include "sandbox/timers.h"

#include <stdlib.h>

struct timers_entry {
    int64_t due_ms;
    uint64_t number;
    timers_fn *run;
    timers_fn *drop;
    void *owner;
    void *item;
};

struct timers {
    struct timers_entry *heap;
    size_t used;
    size_t capacity;
    uint64_t next_number;
};

struct timers *
timers_new(void)
{
    return calloc(1, sizeof(struct timers));
}

void
timers_free(struct timers *timers)
{
    if (timers == NULL)
        return;
    for (size_t i = 0; i < timers->used; i++)
        if (timers->heap[i].drop != NULL)
            timers->heap[i].drop(timers->heap[i].owner, timers->heap[i].item);
    free(timers->heap);
    free(timers);
}

static bool
timers_is_before(const struct timers_entry *a, const struct timers_entry *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

bool
timers_add(struct timers *timers, int64_t due_ms, timers_fn *run, timers_fn *drop, void *owner,
           void *item)
{
    struct timers_entry entry = {due_ms, timers->next_number++, run, drop, owner, item};
    size_t i;

    if (timers->used == timers->capacity) {
        size_t capacity = timers->capacity == 0 ? 256 : timers->capacity * 2;
        struct timers_entry *heap = realloc(timers->heap, capacity * sizeof(*heap));

        if (heap == NULL)
            return false;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    for (i = timers->used++; i > 0; i = (i - 1) / 2) {
        if (!timers_is_before(&entry, &timers->heap[(i - 1) / 2]))
            break;
        timers->heap[i] = timers->heap[(i - 1) / 2];
    }
    timers->heap[i] = entry;
    return true;
}

static struct timers_entry
timers_take(struct timers *timers)
{
    struct timers_entry first = timers->heap[0];
    struct timers_entry last = timers->heap[--timers->used];
    size_t i = 0;

    for (;;) {
        size_t child = i * 2 + 1;

        if (child >= timers->used)
            break;
        if (child + 1 < timers->used &&
            timers_is_before(&timers->heap[child + 1], &timers->heap[child]))
            child++;
        if (!timers_is_before(&timers->heap[child], &last))
            break;
        timers->heap[i] = timers->heap[child];
        i = child;
    }
    timers->heap[i] = last;
    return first;
}

void
timers_run(struct timers *timers, int64_t now_ms)
{
    /* Bounded to what was there: a function that adds something due at once waits for the next
     * call. */
    uint64_t until = timers->next_number;

    while (timers->used > 0 && timers->heap[0].due_ms <= now_ms && timers->heap[0].number < until) {
        struct timers_entry entry = timers_take(timers);

        entry.run(entry.owner, entry.item);
    }
}

int64_t
timers_left_ms(const struct timers *timers, int64_t now_ms)
{
    if (timers->used == 0)
        return -1;
    return timers->heap[0].due_ms <= now_ms ? 0 : timers->heap[0].due_ms - now_ms;
}
