#include "ledger/forget.h"

#include "ledger/statements.h"

bool
forget_order(struct ledger *ledger, const char *order_id, const char *who, const char *reason,
             bool *is_done, char said[DECISION_SAID_BYTES], struct error *err)
{
    const char *const params[] = {order_id, who, reason};

    return decision_book(ledger, &stmt_forget_order, params, is_done, said, err);
}

bool
forget_due(struct ledger *ledger, int orders_max, int64_t *out, struct error *err)
{
    char most[PG_INT_BYTES];
    const char *const params[] = {most};
    struct pg_rows *rows = NULL;

    pg_int_text(most, orders_max);
    if (!pg_run(ledger_pg(ledger), &stmt_forget_due, params, &rows, err)) {
        error_context(err, "forget");
        return false;
    }
    *out = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}
