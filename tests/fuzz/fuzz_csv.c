/*
 * The csv of `baseline --from csv`. A row that was read, written again with every field quoted, is
 * read as the same row.
 */
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "cli/csv.h"
#include "fuzz/fuzz.h"

static void
write_row(FILE *file, const char *const *fields, int count)
{
    for (int i = 0; i < count; i++) {
        if (i > 0)
            (void)fputc(',', file);
        (void)fputc('"', file);
        for (const char *at = fields[i]; *at != '\0'; at++) {
            if (*at == '"')
                (void)fputc('"', file);
            (void)fputc(*at, file);
        }
        (void)fputc('"', file);
    }
    (void)fputs("\r\n", file);
}

static void
must_read_the_same(const char *const *fields, int count)
{
    struct csv *again = NULL;
    struct error err = {0};
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    const char *const *same;
    int same_count = 0;

    FUZZ_MUST(file != NULL);
    write_row(file, fields, count);
    (void)fclose(file);
    file = fmemopen(text, bytes, "rb");
    FUZZ_MUST(file != NULL && csv_new(file, &again, &err));
    FUZZ_MUST(csv_next(again, &same, &same_count) == CSV_ROW && same_count == count);
    for (int i = 0; i < count; i++)
        FUZZ_MUST(strcmp(fields[i], same[i]) == 0);
    FUZZ_MUST(csv_next(again, &same, &same_count) == CSV_END);
    csv_free(again);
    (void)fclose(file);
    free(text);
}

static void
look_at_row(const char *const *fields, int count)
{
    bool is_blank = count == 1 && fields[0][0] == '\0';
    int64_t units;

    FUZZ_MUST(count > 0 && count <= CSV_FIELDS_MAX && !is_blank);
    for (int i = 0; i < count; i++) {
        (void)text_is_utf8(fields[i], strlen(fields[i]));
        if (number_parse(fields[i], 0, 1000000000, &units))
            FUZZ_MUST(units >= 0 && units <= 1000000000);
    }
    must_read_the_same(fields, count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct csv *csv = NULL;
    struct error err = {0};
    char *copy;
    FILE *file;
    const char *const *fields;
    int fields_count = 0;
    int64_t line = 0;
    enum csv_read read;

    if (count == 0) /* fmemopen knows no empty file */
        return 0;
    copy = malloc(count);
    FUZZ_MUST(copy != NULL);
    memcpy(copy, bytes, count);
    file = fmemopen(copy, count, "rb");
    FUZZ_MUST(file != NULL && csv_new(file, &csv, &err));
    while ((read = csv_next(csv, &fields, &fields_count)) == CSV_ROW || read == CSV_BAD) {
        FUZZ_MUST(csv_line(csv) > line);
        line = csv_line(csv);
        if (read == CSV_ROW)
            look_at_row(fields, fields_count);
        else
            FUZZ_MUST(csv_why(csv)[0] != '\0');
    }
    FUZZ_MUST(read == CSV_END);
    csv_free(csv);
    (void)fclose(file);
    free(copy);
    return 0;
}
