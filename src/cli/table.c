#include "cli/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "json/json.h"

#define TABLE_SAMPLE_ROWS      500 /* that decide about the widths */
#define TABLE_SAMPLE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define TABLE_ROW_BYTES_MAX    ((size_t)64 * 1024 * 1024)
#define TABLE_COLUMNS_MAX      64
#define TABLE_PAD_MAX          60 /* a longer cell stands out rather than pushing all others away */

bool
table_format_parse(const char *text, enum table_format *out)
{
    static const char *const names[] = {
        [TABLE_ALIGNED] = "table", [TABLE_CSV] = "csv", [TABLE_JSON] = "json"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum table_format)i;
            return true;
        }
    }
    return false;
}

/* Enough of Unicode's widths for what warehouses hold; the C library's own depend on the locale. */
static int
table_width_of(uint32_t code_point)
{
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x0591, 0x05bd, 0},   {0x064b, 0x065f, 0},   {0x1100, 0x115f, 2},
        {0x1ab0, 0x1aff, 0},   {0x200b, 0x200d, 0},   {0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},
        {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
        {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
        {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return ranges[i].width;
    }
    return 1;
}

int
table_width(const char *text)
{
    size_t left = strlen(text);
    int width = 0;

    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(text, left, &code_point);

        width += length == 0 ? 1 : table_width_of(code_point);
        length = length == 0 ? 1 : length;
        text += length;
        left -= length;
    }
    return width;
}

void
table_put_visible(FILE *out, const char *text)
{
    struct buffer buf;

    buffer_init(&buf, TABLE_ROW_BYTES_MAX);
    (void)text_append_visible(&buf, text);
    (void)fputs(buffer_text(&buf), out);
    buffer_free(&buf);
}

static const char *
table_cell(const struct table_source *source, int column)
{
    const char *cell = source->cell_fn(source->ctx, column);

    if (cell != NULL && source->columns[column].kind == TABLE_BOOL)
        return cell[0] == 't' ? "true" : "false";
    return cell;
}

/* ------------------------------------------------------------------------------- aligned */

/* The first rows, visible form, one NUL-ended cell after the other. */
struct table_sample {
    struct buffer cells;
    int rows_count;
    int width[TABLE_COLUMNS_MAX];
};

static void
table_put_cell(FILE *out, const char *text, int width, bool is_right, bool is_last)
{
    int blanks = width - table_width(text);

    if (blanks < 0)
        blanks = 0;
    if (is_right)
        (void)fprintf(out, "%*s%s", blanks, "", text);
    else if (is_last)
        (void)fputs(text, out);
    else
        (void)fprintf(out, "%s%*s", text, blanks, "");
    (void)fputs(is_last ? "\n" : "  ", out);
}

static bool
table_append_row(const struct table_source *source, struct buffer *cells, struct error *err)
{
    for (int column = 0; column < source->columns_count; column++) {
        (void)text_append_visible(cells, table_cell(source, column));
        (void)buffer_putc(cells, '\0');
    }
    if (cells->is_failed)
        return error_set(err, ERROR_NOMEM, "no memory for a row of the table");
    return true;
}

/* Writes the rows of a buffer of cells; without out, only measures them. */
static void
table_walk(const struct table_source *source, const struct buffer *cells, int rows_count,
           struct table_sample *sample, FILE *out)
{
    const char *at = cells->data;

    for (int row = 0; row < rows_count; row++) {
        for (int column = 0; column < source->columns_count; column++) {
            int width = table_width(at);

            if (out != NULL)
                table_put_cell(out, at, sample->width[column],
                               source->columns[column].kind == TABLE_NUMBER,
                               column == source->columns_count - 1);
            else if (width > sample->width[column])
                sample->width[column] = width < TABLE_PAD_MAX ? width : TABLE_PAD_MAX;
            at += strlen(at) + 1;
        }
    }
}

static void
table_put_heading(const struct table_source *source, const struct table_sample *sample, FILE *out)
{
    for (int column = 0; column < source->columns_count; column++)
        table_put_cell(out, source->columns[column].name, sample->width[column],
                       source->columns[column].kind == TABLE_NUMBER,
                       column == source->columns_count - 1);
}

static bool
table_write_aligned(const struct table_source *source, FILE *out, struct error *err)
{
    bool ok = false;
    bool is_end = false;
    struct table_sample sample = {.rows_count = 0};

    buffer_init(&sample.cells, TABLE_ROW_BYTES_MAX);
    for (int column = 0; column < source->columns_count; column++)
        sample.width[column] = table_width(source->columns[column].name);
    while (sample.rows_count < TABLE_SAMPLE_ROWS && sample.cells.used < TABLE_SAMPLE_BYTES_MAX) {
        if (!source->next_fn(source->ctx, &is_end, err))
            goto done;
        if (is_end)
            break;
        if (!table_append_row(source, &sample.cells, err))
            goto done;
        sample.rows_count++;
    }
    if (sample.rows_count == 0) {
        (void)fputs("(none)\n", out);
        ok = true;
        goto done;
    }
    table_walk(source, &sample.cells, sample.rows_count, &sample, NULL);
    table_put_heading(source, &sample, out);
    table_walk(source, &sample.cells, sample.rows_count, &sample, out);
    while (!is_end) {
        if (!source->next_fn(source->ctx, &is_end, err))
            goto done;
        if (is_end)
            break;
        buffer_reset(&sample.cells);
        if (!table_append_row(source, &sample.cells, err))
            goto done;
        table_walk(source, &sample.cells, 1, &sample, out);
    }
    ok = true;

done:
    buffer_free(&sample.cells);
    return ok;
}

/* ------------------------------------------------------------------------------- CSV */

static void
table_put_csv(FILE *out, const char *cell)
{
    size_t length;

    if (cell == NULL)
        return;
    length = strlen(cell);
    if (length > 0 && strpbrk(cell, ",\"\r\n") == NULL && cell[0] != ' ' &&
        cell[length - 1] != ' ') {
        (void)fputs(cell, out);
        return;
    }
    (void)fputc('"', out);
    for (; *cell != '\0'; cell++) {
        if (*cell == '"')
            (void)fputc('"', out);
        (void)fputc(*cell, out);
    }
    (void)fputc('"', out);
}

static bool
table_write_csv(const struct table_source *source, bool is_terminal, FILE *out, struct error *err)
{
    bool ok = false;
    bool is_end = false;
    struct buffer visible;

    buffer_init(&visible, TABLE_ROW_BYTES_MAX);
    for (int column = 0; column < source->columns_count; column++) {
        table_put_csv(out, source->columns[column].name);
        (void)fputs(column == source->columns_count - 1 ? "\r\n" : ",", out);
    }
    while (!is_end && !ferror(out)) {
        if (!source->next_fn(source->ctx, &is_end, err))
            goto done;
        for (int column = 0; !is_end && column < source->columns_count; column++) {
            const char *cell = table_cell(source, column);

            if (is_terminal && cell != NULL) {
                buffer_reset(&visible);
                (void)text_append_visible(&visible, cell);
                cell = buffer_text(&visible);
            }
            table_put_csv(out, cell);
            (void)fputs(column == source->columns_count - 1 ? "\r\n" : ",", out);
        }
    }
    ok = true;

done:
    buffer_free(&visible);
    return ok;
}

/* ------------------------------------------------------------------------------- JSON */

/* NaN and infinity are numbers to the server, and none to JSON. */
static bool
table_is_json_number(const char *text)
{
    size_t digits = strspn(text[0] == '-' ? text + 1 : text, "0123456789");

    return digits > 0 && text[strspn(text, "-+0123456789.eE")] == '\0';
}

/* C1 controls and what reorders lines may stand in JSON as they are, but a terminal obeys them. */
void
table_put_json(FILE *out, const char *json)
{
    size_t left = strlen(json);

    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(json, left, &code_point);

        if (length == 0)
            length = 1;
        if (code_point >= 0x7f && text_is_unsafe(code_point))
            (void)fprintf(out, "\\u%04x", (unsigned)code_point);
        else
            (void)fwrite(json, 1, length, out);
        json += length;
        left -= length;
    }
}

static void
table_write_object(const struct table_source *source, struct buffer *buf)
{
    struct json_writer w;

    json_write_init(&w, buf);
    json_write_object(&w, NULL);
    for (int column = 0; column < source->columns_count; column++) {
        const char *name = source->columns[column].name;
        const char *cell = table_cell(source, column);
        enum table_kind kind = source->columns[column].kind;

        if (cell != NULL &&
            (kind == TABLE_BOOL || (kind == TABLE_NUMBER && table_is_json_number(cell))))
            json_write_raw(&w, name, cell);
        else
            json_write_text(&w, name, cell);
    }
    json_write_end_object(&w);
}

static bool
table_write_json(const struct table_source *source, FILE *out, struct error *err)
{
    bool ok = false;
    bool is_end = false;
    bool is_first = true;
    struct buffer buf;

    buffer_init(&buf, TABLE_ROW_BYTES_MAX);
    (void)fputc('[', out);
    while (!ferror(out)) {
        if (!source->next_fn(source->ctx, &is_end, err))
            goto done;
        if (is_end)
            break;
        buffer_reset(&buf);
        table_write_object(source, &buf);
        if (buf.is_failed) {
            error_set(err, ERROR_NOMEM, "no memory for a row");
            goto done;
        }
        (void)fputs(is_first ? "\n" : ",\n", out);
        table_put_json(out, buffer_text(&buf));
        is_first = false;
    }
    (void)fputs(is_first ? "]\n" : "\n]\n", out);
    ok = true;

done:
    buffer_free(&buf);
    return ok;
}

bool
table_write(const struct table_source *source, enum table_format format, bool is_terminal,
            FILE *out, struct error *err)
{
    bool ok = false;

    if (source->columns_count < 1 || source->columns_count > TABLE_COLUMNS_MAX)
        return error_set(err, ERROR_LIMIT, "a table has 1 to %d columns, not %d", TABLE_COLUMNS_MAX,
                         source->columns_count);
    switch (format) {
    case TABLE_ALIGNED:
        ok = table_write_aligned(source, out, err);
        break;
    case TABLE_CSV:
        ok = table_write_csv(source, is_terminal, out, err);
        break;
    case TABLE_JSON:
        ok = table_write_json(source, out, err);
        break;
    }
    if (ok && (fflush(out) != 0 || ferror(out)))
        return error_set(err, ERROR_IO, "the results can't be written");
    return ok;
}
