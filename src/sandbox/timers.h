/*
 * timers — what is to happen later, in order of time; equal times in the order they were added.
 */
#ifndef SANDBOX_TIMERS_H
#define SANDBOX_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timers;

typedef void timers_fn(void *owner, void *item);

struct timers *timers_new(void);         /* NULL without memory */
void timers_free(struct timers *timers); /* drops what is left through its drop function */

/* drop (may be NULL) frees an item that will never be run. False without memory. */
bool timers_add(struct timers *timers, int64_t due_ms, timers_fn *run, timers_fn *drop, void *owner,
                void *item);

/* Run what is due; a function may add more. */
void timers_run(struct timers *timers, int64_t now_ms);

/* Milliseconds until the next one, 0 when due, -1 when there is none. */
int64_t timers_left_ms(const struct timers *timers, int64_t now_ms);

#endif
