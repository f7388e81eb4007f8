#include <string.h>

#include "cli/chart.h"
#include "cli/html.h"
#include "support/support.h"

static struct buffer buf;

static void
setup(void)
{
    buffer_init(&buf, 100000);
}

static void
teardown(void)
{
    buffer_free(&buf);
}

static int
count(const char *what)
{
    int found = 0;

    for (const char *at = strstr(buffer_text(&buf), what); at != NULL; at = strstr(at + 1, what))
        found++;
    return found;
}

START_TEST(no_text_becomes_markup)
{
    html_text(&buf, "<b a=\"1\" c='2'>&amp;\x1b\n\xe2\x80\xae\xff</b>");
    ck_assert_str_eq(buffer_text(&buf), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;"
                                        "\\u{1b}\\n\\u{202e}\\x{ff}&lt;/b&gt;");
    html_text(&buf, NULL);
    ck_assert_int_eq(count("b&gt;"), 1);
}
END_TEST

START_TEST(an_axis_ends_at_a_round_number_not_below_the_value)
{
    static const int64_t pairs[][2] = {
        {0, 4},   {4, 4},    {5, 5},     {6, 10},    {10, 10},     {11, 20},     {24, 25},
        {26, 50}, {51, 100}, {101, 200}, {201, 250}, {1000, 1000}, {1001, 2000}, {999999, 1000000},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        ck_assert_int_eq(chart_nice_max(pairs[i][0]), pairs[i][1]);
    ck_assert_int_ge(chart_nice_max(INT64_MAX / 100), INT64_MAX / 100);
}
END_TEST

START_TEST(numbers_are_grouped_by_three_digits)
{
    char out[32];

    ck_assert_str_eq(chart_number(0, out), "0");
    ck_assert_str_eq(chart_number(999, out), "999");
    ck_assert_str_eq(chart_number(1000, out), "1,000");
    ck_assert_str_eq(chart_number(-1234567, out), "-1,234,567");
}
END_TEST

START_TEST(a_bar_for_each_value_above_zero_with_its_number_in_words)
{
    const struct chart chart = {.title = "a<b",
                                .unit = "",
                                .series = {"accepted", "rejected"},
                                .points_count = 3,
                                .labels = {"1 Nov", "2 Nov", "3 Nov"},
                                .names = {"2026-11-01", "2026-11-02", "2026-11-03"},
                                .values = {{1200, 0, 3}, {2, 0, 0}}};

    chart_bars(&buf, &chart);
    ck_assert_int_eq(count("<rect"), 3);
    ck_assert_int_eq(count("<title>2026-11-01: 1,200 accepted</title>"), 1);
    ck_assert_int_eq(count("aria-label=\"a&lt;b\""), 1);
    ck_assert_int_eq(count("NaN") + count("nan") + count("inf") + count("=\"-"), 0);
}
END_TEST

START_TEST(a_line_is_broken_where_there_is_no_value)
{
    const struct chart chart = {.title = "t",
                                .unit = " ms",
                                .series = {"half"},
                                .points_count = 4,
                                .labels = {"", "", "", ""},
                                .names = {"a", "b", "c", "d"},
                                .values = {{5, -1, 7, 8}}};

    chart_lines(&buf, &chart);
    ck_assert_int_eq(count("<circle"), 3);
    ck_assert_int_eq(count("M"), 2);
    ck_assert_int_eq(count("<title>a: 5 ms half</title>"), 1);
}
END_TEST

START_TEST(a_chart_of_nothing_is_still_a_chart)
{
    const struct chart chart = {.title = "t", .unit = "", .series = {"x"}};

    chart_bars(&buf, &chart);
    chart_lines(&buf, &chart);
    chart_rows(&buf, &chart);
    ck_assert_int_eq(count("</svg>"), 3);
    ck_assert_int_eq(count("nan") + count("inf"), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("chart");
    TCase *tcase = support_case(suite, "chart", 30);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, no_text_becomes_markup);
    tcase_add_test(tcase, an_axis_ends_at_a_round_number_not_below_the_value);
    tcase_add_test(tcase, numbers_are_grouped_by_three_digits);
    tcase_add_test(tcase, a_bar_for_each_value_above_zero_with_its_number_in_words);
    tcase_add_test(tcase, a_line_is_broken_where_there_is_no_value);
    tcase_add_test(tcase, a_chart_of_nothing_is_still_a_chart);
    return support_run_suite(suite);
}
