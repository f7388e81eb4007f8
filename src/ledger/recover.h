/*
 * recover — the ledger and the place it is in: what differs after a restore, a copy or a promotion.
 */
#ifndef LEDGER_RECOVER_H
#define LEDGER_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "pg/pg.h"

/* What the ledger recorded about its place and what is there, a row each: what text, recorded text,
 * actual text, differs bool. Changes nothing. The caller frees the rows. */
bool recover_look(struct ledger *ledger, const char *base_url, bool is_live, struct pg_rows **out,
                  struct error *err);

struct recover_state {
    char mode[16];
    char mode_by[128];
    char mode_reason[256];
    int generation;
    char generation_since[64];
    char look_from[64]; /* when first looks of this generation may begin; "": the first one has none
                         */
    bool looks_now;
    int64_t unverified; /* orders with something open that wait for their first look; -1: none do */
    int64_t found_again; /* fulfillments of ours that this generation's looks found and the ledger
                            had lost */
    char why[400];       /* the generation began; "" for the first */
};

/* settle_ms: api.timeout_ms + api.settle_ms. */
bool recover_state(struct ledger *ledger, int64_t settle_ms, struct recover_state *out,
                   struct error *err);

/* This is the ledger's place from now on, or commits were lost where nothing shows it: a new
 * generation, paused until somebody resumes it. For the ledger's owner. */
bool recover_here(struct ledger *ledger, const char *who, const char *why, int *generation,
                  struct error *err);
/* The same, and base_url is the API's from now on. */
bool recover_api(struct ledger *ledger, const char *base_url, const char *who, const char *why,
                 int *generation, struct error *err);

#endif
