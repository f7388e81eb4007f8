#include "ledger/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"

#define INIT_LOCK_TIMEOUT_MS      5000
#define INIT_IDLE_IN_TRANSACTION  60000
#define INIT_STATEMENT_TIMEOUT_MS 600000 /* a migration over years of history */

static bool
init_run(struct pg *pg, const struct pg_stmt *stmt, const char *const *params, struct error *err)
{
    return pg_run(pg, stmt, params, NULL, err);
}

static bool
init_lock(struct pg *pg, const char *schema, struct error *err)
{
    const char *const params[] = {schema};

    if (init_run(pg, &stmt_init_lock, params, err))
        return true;
    if (strcmp(err->sqlstate, "55P03") == 0) {
        error_clear(err);
        error_set(err, ERROR_DB, "another init, or a feed_from, works on the schema \"%s\"",
                  schema);
        error_hint(err, "wait for it, then try again");
    }
    return false;
}

/* Makes the schema, or becomes the one that owns the ledger in it. */
static bool
init_enter(struct pg *pg, const char *schema, const char *quoted, bool *is_ledger,
           struct error *err)
{
    bool ok = false;
    const char *const params[] = {schema};
    struct pg_rows *rows = NULL;
    struct buffer sql;

    buffer_init(&sql, 1024);
    if (!pg_run(pg, &stmt_init_look, params, &rows, err))
        goto done;
    *is_ledger = pg_rows_bool(rows, 0, 3);
    if (!*is_ledger && pg_rows_text(rows, 0, 6) != NULL) {
        error_set(err, ERROR_CONFIG, "the schema \"%s\" holds other things and no ledger: %s, ...",
                  schema, pg_rows_text(rows, 0, 6));
        error_hint(err, "choose another database.schema; the ledger has one to itself");
        goto done;
    }
    if (*is_ledger && !pg_rows_bool(rows, 0, 5)) {
        error_set(err, ERROR_CONFIG, "the ledger in the schema \"%s\" belongs to %s", schema,
                  pg_rows_text(rows, 0, 4));
        error_hint(err, "run init as that role");
        goto done;
    }
    if (!*is_ledger && !pg_rows_bool(rows, 0, 2)) {
        error_set(err, ERROR_CONFIG, "the role %s may not create the schema \"%s\"",
                  pg_rows_text(rows, 0, 7), schema);
        error_hint(err,
                   pg_rows_bool(rows, 0, 0)
                       ? "as its owner: grant usage, create on schema %s to %s"
                       : "as the database's owner: create schema %s authorization %s",
                   quoted, pg_rows_text(rows, 0, 7));
        goto done;
    }
    if (*is_ledger) {
        /* One owner for all: a superuser's functions among them would run with his rights. */
        char *owner = pg_quote_identifier(pg_rows_text(rows, 0, 4));

        if (owner != NULL)
            (void)buffer_printf(&sql, "set local role %s", owner);
        free(owner);
    } else {
        (void)buffer_printf(&sql, "create schema if not exists %s", quoted);
    }
    if (sql.is_failed || sql.used == 0) {
        error_set(err, ERROR_NOMEM, "no memory for a statement");
        goto done;
    }
    ok = pg_exec(pg, buffer_text(&sql), err);

done:
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

/* What the ledger has had must be what we know. */
static bool
init_compare(const struct pg_rows *rows, const char *schema, struct error *err)
{
    int known = statements_files_count(STATEMENTS_MIGRATIONS);

    for (int row = 0; row < pg_rows_count(rows); row++) {
        struct statements_file file;
        int64_t version = pg_rows_int(rows, row, 0);
        int64_t newest = pg_rows_int(rows, pg_rows_count(rows) - 1, 0);

        if (newest > known) {
            error_set(err, ERROR_CONFIG,
                      "the schema \"%s\" is version %lld, this program works with %d", schema,
                      (long long)newest, known);
            error_hint(err, "upgrade the program on this host");
            return false;
        }
        if (version != row + 1)
            return error_set(err, ERROR_CONFIG, "the schema \"%s\" has no migration %d, but %lld",
                             schema, row + 1, (long long)version);
        (void)statements_file_at(STATEMENTS_MIGRATIONS, row, &file);
        if (strcmp(pg_rows_text(rows, row, 2), file.hash) != 0) {
            error_set(err, ERROR_CONFIG,
                      "the schema \"%s\" was made by another migration %d (%s, %.12s...) than this "
                      "program's (%s, %.12s...)",
                      schema, row + 1, pg_rows_text(rows, row, 1), pg_rows_text(rows, row, 2),
                      file.name, file.hash);
            error_hint(err, "use the program that made it, or one released after it");
            return false;
        }
    }
    return true;
}

static bool
init_migrate(struct pg *pg, const char *schema, bool is_ledger, struct ledger_init_result *result,
             struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct statements_file file = {.name = ""};

    if (is_ledger) {
        if (!pg_run(pg, &stmt_init_versions, NULL, &rows, err) || !init_compare(rows, schema, err))
            goto done;
        result->version_before = pg_rows_count(rows);
    }
    result->version_after = result->version_before;
    while (statements_file_at(STATEMENTS_MIGRATIONS, result->version_after, &file)) {
        char version[PG_INT_BYTES];
        const char *const params[] = {version, file.name, file.hash};

        pg_int_text(version, ++result->version_after);
        if (!pg_exec(pg, file.text, err) || !init_run(pg, &stmt_init_note_version, params, err)) {
            error_context(err, "migration %s", file.name);
            goto done;
        }
    }
    ok = true;

done:
    pg_rows_free(rows);
    return ok;
}

static bool
init_has(const struct pg_rows *rows, const char *name, const char *hash)
{
    for (int row = 0; row < pg_rows_count(rows); row++) {
        if (strcmp(pg_rows_text(rows, row, 0), name) == 0)
            return strcmp(pg_rows_text(rows, row, 1), hash) == 0;
    }
    return false;
}

static bool
init_put_code(struct pg *pg, enum statements_kind kind, const struct pg_rows *had,
              struct ledger_init_result *result, struct error *err)
{
    struct statements_file file;

    for (int i = 0; statements_file_at(kind, i, &file); i++) {
        char name[128];
        const char *const params[] = {name, file.hash};

        (void)snprintf(name, sizeof(name), "%s/%s",
                       kind == STATEMENTS_FUNCTIONS ? "functions" : "reports", file.name);
        if (init_has(had, name, file.hash))
            continue;
        if (!pg_exec(pg, file.text, err) || !init_run(pg, &stmt_init_note_code, params, err)) {
            error_context(err, "%s", name);
            return false;
        }
        result->code_changed++;
    }
    return true;
}

/* kind NULL: a feeder, who has no kind of its own in the ledger. */
static bool
init_give_role(struct pg *pg, const char *role, const char *kind, struct error *err)
{
    const char *const params[] = {role, kind};
    struct pg_rows *rows = NULL;
    bool is_there;

    if (role == NULL)
        return true;
    if (!pg_run(pg, kind == NULL ? &stmt_init_give_feed : &stmt_init_give_role, params, &rows, err))
        return false;
    is_there = pg_rows_count(rows) == 1;
    pg_rows_free(rows);
    if (is_there)
        return true;
    error_set(err, ERROR_CONFIG, "there is no role \"%s\"", role);
    error_hint(err, "make it first: create role \"%s\" login", role);
    return false;
}

static bool
init_fill(struct pg *pg, const struct ledger_init_options *options,
          struct ledger_init_result *result, struct error *err)
{
    bool ok = false;
    bool is_ledger = false;
    const char *schema = options->session->schema;
    char *quoted = pg_quote_identifier(schema);
    struct pg_rows *had = NULL;

    if (quoted == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a name");
        goto done;
    }
    /* Bodies may name what a later file makes. */
    if (!pg_exec(pg, "set local check_function_bodies = off", err) || !init_lock(pg, schema, err) ||
        !init_enter(pg, schema, quoted, &is_ledger, err) ||
        !init_migrate(pg, schema, is_ledger, result, err))
        goto done;
    if (!pg_run(pg, &stmt_init_code, NULL, &had, err) ||
        !init_put_code(pg, STATEMENTS_FUNCTIONS, had, result, err) ||
        !init_put_code(pg, STATEMENTS_REPORTS, had, result, err))
        goto done;
    if (!init_run(pg, &stmt_init_make_partitions, NULL, err) ||
        !init_give_role(pg, options->grant_role, "worker", err) ||
        !init_give_role(pg, options->grant_reports, "reporter", err) ||
        !init_give_role(pg, options->grant_feed, NULL, err) ||
        !init_run(pg, &stmt_init_give_privileges, NULL, err))
        goto done;
    result->is_granted = options->grant_role != NULL || options->grant_reports != NULL ||
                         options->grant_feed != NULL;
    ok = true;

done:
    pg_rows_free(had);
    free(quoted);
    return ok;
}

bool
ledger_init(const struct ledger_init_options *options, struct ledger_init_result *out,
            struct error *err)
{
    bool ok = false;
    struct pg *pg = NULL;
    struct ledger_init_result result = {0};
    const struct ledger_options *wanted = options->session;
    struct pg_options session = {
        .url = wanted->url,
        .application_name = wanted->application_name,
        .search_path = wanted->schema,
        .connect_timeout_ms = wanted->connect_timeout_ms,
        .statement_timeout_ms = INIT_STATEMENT_TIMEOUT_MS,
        .lock_timeout_ms = INIT_LOCK_TIMEOUT_MS,
        .idle_in_transaction_timeout_ms = INIT_IDLE_IN_TRANSACTION,
        .is_durable = true,
    };

    if (wanted->schema[0] == '\0' || strlen(wanted->schema) > 63 ||
        strncmp(wanted->schema, "pg_", 3) == 0)
        return error_set(err, ERROR_CONFIG,
                         "the schema \"%s\" can't be: 1 to 63 bytes, not beginning with pg_",
                         wanted->schema);
    if (!pg_open(&pg, &session, err))
        goto done;
    if (!pg_exec(pg, "begin", err) || !init_fill(pg, options, &result, err))
        goto done;
    if (!pg_exec(pg, "commit", err))
        goto done;
    *out = result;
    ok = true;

done:
    if (!ok && strcmp(err->sqlstate, "55P03") == 0)
        error_hint(err, "the ledger is in use: try again, or stop the runs for a moment");
    pg_close(pg); /* an open transaction ends with it */
    return ok;
}
