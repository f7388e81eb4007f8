#include "support/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/init.h"

void
support_ledger_create_with(char url[SUPPORT_URL_MAX], const char *history_path)
{
    struct error err = {0};
    struct ledger_init_result result = {0};
    struct ledger_options session = {.url = url,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .statement_timeout_ms = 60000,
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session};
    char *history;

    support_database_create(url);
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    history = support_read_file(history_path);
    support_psql(url, history);
    free(history);
}

struct ledger *
support_ledger_untouched(char url[SUPPORT_URL_MAX], const char *worker)
{
    struct error err = {0};
    struct ledger *ledger = NULL;
    struct ledger_init_result result = {0};
    const struct ledger_options session = {.url = url,
                                           .schema = "waybill",
                                           .application_name = "waybill test",
                                           .statement_timeout_ms = 30000,
                                           .connect_timeout_ms = 5000};
    const struct ledger_init_options options = {.session = &session, .grant_role = worker};
    char sql[256];

    support_database_create(url);
    if (worker != NULL) {
        (void)snprintf(sql, sizeof(sql),
                       "do $$ begin if not exists (select from pg_roles where rolname = '%s')"
                       " then create role %s login; end if; end $$",
                       worker, worker);
        support_psql(url, sql);
    }
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    ck_assert_msg(ledger_open(&ledger, &session, &err), "%s", err.message);
    return ledger;
}

struct pg *
support_ledger_open(const char *url)
{
    struct error err = {0};
    struct pg *pg = NULL;
    struct pg_options options = {.url = url,
                                 .application_name = "waybill test",
                                 .search_path = "waybill",
                                 .connect_timeout_ms = 5000,
                                 .statement_timeout_ms = 60000};

    ck_assert_msg(pg_open(&pg, &options, &err), "%s", err.message);
    support_ledger_do(pg, "open", "set search_path = waybill, t, pg_temp; select t.begin()");
    return pg;
}

char *
support_ledger_ask(struct pg *pg, const char *story, const char *sql, const char *first,
                   const char *second, const char *third)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const char *params[] = {first, second, third};
    int nparams = first == NULL ? 0 : second == NULL ? 1 : third == NULL ? 2 : 3;
    const char *text = NULL;
    char *copy;

    ck_assert_msg(pg_query(pg, sql, nparams, params, &rows, &err), "%s: %s: %s %s", story, sql,
                  err.sqlstate, err.message);
    if (pg_rows_count(rows) > 0)
        text = pg_rows_text(rows, 0, 0);
    copy = strdup(text == NULL ? "" : text);
    ck_assert_ptr_nonnull(copy);
    pg_rows_free(rows);
    return copy;
}

void
support_ledger_do(struct pg *pg, const char *story, const char *sql)
{
    struct error err = {0};

    ck_assert_msg(pg_exec(pg, sql, &err), "%s: %s: %s %s", story, sql, err.sqlstate, err.message);
}

void
support_ledger_expect(struct pg *pg, const char *sql, const char *expected)
{
    char *text = support_ledger_ask(pg, "expect", sql, NULL, NULL, NULL);

    ck_assert_msg(strcmp(text, expected) == 0, "%s: \"%s\", not \"%s\"", sql, text, expected);
    free(text);
}

void
support_ledger_expect_sound(struct pg *pg, const char *story, const char *after)
{
    char *fault = support_ledger_ask(pg, story, "select t.fault(nullif($1, ''))",
                                     after == NULL ? "" : after, NULL, NULL);

    ck_assert_msg(fault[0] == '\0', "%s: %s", story, fault);
    free(fault);
}
