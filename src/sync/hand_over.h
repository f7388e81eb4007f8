/*
 * hand_over — tells the warehouse each new state of an order, on a thread and a session of its own.
 *
 * The warehouse's function may wait for the warehouse's locks or be slow; neither
 * may hold up answers of the API. One state is one transaction, which holds no
 * lane and lasts no longer than the session's time-outs.
 */
#ifndef SYNC_HAND_OVER_H
#define SYNC_HAND_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sync/sync.h"

struct hand_over;

bool hand_over_start(const struct sync_options *options, int64_t run_id, struct hand_over **out,
                     struct error *err);

/* Waits for the state that it is at, frees. */
void hand_over_stop(struct hand_over *hand_over); /* NULL is fine */

/* There is something to hand over. pass_age_ms: since the pass began; no order is tried twice in
 * it. */
void hand_over_poke(struct hand_over *hand_over, int64_t pass_age_ms);

/* Readable when it has become idle; drained by hand_over_is_idle. */
int hand_over_fd(const struct hand_over *hand_over);

/* *is_tired: it stopped before the end, since nothing was taken any more: leave it alone for this
 * pass. */
bool hand_over_is_idle(struct hand_over *hand_over, bool *is_tired);

#endif
