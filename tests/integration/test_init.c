#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "ledger/statements.h"
#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static struct error err;
static struct ledger *ledger;

static struct ledger_options
options(const char *user_url, const char *schema)
{
    return (struct ledger_options){.url = user_url,
                                   .schema = schema,
                                   .application_name = "waybill test",
                                   .statement_timeout_ms = 30000,
                                   .connect_timeout_ms = 5000};
}

static void
setup(void)
{
    error_clear(&err);
    ledger = NULL;
    support_database_create(url);
    /* Roles are of the whole server: one from an earlier test may be there. */
    support_psql(url, "do $$ declare r text; begin"
                      " foreach r in array array['test_worker', 'test_reporter', 'test_owner', "
                      "'test_feeder'] loop"
                      "  if not exists (select from pg_roles where rolname = r) then"
                      "   execute format('create role %I login', r);"
                      "  end if; end loop; end $$");
}

static void
teardown(void)
{
    ledger_close(ledger);
    ledger = NULL;
}

static bool
init_as(const char *user_url, const char *schema, const char *worker, const char *reporter,
        struct ledger_init_result *result)
{
    struct ledger_options session = options(user_url, schema);
    struct ledger_init_options wanted = {
        .session = &session, .grant_role = worker, .grant_reports = reporter};

    return ledger_init(&wanted, result, &err);
}

static struct ledger_init_result
init(const char *schema, const char *worker, const char *reporter)
{
    struct ledger_init_result result = {0};

    ck_assert_msg(init_as(url, schema, worker, reporter, &result), "%s: %s (%s)", err.context,
                  err.message, err.hint);
    return result;
}

static bool
open_as(const char *user_url, const char *schema)
{
    struct ledger_options session = options(user_url, schema);

    return ledger_open(&ledger, &session, &err);
}

static void
expect_error(bool ok, enum error_code code, const char *part, const char *hint)
{
    ck_assert(!ok);
    ck_assert_msg(err.code == code, "code %d: %s: %s", (int)err.code, err.context, err.message);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.hint, hint) != NULL, "%s: %s", err.message, err.hint);
    error_clear(&err);
}

static void
expect_refused(const char *user_url, const char *sql)
{
    char state[6];

    support_psql_state(user_url, sql, state);
    ck_assert_msg(strcmp(state, "42501") == 0, "\"%s\" from %s", state, sql);
}

START_TEST(init_makes_a_ledger_and_a_second_init_finds_nothing_to_do)
{
    struct ledger_init_result first = init("waybill", NULL, NULL);
    struct ledger_init_result second;

    ck_assert_int_eq(first.version_before, 0);
    ck_assert_int_eq(first.version_after, ledger_schema_version());
    ck_assert_int_gt(first.code_changed, 0);
    second = init("waybill", NULL, NULL);
    ck_assert_int_eq(second.version_before, ledger_schema_version());
    ck_assert_int_eq(second.version_after, ledger_schema_version());
    ck_assert_int_eq(second.code_changed, 0);
    ck_assert(!second.is_granted);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
}
END_TEST

static void
code_is_accepted(void)
{
    struct statements_file file;
    struct pg *pg;

    (void)init("waybill", NULL, NULL);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
    pg = ledger_pg(ledger);
    ck_assert(pg_exec(pg, "set check_function_bodies = on", &err));
    for (int i = 0; statements_file_at(STATEMENTS_FUNCTIONS, i, &file); i++)
        ck_assert_msg(pg_exec(pg, file.text, &err), "%s: %s", file.name, err.message);
}

START_TEST(every_function_body_is_accepted_by_the_server)
{
    code_is_accepted();
}
END_TEST

static void
statements_are_as_declared(void)
{
    for (int i = 0; i < statements_count(); i++) {
        const struct pg_stmt *stmt = statements_at(i);
        int nparams = -1;
        int ncols = -1;

        ck_assert_msg(pg_describe(ledger_pg(ledger), stmt, &nparams, &ncols, &err), "%s: %s",
                      stmt->name, err.message);
        ck_assert_msg(nparams == stmt->nparams && ncols == stmt->ncols,
                      "%s has %d parameters and %d columns, declared are %d and %d", stmt->name,
                      nparams, ncols, stmt->nparams, stmt->ncols);
    }
}

START_TEST(every_statement_is_what_it_is_declared_to_be)
{
    (void)init("waybill", NULL, NULL);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
    statements_are_as_declared();
}
END_TEST

/* As a database has them that came from before PostgreSQL 8.3. */
START_TEST(implicit_casts_of_numbers_give_nothing_a_second_meaning)
{
    support_psql(url, "create cast (smallint as text) with inout as implicit;"
                      "create cast (integer as text) with inout as implicit;"
                      "create cast (bigint as text) with inout as implicit;"
                      "create cast (numeric as text) with inout as implicit;"
                      "create cast (date as text) with inout as implicit;"
                      "create cast (timestamptz as text) with inout as implicit");
    code_is_accepted();
    statements_are_as_declared();
}
END_TEST

START_TEST(changed_code_is_put_in_anew)
{
    struct ledger_init_result again;

    (void)init("waybill", NULL, NULL);
    support_psql(url, "update waybill.code_hashes set hash = 'old' where name = 'functions/laws'");
    again = init("waybill", NULL, NULL);
    ck_assert_int_eq(again.code_changed, 1);
    support_query_is(url, "select count(*) from waybill.code_hashes where hash = 'old'", "0");
}
END_TEST

START_TEST(a_newer_schema_is_refused_with_both_numbers)
{
    struct ledger_init_result result;
    char numbers[64];

    (void)init("waybill", NULL, NULL);
    support_psql(url, "insert into waybill.schema_versions (version, name, hash)"
                      " select max(version) + 6, 'later', 'x' from waybill.schema_versions");
    (void)snprintf(numbers, sizeof(numbers), "is version %d, this program works with %d",
                   ledger_schema_version() + 6, ledger_schema_version());
    expect_error(init_as(url, "waybill", NULL, NULL, &result), ERROR_CONFIG, numbers, "upgrade");
    expect_error(open_as(url, "waybill"), ERROR_CONFIG, numbers, "upgrade");
}
END_TEST

START_TEST(an_older_schema_is_opened_by_nobody)
{
    (void)init("waybill", NULL, NULL);
    support_psql(url, "delete from waybill.schema_versions");
    expect_error(open_as(url, "waybill"), ERROR_CONFIG, "is version 0, this program works with",
                 "waybill init");
}
END_TEST

START_TEST(a_migration_that_was_another_one_is_refused)
{
    struct ledger_init_result result;

    (void)init("waybill", NULL, NULL);
    support_psql(url, "update waybill.schema_versions set hash = 'ffffffffffffffff'");
    expect_error(init_as(url, "waybill", NULL, NULL, &result), ERROR_CONFIG,
                 "another migration 1 (0001_ledger, ffffffffffff...)", "program");
}
END_TEST

START_TEST(a_schema_with_other_things_in_it_is_left_alone)
{
    struct ledger_init_result result;

    support_psql(url, "create schema waybill; create table waybill.bills (n int);"
                      "create table waybill.schema_versions (version int)");
    expect_error(init_as(url, "waybill", NULL, NULL, &result), ERROR_CONFIG, "table bills",
                 "another database.schema");
    support_query_is(
        url, "select count(*) from pg_class where relnamespace = 'waybill'::regnamespace", "2");
}
END_TEST

START_TEST(an_empty_schema_is_taken)
{
    support_psql(url, "create schema waybill");
    ck_assert_int_eq(init("waybill", NULL, NULL).version_before, 0);
}
END_TEST

START_TEST(without_a_ledger_open_says_what_to_run)
{
    expect_error(open_as(url, "waybill"), ERROR_CONFIG, "\"waybill\"", "waybill init");
    support_psql(url, "create schema waybill");
    expect_error(open_as(url, "waybill"), ERROR_CONFIG, "the schema \"waybill\" holds no ledger",
                 "waybill init");
}
END_TEST

START_TEST(names_that_no_schema_can_have_are_refused)
{
    struct ledger_init_result result;

    expect_error(init_as(url, "", NULL, NULL, &result), ERROR_CONFIG, "\"\"", "");
    expect_error(init_as(url, "pg_ledger", NULL, NULL, &result), ERROR_CONFIG, "pg_ledger", "");
    expect_error(init_as(url, "a123456789012345678901234567890123456789012345678901234567890123",
                         NULL, NULL, &result),
                 ERROR_CONFIG, "63", "");
}
END_TEST

START_TEST(a_name_with_quotes_and_spaces_is_a_schema_like_any)
{
    (void)init("Odd \"name'; --", "test_worker", NULL);
    ck_assert_msg(open_as(url, "Odd \"name'; --"), "%s", err.message);
}
END_TEST

START_TEST(the_owner_of_the_tables_installs_the_feed)
{
    char feeder[SUPPORT_URL_MAX];
    char state[6];
    char *database = support_query_text(url, "select current_database()");
    struct ledger_init_result result;
    struct ledger_options session = options(url, "waybill");
    struct ledger_init_options wanted = {.session = &session, .grant_feed = "test_feeder"};

    support_psql(url, "create schema w authorization test_feeder");
    support_url(database, "test_feeder", feeder);
    free(database);
    support_psql(feeder, "create table w.lines (order_id text)");
    ck_assert_msg(ledger_init(&wanted, &result, &err), "%s", err.message);
    support_psql(feeder, "select waybill.feed_from('w.lines', 'order_id');"
                         "insert into w.lines values ('o-1')");
    support_query_is(url, "select order_key from waybill.queue", "o-1");
    (void)init("waybill", NULL, NULL);
    support_psql(feeder, "select waybill.feed_from('w.lines', 'upper(r.order_id)');"
                         "insert into w.lines values ('o-2'); select waybill.feed_stop('w.lines')");
    support_query_is(url, "select string_agg(order_key, ' ' order by queue_id) from waybill.queue",
                     "o-1 O-2");
    /* The key is checked by what makes the triggers, whoever calls it. */
    support_psql_state(feeder, "select waybill.note_feed('w.lines', 'x', 'r.order_id; x')", state);
    ck_assert_str_eq(state, "42883");
    support_psql_state(feeder, "select waybill.note_feed('w.lines', 'r.order_id; x')", state);
    ck_assert_str_eq(state, "P0001");
    expect_refused(feeder, "select waybill.set_mode('live', 'test', 'because')");
    expect_refused(feeder, "select count(*) from waybill.report_posted");
    expect_refused(feeder, "select waybill.give_feed('test_feeder')");

    wanted.grant_feed = "test_nobody";
    expect_error(ledger_init(&wanted, &result, &err), ERROR_CONFIG,
                 "there is no role \"test_nobody\"", "create role");
}
END_TEST

START_TEST(two_ledgers_live_side_by_side)
{
    struct ledger_identity one = {.mode = ""};
    struct ledger_identity other = {.mode = ""};

    (void)init("brand_a", NULL, NULL);
    (void)init("brand_b", NULL, NULL);
    support_psql(url, "select brand_a.set_mode('live', 'test', 'because');"
                      "select brand_a.touch('o-1')");
    support_query_is(url, "select count(*) from brand_b.queue", "0");
    ck_assert_msg(open_as(url, "brand_a") && ledger_identify(ledger, &one, &err), "%s",
                  err.message);
    ledger_close(ledger);
    ledger = NULL;
    ck_assert_msg(open_as(url, "brand_b") && ledger_identify(ledger, &other, &err), "%s",
                  err.message);
    ck_assert_str_eq(one.mode, "live");
    ck_assert_str_eq(one.mode_reason, "because");
    ck_assert_str_eq(other.mode, "new");
    ck_assert_str_ne(one.ledger_id, other.ledger_id);
    /* The workers' locks and the planners' too: nobody waits for the other brand. */
    ck_assert_msg(
        pg_exec(ledger_pg(ledger),
                "begin; select brand_b.worker_begin(1, 'h', 1); select brand_b.plan_begin()", &err),
        "%s", err.message);
    support_psql(url, "set lock_timeout = '1s'; select brand_a.worker_begin(1, 'h', 1)");
    support_query_is(url, "select brand_a.plan_begin(), brand_b.plan_begin()", "t|f");
}
END_TEST

#define ADVISORY_LOCKS                                                                             \
    "pg_locks l join pg_database d on d.oid = l.database"                                          \
    " where d.datname = current_database() and l.locktype = 'advisory' and l.granted"

START_TEST(two_inits_at_once_make_one_ledger)
{
    struct support_process holder;
    const char *sql = "begin; select pg_advisory_xact_lock(hashtextextended('waybill init waybill',"
                      " 0)); select pg_sleep(60)";
    const char *argv[] = {"psql", "-q", url, "-c", sql, NULL};
    struct ledger_init_result result;

    support_spawn(&holder, argv, NULL);
    support_wait_query(url, "select count(*) from " ADVISORY_LOCKS, "1", 20000);
    expect_error(init_as(url, "waybill", NULL, NULL, &result), ERROR_DB,
                 "another init, or a feed_from, works on the schema \"waybill\"", "try again");
    support_query_is(url, "select count(*) from pg_namespace where nspname = 'waybill'", "0");
    support_psql(url, "select pg_terminate_backend(l.pid) from " ADVISORY_LOCKS);
    (void)support_wait_exit(&holder, 20000);
    ck_assert_int_eq(init("waybill", NULL, NULL).version_before, 0);
}
END_TEST

/* Each writes the functions' rights: "tuple concurrently updated", if they did it at once. */
START_TEST(an_init_and_a_feed_from_wait_for_each_other)
{
    struct support_process holder;
    const char *sql =
        "begin; select waybill.feed_from('public.t', 'order_id'); select pg_sleep(60)";
    const char *argv[] = {"psql", "-q", url, "-c", sql, NULL};
    struct ledger_init_result result;

    (void)init("waybill", NULL, NULL);
    support_psql(url, "create table public.t (order_id text)");
    support_spawn(&holder, argv, NULL);
    support_wait_query(url, "select count(*) from " ADVISORY_LOCKS, "1", 20000);
    expect_error(init_as(url, "waybill", NULL, NULL, &result), ERROR_DB,
                 "another init, or a feed_from, works on the schema \"waybill\"", "try again");
    support_psql(url,
                 "create table public.u (order_id text);"
                 "do $$ begin perform waybill.feed_from('public.u', 'order_id'); assert false;"
                 " exception when lock_not_available then"
                 " assert sqlerrm like 'an init or another feed_from works on%', sqlerrm; end $$;"
                 "do $$ begin perform waybill.feed_stop('public.u'); assert false;"
                 " exception when lock_not_available then"
                 " assert sqlerrm like 'an init or another feed_from works on%', sqlerrm; end $$");
    support_psql(url, "select pg_terminate_backend(l.pid) from " ADVISORY_LOCKS);
    (void)support_wait_exit(&holder, 20000);
    ck_assert_int_eq(init("waybill", NULL, NULL).code_changed, 0);
    support_psql(url, "select waybill.feed_from('public.u', 'order_id')");
}
END_TEST

START_TEST(granting_to_nobody_changes_nothing)
{
    struct ledger_init_result result;

    expect_error(init_as(url, "waybill", "no_such_role", NULL, &result), ERROR_CONFIG,
                 "no role \"no_such_role\"", "create role");
    expect_error(init_as(url, "waybill", NULL, "no_such_role", &result), ERROR_CONFIG,
                 "no role \"no_such_role\"", "create role");
    support_query_is(url, "select count(*) from pg_namespace where nspname = 'waybill'", "0");
}
END_TEST

START_TEST(a_worker_may_call_but_not_write)
{
    static const char *const refused[] = {
        "insert into waybill.queue (order_key) values ('o')",
        "update waybill.rows set shipped = 1",
        "delete from waybill.attempts",
        "truncate waybill.adjustments",
        "update waybill.identity set mode = 'live'",
        "insert into waybill.adjustments (kind, row_id, shipped) values ('baseline', 1, 1)",
        "select nextval('waybill.feed_missed')",
        "select waybill.set_mode('live', 'me', 'because')",
        "select waybill.baseline_done('nothing', 'me')",
        "select waybill.baseline_rows('{}', 'me')",
        "select waybill.feed_from('waybill.rows', 'order_id')",
        "select waybill.note_feed('waybill.rows', 'order_id')",
        "select waybill.give_privileges()",
        "create table waybill.mine (n int)",
        /* A definer's trigger on a table of one's own would take made-up rows for ours. */
        "create temp table mine (row_id bigint, shipped bigint, cancelled bigint);"
        "create trigger t after insert on mine referencing new table as added"
        " for each statement execute function waybill.law_adjustments_inserted()",
    };
    char worker_url[SUPPORT_URL_MAX];
    char *name;
    struct ledger_identity identity = {.mode = ""};
    int64_t run = 0;

    ck_assert(init("waybill", "test_worker", NULL).is_granted);
    name = support_query_text(url, "select current_database()");
    support_url(name, "test_worker", worker_url);
    free(name);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        expect_refused(worker_url, refused[i]);
    support_psql(worker_url, "select waybill.touch('o-1');"
                             "select * from waybill.identity; select * from waybill.rows;"
                             "select last_value from waybill.feed_missed");
    ck_assert_msg(open_as(worker_url, "waybill"), "%s", err.message);
    ck_assert_msg(ledger_identify(ledger, &identity, &err), "%s", err.message);
    ck_assert_msg(ledger_run_begin(ledger, "run", &run, &err), "%s", err.message);
    ck_assert_msg(ledger_run_end(ledger, run, 0, "", &err), "%s", err.message);
    for (int i = 0; i < statements_count(); i++) {
        int nparams, ncols;

        ck_assert_msg(pg_describe(ledger_pg(ledger), statements_at(i), &nparams, &ncols, &err),
                      "%s: %s", statements_at(i)->name, err.message);
    }
}
END_TEST

START_TEST(privileges_are_given_anew_by_every_init)
{
    (void)init("waybill", "test_worker", NULL);
    support_psql(url, "grant insert on waybill.adjustments to test_worker;"
                      "grant execute on function waybill.touch(text) to public;"
                      "revoke select on waybill.rows from test_worker");
    (void)init("waybill", NULL, NULL);
    support_query_is(url,
                     "select has_table_privilege('test_worker', 'waybill.adjustments', 'insert'),"
                     " has_table_privilege('test_worker', 'waybill.rows', 'select'),"
                     " has_function_privilege('test_reporter', 'waybill.touch(text)', 'execute')",
                     "f|t|f");
}
END_TEST

START_TEST(a_reporter_reads_every_report_and_nothing_else)
{
    char reporter_url[SUPPORT_URL_MAX];
    char *name, *views, *next;

    (void)init("waybill", NULL, "test_reporter");
    name = support_query_text(url, "select current_database()");
    support_url(name, "test_reporter", reporter_url);
    free(name);
    expect_refused(reporter_url, "select * from waybill.rows");
    expect_refused(reporter_url, "select waybill.touch('o-1')");
    expect_refused(reporter_url, "select * from waybill.feed_faults()");
    expect_refused(reporter_url,
                   "insert into waybill.schema_versions select * from waybill.schema_versions");
    support_query_is(
        reporter_url,
        "select string_agg(p.proname, ',') from pg_proc p where p.pronamespace = "
        "'waybill'::regnamespace and p.prosecdef and has_function_privilege(p.oid, 'execute')",
        "order_story");
    views = support_query_text(url, "select viewname from pg_views where schemaname = 'waybill'"
                                    " and viewname like 'report%' order by 1");
    for (char *view = views; view != NULL && *view != '\0'; view = next) {
        char sql[256];

        next = strchr(view, '\n');
        if (next != NULL)
            *next++ = '\0';
        (void)snprintf(sql, sizeof(sql), "select * from waybill.%s", view);
        support_psql(reporter_url, sql);
    }
    free(views);
}
END_TEST

START_TEST(what_was_made_belongs_to_the_first_owner_whoever_upgrades)
{
    char owner_url[SUPPORT_URL_MAX];
    char *name = support_query_text(url, "select current_database()");
    struct ledger_init_result result;
    char sql[256];

    support_url(name, "test_owner", owner_url);
    expect_error(init_as(owner_url, "waybill", NULL, NULL, &result), ERROR_CONFIG,
                 "test_owner may not create the schema \"waybill\"",
                 "create schema \"waybill\" authorization test_owner");
    (void)snprintf(sql, sizeof(sql), "grant create on database %s to test_owner", name);
    support_psql(url, sql);
    ck_assert_msg(init_as(owner_url, "waybill", "test_worker", NULL, &result), "%s: %s",
                  err.context, err.message);
    support_psql(url, "update waybill.code_hashes set hash = 'old'");
    (void)init("waybill", NULL, NULL); /* as superuser */
    support_query_is(url,
                     "select distinct pg_get_userbyid(proowner) from pg_proc"
                     " where pronamespace = 'waybill'::regnamespace"
                     " union select pg_get_userbyid(relowner) from pg_class"
                     " where relnamespace = 'waybill'::regnamespace",
                     "test_owner");
    support_query_is(url, "select has_table_privilege('test_owner', 'waybill.rows', 'update')",
                     "t");
    (void)snprintf(sql, sizeof(sql), "revoke create on database %s from test_owner", name);
    support_psql(url, sql);
    free(name);
}
END_TEST

START_TEST(the_owner_loses_nothing_when_he_is_named_a_worker)
{
    (void)init("waybill", "postgres", NULL);
    support_query_is(url,
                     "select bool_and(has_table_privilege('postgres', c.oid, 'update')) and"
                     " count(*) filter (where c.relacl is not null and not c.relacl::text ~"
                     " 'postgres=a') = 0 from pg_class c where relnamespace ="
                     " 'waybill'::regnamespace and relkind = 'r'",
                     "t");
}
END_TEST

START_TEST(a_stranger_is_told_which_grant_he_lacks)
{
    char stranger_url[SUPPORT_URL_MAX];
    char *name;
    struct ledger_init_result result;

    (void)init("waybill", NULL, NULL);
    name = support_query_text(url, "select current_database()");
    support_url(name, "test_worker", stranger_url);
    free(name);
    expect_error(open_as(stranger_url, "waybill"), ERROR_CONFIG,
                 "the role test_worker may not use the schema \"waybill\"",
                 "waybill init --grant test_worker");
    support_psql(url, "grant usage on schema waybill to test_worker");
    expect_error(open_as(stranger_url, "waybill"), ERROR_CONFIG,
                 "the role test_worker may not read the ledger", "--grant test_worker");
    expect_error(init_as(stranger_url, "waybill", NULL, NULL, &result), ERROR_CONFIG,
                 "belongs to postgres", "as that role");
}
END_TEST

START_TEST(a_ledger_that_is_bound_refuses_another_api)
{
    (void)init("waybill", NULL, NULL);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
    ck_assert_msg(ledger_bind_api(ledger, "https://one.example", true, &err), "%s", err.message);
    ck_assert(ledger_bind_api(ledger, "https://one.example", true, &err));
    expect_error(ledger_bind_api(ledger, "https://two.example", true, &err), ERROR_STATE,
                 "https://two.example", "api.base_url");
    expect_error(ledger_bind_api(ledger, "https://one.example", false, &err), ERROR_STATE,
                 "live mode", "database.schema");
}
END_TEST

START_TEST(a_ledger_that_was_moved_says_so)
{
    struct ledger_identity identity = {.mode = ""};

    (void)init("waybill", NULL, NULL);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
    ck_assert_msg(ledger_identify(ledger, &identity, &err), "%s", err.message);
    ck_assert_int_eq(identity.generation, 1);
    support_psql(url, "update waybill.identity set timeline = '0000000A'");
    ck_assert_msg(ledger_identify(ledger, &identity, &err), "%s", err.message);
    ck_assert_int_eq(identity.generation, 2);
    support_psql(url, "update waybill.identity set system_identifier = '1'");
    expect_error(ledger_identify(ledger, &identity, &err), ERROR_STATE, "another database",
                 "waybill recover");
}
END_TEST

START_TEST(a_run_is_noted_and_summed_up)
{
    struct ledger_run_summary summary = {0};
    int64_t run = 0;

    (void)init("waybill", NULL, NULL);
    ck_assert_msg(open_as(url, "waybill"), "%s", err.message);
    ck_assert_msg(ledger_run_begin(ledger, "run", &run, &err), "%s", err.message);
    support_psql(url, "update waybill.runs set accepted = 7, opened = 2, swept = true");
    ck_assert_msg(ledger_run_end(ledger, run, 5, "line\none", &err), "%s", err.message);
    ck_assert_msg(ledger_run_summary(ledger, run, &summary, &err), "%s", err.message);
    ck_assert_int_eq(summary.accepted, 7);
    ck_assert_int_eq(summary.opened, 2);
    ck_assert_int_eq(summary.missed_by_feed, -1);
    ck_assert_int_eq(summary.backlog, 0);
    ck_assert(summary.has_swept);
    support_query_is(url,
                     "select command, exit_code, error, finished_at is not null from waybill.runs",
                     "run|5|line one|t");
    expect_error(ledger_run_summary(ledger, run + 1, &summary, &err), ERROR_DB, "0 rows", "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("init");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "init", 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, init_makes_a_ledger_and_a_second_init_finds_nothing_to_do);
    tcase_add_test(tcase, every_function_body_is_accepted_by_the_server);
    tcase_add_test(tcase, every_statement_is_what_it_is_declared_to_be);
    tcase_add_test(tcase, implicit_casts_of_numbers_give_nothing_a_second_meaning);
    tcase_add_test(tcase, changed_code_is_put_in_anew);
    tcase_add_test(tcase, a_newer_schema_is_refused_with_both_numbers);
    tcase_add_test(tcase, an_older_schema_is_opened_by_nobody);
    tcase_add_test(tcase, a_migration_that_was_another_one_is_refused);
    tcase_add_test(tcase, a_schema_with_other_things_in_it_is_left_alone);
    tcase_add_test(tcase, an_empty_schema_is_taken);
    tcase_add_test(tcase, without_a_ledger_open_says_what_to_run);
    tcase_add_test(tcase, names_that_no_schema_can_have_are_refused);
    tcase_add_test(tcase, a_name_with_quotes_and_spaces_is_a_schema_like_any);
    tcase_add_test(tcase, the_owner_of_the_tables_installs_the_feed);
    tcase_add_test(tcase, two_ledgers_live_side_by_side);
    tcase_add_test(tcase, two_inits_at_once_make_one_ledger);
    tcase_add_test(tcase, an_init_and_a_feed_from_wait_for_each_other);
    tcase_add_test(tcase, granting_to_nobody_changes_nothing);
    tcase_add_test(tcase, a_worker_may_call_but_not_write);
    tcase_add_test(tcase, privileges_are_given_anew_by_every_init);
    tcase_add_test(tcase, a_reporter_reads_every_report_and_nothing_else);
    tcase_add_test(tcase, what_was_made_belongs_to_the_first_owner_whoever_upgrades);
    tcase_add_test(tcase, the_owner_loses_nothing_when_he_is_named_a_worker);
    tcase_add_test(tcase, a_stranger_is_told_which_grant_he_lacks);
    tcase_add_test(tcase, a_ledger_that_is_bound_refuses_another_api);
    tcase_add_test(tcase, a_ledger_that_was_moved_says_so);
    tcase_add_test(tcase, a_run_is_noted_and_summed_up);
    return support_run_suite(suite);
}
