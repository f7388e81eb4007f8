#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/pg.h"
#include "support/shop.h"

/* What the feed itself can't bring comes by a sweep: also when it commits late, and when the wish
 * for the sweep comes while another one reads. */

#define PATIENCE_MS 60000
#define SWEEPS      "select count(*) from waybill.runs where swept"
#define POSTED      "select coalesce(sum(posted_shipped), 0) from waybill.report_line_items"

static struct shop shop;
static struct pg *vendor;

static void
vendor_does(const char *sql)
{
    struct error err = {0};

    ck_assert_msg(pg_exec(vendor, sql, &err), "%s: %s", sql, err.message);
}

/* Nothing of o1 gets into the queue by a trigger, and o2 has no key yet. */
static void
setup(void)
{
    struct error err = {0};
    struct pg_options options = {
        .url = shop.url, .application_name = "vendor", .connect_timeout_ms = 5000};

    shop_begin(&shop, 3);
    shop_use(&shop, "waybill", "shop.gated", NULL);
    support_psql(
        shop.url,
        "create function shop.gate() returns boolean language sql volatile as"
        " $$ select pg_advisory_xact_lock_shared(7) is not null $$;"
        "create view shop.gated as select l.* from shop.lines l where (select shop.gate())");
    shop_must(&shop, 0, "init");
    support_psql(shop.url,
                 "select waybill.feed_from('shop.lines', 'nullif(r.order_id, ''o2'')');"
                 "alter table waybill.queue add check (order_key <> 'o1' or source <> 'feed')");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "1");
    vendor = NULL;
    ck_assert_msg(pg_open(&vendor, &options, &err), "%s", err.message);
}

static void
teardown(void)
{
    pg_close(vendor);
    shop_end(&shop);
}

/* A transaction of anybody's holds the second sweep back. */
static bool
has_posted_three(void *ctx)
{
    char *units;
    bool is_posted;

    (void)ctx;
    shop_must(&shop, 0, "run");
    units = support_query_text(shop.url, POSTED);
    is_posted = strcmp(units, "3") == 0;
    free(units);
    return is_posted;
}

START_TEST(what_the_feed_missed_and_commits_after_the_sweep_is_swept_once_more)
{
    vendor_does("begin; insert into shop.lines values ('o1', 'a', '', 10, 3, 0)");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "2");
    /* while it is open another sweep would find as little */
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "2");
    vendor_does("commit");
    support_wait_until(has_posted_three, NULL, PATIENCE_MS, "what was missed is posted");
    support_query_is(shop.url, SWEEPS, "3");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "3");
}
END_TEST

START_TEST(a_row_without_a_key_that_commits_after_the_sweep_is_swept_an_hour_later)
{
    static const char an_hour[] =
        "update waybill.feed_state set last_sweep_at = last_sweep_at - interval '61 min'";

    vendor_does("begin; insert into shop.lines values ('o2', 'a', '', 10, 3, 0)");
    support_psql(shop.url, an_hour);
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "2");
    vendor_does("commit");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "2");
    support_psql(shop.url, an_hour);
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "3");
    support_query_is(shop.url, POSTED, "3");
}
END_TEST

/* Where somebody keeps a transaction open for days, what others committed does not wait for it. */
START_TEST(an_old_transaction_holds_back_what_was_missed_for_an_hour_at_most)
{
    struct error err = {0};
    struct pg *old = NULL;
    struct pg_options options = {
        .url = shop.url, .application_name = "old", .connect_timeout_ms = 5000};

    ck_assert_msg(pg_open(&old, &options, &err), "%s", err.message);
    ck_assert_msg(pg_exec(old, "begin; select pg_current_xact_id()", &err), "%s", err.message);
    vendor_does("begin; insert into shop.lines values ('o1', 'a', '', 10, 3, 0)");
    shop_must(&shop, 0, "run");
    vendor_does("commit");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "2");
    support_psql(shop.url,
                 "update waybill.feed_state set last_sweep_at = last_sweep_at - interval '61 min'");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "3");
    support_query_is(shop.url, POSTED, "3");
    pg_close(old);
}
END_TEST

/* The other sweep has its snapshot already. */
START_TEST(a_sweep_that_is_wanted_while_another_one_reads_comes_after_it)
{
    static const char wanted[] = "select sweep_wanted from waybill.feed_state";
    struct support_process run;

    vendor_does("select pg_advisory_lock(7)");
    shop_spawn(&shop, &run, (const char *const[]){"run", "--sweep", NULL});
    support_wait_query(shop.url,
                       "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
                       " where d.datname = current_database() and l.locktype = 'advisory'"
                       " and l.objid = 7 and not l.granted",
                       "1", PATIENCE_MS);
    support_psql(shop.url, "select waybill.want_sweep('first'); select waybill.want_sweep('last')");
    vendor_does("select pg_advisory_unlock(7)");
    ck_assert_int_eq(support_wait_exit(&run, PATIENCE_MS), 0);
    support_query_is(shop.url, SWEEPS, "2");
    support_query_is(shop.url, wanted, "last");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "3");
    support_query_is(shop.url, wanted, "");
}
END_TEST

START_TEST(what_changed_before_a_trigger_was_mended_is_swept)
{
    support_psql(shop.url, "alter table shop.lines disable trigger waybill_feed_insert");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url, SWEEPS, "2");
    support_psql(shop.url, "insert into shop.lines values ('o3', 'a', '', 10, 3, 0);"
                           "alter table shop.lines enable always trigger waybill_feed_insert");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, POSTED, "3");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, SWEEPS, "3");
}
END_TEST

/* The last word of what it says is the statement that mends it. */
static void
mend_the_feed(const char *relation, const char *fault)
{
    char *detail = support_query_text(
        shop.url, "select shipment_ref || ': ' || detail from waybill.report_discrepancies"
                  " where kind = 'feed_broken' and closed_at is null");
    const char *mend = strstr(detail, "; mend it: ");

    ck_assert_msg(strncmp(detail, relation, strlen(relation)) == 0 &&
                      strstr(detail, fault) != NULL && mend != NULL,
                  "%s", detail);
    mend += strlen("; mend it: ");
    shop_must(&shop, 0, "check");
    shop_said(&shop, relation);
    shop_said(&shop, fault);
    shop_said(&shop, mend);
    support_psql(shop.url, mend);
    free(detail);
    shop_must(&shop, 0, "run");
    support_query_is(
        shop.url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
    support_query_is(shop.url, "select feed from waybill.report_health", "ok");
}

/* Its name is all that is left of it; one that is made anew is another table. */
START_TEST(a_fed_table_that_was_dropped_stops_no_run)
{
    static const char make[] =
        "create table shop.notes (a text); select waybill.feed_from('shop.notes', 'a')";
    struct support_process watch;

    support_psql(shop.url, make);
    shop_must(&shop, 0, "run");
    support_psql(shop.url, "drop table shop.notes");
    shop_ships(&shop, "('o3', 'a', '', 3, 0)");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url, POSTED, "3");
    support_query_is(shop.url, "select feed from waybill.report_health", "broken");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "the table is gone");
    shop_spawn(&shop, &watch, (const char *const[]){"watch", NULL});
    shop_ships(&shop, "('o3', 'b', '', 2, 0)");
    support_wait_query(shop.url, POSTED, "5", PATIENCE_MS);
    support_signal(&watch, SIGTERM);
    (void)support_wait_exit(&watch, PATIENCE_MS);
    mend_the_feed("shop.notes", "the table is gone");

    support_psql(shop.url, make);
    support_psql(shop.url, "drop table shop.notes");
    support_psql(shop.url, make);
    shop_must(&shop, 1, "run");
    mend_the_feed("shop.notes", "the table is gone");
    support_query_is(shop.url, "select count(*) from waybill.feeds where name = 'shop.notes'", "1");
}
END_TEST

#define LONG_SCHEMA "a_brand_with_a_name_that_takes_all_of_the_bytes_that_there_are_"

/* A ledger looks for its own triggers, and takes none of another's away. */
START_TEST(ledgers_beside_each_other_are_fed_by_one_table)
{
    static const char queued[] =
        "select (select count(*) from waybill.queue where order_key = 'o3'),"
        " (select count(*) from brand.queue where order_key = 'o3'),"
        " (select count(*) from " LONG_SCHEMA ".queue where order_key = 'o3')";
    static const char feeds[] = "select (select feed from waybill.report_health),"
                                " (select feed from brand.report_health),"
                                " (select feed from " LONG_SCHEMA ".report_health)";

    shop_use(&shop, "brand", "shop.gated", NULL);
    shop_must(&shop, 0, "init");
    shop_use(&shop, LONG_SCHEMA, "shop.gated", NULL);
    shop_must(&shop, 0, "init");
    support_psql(shop.url, "select brand.feed_from('shop.lines', 'order_id');"
                           "select " LONG_SCHEMA ".feed_from('shop.lines', 'order_id');"
                           "select " LONG_SCHEMA ".feed_from('shop.lines', 'order_id')");
    support_query_is(shop.url, feeds, "ok|ok|ok");
    shop_ships(&shop, "('o3', 'a', '', 3, 0)");
    support_query_is(shop.url, queued, "1|1|1");
    support_psql(shop.url, "drop trigger waybill_feed_brand_update on shop.lines;"
                           "alter table shop.lines disable trigger waybill_feed_insert");
    support_query_is(shop.url, feeds, "broken|broken|ok");
    support_query_is(shop.url, "select fault from brand.feed_faults()",
                     "trigger waybill_feed_brand_update is missing");
    support_psql(shop.url, "select brand.feed_from('shop.lines', 'order_id');"
                           "alter table shop.lines enable always trigger waybill_feed_insert;"
                           "select " LONG_SCHEMA ".feed_stop('shop.lines')");
    support_query_is(shop.url, feeds, "ok|ok|none");
    shop_ships(&shop, "('o3', 'b', '', 1, 0)");
    support_query_is(shop.url, queued, "2|2|1");
    support_psql(shop.url, "select brand.feed_stop('shop.lines')");
    support_query_is(shop.url, feeds, "ok|none|none");
    support_query_is(shop.url,
                     "select count(*) from pg_trigger t where t.tgrelid = 'shop.lines'::regclass"
                     " and not t.tgisinternal",
                     "4");
}
END_TEST

START_TEST(a_feed_ends_also_on_a_partition_that_was_detached)
{
    support_psql(shop.url, "create table shop.parts (a text) partition by list (a);"
                           "create table shop.part1 partition of shop.parts for values in ('1');"
                           "create table shop.part2 partition of shop.parts for values in ('2');"
                           "select waybill.feed_from('shop.parts', 'a');"
                           "alter table shop.parts detach partition shop.part1;"
                           "select waybill.feed_stop('shop.parts')");
    support_query_is(shop.url,
                     "select count(*) from pg_trigger where starts_with(tgname, 'waybill_feed')"
                     " and tgrelid <> 'shop.lines'::regclass",
                     "0");
    support_query_is(shop.url, "select feed from waybill.report_health", "ok");
    support_psql(shop.url, "insert into shop.part1 values ('1'); truncate shop.part1");
}
END_TEST

START_TEST(a_key_is_understood_where_strings_escape)
{
    support_psql(shop.url,
                 "set standard_conforming_strings = off;"
                 "select waybill.feed_from('shop.lines', 'concat(''o'', right(r.order_id, 1))');"
                 "insert into shop.lines values ('x3', 'a', '', 10, 3, 0);"
                 "do $$ begin perform waybill.feed_from('shop.lines', concat('''', chr(92), ''''));"
                 " raise 'it was taken'; exception when others then"
                 " assert sqlerrm like 'order_key must be one expression%', sqlerrm; end $$");
    support_query_is(shop.url, "select order_key from waybill.queue", "o3");
}
END_TEST

START_TEST(tables_that_inherit_from_a_fed_one_are_fed_with_it)
{
    support_psql(shop.url, "create table shop.archive () inherits (shop.lines);"
                           "create table shop.year2025 () inherits (shop.archive);"
                           "create view shop.past as select * from shop.year2025");
    support_query_is(shop.url, "select feed, feed_faults from waybill.report_health", "broken|8");
    support_query_is(shop.url,
                     "select string_agg(distinct relation, ', ' order by relation),"
                     " string_agg(distinct mend, ', ') from waybill.feed_faults()",
                     "shop.archive, shop.year2025|"
                     "select waybill.feed_from('shop.lines', 'nullif(r.order_id, ''o2'')')");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'order_id')");
    support_query_is(shop.url, "select feed, feed_faults from waybill.report_health", "ok|0");
    support_psql(shop.url, "insert into shop.year2025 values ('o3', 'a', '', 10, 3, 0)");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, POSTED, "3");
    shop_use(&shop, "waybill", "shop.past", NULL);
    shop_must(&shop, 0, "check");
    ck_assert_ptr_null(strstr(shop.out, "is not fed"));
    support_psql(shop.url, "select waybill.feed_stop('shop.lines')");
    support_query_is(
        shop.url, "select count(*) from pg_trigger where starts_with(tgname, 'waybill_feed')", "0");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("feed");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown,
                 what_the_feed_missed_and_commits_after_the_sweep_is_swept_once_more);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_row_without_a_key_that_commits_after_the_sweep_is_swept_an_hour_later);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_old_transaction_holds_back_what_was_missed_for_an_hour_at_most);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_sweep_that_is_wanted_while_another_one_reads_comes_after_it);
    SUPPORT_CASE(suite, 120, setup, teardown, what_changed_before_a_trigger_was_mended_is_swept);
    SUPPORT_CASE(suite, 120, setup, teardown, a_fed_table_that_was_dropped_stops_no_run);
    SUPPORT_CASE(suite, 120, setup, teardown, ledgers_beside_each_other_are_fed_by_one_table);
    SUPPORT_CASE(suite, 120, setup, teardown, a_feed_ends_also_on_a_partition_that_was_detached);
    SUPPORT_CASE(suite, 120, setup, teardown, a_key_is_understood_where_strings_escape);
    SUPPORT_CASE(suite, 120, setup, teardown, tables_that_inherit_from_a_fed_one_are_fed_with_it);
    return support_run_suite(suite);
}
