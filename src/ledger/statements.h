/*
 * statements — every statement of this room as data, and the files that init applies whole.
 *
 * A new one is a file sql/queries/NAME.sql and a line in statements.def; it is
 * then stmt_NAME, and a test holds it against a real ledger.
 */
#ifndef LEDGER_STATEMENTS_H
#define LEDGER_STATEMENTS_H

#include <stdbool.h>

#include "pg/pg.h"

#define STATEMENT(name, nparams, ncols) extern const struct pg_stmt stmt_##name;
#include "ledger/statements.def"
#undef STATEMENT

int statements_count(void);
const struct pg_stmt *statements_at(int index);

/* A statement that holds the warehouse's relation, which no parameter can: `:name` in its text (as
 * psql spells a variable) is replaced by a slot's text. That text comes from the server's own
 * spelling of the relation (warehouse.h), never from data. */
struct statements_slot {
    const char *name; /* NULL ends a list */
    const char *text;
};

#define TEMPLATE(name) extern const char *const template_##name;
#include "ledger/templates.def"
#undef TEMPLATE

/* The filled text; the caller frees it. Every `:name` must have its slot (asserted). */
bool statements_fill(const char *text, const struct statements_slot *slots, char **out,
                     struct error *err);

/* Filled and run, as pg_query does. */
bool statements_query(struct pg *pg, const char *text, const struct statements_slot *slots,
                      int nparams, const char *const *params, struct pg_rows **out,
                      struct error *err);

enum statements_kind { STATEMENTS_MIGRATIONS, STATEMENTS_FUNCTIONS, STATEMENTS_REPORTS };

struct statements_file {
    const char *name; /* "0001_ledger" */
    const char *text;
    const char *hash;
};

/* In the order of their names; false past the last. The version of a migration is index + 1. */
bool statements_file_at(enum statements_kind kind, int index, struct statements_file *out);
int statements_files_count(enum statements_kind kind);

#endif
