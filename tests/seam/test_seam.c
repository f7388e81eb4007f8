/* Another API behind the provider's table: what the engine asks of it is all that the table says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/provider.h"
#include "seam/standin.h"
#include "support/support.h"

#define MARKER "7d3f0b1c-5a52-4b7e-9d5e-0a1b2c3d4e5f"

enum { SEAM_ORDERS = 12 };

static struct provider *provider;
static struct provider_request request;
static struct error err;

static void
seam_set_up(void)
{
    static const struct provider_options OPTIONS = {.base_url = "http://127.0.0.1:1",
                                                    .version = "9",
                                                    .instance = "ledger-1",
                                                    .application = "waybill/test"};

    err = (struct error){0};
    provider = NULL;
    ck_assert_msg(provider_new(&provider, "parcelpost", &OPTIONS, &err), "%s", err.message);
    provider_request_init(&request);
}

static void
seam_tear_down(void)
{
    provider_request_free(&request);
    provider_free(provider);
}

START_TEST(a_program_that_knows_other_providers_does_not_know_ours)
{
    struct provider *ours = NULL;
    struct provider_options options = {0};

    ck_assert(!provider_new(&ours, "digitalriver", &options, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "digitalriver"));
}
END_TEST

START_TEST(the_marker_is_the_idempotency_key)
{
    static const struct provider_item ITEMS[] = {{.item_id = "a", .shipped = 2, .cancelled = 1}};
    const struct provider_submission s = {
        .marker = MARKER, .order_id = "o1", .items = ITEMS, .items_count = 1};
    struct http_options transport = {0};

    ck_assert(provider_post(provider, &s, &request, &err));
    ck_assert_str_eq(buffer_text(&request.body),
                     "{\"purchase\":\"o1\",\"lines\":[{\"line\":\"a\",\"sent\":2,\"dropped\":1}],"
                     "\"note\":\"" MARKER "/ledger-1\",\"parcel\":{}}");
    ck_assert_str_eq(request.headers[1], "Idempotency-Key: " MARKER);
    provider_transport(provider, &transport);
    ck_assert_str_eq(transport.key_header, "X-Parcelpost-Key: ");
    ck_assert_str_eq(transport.request_id_header, "Trace-Id");
    ck_assert_int_eq(provider_lines_max("parcelpost", 100), 1);
}
END_TEST

static struct http_answer
seam_answer(int status, const char *body)
{
    return (struct http_answer){.fact = HTTP_ANSWERED,
                                .is_sent = true,
                                .status = status,
                                .body = body,
                                .body_bytes = strlen(body)};
}

START_TEST(its_answers_end_in_the_same_outcomes)
{
    static const struct {
        int status;
        const char *body;
        enum provider_outcome outcome;
    } rows[] = {
        {202, "{\"dispatch\":\"d1\",\"purchase\":\"o1\",\"lines\":[]}", PROVIDER_ACCEPTED},
        {200, "{\"dispatch\":\"d1\",\"purchase\":\"o1\",\"lines\":[]}", PROVIDER_ACCEPTED},
        {202, "{\"dispatch\":\"d1\",\"purchase\":\"o2\",\"lines\":[]}", PROVIDER_UNKNOWN},
        {423, "{\"problem\":\"purchase_paused\"}", PROVIDER_ORDER_WAITS},
        {410, "{\"problem\":\"line_spent\"}", PROVIDER_TAKEN},
        {402, "{\"problem\":\"card_declined\"}", PROVIDER_PAYMENT},
        {407, "{\"problem\":\"bad_key\"}", PROVIDER_REFUSED_KEY},
        {429, "{\"problem\":\"slow_down\"}", PROVIDER_NOT_NOW},
        {422, "{\"problem\":\"whatever\"}", PROVIDER_REFUSED},
        {422, "{}", PROVIDER_UNKNOWN},
        {503, "{\"problem\":\"tired\"}", PROVIDER_UNKNOWN},
    };
    const struct provider_submission s = {.marker = MARKER, .order_id = "o1"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_answer answer = seam_answer(rows[i].status, rows[i].body);
        struct provider_result result;

        provider_read_post(provider, &s, &answer, &result);
        ck_assert_msg(result.outcome == rows[i].outcome, "row %zu: %d", i, (int)result.outcome);
    }
}
END_TEST

START_TEST(a_page_is_asked_for_by_its_token_and_a_state_is_told_in_our_words)
{
    struct http_answer answer =
        seam_answer(200, "{\"dispatches\":[{\"dispatch\":\"d1\",\"purchase\":\"o1\",\"lines\":[]}],"
                         "\"next\":\"t o\"}");
    struct provider_fulfillments page;
    struct provider_orders orders;
    struct provider_answer how;

    provider_read_fulfillments(provider, &answer, &page, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert(page.has_more && !page.list[0].has_metadata);
    ck_assert(provider_list_fulfillments(provider, "o1", page.next, &request, &err));
    ck_assert_str_eq(buffer_text(&request.url),
                     "http://127.0.0.1:1/v9/dispatches?purchase=o1&page=t%20o");
    provider_fulfillments_free(&page);

    answer = seam_answer(200, "[{\"number\":\"o1\",\"status\":\"open\",\"lines\":[]}]");
    provider_read_orders(provider, &answer, &orders, &how);
    ck_assert_int_eq(orders.count, 1);
    ck_assert_str_eq(orders.list[0].state, "accepted");
    provider_orders_free(&orders);
}
END_TEST

/* ---- the whole bridge ---- */

static char seam_url[SUPPORT_URL_MAX];
static const char *seam_config;

static void
seam_must(int expected, const char *command, const char *first, const char *second)
{
    const char *const argv[] = {SEAM_WAYBILL, "-c", seam_config, command, first, second, NULL};
    char *out = NULL;
    char *errors = NULL;
    int code = support_run(argv, NULL, &out, &errors);

    ck_assert_msg(code == expected, "%s: %d: %s%s", command, code, out, errors);
    free(out);
    free(errors);
}

static void
seam_begin(const struct standin *standin)
{
    char text[2048];

    support_database_create(seam_url);
    support_psql(seam_url, "create schema shop;"
                           "create table shop.lines as select 'o' || n as order_id, item_id,"
                           " p::text as shipment_ref, 10 as ordered_quantity,"
                           " case when item_id = 'a' then 2 else 1 end as shipped_quantity,"
                           " 0 as cancelled_quantity"
                           " from generate_series(1, 12) n, unnest(array['a', 'b']) item_id,"
                           " generate_series(1, 3) p;"
                           /* two of o1's units are cancelled */
                           "update shop.lines set cancelled_quantity = 1"
                           " where order_id = 'o1' and shipment_ref = '1'");
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: shop.lines\n"
                   "api:\n  provider: parcelpost\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 5000\n  timeout_ms: 1000\n  send_within_ms: 1000\n"
                   "  settle_ms: 300\nretry:\n  first_delay_ms: 50\nlog:\n  level: error\n",
                   seam_url, standin->url, support_write_file("seam.key", "pp_secret\n", 0600));
    seam_config = support_write_file("seam.yaml", text, 0600);
    seam_must(0, "init", NULL, NULL);
    seam_must(0, "baseline", "--from", "nothing");
    seam_must(0, "check", NULL, NULL);
}

static bool
seam_is_done(void *ctx)
{
    (void)ctx;
    seam_must(0, "run", NULL, NULL);
    return support_query_int(seam_url, "select count(*) from waybill.report_line_items"
                                       " where status <> 'done'") == 0;
}

/* Of the first POSTs half are answered; the others are applied and cut off, or refused. */
static void
seam_agree(bool is_note_shown, const char *settled_by)
{
    struct standin standin;
    char url[128];
    char sql[256];
    char *stats = NULL;

    standin_start(&standin, SEAM_ORDERS, is_note_shown);
    seam_begin(&standin);
    support_wait_until(seam_is_done, NULL, 60000, "all units are posted");
    (void)snprintf(url, sizeof(url), "%s/stats", standin.url);
    ck_assert_int_eq(support_http_get(url, &stats), 200);
    ck_assert_msg(strstr(stats, "dispatches 72, units 110, refused keys 0") != NULL, "%s", stats);
    ck_assert_msg((strstr(stats, "replays 0,") != NULL) == is_note_shown, "%s", stats);
    free(stats);
    support_query_is(seam_url,
                     "select coalesce(sum(posted_shipped + posted_cancelled), 0)"
                     " from waybill.report_line_items",
                     "110");
    support_query_is(seam_url,
                     "select max(n) from (select count(*) n"
                     " from waybill.report_submission_items group by submission_id) x",
                     "1");
    support_query_is(seam_url,
                     "select string_agg(distinct state::text, ',') || ' '"
                     " || count(*) filter (where request_id <> 'trace-7') from"
                     " waybill.report_submissions",
                     "accepted 0");
    (void)snprintf(sql, sizeof(sql),
                   "select count(*) from waybill.report_submissions"
                   " where order_id = 'o1' and attempts + looks > 1 and settled_by <> '%s'",
                   settled_by);
    support_query_is(seam_url, sql, "0");
    support_query_is(seam_url, "select count(*) from waybill.report_discrepancies", "0");
    seam_must(0, "audit", "--all", NULL);
    standin_stop(&standin);
    support_database_drop(seam_url);
}

START_TEST(a_lost_answer_is_found_by_id_where_the_list_shows_no_marker)
{
    seam_agree(true, "marker");
}
END_TEST

START_TEST(a_lost_answer_is_had_by_asking_again_with_the_same_key)
{
    seam_agree(false, "answer");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("seam");
    TCase *unit = support_case(suite, "wire", 30);
    TCase *whole;

    tcase_add_checked_fixture(unit, seam_set_up, seam_tear_down);
    tcase_add_test(unit, a_program_that_knows_other_providers_does_not_know_ours);
    tcase_add_test(unit, the_marker_is_the_idempotency_key);
    tcase_add_test(unit, its_answers_end_in_the_same_outcomes);
    tcase_add_test(unit, a_page_is_asked_for_by_its_token_and_a_state_is_told_in_our_words);
    support_need_database();
    whole = support_case(suite, "bridge", 120);
    tcase_add_test(whole, a_lost_answer_is_found_by_id_where_the_list_shows_no_marker);
    tcase_add_test(whole, a_lost_answer_is_had_by_asking_again_with_the_same_key);
    return support_run_suite(suite);
}
