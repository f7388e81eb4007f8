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
