/*
 * planner — collects and plans beside the loop, on a thread and a database session of its own.
 *
 * A warehouse view may take half a minute; answers of the API must be settled
 * meanwhile. The two share nothing but this object: the loop pokes, the planner
 * says when it is idle and what it did, and a descriptor wakes the loop.
 */
#ifndef SYNC_PLANNER_H
#define SYNC_PLANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sync/sync.h"

struct planner;

bool planner_start(const struct sync_options *options, int64_t run_id, struct planner **out,
                   struct error *err);

/* Asks it to stop after the batch that it is at (a statement that runs is cancelled), waits for it,
 * frees. */
void planner_stop(struct planner *planner); /* NULL is fine */

/* The queue has something: look at it. collects: also scan or sweep, as the configuration says. */
void planner_poke(struct planner *planner, bool collects);

/* Readable after something changed; drained by planner_look. */
int planner_fd(const struct planner *planner);

struct planner_state {
    bool is_idle;    /* the queue was empty when it last looked, and nobody poked since */
    bool has_failed; /* err says how; it does nothing more */
    int64_t batches; /* grows with each batch that planned or opened something */
};

void planner_look(struct planner *planner, struct planner_state *out, struct error *err);

/* False: a sweep or a scan failed since this was asked last. It went on with what is queued. */
bool planner_collected(struct planner *planner, struct error *err);

#endif
