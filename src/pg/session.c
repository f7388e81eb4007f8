#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "pg/internal.h"

#define PG_SETTINGS_BYTES_MAX 8192

/*
 * One round trip sets everything and reads back what counts. Not in the start
 * packet's options, which poolers refuse. An older server leaves out what it
 * doesn't know. An empty value asks only (null may be a word in arrays still, see
 * array_nulls); synchronous_commit isn't lowered where it is remote_apply or
 * remote_write.
 */
static const char pg_session_sql[] =
    "select s.name, case"
    "  when s.name = 'pg_backend_pid' then pg_catalog.pg_backend_pid()::text"
    "  when s.value = '' then pg_catalog.current_setting(s.name, true)"
    "  when s.name = 'synchronous_commit'"
    "   and pg_catalog.current_setting(s.name) not in ('off', 'local')"
    "  then pg_catalog.current_setting(s.name)"
    "  else pg_catalog.set_config(s.name, s.value, false) end"
    " from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]))"
    "   as s(name, value)"
    " where s.name = 'pg_backend_pid'"
    "    or pg_catalog.current_setting(s.name, true) is not null";

struct pg_settings {
    struct buffer names;
    struct buffer values;
};

static void
pg_settings_add(struct pg_settings *settings, const char *name, const char *value)
{
    pg_array_text(&settings->names, name);
    pg_array_text(&settings->values, value);
}

static void
pg_settings_add_ms(struct pg_settings *settings, const char *name, int64_t ms)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)ms);
    pg_settings_add(settings, name, text);
}

static bool
pg_settings_fill(struct pg_settings *settings, const struct pg_options *options)
{
    static const char *const fixed[][2] = {
        {"pg_backend_pid", ""},
        {"fsync", ""},
        {"server_encoding", ""},
        {"array_nulls", "on"},
        {"datestyle", "ISO, YMD"},
        {"intervalstyle", "postgres"},
        {"timezone", "UTC"},
        {"jit", "off"},
        {"max_parallel_workers_per_gather", "0"},
        {"idle_session_timeout", "0"},
        {"tcp_keepalives_idle", "10"},
        {"tcp_keepalives_interval", "5"},
        {"tcp_keepalives_count", "3"},
        {"tcp_user_timeout", "20000"},
        {"default_transaction_isolation", "read committed"},
        {"default_transaction_read_only", "off"},
        {"standard_conforming_strings", "on"},
        {"client_min_messages", "notice"},
    };
    char *schema = NULL;
    char path[256];

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        pg_settings_add(settings, fixed[i][0], fixed[i][1]);
    pg_settings_add_ms(settings, "statement_timeout", options->statement_timeout_ms);
    pg_settings_add_ms(settings, "lock_timeout", options->lock_timeout_ms);
    pg_settings_add_ms(settings, "idle_in_transaction_session_timeout",
                       options->idle_in_transaction_timeout_ms);
    if (options->is_durable)
        pg_settings_add(settings, "synchronous_commit", "on");
    if (options->search_path != NULL) {
        schema = pg_quote_identifier(options->search_path);
        if (schema == NULL)
            return false;
        (void)snprintf(path, sizeof(path), "%s, pg_temp", schema);
        pg_settings_add(settings, "search_path", path);
        free(schema);
    }
    pg_array_end(&settings->names);
    pg_array_end(&settings->values);
    return !settings->names.is_failed && !settings->values.is_failed;
}

static bool
pg_session_check(struct pg *pg, const struct pg_rows *rows, bool is_durable, struct error *err)
{
    bool is_commit_safe = false;

    for (int row = 0; row < pg_rows_count(rows); row++) {
        const char *name = pg_rows_text(rows, row, 0);
        const char *value = pg_rows_text(rows, row, 1);

        if (strcmp(name, "pg_backend_pid") == 0)
            pg->backend_pid = (int)pg_rows_int(rows, row, 1);
        if (strcmp(name, "synchronous_commit") == 0)
            is_commit_safe = strcmp(value, "off") != 0 && strcmp(value, "local") != 0;
        if (is_durable && strcmp(name, "fsync") == 0 && strcmp(value, "on") != 0) {
            error_set(err, ERROR_CONFIG, "the database server runs with fsync = \"%s\"", value);
            error_hint(err, "a crash would forget what was already sent: set fsync = on in "
                            "postgresql.conf, then select pg_reload_conf()");
            return false;
        }
        /* Ids of any shop and the API's words have to fit in. */
        if (strcmp(name, "server_encoding") == 0 && strcmp(value, "UTF8") != 0) {
            error_set(err, ERROR_CONFIG, "the database \"%s\" is encoded in %s, not in UTF8",
                      PQdb(pg->conn), value);
            error_hint(err, "move it into one that is, by pg_dump and pg_restore: createdb "
                            "--encoding=UTF8 --template=template0 NAME");
            return false;
        }
    }
    if (is_durable && !is_commit_safe)
        return error_set(err, ERROR_CONFIG, "the session can't be given synchronous_commit = on");
    return true;
}

static bool
pg_session_begin(struct pg *pg, const struct pg_options *options, struct error *err)
{
    bool ok = false;
    struct pg_settings settings;
    struct pg_rows *rows = NULL;
    const char *params[2];

    buffer_init(&settings.names, PG_SETTINGS_BYTES_MAX);
    buffer_init(&settings.values, PG_SETTINGS_BYTES_MAX);
    pg_array_begin(&settings.names);
    pg_array_begin(&settings.values);
    if (!pg_settings_fill(&settings, options)) {
        error_set(err, ERROR_NOMEM, "no memory for the session's settings");
        goto done;
    }
    params[0] = buffer_text(&settings.names);
    params[1] = buffer_text(&settings.values);
    if (!pg_query(pg, pg_session_sql, 2, params, &rows, err))
        goto done;
    ok = pg_session_check(pg, rows, options->is_durable, err);

done:
    if (!ok)
        error_context(err, "session settings");
    pg_rows_free(rows);
    buffer_free(&settings.names);
    buffer_free(&settings.values);
    return ok;
}

bool
pg_open(struct pg **out, const struct pg_options *options, struct error *err)
{
    bool ok = false;
    struct pg *pg = NULL;

    assert(*out == NULL);

    pg = calloc(1, sizeof(*pg));
    if (pg == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a connection");
        goto done;
    }
    if (!pg_connect(&pg->conn, options, pg_notice, pg, err))
        goto done;
    if (PQsetnonblocking(pg->conn, 1) != 0) {
        error_set(err, ERROR_DB_LOST, "the connection can't be made non-blocking");
        goto done;
    }
    /* A server that lets us in and then says nothing counts as one that can't be reached. */
    pg->answer_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : PG_CONNECT_TIMEOUT_MS;
    if (!pg_session_begin(pg, options, err))
        goto done;
    pg->answer_timeout_ms = options->answer_timeout_ms;
    *out = pg;
    pg = NULL;
    ok = true;

done:
    pg_close(pg);
    return ok;
}

void
pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    PQclear(pg->result);
    PQclear(pg->failure);
    PQfinish(pg->conn);
    free(pg->prepared);
    free(pg);
}
