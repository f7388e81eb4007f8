#include "cli/baseline_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "cli/csv.h"
#include "cli/table.h"

enum {
    FILE_PIECE_ROWS = 1000,
    FILE_PIECE_BYTES = 1024 * 1024,
    FILE_TOLD_MAX = 100, /* mistakes on the screen; the others are counted */
    FILE_ID_BYTES_MAX = 1000,
};

enum { COLUMN_ORDER, COLUMN_ITEM, COLUMN_REF, COLUMN_SHIPPED, COLUMN_CANCELLED, COLUMNS };

static const char *const column_names[COLUMNS] = {"order_id", "item_id", "shipment_ref", "shipped",
                                                  "cancelled"};

struct baseline_file {
    const char *path;
    struct ledger *ledger;
    struct csv *csv;
    int place[COLUMNS]; /* of each column in the file */
    int64_t mistakes;
    int64_t rows;
    struct baseline_row piece[FILE_PIECE_ROWS];
    int count;
    struct buffer texts; /* of the piece's rows; places, since it moves as it grows */
    size_t at[FILE_PIECE_ROWS][3];
};

static void file_complain(struct baseline_file *file, int64_t line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
file_complain(struct baseline_file *file, int64_t line, const char *fmt, ...)
{
    char text[300];
    va_list args;

    if (++file->mistakes > FILE_TOLD_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text_trim_cut(text);
    table_put_visible(stderr, file->path);
    (void)fprintf(stderr, ":%lld: ", (long long)line);
    table_put_visible(stderr, text);
    (void)fputc('\n', stderr);
}

static void
file_read_header(struct baseline_file *file, const char *const *fields, int count)
{
    for (int c = 0; c < COLUMNS; c++)
        file->place[c] = -1;
    for (int i = 0; i < count; i++) {
        int c = 0;

        while (c < COLUMNS && strcmp(fields[i], column_names[c]) != 0)
            c++;
        if (c == COLUMNS)
            file_complain(file, csv_line(file->csv), "unknown column \"%.60s\"", fields[i]);
        else if (file->place[c] >= 0)
            file_complain(file, csv_line(file->csv), "column %s is there twice", column_names[c]);
        else
            file->place[c] = i;
    }
    for (int c = 0; c < COLUMNS; c++) {
        if (file->place[c] < 0)
            file_complain(file, csv_line(file->csv),
                          "no column %s: the header must be "
                          "order_id,item_id,shipment_ref,shipped,cancelled",
                          column_names[c]);
    }
}

static bool
file_check_text(struct baseline_file *file, int column, const char *text)
{
    size_t bytes = strlen(text);

    if (bytes == 0 && column != COLUMN_REF)
        file_complain(file, csv_line(file->csv), "%s is empty", column_names[column]);
    else if (bytes > FILE_ID_BYTES_MAX)
        file_complain(file, csv_line(file->csv), "%s is longer than 1000 bytes",
                      column_names[column]);
    else if (!text_is_utf8(text, bytes))
        file_complain(file, csv_line(file->csv), "%s is not UTF-8", column_names[column]);
    else
        return true;
    return false;
}

static bool
file_check_units(struct baseline_file *file, int column, const char *text, int64_t *out)
{
    if (number_parse(text, 0, LEDGER_UNITS_MAX, out))
        return true;
    file_complain(file, csv_line(file->csv), "%s must be a whole number 0..%d, got \"%.60s\"",
                  column_names[column], LEDGER_UNITS_MAX, text);
    return false;
}

static bool
file_flush(struct baseline_file *file, struct error *err)
{
    for (int i = 0; i < file->count; i++) {
        file->piece[i].order_id = file->texts.data + file->at[i][0];
        file->piece[i].item_id = file->texts.data + file->at[i][1];
        file->piece[i].shipment_ref = file->texts.data + file->at[i][2];
    }
    if (file->texts.is_failed)
        return error_set(err, ERROR_NOMEM, "no memory for a piece of the file");
    if (file->count > 0 && !baseline_file_add(file->ledger, file->piece, file->count, err))
        return false;
    file->count = 0;
    buffer_reset(&file->texts);
    return true;
}

static bool
file_take_row(struct baseline_file *file, const char *const *fields, int count, struct error *err)
{
    struct baseline_row row = {.line = csv_line(file->csv)};
    bool ok = true;

    if (count != COLUMNS) {
        file_complain(file, row.line, "%d fields instead of %d", count, COLUMNS);
        return true;
    }
    for (int c = COLUMN_ORDER; c <= COLUMN_REF; c++)
        ok = file_check_text(file, c, fields[file->place[c]]) && ok;
    ok =
        file_check_units(file, COLUMN_SHIPPED, fields[file->place[COLUMN_SHIPPED]], &row.shipped) &&
        ok;
    ok = file_check_units(file, COLUMN_CANCELLED, fields[file->place[COLUMN_CANCELLED]],
                          &row.cancelled) &&
         ok;
    file->rows++;
    if (!ok)
        return true;
    for (int c = COLUMN_ORDER; c <= COLUMN_REF; c++) {
        const char *text = fields[file->place[c]];

        file->at[file->count][c] = file->texts.used;
        (void)buffer_append(&file->texts, text, strlen(text) + 1);
    }
    file->piece[file->count++] = row;
    return file->count < FILE_PIECE_ROWS && file->texts.used < FILE_PIECE_BYTES
               ? true
               : file_flush(file, err);
}

static bool
file_read_rows(struct baseline_file *file, struct error *err)
{
    const char *const *fields;
    int count = 0;
    enum csv_read read = csv_next(file->csv, &fields, &count);

    if (read == CSV_END) {
        file_complain(file, 1, "the file is empty");
        return true;
    }
    if (read == CSV_ROW)
        file_read_header(file, fields, count);
    else
        file_complain(file, csv_line(file->csv), "%s", csv_why(file->csv));
    if (file->mistakes > 0)
        return true; /* which column is which? */
    while ((read = csv_next(file->csv, &fields, &count)) == CSV_ROW || read == CSV_BAD) {
        if (read == CSV_BAD)
            file_complain(file, csv_line(file->csv), "%s", csv_why(file->csv));
        else if (!file_take_row(file, fields, count, err))
            return false;
    }
    if (read == CSV_FAILED)
        return error_set(err, ERROR_IO, "%s", csv_why(file->csv));
    return file_flush(file, err);
}

static void
file_twice(void *ctx, int64_t line, int64_t first_line)
{
    file_complain(ctx, line, "the same order_id, item_id and shipment_ref as in line %lld",
                  (long long)first_line);
}

static bool
file_book(struct baseline_file *file, const struct warehouse *warehouse,
          const struct baseline_options *options, struct baseline_result *out, struct error *err)
{
    struct error ignored = {0};

    if (!baseline_file_begin(file->ledger, err))
        return false;
    if (!file_read_rows(file, err)) {
        (void)pg_exec(ledger_pg(file->ledger), "rollback", &ignored);
        return false;
    }
    if (!baseline_file_end(file->ledger, warehouse, file->mistakes == 0, options, file_twice, file,
                           out, err))
        return false;
    if (file->mistakes == 0)
        return true;
    if (file->mistakes > FILE_TOLD_MAX)
        (void)fprintf(stderr, "... and %lld more\n", (long long)(file->mistakes - FILE_TOLD_MAX));
    error_set(err, ERROR_CONFIG, "%lld mistake%s in %s: nothing is booked",
              (long long)file->mistakes, file->mistakes == 1 ? "" : "s", file->path);
    return false;
}

bool
baseline_file_read(const char *path, struct ledger *ledger, const struct warehouse *warehouse,
                   const struct baseline_options *options, struct baseline_result *out,
                   struct error *err)
{
    bool ok = false;
    FILE *stream = NULL;
    struct baseline_file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a file of rows");
    file->path = path;
    file->ledger = ledger;
    buffer_init(&file->texts, (size_t)FILE_PIECE_BYTES + 4 * (FILE_ID_BYTES_MAX + 1));
    stream = fopen(path, "rb");
    if (stream == NULL) {
        error_set(err, ERROR_CONFIG, "%s: %s", path, strerror(errno));
        goto done;
    }
    ok = csv_new(stream, &file->csv, err) && file_book(file, warehouse, options, out, err);

done:
    csv_free(file->csv);
    if (stream != NULL)
        (void)fclose(stream);
    buffer_free(&file->texts);
    free(file);
    return ok;
}
