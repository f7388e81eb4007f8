/*
 * faults — what goes wrong on purpose, decided for each request by seed and number.
 *
 * The decision depends only on the seed, the scope, and how many requests of that scope
 * were asked about since the faults were set: a run in one order can be replayed.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum fault_shape {
    FAULT_NONE,
    FAULT_STATUS, /* an error of the API's own, or of what stands before it */
    FAULT_CLOSE,
    FAULT_RESET,
    FAULT_PAGE,      /* HTML */
    FAULT_SLOW,      /* arg ms */
    FAULT_HANG,      /* no answer until the client leaves */
    FAULT_TRUNCATED, /* a body shorter than its Content-Length */
    FAULT_GARBAGE,
    FAULT_HUGE, /* arg MB */
    FAULT_DEEP, /* arg levels */
    FAULT_NO_ID,
    FAULT_WRONG_ORDER,
    FAULT_WRONG_QUANTITY,
    FAULT_WRONG_LIVE,
    FAULT_LATE, /* 503, 504 or closed now, applied arg ms later */
    FAULT_LIST_LAG,
    FAULT_LIST_EMPTY,
};

struct fault_kind {
    const char *name;
    enum fault_shape shape;
    int status;
    bool is_applied; /* the request has its effect all the same */
    bool is_for_get;
    int64_t arg_initial;
    const char *help;
};

enum fault_scope {
    FAULT_SCOPE_POST, /* POST /fulfillments */
    FAULT_SCOPE_GET,  /* every GET that no scope below has a fault for */
    FAULT_SCOPE_LIST, /* GET /fulfillments */
    FAULT_SCOPE_ORDERS,
    FAULT_SCOPE_EVENTS,
    FAULT_SCOPE_UPDATE, /* POST /fulfillments/{id} */
    FAULT_SCOPES,
};

struct faults;

struct faults *faults_new(uint64_t seed); /* NULL without memory */
void faults_free(struct faults *faults);

/* Forget all of them and start to count anew. */
void faults_clear(struct faults *faults);

/* [SCOPE:]KIND=PROBABILITY[:ARG] | [SCOPE:]first=N:KIND[:ARG] | seed=N */
bool faults_add(struct faults *faults, const char *spec, struct error *err);

/* The fault of the next request of a scope; NULL for none. arg may be NULL. random differs from
 * request to request. */
const struct fault_kind *faults_next(struct faults *faults, enum fault_scope scope, int64_t *arg,
                                     uint64_t *random);

/* How long the next fulfillment that is applied stays out of lists, by list_lag_ms faults. */
int64_t faults_next_list_lag(struct faults *faults);

/* Count one that was really injected; what was counted as members of an object. */
void faults_count(struct faults *faults, const struct fault_kind *kind);
int64_t faults_counted(const struct faults *faults, int index, const char **name); /* -1: the end */

/* One row of help; false behind the last. */
bool faults_describe(int index, const struct fault_kind **kind);

#endif
