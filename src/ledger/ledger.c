#include "ledger/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ledger/statements.h"

#define LEDGER_SCHEMA_BYTES_MAX 63 /* the server would cut a longer name without a word */

#define LEDGER_LOCK_TIMEOUT_MS     5000
#define LEDGER_IDLE_IN_TRANSACTION 10000 /* a client that died leaves its locks so soon */
#define LEDGER_ANSWER_GRACE_MS     10000 /* for an answer, beyond the server's own time-out */

struct ledger {
    struct pg *pg;
    char schema[LEDGER_SCHEMA_BYTES_MAX + 1];
};

int
ledger_schema_version(void)
{
    return statements_files_count(STATEMENTS_MIGRATIONS);
}

void
ledger_refine_error(struct error *err)
{
    if (err->code != ERROR_DB || strncmp(err->sqlstate, "WB0", 3) != 0)
        return;
    err->code = ERROR_STATE;
    err->context[0] = '\0'; /* it is written for people, to whom a statement's name says nothing */
}

static void
ledger_hint_grant(struct error *err, const char *role)
{
    error_hint(
        err,
        "run as the ledger's owner: waybill init --grant %s, or for status and reports alone: "
        "waybill init --grant-reports %s",
        role, role);
}

/* Why the version could not be read, in place of what the server said. */
static bool
ledger_explain(struct ledger *ledger, struct error *err)
{
    const char *const params[] = {ledger->schema};
    struct pg_rows *rows = NULL;
    struct error fresh = {0};

    if (!pg_run(ledger->pg, &stmt_ledger_look, params, &rows, &fresh)) {
        *err = fresh;
        return false;
    }
    if (pg_rows_count(rows) != 1)
        goto done;
    if (pg_rows_bool(rows, 0, 0) && !pg_rows_bool(rows, 0, 1)) {
        error_set(&fresh, ERROR_CONFIG, "the role %s may not use the schema \"%s\"",
                  pg_rows_text(rows, 0, 4), ledger->schema);
        ledger_hint_grant(&fresh, pg_rows_text(rows, 0, 4));
    } else if (pg_rows_bool(rows, 0, 2) && !pg_rows_bool(rows, 0, 3)) {
        error_set(&fresh, ERROR_CONFIG, "the role %s may not read the ledger in the schema \"%s\"",
                  pg_rows_text(rows, 0, 4), ledger->schema);
        ledger_hint_grant(&fresh, pg_rows_text(rows, 0, 4));
    } else if (!pg_rows_bool(rows, 0, 2)) {
        error_set(&fresh, ERROR_CONFIG, "the schema \"%s\" %s", ledger->schema,
                  pg_rows_bool(rows, 0, 0) ? "holds no ledger" : "isn't there: no ledger");
        error_hint(&fresh, "run: waybill init");
    }

done:
    if (fresh.code != ERROR_NONE)
        *err = fresh;
    pg_rows_free(rows);
    return false;
}

static bool
ledger_check_version(struct ledger *ledger, struct error *err)
{
    struct pg_rows *rows = NULL;
    int64_t version;

    if (!pg_run(ledger->pg, &stmt_ledger_version, NULL, &rows, err)) {
        /* A schema that we may not use looks like one that isn't there. */
        if (strcmp(err->sqlstate, "42P01") == 0 || strcmp(err->sqlstate, "42501") == 0)
            return ledger_explain(ledger, err);
        return false;
    }
    version = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    if (version == ledger_schema_version())
        return true;
    error_set(err, ERROR_CONFIG, "the schema \"%s\" is version %lld, this program works with %d",
              ledger->schema, (long long)version, ledger_schema_version());
    error_hint(err, version > ledger_schema_version() ? "upgrade the program on this host"
                                                      : "run: waybill init");
    return false;
}

bool
ledger_open(struct ledger **out, const struct ledger_options *options, struct error *err)
{
    bool ok = false;
    struct ledger *ledger = NULL;
    struct pg_options session = {
        .url = options->url,
        .application_name = options->application_name,
        .search_path = options->schema,
        .connect_timeout_ms = options->connect_timeout_ms,
        .statement_timeout_ms = options->statement_timeout_ms,
        .lock_timeout_ms =
            options->lock_timeout_ms > 0 ? options->lock_timeout_ms : LEDGER_LOCK_TIMEOUT_MS,
        .idle_in_transaction_timeout_ms = LEDGER_IDLE_IN_TRANSACTION,
        .is_durable = true,
    };

    assert(*out == NULL);
    if (options->schema[0] == '\0' || strlen(options->schema) > LEDGER_SCHEMA_BYTES_MAX)
        return error_set(err, ERROR_CONFIG, "the schema \"%s\" can't be: 1 to %d bytes",
                         options->schema, LEDGER_SCHEMA_BYTES_MAX);
    if (options->statement_timeout_ms > 0)
        session.answer_timeout_ms = options->statement_timeout_ms + LEDGER_ANSWER_GRACE_MS;

    ledger = calloc(1, sizeof(*ledger));
    if (ledger == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a ledger");
        goto done;
    }
    (void)snprintf(ledger->schema, sizeof(ledger->schema), "%s", options->schema);
    if (!pg_open(&ledger->pg, &session, err) || !ledger_check_version(ledger, err))
        goto done;
    *out = ledger;
    ledger = NULL;
    ok = true;

done:
    ledger_close(ledger);
    return ok;
}

void
ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    pg_close(ledger->pg);
    free(ledger);
}

struct pg *
ledger_pg(struct ledger *ledger)
{
    return ledger->pg;
}

const char *
ledger_schema(const struct ledger *ledger)
{
    return ledger->schema;
}

/* One row, or our own error; the caller frees it. */
static bool
ledger_ask(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
           struct pg_rows **out, struct error *err)
{
    if (!pg_run(ledger->pg, stmt, params, out, err)) {
        ledger_refine_error(err);
        return false;
    }
    if (pg_rows_count(*out) == 1)
        return true;
    error_set(err, ERROR_DB, "answers %d rows instead of one", pg_rows_count(*out));
    error_context(err, "%s", stmt->name);
    pg_rows_free(*out);
    *out = NULL;
    return false;
}

/* Made somewhere else: written down, so that every host stops and a person finds it in the ledger
 * itself, however often a scheduler tries again. */
static void
ledger_pause_elsewhere(struct ledger *ledger, const struct error *why)
{
    const char *const params[] = {why->message};
    struct error ignored = {0};

    if (strcmp(why->sqlstate, "WB002") == 0)
        (void)pg_run(ledger->pg, &stmt_ledger_pause, params, NULL, &ignored);
}

bool
ledger_identify(struct ledger *ledger, struct ledger_identity *out, struct error *err)
{
    char version[PG_INT_BYTES];
    const char *const params[] = {version};
    struct pg_rows *rows = NULL;

    pg_int_text(version, ledger_schema_version());
    if (!ledger_ask(ledger, &stmt_ledger_identify, params, &rows, err)) {
        ledger_pause_elsewhere(ledger, err);
        return false;
    }
    text_copy_clean(out->ledger_id, sizeof(out->ledger_id), pg_rows_text(rows, 0, 0));
    text_copy_clean(out->mode, sizeof(out->mode), pg_rows_text(rows, 0, 1));
    text_copy_clean(out->mode_reason, sizeof(out->mode_reason), pg_rows_text(rows, 0, 2));
    text_copy_clean(out->mode_by, sizeof(out->mode_by), pg_rows_text(rows, 0, 3));
    out->generation = (int)pg_rows_int(rows, 0, 4);
    pg_rows_free(rows);
    return true;
}

bool
ledger_bind_api(struct ledger *ledger, const char *base_url, bool is_live, struct error *err)
{
    const char *const params[] = {base_url, is_live ? "true" : "false"};
    struct pg_rows *rows = NULL;

    if (!ledger_ask(ledger, &stmt_ledger_bind_api, params, &rows, err))
        return false;
    pg_rows_free(rows);
    return true;
}

bool
ledger_run_begin(struct ledger *ledger, const char *command, int64_t *run_id, struct error *err)
{
    char host[256] = "";
    char pid[PG_INT_BYTES];
    const char *const params[] = {command, host, pid, WAYBILL_VERSION};
    struct pg_rows *rows = NULL;

    if (gethostname(host, sizeof(host) - 1) != 0)
        (void)snprintf(host, sizeof(host), "unknown");
    pg_int_text(pid, (int)getpid());
    if (!ledger_ask(ledger, &stmt_run_begin, params, &rows, err))
        return false;
    *run_id = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
ledger_run_end(struct ledger *ledger, int64_t run_id, int exit_code, const char *why,
               struct error *err)
{
    char run[PG_INT_BYTES];
    char code[PG_INT_BYTES];
    char clean[1400]; /* an error's message, context and hint */
    const char *const params[] = {run, code, clean};
    struct pg_rows *rows = NULL;

    pg_int_text(run, run_id);
    pg_int_text(code, exit_code);
    text_copy_clean(clean, sizeof(clean), why);
    if (!ledger_ask(ledger, &stmt_run_end, params, &rows, err))
        return false;
    pg_rows_free(rows);
    return true;
}

bool
ledger_run_summary(struct ledger *ledger, int64_t run_id, struct ledger_run_summary *out,
                   struct error *err)
{
    char run[PG_INT_BYTES];
    const char *const params[] = {run};
    struct pg_rows *rows = NULL;

    pg_int_text(run, run_id);
    if (!ledger_ask(ledger, &stmt_run_summary, params, &rows, err))
        return false;
    *out = (struct ledger_run_summary){
        .looked_at = pg_rows_int(rows, 0, 0),
        .planned = pg_rows_int(rows, 0, 1),
        .accepted = pg_rows_int(rows, 0, 2),
        .rejected = pg_rows_int(rows, 0, 3),
        .unknown = pg_rows_int(rows, 0, 4),
        .retried = pg_rows_int(rows, 0, 5),
        .held = pg_rows_int(rows, 0, 6),
        .missed_by_feed = pg_rows_int(rows, 0, 7),
        .opened = pg_rows_int(rows, 0, 8),
        .has_swept = pg_rows_bool(rows, 0, 9),
        .backlog = pg_rows_int(rows, 0, 10),
    };
    pg_rows_free(rows);
    return true;
}
