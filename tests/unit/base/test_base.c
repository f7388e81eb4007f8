#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

/* ---- error ---- */

START_TEST(an_error_keeps_its_first_message_and_collects_context)
{
    struct error err = {0};

    ck_assert(!error_set(&err, ERROR_DB, "relation \"%s\" does not exist", "x"));
    error_context(&err, "submission %d", 42);
    error_context(&err, "run");
    error_hint(&err, "run `waybill %s`", "init");
    ck_assert_int_eq(err.code, ERROR_DB);
    ck_assert_str_eq(err.message, "relation \"x\" does not exist");
    ck_assert_str_eq(err.context, "run: submission 42");
    ck_assert_str_eq(err.hint, "run `waybill init`");
    error_clear(&err);
    ck_assert_int_eq(err.code, ERROR_NONE);
    ck_assert_str_eq(err.message, "");
    ck_assert_str_eq(err.context, "");
}
END_TEST

START_TEST(setting_a_filled_error_is_our_own_mistake)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_DB, "first");
    (void)error_set(&err, ERROR_DB, "second");
}
END_TEST

START_TEST(a_long_message_is_cut_between_characters)
{
    struct error err = {0};
    char text[3000];

    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    text[sizeof(text) - 2] = '\0';
    (void)error_set(&err, ERROR_PARSE, "x%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
    ck_assert(text_is_utf8(err.message, strlen(err.message)));
    error_clear(&err);
    (void)error_set(&err, ERROR_PARSE, "%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 2);
    for (int i = 0; i < 100; i++)
        error_context(&err, "%d \xc3\xa4", i);
    ck_assert(text_is_utf8(err.context, strlen(err.context)));
    ck_assert_int_eq(strncmp(err.context, "99 \xc3\xa4: 98 ", 10), 0);
}
END_TEST

static const struct {
    enum error_code code;
    const char *sqlstate;
    bool is_busy;
} BUSY[] = {
    {ERROR_DB, "40001", true},  {ERROR_DB, "40P01", true},       {ERROR_DB, "55P03", true},
    {ERROR_DB, "57014", false}, {ERROR_DB, "53100", false},      {ERROR_DB, "23505", false},
    {ERROR_DB, "", false},      {ERROR_DB_LOST, "40001", false}, {ERROR_CONFIG, "40001", false},
    {ERROR_NONE, "", false},
};

START_TEST(only_what_waits_for_others_is_busy)
{
    struct error err = {.code = BUSY[_i].code};

    memcpy(err.sqlstate, BUSY[_i].sqlstate, strlen(BUSY[_i].sqlstate) + 1);
    ck_assert_int_eq(error_is_busy(&err), BUSY[_i].is_busy);
}
END_TEST

START_TEST(every_code_has_its_own_word)
{
    for (int a = ERROR_NONE; a <= ERROR_CANCELLED; a++) {
        ck_assert_str_ne(error_code_name((enum error_code)a), "unknown");
        for (int b = ERROR_NONE; b < a; b++)
            ck_assert_str_ne(error_code_name((enum error_code)a),
                             error_code_name((enum error_code)b));
    }
    ck_assert_str_eq(error_code_name(ERROR_DB_LOST), "db_lost");
}
END_TEST

/* ---- buffer ---- */

START_TEST(a_buffer_grows_up_to_its_bound_and_not_beyond)
{
    struct buffer buf;

    buffer_init(&buf, 10);
    ck_assert_str_eq(buffer_text(&buf), "");
    ck_assert(buffer_puts(&buf, "12345"));
    ck_assert(buffer_printf(&buf, "%d", 6789));
    ck_assert(buffer_putc(&buf, '0'));
    ck_assert_str_eq(buffer_text(&buf), "1234567890");
    ck_assert_uint_eq(buf.used, 10);
    ck_assert(buffer_append(&buf, "", 0));
    ck_assert(!buffer_putc(&buf, 'x'));
    ck_assert(buf.is_failed);
    ck_assert_str_eq(buffer_text(&buf), "");
    ck_assert(!buffer_puts(&buf, "")); /* failed until looked at */
    ck_assert(!buffer_printf(&buf, "a"));
    ck_assert_ptr_null(buffer_take(&buf));
    buffer_reset(&buf);
    ck_assert(buffer_puts(&buf, "again"));
    ck_assert_str_eq(buffer_text(&buf), "again");
    buffer_free(&buf);
}
END_TEST

START_TEST(a_buffer_of_many_pieces_holds_them_all)
{
    struct buffer buf;

    buffer_init(&buf, 100000);
    for (int i = 0; i < 100000; i++)
        ck_assert(buffer_putc(&buf, (char)('a' + i % 26)));
    ck_assert_uint_eq(strlen(buffer_text(&buf)), 100000);
    ck_assert_int_eq(buffer_text(&buf)[99999], 'a' + 99999 % 26);
    ck_assert_uint_le(buf.capacity, 100001);
    buffer_reset(&buf);
    ck_assert_str_eq(buffer_text(&buf), "");
    ck_assert(!buffer_printf(&buf, "%100001d", 1));
    buffer_free(&buf);
}
END_TEST

START_TEST(taking_hands_the_string_over_even_an_empty_one)
{
    struct buffer buf;
    char *text;

    buffer_init(&buf, 100);
    text = buffer_take(&buf);
    ck_assert_str_eq(text, "");
    free(text);
    ck_assert(buffer_puts(&buf, "x"));
    text = buffer_take(&buf);
    ck_assert_str_eq(text, "x");
    ck_assert_str_eq(buffer_text(&buf), "");
    ck_assert(buffer_puts(&buf, "y")); /* its bound is still known */
    ck_assert_str_eq(text, "x");
    free(text);
    buffer_free(&buf);
}
END_TEST

START_TEST(bytes_with_a_nul_inside_are_kept)
{
    struct buffer buf;

    buffer_init(&buf, 100);
    ck_assert(buffer_append(&buf, "a\0b", 3));
    ck_assert_uint_eq(buf.used, 3);
    ck_assert_mem_eq(buf.data, "a\0b", 4);
    buffer_free(&buf);
}
END_TEST

/* ---- number ---- */

static const struct {
    const char *text;
    bool is_good;
    int64_t value;
} NUMBERS[] = {
    {"0", true, 0},
    {"-5", true, -5},
    {"+7", true, 7},
    {"007", true, 7},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"+-1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1x", false, 0},
    {"1.0", false, 0},
    {"1e3", false, 0},
    {"0x10", false, 0},
    {"\xd9\xa1", false, 0},
    {NULL, false, 0},
};

START_TEST(a_number_is_the_whole_text_or_none)
{
    int64_t value = 77;

    ck_assert_int_eq(number_parse(NUMBERS[_i].text, INT64_MIN, INT64_MAX, &value),
                     NUMBERS[_i].is_good);
    ck_assert_int_eq(value, NUMBERS[_i].is_good ? NUMBERS[_i].value : 77);
}
END_TEST

START_TEST(a_number_out_of_bounds_leaves_the_result_alone)
{
    int64_t value = 77;

    ck_assert(!number_parse("0", 1, 10, &value));
    ck_assert(!number_parse("11", 1, 10, &value));
    ck_assert_int_eq(value, 77);
    ck_assert(number_parse("10", 1, 10, &value));
    ck_assert_int_eq(value, 10);
}
END_TEST

static const struct {
    const char *text;
    bool is_good;
    int64_t ms;
} DURATIONS[] = {
    {"1500ms", true, 1500},
    {"90s", true, 90000},
    {"15m", true, 900000},
    {"12h", true, 43200000},
    {"7d", true, 604800000},
    {"4w", true, 2419200000},
    {"0s", true, 0},
    {"90", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"-1s", false, 0},
    {"+1s", false, 0},
    {"1.5h", false, 0},
    {"1h30m", false, 0},
    {"1 h", false, 0},
    {"1H", false, 0},
    {"9223372036854775807ms", true, INT64_MAX},
    {"9223372036854775807s", false, 0},
    {"99999999999999999999w", false, 0},
    {NULL, false, 0},
};

START_TEST(a_duration_has_a_unit)
{
    int64_t ms = 77;

    ck_assert_int_eq(number_parse_duration_ms(DURATIONS[_i].text, &ms), DURATIONS[_i].is_good);
    ck_assert_int_eq(ms, DURATIONS[_i].is_good ? DURATIONS[_i].ms : 77);
}
END_TEST

/* ---- clock ---- */

START_TEST(a_deadline_passes_when_the_clock_gets_there)
{
    struct clock_boot boot = clock_boot_add(clock_boot_now(), 60000);
    struct clock_mono mono = clock_mono_add(clock_mono_now(), 60000);

    ck_assert(!clock_boot_is_past(boot));
    ck_assert_int_gt(clock_mono_left_ms(mono), 59000);
    ck_assert_int_le(clock_mono_left_ms(mono), 60000);
    clock_advance_for_tests(60000);
    ck_assert(clock_boot_is_past(boot));
    ck_assert_int_eq(clock_mono_left_ms(mono), 0);
    ck_assert_int_ge(clock_mono_since_ms(mono), 0);
    ck_assert_int_lt(clock_mono_since_ms(mono), 1000);
}
END_TEST

START_TEST(a_deadline_of_for_ever_does_not_wrap)
{
    ck_assert_int_eq(clock_boot_add(clock_boot_now(), INT64_MAX).ms, INT64_MAX);
    ck_assert_int_eq(clock_mono_add(clock_mono_now(), INT64_MAX).ms, INT64_MAX);
    ck_assert_int_eq(clock_mono_add((struct clock_mono){-5}, INT64_MIN).ms, INT64_MIN);
}
END_TEST

START_TEST(wall_clock_text_has_milliseconds_and_a_zone)
{
    char text[25];

    clock_wall_text(text);
    ck_assert_uint_eq(strlen(text), 24);
    ck_assert_int_eq(text[10], 'T');
    ck_assert_int_eq(text[19], '.');
    ck_assert_int_eq(text[23], 'Z');
    ck_assert_int_eq(strncmp(text, "20", 2), 0);
}
END_TEST

START_TEST(a_sleep_of_nothing_returns)
{
    struct clock_mono before = clock_mono_now();

    clock_sleep_ms(0);
    clock_sleep_ms(-1000);
    clock_sleep_ms(2);
    ck_assert_int_ge(clock_mono_since_ms(before), 1);
}
END_TEST

/* ---- backoff ---- */

START_TEST(delays_double_with_jitter_up_to_the_cap)
{
    struct backoff backoff;
    static const int64_t FULL[] = {100, 200, 400, 800, 1000, 1000};

    backoff_init(&backoff, 100, 1000, 0);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 6; i++) {
            int64_t delay = backoff_delay_ms(&backoff, i + 1);

            ck_assert_int_ge(delay, FULL[i] / 2);
            ck_assert_int_le(delay, FULL[i]);
        }
    }
}
END_TEST

START_TEST(jitter_spreads_and_follows_the_seed)
{
    struct backoff a;
    struct backoff b;
    struct backoff c;
    int same_as_c = 0;
    int64_t low = INT64_MAX;
    int64_t high = 0;

    backoff_init(&a, 1000, 1000, 7);
    backoff_init(&b, 1000, 1000, 7);
    backoff_init(&c, 1000, 1000, 8);
    for (int i = 0; i < 1000; i++) {
        int64_t delay = backoff_delay_ms(&a, 1);

        ck_assert_int_eq(delay, backoff_delay_ms(&b, 1));
        same_as_c += delay == backoff_delay_ms(&c, 1) ? 1 : 0;
        low = delay < low ? delay : low;
        high = delay > high ? delay : high;
    }
    ck_assert_int_lt(same_as_c, 50);
    ck_assert_int_lt(low, 510);
    ck_assert_int_gt(high, 990);
}
END_TEST

START_TEST(extremes_of_a_backoff_do_not_overflow)
{
    struct backoff backoff;

    backoff_init(&backoff, 1, INT64_MAX / 2, 1);
    ck_assert_int_ge(backoff_delay_ms(&backoff, INT32_MAX), INT64_MAX / 4);
    ck_assert_int_le(backoff_delay_ms(&backoff, 0), 1);
    ck_assert_int_le(backoff_delay_ms(&backoff, -5), 1);
    backoff_init(&backoff, 0, 1000, 1);
    ck_assert_int_eq(backoff_delay_ms(&backoff, INT32_MAX), 0);
}
END_TEST

/* ---- text ---- */

static const struct {
    const char *bytes;
    bool is_good;
} UTF8[] = {
    {"", true},
    {"plain", true},
    {"\x7f", true},
    {"\xc2\x80", true},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x9a", true},
    {"\xed\x9f\xbf\xee\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc0\x80", false},         /* overlong NUL */
    {"\xc1\xbf", false},         /* overlong */
    {"\xe0\x9f\xbf", false},     /* overlong */
    {"\xf0\x8f\xbf\xbf", false}, /* overlong */
    {"\xed\xa0\x80", false},     /* surrogate */
    {"\xed\xbf\xbf", false},     /* surrogate */
    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xff", false},
    {"\xc3", false},
    {"a\xe2\x82", false},
    {"\xf0\x9f\x9a", false},
    {"\xc3(", false},
};

START_TEST(utf8_is_checked_strictly)
{
    ck_assert_int_eq(text_is_utf8(UTF8[_i].bytes, strlen(UTF8[_i].bytes)), UTF8[_i].is_good);
}
END_TEST

/* A text is looked at in larger steps where it is ASCII. */
START_TEST(utf8_is_checked_wherever_it_stands)
{
    char text[] = "abcdefghijklmnopqrstuvwxyz";

    text[_i] = (char)0xff;
    ck_assert(!text_is_utf8(text, strlen(text)));
    text[_i] = (char)0xc3;
    text[_i + 1] = (char)0xa4;
    ck_assert(text_is_utf8(text, strlen(text)));
    ck_assert(!text_is_utf8(text, (size_t)_i + 1));
}
END_TEST

START_TEST(a_clean_copy_is_one_line_of_utf8)
{
    char out[64];

    text_copy_clean(out, sizeof(out), "a\nb\tc\r\x1b[2J\x7f \xff\xc3\xa4");
    ck_assert_str_eq(out, "a b c \xef\xbf\xbd[2J\xef\xbf\xbd \xef\xbf\xbd\xc3\xa4");
    text_copy_clean(out, sizeof(out), "x\xe2\x80\xaey\xc2\x85z"); /* right-to-left override, NEL */
    ck_assert_str_eq(out, "x\xef\xbf\xbdy\xef\xbf\xbdz");
    text_copy_clean(out, sizeof(out), NULL);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(a_clean_copy_is_cut_between_characters)
{
    char out[6];

    text_copy_clean(out, sizeof(out), "abcd\xc3\xa4"); /* two bytes for one place */
    ck_assert_str_eq(out, "abcd");
    text_copy_clean(out, sizeof(out), "abc\xc3\xa4");
    ck_assert_str_eq(out, "abc\xc3\xa4");
    text_copy_clean(out, sizeof(out), "abc\xff");
    ck_assert_str_eq(out, "abc");
    text_copy_clean(out, 1, "abc");
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(a_terminal_sees_escapes_and_never_obeys_them)
{
    struct buffer buf;

    buffer_init(&buf, 200);
    ck_assert(text_append_visible(&buf, "a\x1b]0;x\x07\n\t\r\xff\xe2\x80\xae\xc3\xa4"));
    ck_assert(text_append_visible(&buf, NULL));
    ck_assert_str_eq(buffer_text(&buf), "a\\u{1b}]0;x\\u{7}\\n\\t\\r\\x{ff}\\u{202e}\xc3\xa4");
    buffer_free(&buf);
    buffer_init(&buf, 3);
    ck_assert(!text_append_visible(&buf, "\x1b"));
    buffer_free(&buf);
}
END_TEST

START_TEST(only_a_cut_character_is_trimmed)
{
    char cut[] = "a\xf0\x9f\x9a";
    char whole[] = "a\xf0\x9f\x9a\x9a";
    char bad[] = "a\x80\x80\x80\x80\x80";
    char empty[] = "";
    char lone[] = "\xc3";

    text_trim_cut(cut);
    ck_assert_str_eq(cut, "a");
    text_trim_cut(whole);
    ck_assert_str_eq(whole, "a\xf0\x9f\x9a\x9a");
    text_trim_cut(bad);
    ck_assert_str_eq(bad, "a\x80\x80\x80\x80\x80");
    text_trim_cut(empty);
    ck_assert_str_eq(empty, "");
    text_trim_cut(lone);
    ck_assert_str_eq(lone, "");
}
END_TEST

START_TEST(a_copy_of_nothing_is_nothing)
{
    char unset[] = "unset";
    char *copy = unset;

    ck_assert(text_dup(NULL, &copy));
    ck_assert_ptr_null(copy);
    ck_assert(text_dup("", &copy));
    ck_assert_str_eq(copy, "");
    free(copy);
}
END_TEST

#define LOOP(tests, test, table)                                                                   \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
    Suite *suite = suite_create("base");
    TCase *tests = tcase_create("base");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, an_error_keeps_its_first_message_and_collects_context);
    tcase_add_test_raise_signal(tests, setting_a_filled_error_is_our_own_mistake, 6);
    tcase_add_test(tests, a_long_message_is_cut_between_characters);
    LOOP(tests, only_what_waits_for_others_is_busy, BUSY);
    tcase_add_test(tests, every_code_has_its_own_word);
    tcase_add_test(tests, a_buffer_grows_up_to_its_bound_and_not_beyond);
    tcase_add_test(tests, a_buffer_of_many_pieces_holds_them_all);
    tcase_add_test(tests, taking_hands_the_string_over_even_an_empty_one);
    tcase_add_test(tests, bytes_with_a_nul_inside_are_kept);
    LOOP(tests, a_number_is_the_whole_text_or_none, NUMBERS);
    tcase_add_test(tests, a_number_out_of_bounds_leaves_the_result_alone);
    LOOP(tests, a_duration_has_a_unit, DURATIONS);
    tcase_add_test(tests, a_deadline_passes_when_the_clock_gets_there);
    tcase_add_test(tests, a_deadline_of_for_ever_does_not_wrap);
    tcase_add_test(tests, wall_clock_text_has_milliseconds_and_a_zone);
    tcase_add_test(tests, a_sleep_of_nothing_returns);
    tcase_add_test(tests, delays_double_with_jitter_up_to_the_cap);
    tcase_add_test(tests, jitter_spreads_and_follows_the_seed);
    tcase_add_test(tests, extremes_of_a_backoff_do_not_overflow);
    LOOP(tests, utf8_is_checked_strictly, UTF8);
    tcase_add_loop_test(tests, utf8_is_checked_wherever_it_stands, 0, 25);
    tcase_add_test(tests, a_clean_copy_is_one_line_of_utf8);
    tcase_add_test(tests, a_clean_copy_is_cut_between_characters);
    tcase_add_test(tests, a_terminal_sees_escapes_and_never_obeys_them);
    tcase_add_test(tests, only_a_cut_character_is_trimmed);
    tcase_add_test(tests, a_copy_of_nothing_is_nothing);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
