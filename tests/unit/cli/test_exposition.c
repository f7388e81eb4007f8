#include <string.h>

#include "cli/exposition.h"
#include "support/support.h"

static struct buffer text;
static struct exposition_counts counts;

static void
setup(void)
{
    buffer_init(&text, EXPOSITION_BYTES_MAX);
    counts = (struct exposition_counts){.duration_ms_sum = 0};
}

static void
teardown(void)
{
    buffer_free(&text);
}

static void
expect(const char *line)
{
    ck_assert_msg(strstr(buffer_text(&text), line) != NULL, "no \"%s\" in\n%s", line,
                  buffer_text(&text));
}

START_TEST(posts_are_counted_by_outcome_and_those_that_left_by_duration)
{
    exposition_note_post(&counts, "accepted", 50, true);
    exposition_note_post(&counts, "accepted", 51, true);
    exposition_note_post(&counts, "unknown", 65001, true);
    exposition_note_post(&counts, "refused", 7000, false);
    exposition_note_post(&counts, "something else", 1, false);
    exposition_write(&counts, NULL, "waybill", 1000, &text);
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 2\n");
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"refused\"} 1\n");
    expect("waybill_post_duration_seconds_bucket{ledger=\"waybill\",le=\"0.05\"} 1\n");
    expect("waybill_post_duration_seconds_bucket{ledger=\"waybill\",le=\"65\"} 2\n");
    expect("waybill_post_duration_seconds_bucket{ledger=\"waybill\",le=\"+Inf\"} 3\n");
    expect("waybill_post_duration_seconds_sum{ledger=\"waybill\"} 65.102\n");
    expect("waybill_post_duration_seconds_count{ledger=\"waybill\"} 3\n");
    expect("waybill_up{ledger=\"waybill\"} 0\n");
}
END_TEST

START_TEST(what_was_written_is_read_back_to_the_last_unit)
{
    struct exposition_counts again = {.duration_ms_sum = 0};

    for (int i = 0; i < EXPOSITION_BUCKETS; i++)
        counts.durations[i] = i * 3;
    for (int i = 0; i < EXPOSITION_OUTCOMES; i++)
        counts.posts[i] = 1000 + i;
    for (int code = 0; code < EXPOSITION_EXIT_CODES; code++)
        exposition_note_run(&counts, code);
    exposition_note_run(&counts, 137);
    counts.duration_ms_sum = 5007;
    exposition_write(&counts, NULL, "waybill", 1000, &text);
    exposition_read_back(buffer_text(&text), "waybill", &again);
    ck_assert_mem_eq(&again, &counts, sizeof(counts));
    exposition_read_back(buffer_text(&text), "waybill", &again);
    ck_assert_int_eq(again.posts[1], 2002);
    ck_assert_int_eq(again.duration_ms_sum, 10014);
}
END_TEST

START_TEST(another_ledger_or_garbage_in_the_file_counts_nothing)
{
    static const char *const garbage[] = {
        "",
        "\n\n",
        "waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} -5\n",
        "waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 1e9\n",
        "waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} ",
        "waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 99999999999999999999999999\n",
        "waybill_posts_total{ledger=\"other\",outcome=\"accepted\"} 5\n",
        "# waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 5\n",
        "waybill_post_duration_seconds_sum{ledger=\"waybill\"} 5\n",
        "waybill_post_duration_seconds_sum{ledger=\"waybill\"} .\n",
        "waybill_post_duration_seconds_sum{ledger=\"waybill\"} 5.00x\n",
    };
    const struct exposition_counts nothing = {.duration_ms_sum = 0};

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        exposition_read_back(garbage[i], "waybill", &counts);
        ck_assert_msg(memcmp(&counts, &nothing, sizeof(counts)) == 0, "%s", garbage[i]);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("exposition");
    TCase *tcase = support_case(suite, "exposition", 30);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, posts_are_counted_by_outcome_and_those_that_left_by_duration);
    tcase_add_test(tcase, what_was_written_is_read_back_to_the_last_unit);
    tcase_add_test(tcase, another_ledger_or_garbage_in_the_file_counts_nothing);
    return support_run_suite(suite);
}
