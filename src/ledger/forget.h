/*
 * forget — what is personal of an order goes, its units stay (law 14).
 *
 * Tracking, the API's words and the reasons of decisions are all that the ledger
 * keeps of that kind. What is still on its way keeps its own until it is over;
 * forget_due comes back for it.
 */
#ifndef LEDGER_FORGET_H
#define LEDGER_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/decision.h"
#include "ledger/ledger.h"

/* By a person; recorded as a decision the first time. *is_done false: refused, said says why. */
bool forget_order(struct ledger *ledger, const char *order_id, const char *who, const char *reason,
                  bool *is_done, char said[DECISION_SAID_BYTES], struct error *err);

/* A bounded piece of what is to be dropped by now; *out: of how many orders. */
bool forget_due(struct ledger *ledger, int orders_max, int64_t *out, struct error *err);

#endif
