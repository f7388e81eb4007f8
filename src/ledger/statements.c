#include "ledger/statements.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sql_text.h"

enum { STATEMENTS_FILLED_BYTES_MAX = 1024 * 1024 };

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

#define TEMPLATE(name_) const char *const template_##name_ = sql_##name_;
#include "ledger/templates.def"
#undef TEMPLATE

static const struct statements_slot *
statements_find_slot(const struct statements_slot *slots, const char *at, size_t *length)
{
    *length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    for (; slots->name != NULL; slots++) {
        if (strlen(slots->name) == *length && strncmp(slots->name, at, *length) == 0)
            return slots;
    }
    return NULL;
}

/* Comments are left out: they name the slots, and a relation's text may not stand in one. */
static const char *
statements_skip_comment(const char *at)
{
    const char *end = strchr(at, '\n');

    return end == NULL ? at + strlen(at) : end;
}

bool
statements_fill(const char *text, const struct statements_slot *slots, char **out,
                struct error *err)
{
    struct buffer filled;

    buffer_init(&filled, STATEMENTS_FILLED_BYTES_MAX);
    for (const char *at = text; *at != '\0';) {
        const struct statements_slot *slot;
        size_t length;

        if (at[0] == '-' && at[1] == '-') {
            at = statements_skip_comment(at);
            continue;
        }
        if (at[0] != ':' || at[1] < 'a' || at[1] > 'z' || (at > text && at[-1] == ':')) {
            (void)buffer_putc(&filled, *at++);
            continue;
        }
        slot = statements_find_slot(slots, at + 1, &length);
        assert(slot != NULL);
        (void)buffer_puts(&filled, slot->text);
        at += 1 + length;
    }
    *out = buffer_take(&filled);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a statement over the warehouse");
    return true;
}

bool
statements_query(struct pg *pg, const char *text, const struct statements_slot *slots, int nparams,
                 const char *const *params, struct pg_rows **out, struct error *err)
{
    char *sql = NULL;
    bool ok =
        statements_fill(text, slots, &sql, err) && pg_query(pg, sql, nparams, params, out, err);

    free(sql);
    return ok;
}

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
