/*
 * decision — what a person decides about submissions, orders, discrepancies, and the ledger itself.
 *
 * The database judges and records (sql/functions/decisions.sql); what it
 * refuses comes back as a sentence, not as an error.
 */
#ifndef LEDGER_DECISION_H
#define LEDGER_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"

struct pg_stmt;

enum { DECISION_COUNT_MAX = 100000, DECISION_SAID_BYTES = 1024 };

struct decision_request {
    const char *action;      /* retry, hold, release, dismiss */
    const char *target_kind; /* submission, marker, order, discrepancy; all: by what follows */
    const char *target;
    const char *of_kind;   /* all: with an open discrepancy of this kind; NULL: any */
    int64_t older_than_ms; /* all: planned, or opened, so long ago; negative: whenever */
    const char *who;
    const char *reason; /* NULL: none was given */
    bool is_forced;
    const char *units; /* dismiss: settled or due */
};

struct decision {
    char target[64]; /* "submission 17" */
    char *order_id;  /* "" for none */
    bool is_done;
    char *said; /* what was done, or why not */
};

struct decision_list {
    struct decision *list;
    int count;
    bool is_cut; /* there is more than DECISION_COUNT_MAX: say it again */
};

/* What was decided before a failure stays decided, and is in the list. */
bool decision_make(struct ledger *ledger, const struct decision_request *request,
                   struct decision_list *out, struct error *err);
void decision_list_free(struct decision_list *list);

/* A statement that answers with one row: done, said. */
bool decision_book(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
                   bool *is_done, char said[DECISION_SAID_BYTES], struct error *err);

/* Units that count as settled: by hand, or because of a fulfillment that somebody else made (a
 * listing of one, as listing_json writes it). *is_done false: refused. */
bool decision_settle(struct ledger *ledger, const char *order_id, const char *item_id,
                     int64_t shipped, int64_t cancelled, const char *who, const char *reason,
                     bool *is_done, char said[DECISION_SAID_BYTES], struct error *err);
bool decision_adopt(struct ledger *ledger, const char *order_id, const char *listing,
                    const char *who, const char *reason, bool *is_done,
                    char said[DECISION_SAID_BYTES], struct error *err);

/* Every host at its next claim. reason may be NULL, but for going live. ERROR_STATE: not in that
 * mode. */
enum decision_mode { DECISION_PAUSE, DECISION_RESUME, DECISION_GO_LIVE };
bool decision_mode(struct ledger *ledger, enum decision_mode mode, const char *who,
                   const char *reason, char said[DECISION_SAID_BYTES], struct error *err);

#endif
