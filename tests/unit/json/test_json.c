#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static struct json_doc *doc;
static struct error err;

static void
setup(void)
{
    doc = NULL;
    error_clear(&err);
}

static void
teardown(void)
{
    json_free(doc);
    setup();
}

static const struct json_value *
parse_bytes(const char *bytes, size_t count)
{
    /* A copy without a NUL behind it, so that the sanitizer sees every step too far. */
    char *copy = malloc(count == 0 ? 1 : count);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, count);
    teardown();
    (void)json_parse(copy, count, &doc, &err);
    free(copy);
    return doc == NULL ? NULL : json_root(doc);
}

static const struct json_value *
parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static const struct json_value *
must_parse(const char *text)
{
    const struct json_value *root = parse(text);

    ck_assert_msg(root != NULL, "%s: %s", text, err.message);
    return root;
}

#define REFUSE(text, error, text_message)                                                          \
    {                                                                                              \
        text, sizeof(text) - 1, error, text_message                                                \
    }

#define DIGITS_64 "1234567812345678123456781234567812345678123456781234567812345678"

static const struct {
    const char *bytes;
    size_t count;
    enum error_code code;
    const char *message;
} REFUSED[] = {
    REFUSE("", ERROR_PARSE, "not JSON: empty"),
    REFUSE("  ", ERROR_PARSE, NULL),
    REFUSE("<html>", ERROR_PARSE, "not JSON: cannot be read at byte 1 of 6"),
    REFUSE("{\"a\":1", ERROR_PARSE, NULL),
    REFUSE("{\"a\":}", ERROR_PARSE, NULL),
    REFUSE("{\"a\" 1}", ERROR_PARSE, NULL),
    REFUSE("[1,]", ERROR_PARSE, NULL),
    REFUSE("[1", ERROR_PARSE, NULL),
    REFUSE("\"abc", ERROR_PARSE, NULL),
    REFUSE("\"abc\\", ERROR_PARSE, NULL),
    REFUSE("\"\\ud800\"", ERROR_PARSE, NULL),
    REFUSE("\"\\udc00\"", ERROR_PARSE, NULL),
    REFUSE("\"\\u12\"", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 2"),
    REFUSE("\"\\uzzzz\"", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 2"),
    REFUSE("\"a\\u00x9\"", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 3"),
    REFUSE("\"\\u 0e9\"", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 2"),
    REFUSE("\"\\u12", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 2"),
    REFUSE("\"\\ud83d\\u+e9a\"", ERROR_PARSE,
           "not usable JSON: \\u without four hexadecimal digits at byte 8"),
    REFUSE("01", ERROR_PARSE, "not usable JSON: a number that is none at byte 1"),
    REFUSE("[-00]", ERROR_PARSE, "not usable JSON: a number that is none at byte 2"),
    REFUSE("[1.]", ERROR_PARSE, "not usable JSON: a number that is none at byte 2"),
    REFUSE("{\"a\":1.e5}", ERROR_PARSE, "not usable JSON: a number that is none at byte 6"),
    REFUSE("[2,-]", ERROR_PARSE, "not usable JSON: a number that is none at byte 4"),
    REFUSE("[-Infinity]", ERROR_PARSE, "not usable JSON: a number that is none at byte 2"),
    REFUSE("1e", ERROR_PARSE, "not usable JSON: a number that is none at byte 1"),
    REFUSE("1e+", ERROR_PARSE, "not usable JSON: a number that is none at byte 1"),
    REFUSE("1e999", ERROR_PARSE, "not usable JSON: a number too large at byte 1"),
    REFUSE("[-1e309]", ERROR_PARSE, "not usable JSON: a number too large at byte 2"),
    REFUSE(DIGITS_64, ERROR_PARSE, "not usable JSON: a number of too many digits at byte 1"),
    REFUSE("[.5]", ERROR_PARSE, NULL),
    REFUSE("[+5]", ERROR_PARSE, NULL),
    REFUSE("[0x10]", ERROR_PARSE, NULL),
    REFUSE("[1.5.5]", ERROR_PARSE, NULL),
    REFUSE("tru", ERROR_PARSE, NULL),
    REFUSE("{} x", ERROR_PARSE, "not JSON: more text after its end at byte 4 of 4"),
    REFUSE("{}{}", ERROR_PARSE, "not JSON: more text after its end at byte 3 of 4"),
    REFUSE("{\"a\":1}\0", ERROR_PARSE, "not JSON: holds a NUL byte"),
    REFUSE("{\"a\":\"\0\"}", ERROR_PARSE, "not JSON: holds a NUL byte"),
    REFUSE("\"\xff\"", ERROR_PARSE, "not JSON: not valid UTF-8"),
    REFUSE("\"\xed\xa0\x80\"", ERROR_PARSE, "not JSON: not valid UTF-8"),
    REFUSE("{\"a\":\"b\\u0000c\"}", ERROR_PARSE, "not usable JSON: \\u0000 at byte 8"),
    REFUSE("{\"a\\u0000\":1}", ERROR_PARSE, "not usable JSON: \\u0000 at byte 4"),
    REFUSE("\"\\\\\\u0000\"", ERROR_PARSE, "not usable JSON: \\u0000 at byte 4"),
};

START_TEST(what_is_no_usable_json_is_refused)
{
    ck_assert_ptr_null(parse_bytes(REFUSED[_i].bytes, REFUSED[_i].count));
    ck_assert_int_eq(err.code, REFUSED[_i].code);
    if (REFUSED[_i].message != NULL)
        ck_assert_str_eq(err.message, REFUSED[_i].message);
    else
        ck_assert_ptr_nonnull(strstr(err.message, "not JSON: cannot be read at byte "));
}
END_TEST

static const struct {
    const char *text, *value; /* value NULL: refused all the same */
} MENDED[] = {
    {"[\"a\"]", "a"},
    {"[\"\\ud83d\\ude9a\"]", "\xf0\x9f\x9a\x9a"},
    {"[\"cut \\ud83d\"]", "cut \xef\xbf\xbd"},
    {"[\"\\uDE9A\\uD83Dx\"]", "\xef\xbf\xbd\xef\xbf\xbdx"},
    {"[\"\\ud83d\\ud83d\\ude9a\"]", "\xef\xbf\xbd\xf0\x9f\x9a\x9a"},
    {"[\"\\ud83d\\u0000\"]", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"[\"a\\u0000b\"]", "a\xef\xbf\xbd"
                        "b"},
    {"[\"\\\\\\u0000\"]", "\\\xef\xbf\xbd"},
    {"[\"\\\\u0000\\\\ud83d\"]", "\\u0000\\ud83d"}, /* a backslash, and plain letters */
    {"[\"\\ud83d", NULL},
    {"[\"\\ud83", NULL},
    {"[\"\\u0000\"] x", NULL},
    {"[\"\\u0000\\", NULL},
    {"[\"\\u0000\xff\"]", NULL},
    {"", NULL},
};

START_TEST(half_a_character_does_not_hide_what_stands_around_it)
{
    size_t count = strlen(MENDED[_i].text);
    char *copy = malloc(count == 0 ? 1 : count);
    bool ok;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, MENDED[_i].text, count);
    ok = json_parse_mended(copy, count, &doc, &err);
    ck_assert_mem_eq(copy, MENDED[_i].text, count);
    free(copy);
    ck_assert_msg(ok == (MENDED[_i].value != NULL), "%s: %s", MENDED[_i].text, err.message);
    ck_assert_int_eq(err.code, ok ? ERROR_NONE : ERROR_PARSE);
    if (ok)
        ck_assert_str_eq(json_as_text(json_at(json_root(doc), 0)), MENDED[_i].value);
}
END_TEST

/* The densest texts there are: nothing but one kind of entry, of as few bytes as can be. */
static const struct {
    const char *open, *entry, *close;
} DENSE[] = {
    {"[", "\"\"", "]"},
    {"[", "1", "]"},
    {"[", "[]", "]"},
    {"[", "{}", "]"},
    {"{", "\"\":\"\"", "}"},
    {"{", "\"\":1", "}"},
    {"{", "\"\":[]", "}"},
    {"[", "[[1]]", "]"},
    {"[", "{\"\":\"\"}", "]"},
    {"[", "\"abcdefghijklmno\"", "]"},
    {"{", "\"abcdefghijklmn\":\"a\"", "}"},
};

START_TEST(a_text_of_many_small_values_is_read)
{
    for (int entries = 1; entries <= 300; entries++) {
        struct buffer text;

        buffer_init(&text, 100000);
        (void)buffer_puts(&text, DENSE[_i].open);
        for (int i = 0; i < entries; i++)
            (void)buffer_printf(&text, "%s%s", i == 0 ? "" : ",", DENSE[_i].entry);
        (void)buffer_puts(&text, DENSE[_i].close);
        ck_assert_msg(json_parse(buffer_text(&text), text.used, &doc, &err), "%d: %s", entries,
                      err.message);
        json_free(doc);
        doc = NULL;
        buffer_free(&text);
    }
}
END_TEST

START_TEST(an_escaped_backslash_before_u0000_is_no_nul)
{
    ck_assert_str_eq(json_as_text(must_parse("\"\\\\u0000\"")), "\\u0000");
    ck_assert_str_eq(json_as_text(must_parse(" \"\\u0041\\ud83d\\ude9a\" \r\n\t")),
                     "A\xf0\x9f\x9a\x9a");
}
END_TEST

/* depth times open, then close. */
static char *
nested(int depth, const char *open, const char *close)
{
    struct buffer buf;

    buffer_init(&buf, 10000000);
    for (int i = 0; i < depth; i++)
        (void)buffer_puts(&buf, open);
    (void)buffer_puts(&buf, "1");
    for (int i = 0; i < depth; i++)
        (void)buffer_puts(&buf, close);
    return buffer_take(&buf);
}

START_TEST(nesting_ends_at_64)
{
    static const char *const OPEN[] = {"[", "{\"a\":"};
    static const char *const CLOSE[] = {"]", "}"};

    for (int i = 0; i < 2; i++) {
        char *text = nested(64, OPEN[i], CLOSE[i]);

        ck_assert_ptr_nonnull(parse(text));
        free(text);
        text = nested(65, OPEN[i], CLOSE[i]);
        ck_assert_ptr_null(parse(text));
        ck_assert_int_eq(err.code, ERROR_LIMIT);
        ck_assert_ptr_nonnull(strstr(err.message, "JSON nested deeper than 64 levels at byte "));
        free(text);
    }
    /* Brackets inside text are none. */
    must_parse(
        "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"");
}
END_TEST

START_TEST(a_million_brackets_do_not_reach_the_parser)
{
    char *text = nested(1000000, "[", "");

    ck_assert_ptr_null(parse(text));
    ck_assert_str_eq(err.message, "JSON nested deeper than 64 levels at byte 65");
    free(text);
}
END_TEST

START_TEST(more_than_a_million_values_are_refused)
{
    size_t count = 2100000;
    char *text = malloc(count);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < count; i += 2)
        memcpy(text + i, "1,", 2);
    text[0] = '[';
    ck_assert_ptr_null(parse_bytes(text, count));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
    ck_assert_str_eq(err.message, "JSON with more than 1000000 values");
    free(text);
}
END_TEST

START_TEST(values_are_found_by_exact_key)
{
    const struct json_value *root = must_parse(
        "{\"Id\":\"x\",\"id\":\"y\",\"n\":null,\"t\":true,\"f\":12.5,\"a\":[1,{\"b\":2}]}");
    bool flag = false;
    double number = 0;

    ck_assert(json_is_object(root));
    ck_assert_str_eq(json_text(root, "id"), "y");
    ck_assert_str_eq(json_text(root, "Id"), "x");
    ck_assert_ptr_null(json_text(root, "ID"));
    ck_assert_ptr_null(json_text(root, "t"));
    ck_assert_ptr_null(json_get(root, "n"));
    ck_assert_ptr_null(json_get(root, "none"));
    ck_assert_ptr_null(json_get(NULL, "id"));
    ck_assert_ptr_null(json_get(json_get(root, "a"), "id"));
    ck_assert(json_bool(root, "t", &flag));
    ck_assert(flag);
    ck_assert(!json_bool(root, "id", &flag));
    ck_assert(!json_bool(root, "none", &flag));
    ck_assert(json_number(root, "f", &number));
    ck_assert(fabs(number - 12.5) < 1e-9);
    ck_assert(!json_number(root, "id", &number));
    ck_assert_int_eq(json_count(json_get(root, "a")), 2);
    ck_assert_int_eq(json_count(root), 0);
    ck_assert_int_eq(json_count(NULL), 0);
    ck_assert(json_is_object(json_at(json_get(root, "a"), 1)));
    ck_assert_ptr_null(json_at(json_get(root, "a"), 2));
    ck_assert_ptr_null(json_at(json_get(root, "a"), -1));
    ck_assert_ptr_null(json_at(root, 0));
}
END_TEST

START_TEST(a_loop_walks_arrays_and_members)
{
    const struct json_value *root = must_parse("{\"a\":[\"x\",\"y\"],\"b\":1}");
    const struct json_value *at = json_first(root);

    ck_assert_str_eq(json_key(at), "a");
    ck_assert_str_eq(json_as_text(json_first(at)), "x");
    ck_assert_ptr_null(json_key(json_first(at)));
    ck_assert_str_eq(json_as_text(json_next(json_first(at))), "y");
    ck_assert_ptr_null(json_next(json_next(json_first(at))));
    at = json_next(at);
    ck_assert_str_eq(json_key(at), "b");
    ck_assert_ptr_null(json_first(at));
    ck_assert_ptr_null(json_next(at));
    ck_assert_ptr_null(json_next(NULL));
    ck_assert_ptr_null(json_first(NULL));
    ck_assert_ptr_null(json_key(NULL));
    ck_assert_ptr_null(json_as_text(NULL));
}
END_TEST

static const struct {
    const char *text;
    bool is_good;
    int64_t value;
} INTEGERS[] = {
    {"{\"n\":2}", true, 2},
    {"{\"n\":2.0}", true, 2},
    {"{\"n\":\"2\"}", true, 2},
    {"{\"n\":-3}", true, -3},
    {"{\"n\":1e3}", true, 1000},
    {"{\"n\":2147483648}", true, 2147483648LL}, /* where valueint saturates */
    {"{\"n\":9007199254740991}", true, 9007199254740991LL},
    {"{\"n\":-9007199254740991}", true, -9007199254740991LL},
    {"{\"n\":9007199254740992}", false, 0},
    {"{\"n\":9007199254740993}", false, 0},
    {"{\"n\":\"9007199254740992\"}", false, 0},
    {"{\"n\":1e308}", false, 0},
    {"{\"n\":0}", true, 0},
    {"{\"n\":-0}", true, 0},
    {"{\"n\":0.0E+2}", true, 0},
    {"{\"n\":10e-1}", true, 1},
    {"{\"n\":2.5}", false, 0},
    {"{\"n\":\"2.0\"}", false, 0},
    {"{\"n\":\"2x\"}", false, 0},
    {"{\"n\":\"\"}", false, 0},
    {"{\"n\":true}", false, 0},
    {"{\"n\":null}", false, 0},
    {"{\"n\":[2]}", false, 0},
    {"{}", false, 0},
    {"[2]", false, 0},
};

START_TEST(an_integer_is_exact_or_none)
{
    int64_t value = 77;

    ck_assert_int_eq(json_int(must_parse(INTEGERS[_i].text), "n", &value), INTEGERS[_i].is_good);
    ck_assert_int_eq(value, INTEGERS[_i].is_good ? INTEGERS[_i].value : 77);
}
END_TEST

START_TEST(a_number_may_be_as_long_as_the_parser_reads)
{
    /* One digit less than what is refused. */
    static const char *const GOOD[] = {&DIGITS_64[1], "0.5", "-1.25E-3", "1e-999", "1e+2"};
    double number = 0;

    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        char text[100];

        (void)snprintf(text, sizeof(text), "{\"n\":%s}", GOOD[i]);
        ck_assert(json_number(must_parse(text), "n", &number));
        ck_assert(number == strtod(GOOD[i], NULL));
    }
}
END_TEST

static const struct {
    const char *text;
    const char *path;
    const char *message;
} NEEDED[] = {
    {"{}", "data[3].items[0]",
     "data[3].items[0].n: must be a whole number below 2^53, got nothing"},
    {"{\"n\":2.5}", "", "n: must be a whole number below 2^53, got number 2.5"},
    {"{\"n\":null}", NULL, "n: must be a whole number below 2^53, got null"},
    {"{\"n\":{}}", "a", "a.n: must be a whole number below 2^53, got object"},
    {"{\"n\":[]}", "a", "a.n: must be a whole number below 2^53, got array"},
    {"{\"n\":false}", "a", "a.n: must be a whole number below 2^53, got boolean"},
    {"{\"n\":\"x\\n\\u001b\"}", "a",
     "a.n: must be a whole number below 2^53, got text \"x \xef\xbf\xbd\""},
    {"[]", "a", "a.n: must be a whole number below 2^53, but what should hold it is array"},
};

START_TEST(a_missing_integer_is_named_with_its_path)
{
    int64_t value = 77;

    ck_assert(!json_need_int(must_parse(NEEDED[_i].text), NEEDED[_i].path, "n", &value, &err));
    ck_assert_int_eq(err.code, ERROR_PARSE);
    ck_assert_str_eq(err.message, NEEDED[_i].message);
    ck_assert_int_eq(value, 77);
}
END_TEST

START_TEST(needed_values_that_are_there_are_given)
{
    const struct json_value *root = must_parse("{\"n\":5,\"id\":\"x\"}");
    int64_t value = 0;
    const char *text = NULL;

    ck_assert(json_need_int(root, "a", "n", &value, &err));
    ck_assert_int_eq(value, 5);
    ck_assert(json_need_text(root, "a", "id", &text, &err));
    ck_assert_str_eq(text, "x");
    ck_assert_int_eq(err.code, ERROR_NONE);
    ck_assert(!json_need_text(root, "a", "n", &text, &err));
    ck_assert_str_eq(err.message, "a.n: must be text, got number 5");
    error_clear(&err);
    ck_assert(!json_need_text(NULL, "a", "n", &text, &err));
    ck_assert_str_eq(err.message, "a.n: must be text, but what should hold it is nothing");
}
END_TEST

/* ---- writing ---- */

START_TEST(what_is_written_is_json_with_its_commas)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 4096);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    json_write_text(&w, "id", "x");
    json_write_text(&w, "none", NULL);
    json_write_array(&w, "items");
    json_write_int(&w, NULL, INT64_MIN);
    json_write_object(&w, NULL);
    json_write_end_object(&w);
    json_write_array(&w, NULL);
    json_write_end_array(&w);
    json_write_bool(&w, NULL, true);
    json_write_end_array(&w);
    json_write_bool(&w, "f", false);
    json_write_raw(&w, "raw", "[1]");
    json_write_null(&w, "null");
    json_write_end_object(&w);
    ck_assert_str_eq(buffer_text(&buf),
                     "{\"id\":\"x\",\"none\":null,\"items\":[-9223372036854775808,{},[],true],"
                     "\"f\":false,\"raw\":[1],\"null\":null}");
    ck_assert_int_eq(w.depth, 0);
    buffer_free(&buf);
}
END_TEST

START_TEST(brothers_at_one_depth_do_not_share_their_commas)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 100);
    json_write_init(&w, &buf);
    json_write_array(&w, NULL);
    for (int i = 0; i < 2; i++) {
        json_write_array(&w, NULL);
        json_write_int(&w, NULL, i);
        json_write_end_array(&w);
    }
    json_write_end_array(&w);
    ck_assert_str_eq(buffer_text(&buf), "[[0],[1]]");
    buffer_free(&buf);
}
END_TEST

START_TEST(any_text_comes_back_as_it_was)
{
    static const char TEXT[] = "q\" b\\ n\n t\t e\x1b d\x7f \xc3\xa4 \xf0\x9f\x9a\x9a </script>";
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 4096);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    json_write_text(&w, TEXT, TEXT);
    json_write_end_object(&w);
    ck_assert_str_eq(json_text(must_parse(buffer_text(&buf)), TEXT), TEXT);
    buffer_free(&buf);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_become_a_mark)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 4096);
    json_write_init(&w, &buf);
    json_write_text(&w, NULL, "a\xff\xed\xa0\x80z");
    ck_assert_str_eq(buffer_text(&buf), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    buffer_free(&buf);
}
END_TEST

START_TEST(numbers_are_written_short_and_exact)
{
    static const struct {
        double value;
        const char *text;
    } NUMBERS[] = {{12.34, "12.34"},   {0.1 + 0.2, "0.30000000000000004"},
                   {2, "2"},           {-0.5, "-0.5"},
                   {1e300, "1e+300"},  {NAN, "null"},
                   {INFINITY, "null"}, {9007199254740991.0, "9007199254740991"}};
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 4096);
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        buffer_reset(&buf);
        json_write_init(&w, &buf);
        json_write_number(&w, NULL, NUMBERS[i].value);
        ck_assert_str_eq(buffer_text(&buf), NUMBERS[i].text);
    }
    buffer_free(&buf);
}
END_TEST

START_TEST(a_full_buffer_is_noticed_at_the_end)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 10);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    json_write_text(&w, "key", "too long");
    json_write_end_object(&w);
    ck_assert(buf.is_failed);
    ck_assert_ptr_null(buffer_take(&buf));
}
END_TEST

START_TEST(writing_too_deep_is_our_own_mistake)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, 4096);
    json_write_init(&w, &buf);
    for (int i = 0; i < 32; i++)
        json_write_array(&w, NULL);
}
END_TEST

START_TEST(every_cut_of_a_good_text_is_refused)
{
    static const char TEXT[] =
        "{\"a\":[1,2.5,{\"b\":\"\\u00e4\\\"\xc3\xa4\"}],\"c\":null,\"d\":true}";

    for (size_t i = 0; i < sizeof(TEXT) - 1; i++) {
        ck_assert_ptr_null(parse_bytes(TEXT, i));
        ck_assert_int_eq(err.code, ERROR_PARSE);
    }
    ck_assert_ptr_nonnull(parse(TEXT));
}
END_TEST

#define LOOP(tests, test, table)                                                                   \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    LOOP(tests, what_is_no_usable_json_is_refused, REFUSED);
    LOOP(tests, half_a_character_does_not_hide_what_stands_around_it, MENDED);
    tcase_add_loop_test(tests, a_text_of_many_small_values_is_read, 0,
                        (int)(sizeof(DENSE) / sizeof(DENSE[0])));
    tcase_add_test(tests, an_escaped_backslash_before_u0000_is_no_nul);
    tcase_add_test(tests, nesting_ends_at_64);
    tcase_add_test(tests, a_million_brackets_do_not_reach_the_parser);
    tcase_add_test(tests, more_than_a_million_values_are_refused);
    tcase_add_test(tests, values_are_found_by_exact_key);
    tcase_add_test(tests, a_loop_walks_arrays_and_members);
    LOOP(tests, an_integer_is_exact_or_none, INTEGERS);
    tcase_add_test(tests, a_number_may_be_as_long_as_the_parser_reads);
    LOOP(tests, a_missing_integer_is_named_with_its_path, NEEDED);
    tcase_add_test(tests, needed_values_that_are_there_are_given);
    tcase_add_test(tests, what_is_written_is_json_with_its_commas);
    tcase_add_test(tests, brothers_at_one_depth_do_not_share_their_commas);
    tcase_add_test(tests, any_text_comes_back_as_it_was);
    tcase_add_test(tests, bytes_that_are_no_utf8_become_a_mark);
    tcase_add_test(tests, numbers_are_written_short_and_exact);
    tcase_add_test(tests, a_full_buffer_is_noticed_at_the_end);
    tcase_add_test_raise_signal(tests, writing_too_deep_is_our_own_mistake, 6);
    tcase_add_test(tests, every_cut_of_a_good_text_is_refused);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
