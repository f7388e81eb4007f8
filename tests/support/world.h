/*
 * world — a demo warehouse, a ledger, a sandbox and the bridge, under faults, until three books
 * agree.
 *
 * The books are what the warehouse wants (wms.expected), what the ledger says
 * was posted, and what the sandbox applied; world_agree compares them unit for
 * unit. All chance comes from one seed, and what fails says how to replay it.
 */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "support/proxy.h"
#include "support/support.h"

/* The bridge's times in these tests. A listing without the marker is believed so long after a
 * claim: long enough for the sandbox's late ones, short enough for a test. */
#define WORLD_SEND_WITHIN_MS 1000
#define WORLD_TIMEOUT_MS     1000
#define WORLD_SETTLE_MS      1500
#define WORLD_BELIEVED_MS    (WORLD_SEND_WITHIN_MS + WORLD_TIMEOUT_MS + WORLD_SETTLE_MS)

struct world {
    char url[SUPPORT_URL_MAX]; /* the test's own way to the database */
    char bridge_url[SUPPORT_URL_MAX];
    struct support_sandbox sandbox;
    char api_url[64];
    struct proxy *database_proxy; /* NULL unless world_use_proxies */
    struct proxy *api_proxy;
    const char *config; /* path */
    const char *feed;   /* "queue", "scan" */
    const char *key;    /* the API's */
    const char *api;    /* lines of its section api, may be NULL */
    const char *guards; /* lines of its section run, may be NULL */
    const char *more;   /* lines of the configuration, may be NULL */
    uint64_t seed;
    uint64_t dice;
    int kills, runs, generated;
    char errors[4096]; /* the end of what the last run said */
};

/* A database with the demo warehouse and `orders` orders, and a sandbox that knows them. The seed
 * is WAYBILL_FAULT_SEED when that is set. */
void world_begin(struct world *world, uint64_t seed, int orders);
/* The same, where the API answers 429 above so many requests a second; 0: never. */
void world_begin_limited(struct world *world, uint64_t seed, int orders, int api_rate);
/* Both ways of the bridge lead through proxies; before world_start. */
void world_use_proxies(struct world *world);
/* The configuration, the ledger, the feed. */
void world_start(struct world *world);
void world_write_config(struct world *world);
void world_end(struct world *world);

/* 0 .. sides - 1, from the seed. */
int world_dice(struct world *world, int sides);

void world_generate(struct world *world, int orders); /* more of them, known to the API too */
void world_load_orders(struct world *world);          /* the API hears of all that there are */
void world_work(struct world *world, int steps);      /* the warehouse goes on */
/* The same in small transactions beside the bridge; ends by itself. */
void world_spawn_work(struct world *world, struct support_process *process, int transactions);

void world_faults(struct world *world, const char *spec); /* replaces all; "": none */
void world_switch(struct world *world, const char *settings);
/* A number of the sandbox's statistics, the first so called behind `after`. */
int64_t world_stat(struct world *world, const char *after, const char *name);

void world_spawn_run(struct world *world, struct support_process *process);
int world_run(struct world *world); /* the exit code */
/* Kills it with 9 and waits for its end. */
void world_kill(struct world *world, struct support_process *process);

/* What is neither settled nor parked: submissions, units due, orders in the queue. */
int64_t world_left(struct world *world);
/* Questions and looks that a host took with it are leased for a minute: now they aren't. The settle
 * clock stays as it is. */
void world_lapse_leases(struct world *world);
/* Heals the API and runs until nothing is left, then compares the books; `what` names the fault. */
void world_agree(struct world *world, const char *what);
/* Without the comparison. */
void world_run_out(struct world *world, const char *what);

/* Fails the test with the sentence and the command that replays it. */
#define world_check(world, is, ...)                                                                \
    do {                                                                                           \
        if (!(is))                                                                                 \
            world_fail((world), __VA_ARGS__);                                                      \
    } while (0)
void world_fail(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
