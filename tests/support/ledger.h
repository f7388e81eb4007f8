/*
 * ledger — a new ledger for a test, with a small warehouse and an answering API in SQL
 * (history.sql).
 *
 * Everything fails the running Check test when it goes wrong.
 */
#ifndef SUPPORT_LEDGER_H
#define SUPPORT_LEDGER_H

#include <stdint.h>

#include "ledger/ledger.h"
#include "pg/pg.h"
#include "support/support.h"

/* A database of its own with a live ledger in schema waybill; dropped at the end of this process.
 */
#define support_ledger_create(url)                                                                 \
    support_ledger_create_with((url), WAYBILL_SOURCE_DIR "/tests/support/history.sql")
void support_ledger_create_with(char url[SUPPORT_URL_MAX], const char *history_path);

/* A database of its own with an untouched ledger in schema waybill, and the program's session on
 * it, which the caller closes. worker: a role that is made where it isn't there, and given what it
 * needs; may be NULL. */
struct ledger *support_ledger_untouched(char url[SUPPORT_URL_MAX], const char *worker);

/* A session on it with a worker of its own; search_path is waybill, t. */
struct pg *support_ledger_open(const char *url);

/* One statement with up to three parameters (NULL for none, in order); its one value, "" for null.
 * The caller frees it. story names the place in a failure. */
char *support_ledger_ask(struct pg *pg, const char *story, const char *sql, const char *first,
                         const char *second, const char *third);
void support_ledger_do(struct pg *pg, const char *story, const char *sql);
void support_ledger_expect(struct pg *pg, const char *sql, const char *expected);

/* Fails with the first fault of the counters and, unless after is NULL, of the promise itself:
 * t.unbalanced() in history.sql says what holds after a "step", a "look" and at the "end". */
void support_ledger_expect_sound(struct pg *pg, const char *story, const char *after);

#endif
