#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "support/support.h"

#define COLUMNS 3

/* Rows of constant cells; NULL is null. fails_at: the row that can't be read, -1: none. */
struct fixed {
    const char *const (*rows)[COLUMNS];
    int count;
    int row;
    int fails_at;
};

static bool
fixed_next(void *ctx, bool *is_end, struct error *err)
{
    struct fixed *fixed = ctx;

    fixed->row++;
    if (fixed->row == fixed->fails_at)
        return error_set(err, ERROR_DB_LOST, "gone");
    *is_end = fixed->row >= fixed->count;
    return true;
}

static const char *
fixed_cell(void *ctx, int column)
{
    const struct fixed *fixed = ctx;

    return fixed->rows[fixed->row][column];
}

static const struct table_column columns[COLUMNS] = {
    {"name", TABLE_TEXT}, {"units", TABLE_NUMBER}, {"is_new", TABLE_BOOL}};

static bool
try_write(const char *const (*rows)[COLUMNS], int count, int fails_at, enum table_format format,
          bool is_terminal, char **text, struct error *err)
{
    struct fixed fixed = {.rows = rows, .count = count, .row = -1, .fails_at = fails_at};
    struct table_source source = {.columns = columns,
                                  .columns_count = COLUMNS,
                                  .ctx = &fixed,
                                  .next_fn = fixed_next,
                                  .cell_fn = fixed_cell};
    size_t size = 0;
    FILE *out = open_memstream(text, &size);
    bool ok = table_write(&source, format, is_terminal, out, err);

    ck_assert_int_eq(fclose(out), 0);
    return ok;
}

static void
expect(const char *const (*rows)[COLUMNS], int count, enum table_format format, bool is_terminal,
       const char *expected)
{
    char *text = NULL;
    struct error err = {0};

    ck_assert_msg(try_write(rows, count, -1, format, is_terminal, &text, &err), "%s", err.message);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(columns_are_aligned_and_numbers_stand_right)
{
    const char *const rows[][COLUMNS] = {
        {"a", "1", "t"}, {"long name", "1000000", "f"}, {NULL, NULL, NULL}};

    expect(rows, 3, TABLE_ALIGNED, false,
           "name         units  is_new\n"
           "a                1  true\n"
           "long name  1000000  false\n"
           "                    \n");
}
END_TEST

START_TEST(wide_characters_take_two_columns_and_marks_none)
{
    const char *const rows[][COLUMNS] = {
        {"箱", "1", "t"}, {"e\xcc\x81tude", "2", "t"}, {"📦", "3", "t"}, {"Größe", "4", "t"}};

    expect(rows, 4, TABLE_ALIGNED, false,
           "name   units  is_new\n"
           "箱         1  true\n"
           "e\xcc\x81tude      2  true\n"
           "📦         3  true\n"
           "Größe      4  true\n");
    ck_assert_int_eq(table_width("箱📦e\xcc\x81"), 5);
    ck_assert_int_eq(table_width("\xff\xfe"), 2);
}
END_TEST

START_TEST(no_escape_sequence_of_the_data_reaches_a_terminal)
{
    const char *const rows[][COLUMNS] = {{"\x1b[2J\r\n\xc2\x9b"
                                          "1m\xe2\x80\xae",
                                          "1", "t"}};
    static const enum table_format formats[] = {TABLE_ALIGNED, TABLE_CSV, TABLE_JSON};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char *text = NULL;
        struct error err = {0};

        ck_assert(try_write(rows, 1, -1, formats[i], true, &text, &err));
        ck_assert_ptr_null(strchr(text, '\x1b'));
        ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
        ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
        free(text);
    }
    expect(rows, 1, TABLE_JSON, true,
           "[\n{\"name\":\"\\u001b[2J\\u000d\\u000a\\u009b1m\\u202e\",\"units\":1,\"is_new\":true}"
           "\n]\n");
}
END_TEST

START_TEST(csv_quotes_what_rfc_4180_says)
{
    const char *const rows[][COLUMNS] = {
        {"plain", "1", "t"}, {"a,b", "2", "f"}, {"say \"x\"", NULL, NULL}, {"two\nlines", "3", "t"},
        {"", "4", "t"},      {NULL, "5", "t"},  {" edge", "6", "t"},       {"\x1b[1m", "7", "t"}};

    expect(rows, 8, TABLE_CSV, false,
           "name,units,is_new\r\n"
           "plain,1,true\r\n"
           "\"a,b\",2,false\r\n"
           "\"say \"\"x\"\"\",,\r\n"
           "\"two\nlines\",3,true\r\n"
           "\"\",4,true\r\n"
           ",5,true\r\n"
           "\" edge\",6,true\r\n"
           "\x1b[1m,7,true\r\n");
    expect(rows, 0, TABLE_CSV, false, "name,units,is_new\r\n");
}
END_TEST

START_TEST(json_keeps_numbers_null_and_truth)
{
    const char *const rows[][COLUMNS] = {
        {"a\"b\\", "-12.50", "t"}, {NULL, NULL, NULL}, {"", "NaN", "f"}, {"x", "Infinity", "f"}};

    expect(rows, 4, TABLE_JSON, false,
           "[\n"
           "{\"name\":\"a\\\"b\\\\\",\"units\":-12.50,\"is_new\":true},\n"
           "{\"name\":null,\"units\":null,\"is_new\":null},\n"
           "{\"name\":\"\",\"units\":\"NaN\",\"is_new\":false},\n"
           "{\"name\":\"x\",\"units\":\"Infinity\",\"is_new\":false}\n"
           "]\n");
    expect(rows, 0, TABLE_JSON, false, "[]\n");
}
END_TEST

START_TEST(an_empty_table_says_so)
{
    expect(NULL, 0, TABLE_ALIGNED, false, "(none)\n");
}
END_TEST

START_TEST(rows_beyond_the_sample_are_written_too)
{
    enum { ROWS = 1500 };
    static const char *many[ROWS][COLUMNS];
    char *text = NULL;
    struct error err = {0};
    int lines = 0;

    for (int i = 0; i < ROWS; i++) {
        many[i][0] = i == ROWS - 1 ? "a name that is longer than all before" : "n";
        many[i][1] = "1";
        many[i][2] = "t";
    }
    ck_assert(try_write((const char *const(*)[COLUMNS])many, ROWS, -1, TABLE_ALIGNED, false, &text,
                        &err));
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_int_eq(lines, ROWS + 1);
    ck_assert_ptr_nonnull(strstr(text, "\na name that is longer than all before      1  true\n"));
    free(text);
}
END_TEST

START_TEST(a_source_that_fails_is_no_success)
{
    const char *const rows[][COLUMNS] = {{"a", "1", "t"}, {"b", "2", "t"}};
    static const enum table_format formats[] = {TABLE_ALIGNED, TABLE_CSV, TABLE_JSON};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char *text = NULL;
        struct error err = {0};

        ck_assert(!try_write(rows, 2, 1, formats[i], false, &text, &err));
        ck_assert_int_eq(err.code, ERROR_DB_LOST);
        ck_assert_str_eq(err.message, "gone");
        free(text);
    }
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    const char *const rows[][COLUMNS] = {{"a", "1", "t"}};
    static const enum table_format formats[] = {TABLE_ALIGNED, TABLE_CSV, TABLE_JSON};
    FILE *full = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(full);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct fixed fixed = {.rows = rows, .count = 1, .row = -1, .fails_at = -1};
        struct table_source source = {.columns = columns,
                                      .columns_count = COLUMNS,
                                      .ctx = &fixed,
                                      .next_fn = fixed_next,
                                      .cell_fn = fixed_cell};
        struct error err = {0};

        ck_assert(!table_write(&source, formats[i], false, full, &err));
        ck_assert_int_eq(err.code, ERROR_IO);
        clearerr(full);
    }
    (void)fclose(full);
}
END_TEST

START_TEST(a_format_is_one_of_three_words)
{
    enum table_format format = TABLE_ALIGNED;

    ck_assert(table_format_parse("csv", &format));
    ck_assert_int_eq(format, TABLE_CSV);
    ck_assert(table_format_parse("table", &format));
    ck_assert_int_eq(format, TABLE_ALIGNED);
    ck_assert(!table_format_parse("xml", &format));
    ck_assert(!table_format_parse("", &format));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("table");
    TCase *tcase = support_case(suite, "table", 10);

    tcase_add_test(tcase, columns_are_aligned_and_numbers_stand_right);
    tcase_add_test(tcase, wide_characters_take_two_columns_and_marks_none);
    tcase_add_test(tcase, no_escape_sequence_of_the_data_reaches_a_terminal);
    tcase_add_test(tcase, csv_quotes_what_rfc_4180_says);
    tcase_add_test(tcase, json_keeps_numbers_null_and_truth);
    tcase_add_test(tcase, an_empty_table_says_so);
    tcase_add_test(tcase, rows_beyond_the_sample_are_written_too);
    tcase_add_test(tcase, a_source_that_fails_is_no_success);
    tcase_add_test(tcase, a_full_disk_is_an_error);
    tcase_add_test(tcase, a_format_is_one_of_three_words);
    return support_run_suite(suite);
}
