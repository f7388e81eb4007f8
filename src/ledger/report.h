/*
 * report — the reports of the schema for reading, bounded whatever their size.
 */
#ifndef LEDGER_REPORT_H
#define LEDGER_REPORT_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "pg/pg.h"

struct report; /* an open one: a cursor of the session, one at a time */

enum report_kind { REPORT_TEXT, REPORT_NUMBER, REPORT_BOOL };

int report_count(void);
const char *report_name(int index); /* "line_items": the view is report_line_items */
const char *report_summary(int index);
bool report_is_by_order(int index); /* can be asked for one order only */
int report_find(const char *name);  /* -1: there is none */

/* order_id NULL: all rows; else only where report_is_by_order. */
bool report_open(struct ledger *ledger, int index, const char *order_id, struct report **out,
                 struct error *err);
int report_columns(const struct report *report);
const char *report_column(const struct report *report, int column, enum report_kind *kind);
/* The next piece of rows, the caller's to free; none: the end. */
bool report_next(struct report *report, struct pg_rows **out, struct error *err);
void report_close(struct report *report); /* NULL is fine */

/* One order's whole story: at, what, detail. Not there: no rows. */
bool report_order(struct ledger *ledger, const char *order_id, struct pg_rows **out,
                  struct error *err);

/* For `plan`: sql/queries/report_lines_of_order.sql, and report_held_rows.sql for orders as an
 * array literal. */
bool report_lines_of_order(struct ledger *ledger, const char *order_id, struct pg_rows **out,
                           struct error *err);
bool report_held_rows(struct ledger *ledger, const char *orders, struct pg_rows **out,
                      struct error *err);

/* What one screen shows; columns by name, as sql/queries/status_*.sql say. */
struct report_status {
    struct pg_rows *health; /* one row */
    struct pg_rows *backlog, *discrepancies, *runs, *stuck;
    struct pg_rows *pace; /* one row; NULL until it is read */
};

bool report_status_read(struct ledger *ledger, struct report_status *out, struct error *err);
/* health, backlog and discrepancies alone; the others stay NULL. */
bool report_status_read_facts(struct ledger *ledger, struct report_status *out, struct error *err);
/* The dearest part by itself: a monitor that asks every minute does without. */
bool report_status_read_pace(struct ledger *ledger, struct report_status *status,
                             struct error *err);
void report_status_free(struct report_status *status);

/* What the page shows beside that; columns by name, as sql/queries/page_*.sql say. */
struct report_page {
    struct pg_rows *days, *latency, *discrepancies;
};

bool report_page_read(struct ledger *ledger, struct report_page *out, struct error *err);
void report_page_free(struct report_page *page);

#endif
