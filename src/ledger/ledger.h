/*
 * ledger — the database in our words: one session on one ledger.
 *
 * Opening checks that the schema is there and of the version that this program
 * works with. What the ledger can do lies in files of their own beside this
 * one: init, baseline, warehouse, sweep, plan, work, run, report, check, ...
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "pg/pg.h"

struct ledger;

enum { LEDGER_UNITS_MAX = 1000000000 }; /* of one row; units_max() in SQL */

struct ledger_options {
    const char *url;    /* of the database; never shown */
    const char *schema; /* of the ledger */
    const char *application_name;
    int64_t statement_timeout_ms; /* 0: none */
    int64_t lock_timeout_ms;      /* 0: as usual */
    int64_t connect_timeout_ms;
};

/* ERROR_DB_LOST: unreachable (exit 4). ERROR_CONFIG: schema missing, too old or too new, each with
 * a hint (exit 3). */
bool ledger_open(struct ledger **out, const struct ledger_options *options, struct error *err);
void ledger_close(struct ledger *ledger); /* NULL is fine */

struct pg *ledger_pg(struct ledger *ledger);
const char *ledger_schema(const struct ledger *ledger);
int ledger_schema_version(void); /* that this program works with */

/* Who this ledger is; text fields are owned by the struct. */
struct ledger_identity {
    char ledger_id[40];
    char mode[16]; /* new, shadow, live, paused */
    char mode_reason[256];
    char mode_by[128];
    int generation;
};

/* Compares the ledger with the machine it is on (WB0xx errors become ERROR_STATE: exit 3) and with
 * the program. */
bool ledger_identify(struct ledger *ledger, struct ledger_identity *out, struct error *err);

/* Bind to the API on first use; ERROR_STATE when it is another one than before. */
bool ledger_bind_api(struct ledger *ledger, const char *base_url, bool is_live, struct error *err);

/* A statement refused with our own WB0xx becomes ERROR_STATE; the rest stays. */
void ledger_refine_error(struct error *err);

/* Runs. */
bool ledger_run_begin(struct ledger *ledger, const char *command, int64_t *run_id,
                      struct error *err);
bool ledger_run_end(struct ledger *ledger, int64_t run_id, int exit_code, const char *why,
                    struct error *err);

struct ledger_run_summary {
    int64_t looked_at, planned, accepted, rejected, unknown, retried, held, missed_by_feed, opened;
    bool has_swept;
    int64_t backlog; /* submissions still planned, sending or unknown in the whole ledger */
};
bool ledger_run_summary(struct ledger *ledger, int64_t run_id, struct ledger_run_summary *out,
                        struct error *err);

#endif
