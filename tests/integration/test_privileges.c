#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/statements.h"
#include "pg/pg.h"
#include "support/ledger.h"

/* A worker may call what the program's statements call, and nothing else that has the owner's
 * rights. */

static char url[SUPPORT_URL_MAX];
static struct error err;
static struct ledger *ledger;

static void
setup(void)
{
    error_clear(&err);
    ledger = support_ledger_untouched(url, "test_worker");
}

static void
teardown(void)
{
    ledger_close(ledger);
}

static void
note_text(const char *text)
{
    const char *const params[] = {text};

    ck_assert_msg(
        pg_query(ledger_pg(ledger), "insert into texts (text) values ($1)", 1, params, NULL, &err),
        "%s", err.message);
}

/* What the program says itself: its statements, and those that it fills with the relation. */
static void
note_texts(void)
{
    ck_assert(pg_exec(ledger_pg(ledger), "create temp table texts (text text)", &err));
    for (int i = 0; i < statements_count(); i++)
        note_text(statements_at(i)->sql);
#define TEMPLATE(name) note_text(template_##name);
#include "ledger/templates.def"
#undef TEMPLATE
}

/* Who calls whom is told by the texts, comments left out. What runs with its owner's rights ends a
 * path: nobody asks what the caller may do behind it. */
#define REACHED                                                                                    \
    "with recursive f as ("                                                                        \
    "  select p.oid, p.proname::text as name, p.prosecdef as is_definer,"                          \
    "         regexp_replace(p.prosrc, '--[^\\n]*', '', 'g') as text,"                             \
    "         obj_description(p.oid, 'pg_proc') is not null as is_for_persons,"                    \
    "         has_function_privilege('test_worker', p.oid, 'execute') as is_given"                 \
    "    from pg_proc p"                                                                           \
    "   where p.pronamespace = 'waybill'::regnamespace and p.prorettype <> 'trigger'::regtype"     \
    "), said as ("                                                                                 \
    "  select regexp_replace(t.text, '--[^\\n]*', '', 'g') as text from texts t"                   \
    "  union all"                                                                                  \
    "  select pg_get_viewdef(c.oid) from pg_class c"                                               \
    "   where c.relnamespace = 'waybill'::regnamespace and c.relkind = 'v'"                        \
    "), reached as ("                                                                              \
    "  select f.oid from f where exists (select from said where said.text ~ ('\\m' || f.name ||"   \
    "                                                                        '\\s*\\('))"          \
    "  union"                                                                                      \
    "  select g.oid from reached join f using (oid)"                                               \
    "    join f g on not f.is_definer and f.text ~ ('\\m' || g.name || '\\s*\\(')"                 \
    ") "

/* By hand, for a role that owns the ledger. */
#define OWNERS                                                                                     \
    "^(baseline_|prune_|recover_|feed_from$|feed_stop$|note_feed$|forget_feed$|go_live$|give_)"

static void
expect_none(const char *what, const char *condition)
{
    struct pg_rows *rows = NULL;
    char sql[4000];

    (void)snprintf(sql, sizeof(sql),
                   REACHED "select string_agg(distinct f.name, ', '), count(*) from f where "
                           "f.name !~ '" OWNERS "' and %s",
                   condition);
    ck_assert_msg(pg_query(ledger_pg(ledger), sql, 0, NULL, &rows, &err), "%s", err.message);
    ck_assert_msg(pg_rows_int(rows, 0, 1) == 0, "%s: %s", what, pg_rows_text(rows, 0, 0));
    pg_rows_free(rows);
}

START_TEST(a_worker_may_call_all_that_a_statement_reaches)
{
    note_texts();
    expect_none("reached, and not given to workers",
                "f.oid in (select oid from reached) and not f.is_given");
    expect_none("for persons, and not given to workers", "f.is_for_persons and not f.is_given");
}
END_TEST

START_TEST(a_worker_may_call_nothing_of_the_owners_that_no_statement_reaches)
{
    note_texts();
    expect_none("given to workers though nothing calls it (see is_for_owner)",
                "f.is_definer and f.is_given and not f.is_for_persons"
                " and f.oid not in (select oid from reached)");
    /* both would have said so of nothing at all */
    support_query_is(url,
                     "select has_function_privilege('test_worker', 'waybill.clock_stepped("
                     "timestamptz, bigint)', 'execute'), count(*) > 50 from pg_proc p where"
                     " p.pronamespace = 'waybill'::regnamespace and p.prosecdef and"
                     " has_function_privilege('test_worker', p.oid, 'execute')",
                     "f|t");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("privileges");

    support_need_database();
    SUPPORT_CASE(suite, 60, setup, teardown, a_worker_may_call_all_that_a_statement_reaches);
    SUPPORT_CASE(suite, 60, setup, teardown,
                 a_worker_may_call_nothing_of_the_owners_that_no_statement_reaches);
    return support_run_suite(suite);
}
