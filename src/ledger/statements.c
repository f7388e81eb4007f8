#include "ledger/statements.h"

#include <assert.h>
#include <stddef.h>

#include "sql_text.h"

#define STATEMENT(name_, nparams_, ncols_)                                                         \
    const struct pg_stmt stmt_##name_ = {                                                          \
        .name = #name_, .sql = sql_##name_, .nparams = (nparams_), .ncols = (ncols_)};
#include "ledger/statements.def"
#undef STATEMENT

static const struct pg_stmt *const statements_list[] = {
#define STATEMENT(name_, nparams_, ncols_) &stmt_##name_,
#include "ledger/statements.def"
#undef STATEMENT
};

int
statements_count(void)
{
    return (int)(sizeof(statements_list) / sizeof(statements_list[0]));
}

const struct pg_stmt *
statements_at(int index)
{
    assert(index >= 0 && index < statements_count());
    return statements_list[index];
}

static const struct sql_file *
statements_files(enum statements_kind kind, int *count)
{
    switch (kind) {
    case STATEMENTS_MIGRATIONS:
        *count = sql_migrations_count;
        return sql_migrations;
    case STATEMENTS_FUNCTIONS:
        *count = sql_functions_count;
        return sql_functions;
    case STATEMENTS_REPORTS:
        *count = sql_reports_count;
        return sql_reports;
    }
    *count = 0;
    return NULL;
}

bool
statements_file_at(enum statements_kind kind, int index, struct statements_file *out)
{
    int count;
    const struct sql_file *files = statements_files(kind, &count);

    if (index < 0 || index >= count)
        return false;
    *out = (struct statements_file){
        .name = files[index].name, .text = files[index].text, .hash = files[index].hash};
    return true;
}

int
statements_files_count(enum statements_kind kind)
{
    int count;

    (void)statements_files(kind, &count);
    return count;
}
