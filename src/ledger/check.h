/*
 * check — is everything there that a run needs? Changes nothing.
 */
#ifndef LEDGER_CHECK_H
#define LEDGER_CHECK_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"

enum check_level { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check_finding {
    enum check_level level;
    char what[80]; /* "privileges", "relation", "look-up", "feed" ... */
    char detail[1024];
    char mend[1024]; /* the statement or command that mends it; "" */
};

struct check_list {
    struct check_finding *list;
    int count;
    int capacity;
};

bool check_add(struct check_list *list, enum check_level level, const char *what, const char *mend,
               const char *fmt, ...) PRINTF_LIKE(5, 6);
bool check_no_memory(struct error *err); /* what its false means; always false itself */
void check_free(struct check_list *list);

/* The database side: server version, session settings, durability (synchronous_commit, fsync,
 * standbys without synchronous_standby_names), pooler, schema version, baseline, each missing
 * privilege with the GRANT that mends it, the feed's triggers, tables below the view that no feed
 * watches, queue age, oldest snapshot. */
bool check_database(struct ledger *ledger, bool is_queue, bool is_scan, struct check_list *out,
                    struct error *err);

/* Is the API of the configuration the one that the ledger was filled from? */
bool check_binding(struct ledger *ledger, const char *base_url, bool is_live,
                   struct check_list *out, struct error *err);

/* The tables below the relation that no feed watches, with the statement that feeds each; with
 * change_feed: scan those whose changes it may read too early. */
bool check_feeds(struct ledger *ledger, const struct warehouse *warehouse, bool is_scan,
                 struct check_list *out, struct error *err);

/* The relation: shape (warehouse_open did that), a sample for bad rows, and the plan of a look-up
 * of 200 orders: a sequential scan of a table with more than 10,000 rows is named with the index to
 * make. A function is called once. is_scan: rows without a changed_at are told too. */
bool check_warehouse(struct ledger *ledger, const struct warehouse *warehouse, bool is_scan,
                     struct check_list *out, struct error *err);

#endif
