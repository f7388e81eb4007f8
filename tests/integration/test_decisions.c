#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/discrepancy.h"
#include "support/shop.h"

/*
 * What people decide, at the command line: done or refused, each with its reason, its record and
 * its exit code. Submissions get into their states by shadow runs, which plan and do not post, and
 * by hand; the way from there is the program's.
 */

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 20);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "--shadow");
    shop_ships(&shop, "('o1', 'a', 'p1', 3, 0), ('o1', 'b', 'p2', 2, 1), ('o2', 'a', '', 1, 0),"
                      " ('o3', 'a', '', 4, 0), ('o4', 'a', '', 5, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 0);
}

static void
teardown(void)
{
    shop_end(&shop);
}

/* The number of the order's first submission. */
static const char *
submission_of(const char *order, char text[24])
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "select min(submission_id) from waybill.submissions where order_id = '%s'"
                   " and state not in ('withdrawn', 'dismissed')",
                   order);
    (void)snprintf(text, 24, "%lld", (long long)support_query_int(shop.url, sql));
    return text;
}

static void
becomes(const char *order, const char *state)
{
    char sql[1500];

    (void)snprintf(
        sql, sizeof(sql),
        "update waybill.submissions set state = 'sending', next_attempt_at = null,"
        " claim_token = gen_random_uuid(), claim_expires_at = clock_timestamp() + interval '1 h'"
        " where order_id = '%s' and state = 'planned'",
        order);
    support_psql(shop.url, sql);
    if (strcmp(state, "sending") == 0)
        return;
    if (strcmp(state, "unknown") == 0)
        (void)snprintf(sql, sizeof(sql),
                       "update waybill.submissions set state = 'unknown', claim_token = null,"
                       " claim_expires_at = null, unknown_since = clock_timestamp(),"
                       " settle_after = clock_timestamp() + interval '1 h', unknown_attempts = 1,"
                       " next_look_at = clock_timestamp() + interval '1 h',"
                       " unknown_then = 'replan' where order_id = '%s' and state = 'sending'",
                       order);
    else if (strcmp(state, "held") == 0)
        (void)snprintf(sql, sizeof(sql),
                       "update waybill.submissions set state = 'held', claim_token = null,"
                       " claim_expires_at = null, held_by = 'ambiguous', unknown_attempts = 1"
                       " where order_id = '%s' and state = 'sending'",
                       order);
    else
        (void)snprintf(
            sql, sizeof(sql),
            "update waybill.submissions set state = 'rejected', claim_token = null,"
            " claim_expires_at = null, settled_at = clock_timestamp(), settled_by = 'answer'"
            " where order_id = '%s' and state = 'sending';"
            "update waybill.rows r set refused_submission = s.submission_id,"
            " refused_shipped = r.shipped, refused_cancelled = r.cancelled,"
            " refused_api_quantity = 10 from waybill.submissions s"
            " join waybill.submission_items i using (submission_id)"
            " where s.order_id = '%s' and s.state = 'rejected' and r.row_id = i.row_id;"
            "insert into waybill.discrepancies (kind, order_id, submission_id, detail, fingerprint)"
            " select 'rejected', order_id, submission_id, 'no', 'no' from waybill.submissions"
            " where order_id = '%s' and state = 'rejected'",
            order, order, order);
    support_psql(shop.url, sql);
}

static void
state_is(const char *order, const char *states)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "select string_agg(state::text, ' ' order by submission_id)"
                   " from waybill.submissions where order_id = '%s'",
                   order);
    support_query_is(shop.url, sql, states);
}

/* Planned for ever, as nobody posts: no run helps, and no monitor cries. */
START_TEST(status_says_in_shadow_that_nothing_is_posted_and_how_that_ends)
{
    support_psql(shop.url,
                 "update waybill.submissions set created_at = created_at - interval '30 h'");
    shop_must(&shop, 0, "status", "--check");
    shop_said(&shop, "WAYBILL OK - shadow: nothing is posted, last run ");
    shop_said(&shop, "'backlog_age'=108");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "nothing is posted before resume --live\n");
    shop_said(&shop, "next:     waybill report shadow\n"
                     "next:     waybill resume --live --reason TEXT\n");
    ck_assert_ptr_null(strstr(shop.out, "next:     waybill run\n"));
}
END_TEST

START_TEST(what_is_planned_is_held_and_released_and_goes_with_retry)
{
    char id[24];

    shop_must(&shop, 0, "hold", "order", "o1", "--reason", "wrong labels");
    state_is("o1", "held held");
    shop_said(&shop, "held");
    support_query_is(shop.url,
                     "select action, target, order_id, reason, db_user = session_user,"
                     " os_user is not null from waybill.report_decisions"
                     " where action = 'hold' order by decision_id limit 1",
                     "hold|submission 1|o1|wrong labels|t|t");
    shop_must(&shop, 1, "hold", "submission", submission_of("o1", id));
    shop_said(&shop, "nothing to hold");
    shop_must(&shop, 0, "run", "--sweep");
    state_is("o1", "held held");
    shop_must(&shop, 0, "release", "order", "o1");
    state_is("o1", "planned planned");
    shop_must(&shop, 0, "retry", "submission", submission_of("o2", id));
    shop_said(&shop, "goes with the next claim");
}
END_TEST

START_TEST(a_marker_names_its_submission)
{
    char *marker = support_query_text(
        shop.url, "select marker from waybill.submissions where order_id = 'o2'");

    shop_must(&shop, 0, "hold", "marker", marker);
    state_is("o2", "held");
    free(marker);
    shop_must(&shop, 1, "hold", "marker", "00000000-0000-0000-0000-000000000000");
    shop_said(&shop, "there is no submission");
}
END_TEST

START_TEST(what_is_being_sent_or_unknown_is_left_alone)
{
    static const char *const ACTIONS[] = {"retry", "hold", "release", "dismiss"};
    char sending[24];
    char unknown[24];

    becomes("o2", "sending");
    becomes("o3", "unknown");
    for (int i = 0; i < 4; i++) {
        shop_must(&shop, 1, ACTIONS[i], "submission", submission_of("o2", sending), "--reason",
                  "x");
        shop_said(&shop, "is sending: the API must say first");
        shop_must(&shop, 1, ACTIONS[i], "submission", submission_of("o3", unknown), "--reason",
                  "x");
        shop_said(&shop, "is unknown: the API must say first");
        shop_must(&shop, 1, ACTIONS[i], "order", "o3", "--reason", "x");
    }
    shop_must(&shop, 1, "dismiss", "submission", submission_of("o3", unknown), "--force",
              "--reason", "x");
    state_is("o2", "sending");
    state_is("o3", "unknown");
}
END_TEST

START_TEST(what_may_have_been_applied_is_dismissed_by_force_only)
{
    char id[24];

    becomes("o3", "held");
    shop_must(&shop, 1, "dismiss", "submission", submission_of("o3", id), "--reason", "seen");
    shop_said(&shop, "may have been applied");
    state_is("o3", "held");
    shop_must(&shop, 0, "dismiss", "submission", submission_of("o3", id), "--reason", "seen",
              "--force");
    state_is("o3", "dismissed");
    support_query_is(shop.url,
                     "select kind, shipped, reason from waybill.report_adjustments"
                     " where order_id = 'o3'",
                     "write_off|4|submission 4 dismissed: seen");
    shop_must(&shop, 0, "run", "--sweep");
    state_is("o3", "dismissed");
}
END_TEST

START_TEST(units_of_a_dismissed_one_may_be_due_again)
{
    char id[24];

    becomes("o4", "rejected");
    shop_must(&shop, 0, "dismiss", "submission", submission_of("o4", id), "--units", "due",
              "--reason", "a new address");
    support_query_is(shop.url, "select closed_by, reason from waybill.discrepancies",
                     "operator|a new address");
    shop_must(&shop, 0, "run");
    state_is("o4", "dismissed planned");
}
END_TEST

START_TEST(a_refused_one_is_planned_anew_by_retry)
{
    becomes("o4", "rejected");
    shop_must(&shop, 0, "run", "--sweep");
    state_is("o4", "rejected");
    shop_must(&shop, 1, "release", "order", "o4");
    shop_must(&shop, 0, "retry", "--kind", "rejected");
    shop_said(&shop, "planned anew");
    shop_must(&shop, 0, "run");
    state_is("o4", "rejected planned");
    support_query_is(shop.url, "select count(*) from waybill.discrepancies where closed_at is null",
                     "0");
    shop_must(&shop, 0, "retry", "--kind", "rejected");
    shop_said(&shop, "nothing to retry");
}
END_TEST

START_TEST(status_names_the_way_on_that_fits_why_something_is_held)
{
    shop_must(&shop, 0, "hold", "order", "o1", "--reason", "wrong labels");
    support_psql(shop.url,
                 "delete from shop.lines where order_id = 'o2'; select waybill.touch('o2');"
                 "update waybill.submissions set state = 'held', held_by = 'attempts',"
                 " next_attempt_at = null where order_id = 'o3'");
    shop_must(&shop, 1, "run");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "next:     waybill release order o1\n");
    shop_said(&shop, "next:     waybill dismiss order o2 --reason TEXT\n");
    shop_said(&shop, "next:     waybill retry order o3\n");
    ck_assert_ptr_null(strstr(shop.out, "release order o2"));
    ck_assert_ptr_null(strstr(shop.out, "release order o3"));
}
END_TEST

static void
newest_discrepancy(char id[24])
{
    (void)snprintf(id, 24, "%lld",
                   (long long)support_query_int(
                       shop.url, "select max(discrepancy_id) from waybill.discrepancies"));
}

START_TEST(a_dismissed_discrepancy_stays_dismissed_while_its_evidence_is_the_same)
{
    char id[24];

    shop_ships(&shop, "('o5', 'a', '', 11, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    newest_discrepancy(id);
    shop_must(&shop, 1, "release", "discrepancy", id);
    shop_said(&shop, "has no submission");
    shop_must(&shop, 2, "dismiss", "discrepancy", id);
    shop_warned(&shop, "--reason");
    shop_must(&shop, 0, "dismiss", "discrepancy", id, "--reason", "one is a gift");
    support_psql(shop.url, "update shop.lines set changed_at = now() where order_id = 'o5';"
                           "select waybill.touch('o5')");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url,
                     "select count(*), count(closed_at), bool_and(is_dismissed)"
                     " from waybill.discrepancies where order_id = 'o5'",
                     "1|1|t");
    shop_must(&shop, 1, "dismiss", "discrepancy", id, "--reason", "again");
    shop_ships(&shop, "('o5', 'a', '', 12, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    support_query_is(shop.url, "select count(*) from waybill.discrepancies where closed_at is null",
                     "1");
}
END_TEST

static void
limit_units(int most)
{
    char *text = support_read_file(shop.config);
    char *run = strstr(text, "run:");
    char *log = strstr(text, "log:");
    char limited[2048];

    ck_assert(run != NULL && log != NULL);
    (void)snprintf(limited, sizeof(limited), "%.*srun:\n  max_units_per_line: %d\n%s",
                   (int)(run - text), text, most, log);
    shop.config = support_write_file("limited.yaml", limited, 0600);
    free(text);
}

START_TEST(a_dismissed_discrepancy_books_what_it_kept_back)
{
    char id[24];

    shop_ships(&shop, "('o5', 'a', '', 11, 0), ('o5', 'b', '', 2, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    newest_discrepancy(id);
    shop_must(&shop, 1, "dismiss", "discrepancy", id, "--units", "due", "--reason", "all of it");
    shop_said(&shop, "keeps its units back for as long as its cause lasts");
    shop_must(&shop, 0, "dismiss", "discrepancy", id, "--reason", "one is a gift");
    shop_said(&shop, "over_quantity of order o5 dismissed; 11 units count as settled");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select l.due_shipped, l.status, a.kind, a.shipped, a.reason"
                     "  from waybill.report_line_items l"
                     "  join waybill.report_adjustments a using (order_id, item_id)"
                     " where l.order_id = 'o5'",
                     "0|done|write_off|11|over_quantity dismissed: one is a gift");

    shop_ships(&shop, "('o6', 'a', '', -1, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    newest_discrepancy(id);
    shop_must(&shop, 0, "dismiss", "discrepancy", id, "--reason", "never mind");
    shop_said(&shop, "its units can't be counted, so none is booked");
}
END_TEST

START_TEST(units_over_the_guard_that_are_dismissed_are_not_posted_without_it)
{
    char id[24];

    limit_units(8);
    shop_ships(&shop, "('o7', 'a', '', 9, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    newest_discrepancy(id);
    shop_must(&shop, 0, "dismiss", "discrepancy", id, "--reason", "billed by hand");
    shop_said(&shop, "guard of order o7 dismissed; 9 units count as settled");
    limit_units(0);
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_submissions where order_id = 'o7'", "0");
}
END_TEST

START_TEST(what_is_of_no_order_is_dismissed_without_naming_one)
{
    support_psql(shop.url, "insert into waybill.discrepancies (kind, order_id, detail)"
                           " values ('warehouse_shrank', '', 'far fewer rows')");
    shop_must(&shop, 0, "dismiss", "--kind", "warehouse_shrank", "--reason", "purged");
    shop_said(&shop, "warehouse_shrank dismissed");
}
END_TEST

/* As the planner finds it again, or not: there is no submission to send. */
START_TEST(a_retried_discrepancy_of_the_planners_is_looked_at_again)
{
    char id[24];

    shop_ships(&shop, "('o5', 'a', '', 11, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    newest_discrepancy(id);
    support_psql(shop.url, "update shop.lines set ordered_quantity = 11 where order_id = 'o5'");
    shop_must(&shop, 0, "retry", "discrepancy", id, "--reason", "one more was ordered");
    shop_said(&shop, "order o5 is looked at again by the next run");
    support_query_is(shop.url,
                     "select action, target like 'discrepancy %', order_id, reason"
                     "  from waybill.report_decisions order by made_at desc limit 1",
                     "retry|t|o5|one more was ordered");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select kind from waybill.report_discrepancies where closed_at is null",
                     "ordered_mismatch");
    shop_must(&shop, 0, "retry", "--kind", "ordered_mismatch");
    shop_must(&shop, 1, "retry", "discrepancy", id);
    shop_said(&shop, "is closed");
}
END_TEST

START_TEST(a_guard_that_was_raised_lets_its_lines_go)
{
    limit_units(8);
    shop_ships(&shop, "('o7', 'a', '', 9, 0), ('o8', 'a', '', 10, 0)");
    shop_must(&shop, 1, "run", "--sweep");
    limit_units(9);
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select string_agg(order_id, ' ') from waybill.report_discrepancies"
                     " where closed_at is null",
                     "o8");
    support_query_is(shop.url,
                     "select due_shipped, open_shipped from waybill.report_line_items"
                     " where order_id = 'o7'",
                     "0|9");
    limit_units(0);
    shop_must(&shop, 0, "run");
    support_query_is(
        shop.url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

START_TEST(many_are_decided_at_a_time)
{
    shop_must(&shop, 0, "hold", "--older-than", "1h");
    shop_said(&shop, "nothing to hold");
    shop_must(&shop, 0, "hold", "--older-than", "0s");
    support_query_is(shop.url, "select count(*) from waybill.submissions where state = 'held'",
                     "5");
    shop_must(&shop, 0, "dismiss", "--older-than", "0s", "--reason", "none of it left");
    support_query_is(shop.url, "select count(*) from waybill.submissions where state = 'dismissed'",
                     "5");
    support_query_is(shop.url,
                     "select count(*), count(distinct reason) from waybill.report_decisions"
                     " where action = 'dismiss'",
                     "5|1");
}
END_TEST

START_TEST(an_order_without_submissions_has_nothing_to_hold)
{
    shop_ships(&shop, "('o6', 'a', '', 0, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    shop_must(&shop, 1, "hold", "order", "o6");
    shop_said(&shop, "order o6 has no submission to hold");
    shop_must(&shop, 1, "hold", "order", "nonesuch");
    shop_said(&shop, "knows no order nonesuch");
}
END_TEST

START_TEST(a_mistake_on_the_command_line_is_told_and_nothing_is_decided)
{
    shop_must(&shop, 2, "hold");
    shop_must(&shop, 2, "hold", "parcel", "p1");
    shop_must(&shop, 2, "hold", "submission");
    shop_must(&shop, 2, "hold", "submission", "17a");
    shop_must(&shop, 2, "hold", "marker", "17");
    shop_must(&shop, 2, "hold", "order", "o1", "--kind", "rejected");
    shop_must(&shop, 2, "hold", "--older-than", "soon");
    shop_must(&shop, 2, "hold", "order", "o1", "--force");
    shop_must(&shop, 2, "dismiss", "order", "o1", "--units", "lost", "--reason", "x");
    shop_must(&shop, 2, "dismiss", "order", "o1");
    shop_must(&shop, 2, "settle", "o1", "--shipped", "1", "--reason", "x");
    shop_must(&shop, 2, "settle", "o1", "a", "--shipped", "-1", "--reason", "x");
    shop_must(&shop, 2, "settle", "o1", "a", "--reason", "x");
    shop_must(&shop, 2, "settle", "o1", "a", "--shipped", "1");
    shop_must(&shop, 2, "adopt", "ful_1");
    shop_must(&shop, 2, "adopt", "--reason", "x");
    shop_must(&shop, 2, "resume", "--live");
    support_query_is(shop.url, "select count(*) from waybill.decisions where action <> 'baseline'",
                     "0");
}
END_TEST

START_TEST(units_settled_by_hand_are_never_posted)
{
    shop_must(&shop, 0, "settle", "o1", "a", "--shipped", "2", "--reason", "by phone");
    shop_must(&shop, 1, "settle", "o1", "z", "--shipped", "2", "--reason", "by phone");
    shop_warned(&shop, "knows no item z");
    shop_must(&shop, 1, "settle", "o1", "a", "--shipped", "9", "--reason", "by phone");
    shop_warned(&shop, "ordered");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select posted_shipped, open_shipped from waybill.report_line_items"
                     " where order_id = 'o1' and item_id = 'a'",
                     "2|1");
}
END_TEST

START_TEST(what_nobody_knows_is_refused_or_named)
{
    shop_must(&shop, 1, "adopt", "ful_nonesuch", "--reason", "x");
    shop_warned(&shop, "adopt: refused: the API knows no fulfillment ful_nonesuch");
    shop_must(&shop, 0, "run", "--order", "nonesuch");
    shop_warned(&shop, "event=order_not_found order=nonesuch");
    shop_must(&shop, 0, "audit", "--order", "nonesuch");
    shop_warned(&shop,
                "neither the warehouse, the ledger nor the API has anything of order nonesuch");
    shop_must(&shop, 0, "run", "--order", "o1");
    ck_assert_ptr_null(strstr(shop.errors, "order_not_found"));
    shop_must(&shop, 0, "audit", "--order", "o1");
    ck_assert_str_eq(shop.errors, "");
}
END_TEST

START_TEST(the_kinds_of_discrepancies_are_those_of_the_table)
{
    char sql[256];

    support_query_is(shop.url,
                     "select count(*) from (select regexp_matches(pg_get_constraintdef(c.oid),"
                     " $$'[a-z_]+'::text$$, 'g') from pg_constraint c where c.contype = 'c'"
                     " and c.conrelid = 'waybill.discrepancies'::regclass"
                     " and pg_get_constraintdef(c.oid) like '%over_quantity%') k",
                     "24");
    for (int i = 0; i < DISCREPANCY_KINDS_COUNT; i++) {
        (void)snprintf(
            sql, sizeof(sql),
            "select pg_get_constraintdef(c.oid) like $$%%'%s'::text%%$$ from pg_constraint c"
            " where c.conrelid = 'waybill.discrepancies'::regclass"
            " and pg_get_constraintdef(c.oid) like '%%over_quantity%%'",
            DISCREPANCY_KINDS[i]);
        support_query_is(shop.url, sql, "t");
    }
}
END_TEST

START_TEST(a_fulfillment_of_somebody_else_is_adopted_once)
{
    char id[256];

    shop_other_posts(&shop, "o3", "a", 3, 0, id);
    shop_must(&shop, 0, "adopt", id, "--reason", "made in the dashboard");
    shop_said(&shop, "is adopted");
    support_query_is(shop.url,
                     "select kind, reason like 'adopted by %: made in the dashboard'"
                     "  from waybill.report_adjustments where fulfillment_id is not null",
                     "foreign|t");
    shop_must(&shop, 0, "adopt", id, "--reason", "made in the dashboard");
    shop_said(&shop, "in the ledger already");
    shop_must(&shop, 1, "adopt", "ful_nonesuch", "--reason", "x");
    shop_warned(&shop, "knows no fulfillment");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select posted_shipped, open_shipped from waybill.report_line_items"
                     " where order_id = 'o3'",
                     "3|1");
}
END_TEST

/* Six of ten were shipped, five of them posted by hand: the API refuses six and takes one. */
START_TEST(what_was_refused_for_the_units_of_others_is_planned_anew_without_them)
{
    shop_use(&shop, "taken", "shop.lines", "follow:\n  events: false\n");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_other_posts(&shop, "o9", "a", 5, 0, NULL);
    shop_ships(&shop, "('o9', 'a', '', 6, 0)");
    support_psql(shop.url, "select taken.touch('o9')");
    shop_must(&shop, 1, "run");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select kind, shipped from taken.report_adjustments where order_id = 'o9'",
                     "foreign|5");
    support_query_is(shop.url,
                     "select posted_shipped, due_shipped, open_shipped, discrepancy_id"
                     "  from taken.report_line_items where order_id = 'o9'",
                     "6|0|0|");
    shop_ships(&shop, "('o9', 'a', '', 10, 0)");
    support_psql(shop.url, "select taken.touch('o9')");
    shop_must(&shop, 0, "run");
    shop_must(&shop, 0, "audit", "--order", "o9");
    support_query_is(
        shop.url, "select posted_shipped from taken.report_line_items where order_id = 'o9'", "10");
    support_query_is(shop.url,
                     "select string_agg(state::text, ' ' order by submission_id)"
                     "  from taken.submissions where order_id = 'o9'",
                     "rejected accepted accepted");
}
END_TEST

/* Before that is known nobody can say how many there are to write off. */
START_TEST(what_was_refused_for_the_units_of_others_is_not_written_off_before_they_are_booked)
{
    becomes("o4", "rejected");
    support_psql(shop.url,
                 "update waybill.discrepancies set kind = 'foreign' where order_id = 'o4';"
                 "insert into waybill.orders (order_id, list_at) values ('o4', clock_timestamp())"
                 " on conflict (order_id) do update set list_at = excluded.list_at");
    shop_must(&shop, 1, "dismiss", "order", "o4", "--reason", "by hand");
    shop_said(&shop, "is not booked yet");
    shop_must(&shop, 1, "dismiss", "--kind", "foreign", "--reason", "by hand");
    state_is("o4", "rejected");
    shop_must(&shop, 0, "run");
    shop_must(&shop, 0, "dismiss", "order", "o4", "--reason", "by hand");
    state_is("o4", "dismissed");
}
END_TEST

static bool
has_posted(void *ctx)
{
    (void)ctx;
    return shop_applied(&shop) > 0;
}

START_TEST(a_pause_ends_a_run_when_what_is_in_flight_has_settled)
{
    struct support_process run;
    support_psql(shop.url,
                 "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                 " cancelled_quantity) select 'o' || n, 'b', 'x' || k, 1, 0"
                 " from generate_series(5, 20) n, generate_series(1, 8) k");
    shop_must(&shop, 0, "resume", "--live", "--reason", "try");
    support_sandbox_faults(&shop.sandbox, "slow=1:300");
    support_psql(shop.url, "update waybill.identity set generation_since = now() - interval '1 h'");
    shop_spawn(&shop, &run, (const char *const[]){"run", "--sweep", NULL});
    support_wait_until(has_posted, NULL, 20000, "the first POST");
    shop_must(&shop, 0, "pause", "--reason", "stock-taking");
    shop_must(&shop, 0, "pause");
    ck_assert_int_eq(support_wait_exit(&run, 20000), 3);
    support_query_is(
        shop.url, "select count(*) from waybill.submissions where state in ('sending', 'unknown')",
        "0");
    ck_assert_int_eq(support_query_int(shop.url, "select count(*) from waybill.submissions"
                                                 " where state = 'accepted'"),
                     shop_applied(&shop));
    ck_assert_int_gt(support_query_int(shop.url, "select count(*) from waybill.submissions"
                                                 " where state = 'planned'"),
                     0);
    shop_must(&shop, 3, "run");
    shop_warned(&shop, "stock-taking");

    support_sandbox_faults(&shop.sandbox, "");
    support_query_is(shop.url, "select waybill.resume('done')", "live again");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 5 + 16 * 8);
}
END_TEST

START_TEST(a_pause_without_a_reason_leaves_no_place_for_one)
{
    shop_must(&shop, 0, "pause");
    shop_must(&shop, 3, "run", "-q");
    shop_warned(&shop, "the ledger is paused by ");
    ck_assert_msg(strstr(shop.errors, ": \n") == NULL, "%s", shop.errors);
    shop_must(&shop, 0, "pause", "--reason", "later");
    shop_said(&shop, "paused already, by ");
}
END_TEST

START_TEST(what_came_back_is_told_and_not_due_again)
{
    support_psql(shop.url, "update shop.lines set returned_quantity = 2 where order_id = 'o4'");
    shop_must(&shop, 0, "run", "--sweep");
    support_psql(shop.url, "update shop.lines set returned_quantity = 3 where order_id = 'o4'");
    shop_must(&shop, 0, "run", "--sweep");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url,
                     "select kind, shipped, cancelled, returned from waybill.report_adjustments"
                     " where order_id = 'o4' order by adjustment_id",
                     "returned|0|0|2\nreturned|0|0|1");
    support_query_is(shop.url,
                     "select open_shipped, due_shipped from waybill.report_line_items"
                     " where order_id = 'o4'",
                     "5|0");
}
END_TEST

/* It is there from the first look on, so no look is ever without it. */
START_TEST(a_fulfillment_with_another_ledgers_marker_is_doubt_that_ends_with_a_person)
{
    static const char BODY[] =
        "{\"orderId\": \"o9\", \"items\": [{\"itemId\": \"a\", \"quantity\": 1}],"
        " \"metadata\": {\"waybill_submission\": \"7d3f0b1c-5a52-4b7e-9d5e-0a1b2c3d4e5f\","
        " \"waybill_instance\": \"11111111-2222-3333-4444-555555555555\"}}";
    const char *const headers[] = {"Content-Type: application/json",
                                   "Authorization: Bearer sk_test_sandbox", NULL};
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), 60000);
    char url[128];

    shop_use(&shop, "doubt", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    (void)snprintf(url, sizeof(url), "%s/fulfillments", shop.sandbox.url);
    ck_assert_int_eq(support_http("POST", url, headers, BODY, NULL), 201);
    shop_ships(&shop, "('o9', 'a', '', 3, 0)");
    support_psql(shop.url, "select doubt.touch('o9')");
    support_sandbox_faults(&shop.sandbox, "first=1:drop_before");
    for (;;) {
        (void)shop_waybill(&shop, (const char *const[]){"run", "--order", "o9", NULL});
        if (support_query_int(shop.url, "select count(*) from doubt.report_submissions"
                                        " where state = 'held'") == 1)
            break;
        ck_assert_msg(clock_mono_left_ms(deadline) > 0, "it stays unknown: %s", shop.errors);
    }
    support_query_is(shop.url,
                     "select kind from doubt.report_discrepancies where order_id = 'o9'"
                     " and closed_at is null",
                     "ambiguous");
    ck_assert_int_eq(shop_applied(&shop), 1);
}
END_TEST

START_TEST(what_is_held_until_a_marker_is_seen_goes_by_itself_once_another_was_accepted)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), 60000);

    shop_use(&shop, "unseen", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o9', 'a', '', 3, 0)");
    support_psql(shop.url, "select unseen.touch('o9')");
    support_sandbox_faults(&shop.sandbox, "first=1:drop_before");
    do {
        (void)shop_waybill(&shop, (const char *const[]){"run", "--order", "o9", NULL});
        ck_assert_msg(clock_mono_left_ms(deadline) > 0, "it stays unknown: %s", shop.errors);
    } while (support_query_int(shop.url, "select count(*) from unseen.submissions"
                                         " where held_by = 'marker'") == 0);
    shop_ships(&shop, "('o8', 'a', '', 2, 0)");
    support_psql(shop.url, "select unseen.touch('o8')");
    shop_must(&shop, 0, "run", "--order", "o8");
    shop_must(&shop, 0, "run", "--order", "o9");
    support_query_is(shop.url,
                     "select order_id, state from unseen.report_submissions order by order_id",
                     "o8|accepted\no9|accepted");
    support_query_is(shop.url,
                     "select kind from unseen.report_discrepancies where closed_at is null", "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decisions");
    TCase *tests = support_case(suite, "decisions", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_planned_is_held_and_released_and_goes_with_retry);
    tcase_add_test(tests, status_says_in_shadow_that_nothing_is_posted_and_how_that_ends);
    tcase_add_test(tests, a_marker_names_its_submission);
    tcase_add_test(tests, what_is_being_sent_or_unknown_is_left_alone);
    tcase_add_test(tests, what_may_have_been_applied_is_dismissed_by_force_only);
    tcase_add_test(tests, units_of_a_dismissed_one_may_be_due_again);
    tcase_add_test(tests, a_refused_one_is_planned_anew_by_retry);
    tcase_add_test(tests, a_dismissed_discrepancy_stays_dismissed_while_its_evidence_is_the_same);
    tcase_add_test(tests, a_dismissed_discrepancy_books_what_it_kept_back);
    tcase_add_test(tests, units_over_the_guard_that_are_dismissed_are_not_posted_without_it);
    tcase_add_test(tests, what_is_of_no_order_is_dismissed_without_naming_one);
    tcase_add_test(tests, a_retried_discrepancy_of_the_planners_is_looked_at_again);
    tcase_add_test(tests, a_guard_that_was_raised_lets_its_lines_go);
    tcase_add_test(tests, status_names_the_way_on_that_fits_why_something_is_held);
    tcase_add_test(tests, many_are_decided_at_a_time);
    tcase_add_test(tests, an_order_without_submissions_has_nothing_to_hold);
    tcase_add_test(tests, a_mistake_on_the_command_line_is_told_and_nothing_is_decided);
    tcase_add_test(tests, units_settled_by_hand_are_never_posted);
    tcase_add_test(tests, what_nobody_knows_is_refused_or_named);
    tcase_add_test(tests, the_kinds_of_discrepancies_are_those_of_the_table);
    tcase_add_test(tests, a_fulfillment_of_somebody_else_is_adopted_once);
    tcase_add_test(tests, what_was_refused_for_the_units_of_others_is_planned_anew_without_them);
    tcase_add_test(
        tests, what_was_refused_for_the_units_of_others_is_not_written_off_before_they_are_booked);
    tcase_add_test(tests, a_pause_without_a_reason_leaves_no_place_for_one);
    tcase_add_test(tests, a_pause_ends_a_run_when_what_is_in_flight_has_settled);
    tcase_add_test(tests,
                   a_fulfillment_with_another_ledgers_marker_is_doubt_that_ends_with_a_person);
    tcase_add_test(tests,
                   what_is_held_until_a_marker_is_seen_goes_by_itself_once_another_was_accepted);
    tcase_add_test(tests, what_came_back_is_told_and_not_due_again);
    return support_run_suite(suite);
}
