/*
 * The look directly before a repeated POST, where the API's lists are slow or can't be read: the
 * POST leaves after a fresh look or not at all, and the run ends either way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/shop.h"

static struct shop shop;

static void
tell_api(const char *what, const char *settings)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "%s/_sandbox/%s", shop.sandbox.url, what);
    ck_assert_int_eq(support_http_post(url, settings, NULL), 200);
}

/* One parcel of o1 is accepted, and of another nobody knows what became of the first POST. */
static void
setup(void)
{
    shop_begin(&shop, 1);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o1', 'a', 'P1', 1, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    shop_ships(&shop, "('o1', 'a', 'P2', 2, 0)");
    tell_api("faults", "first=1:503_before:0");
}

static void
teardown(void)
{
    shop_end(&shop);
}

START_TEST(a_look_that_takes_longer_than_a_claim_lasts_is_followed_by_the_post)
{
    tell_api("faults", "first=1:503_before:0 list:slow=1:1300");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url,
                     "select state, tries, attempts from waybill.submissions"
                     " where shipment_ref = 'P2'",
                     "accepted|2|2");
    ck_assert_int_eq(shop_applied(&shop), 2);
}
END_TEST

/* Somebody else took it over, or said stop, while its worker looked. */
START_TEST(only_a_claim_that_stands_begins_anew)
{
    static const char RENEW[] =
        "select waybill.renew_claim(null, (select max(version) from waybill.schema_versions),"
        "  s.marker, coalesce(s.claim_token, gen_random_uuid()), 60000) from waybill.submissions s"
        " where s.shipment_ref = 'P2'";
    static const char LASTS[] = "select claim_expires_at > clock_timestamp() + interval '50 s'"
                                "  from waybill.submissions where shipment_ref = 'P2'";

    shop_must(&shop, 0, "run", "--sweep", "--max-posts", "1");
    support_query_is(shop.url, RENEW, "f"); /* planned */
    support_psql(shop.url,
                 "update waybill.submissions set next_attempt_at = clock_timestamp()"
                 " where state = 'planned';"
                 "update waybill.lanes set next_at = clock_timestamp();"
                 "select waybill.claim(null, null,"
                 "  (select max(version) from waybill.schema_versions), gen_random_uuid(), 1, 1000,"
                 "  null)");
    support_query_is(shop.url, LASTS, "f");
    support_query_is(shop.url, RENEW, "t");
    support_query_is(shop.url, LASTS, "t");
    support_psql(shop.url, "select waybill.pause('a test', 'somebody')");
    support_query_is(shop.url, RENEW, "f");
}
END_TEST

static const char *const UNREADABLE[] = {"list:500=1", "list:garbage=1", "list:list_empty_page=1"};

START_TEST(a_list_that_cannot_be_read_ends_the_run_and_is_asked_for_less_and_less)
{
    /* One claim: absent it is, but not yet posted again. */
    shop_must(&shop, 0, "run", "--sweep", "--max-posts", "1");
    support_query_is(shop.url,
                     "select state, tries, unknown_attempts from waybill.submissions"
                     " where shipment_ref = 'P2'",
                     "planned|1|1");
    tell_api("faults", UNREADABLE[_i]);
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select state, tries between 2 and 6,"
                     "  next_attempt_at > clock_timestamp() + interval '500 ms'"
                     "  from waybill.submissions where shipment_ref = 'P2'",
                     "planned|t|t");
    ck_assert_int_eq(shop_applied(&shop), 1);

    tell_api("faults", "");
    support_psql(shop.url, "update waybill.submissions set next_attempt_at = clock_timestamp()"
                           " where state = 'planned';"
                           "update waybill.lanes set next_at = clock_timestamp()");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, "select state from waybill.submissions where shipment_ref = 'P2'",
                     "accepted");
    ck_assert_int_eq(shop_applied(&shop), 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("prechecks");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "prechecks", 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_look_that_takes_longer_than_a_claim_lasts_is_followed_by_the_post);
    tcase_add_test(tcase, only_a_claim_that_stands_begins_anew);
    tcase_add_loop_test(tcase,
                        a_list_that_cannot_be_read_ends_the_run_and_is_asked_for_less_and_less, 0,
                        (int)(sizeof(UNREADABLE) / sizeof(UNREADABLE[0])));
    return support_run_suite(suite);
}
