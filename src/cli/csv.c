#include "cli/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct csv {
    FILE *file;
    int64_t line, row_line; /* of the next byte; of the row */
    bool has_begun;
    char bytes[CSV_ROW_BYTES_MAX];
    size_t used;
    const char *fields[CSV_FIELDS_MAX];
    int count;
    char why[160];
};

bool
csv_new(FILE *file, struct csv **out, struct error *err)
{
    struct csv *csv = calloc(1, sizeof(*csv));

    if (csv == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a file of rows");
    csv->file = file;
    csv->line = 1;
    *out = csv;
    return true;
}

void
csv_free(struct csv *csv)
{
    free(csv);
}

int64_t
csv_line(const struct csv *csv)
{
    return csv->row_line;
}

const char *
csv_why(const struct csv *csv)
{
    return csv->why;
}

static int
csv_byte(struct csv *csv)
{
    int c = getc(csv->file);

    if (c == '\n')
        csv->line++;
    return c;
}

static void
csv_complain(struct csv *csv, const char *why)
{
    if (csv->why[0] == '\0')
        (void)snprintf(csv->why, sizeof(csv->why), "%s", why);
}

static void
csv_put(struct csv *csv, int c)
{
    if (c == '\0')
        csv_complain(csv, "a byte of 0, which no text holds");
    else if (csv->used + 2 > sizeof(csv->bytes))
        csv_complain(csv, "longer than 65536 bytes");
    else
        csv->bytes[csv->used++] = (char)c;
}

/* Reads one field, returns what ended it: ',', '\n' or EOF. Goes on to the row's end after a
 * mistake, so that the next row is read as one. */
static int
csv_field(struct csv *csv)
{
    size_t start = csv->used;
    int c = csv_byte(csv);

    if (c == '"') {
        for (;;) {
            c = csv_byte(csv);
            if (c == EOF) {
                csv_complain(csv, "a quote is opened and never closed");
                return EOF;
            }
            if (c == '"') {
                c = csv_byte(csv);
                if (c != '"')
                    break;
            }
            csv_put(csv, c);
        }
        if (c == '\r')
            c = csv_byte(csv);
        if (c != ',' && c != '\n' && c != EOF)
            csv_complain(csv, "text after a closing quote");
        while (c != ',' && c != '\n' && c != EOF)
            c = csv_byte(csv);
    } else {
        while (c != ',' && c != '\n' && c != EOF) {
            if (c == '"')
                csv_complain(csv, "a quote within a field that does not begin with one");
            csv_put(csv, c);
            c = csv_byte(csv);
        }
        if (c != ',' && csv->used > start && csv->bytes[csv->used - 1] == '\r')
            csv->used--;
    }
    if (csv->count == CSV_FIELDS_MAX) {
        csv_complain(csv, "more than 32 fields");
    } else {
        csv->fields[csv->count++] = csv->bytes + start;
        csv->bytes[csv->used < sizeof(csv->bytes) - 1 ? csv->used++ : csv->used] = '\0';
    }
    return c;
}

static void
csv_skip_mark(struct csv *csv)
{
    static const unsigned char MARK[] = {0xef, 0xbb, 0xbf};
    int c = getc(csv->file);

    csv->has_begun = true;
    if (c != MARK[0]) {
        if (c != EOF)
            (void)ungetc(c, csv->file);
        return;
    }
    if (getc(csv->file) != MARK[1] || getc(csv->file) != MARK[2])
        csv_complain(csv, "neither UTF-8 nor a header");
}

enum csv_read
csv_next(struct csv *csv, const char *const **fields, int *count)
{
    int end;

    do {
        csv->why[0] = '\0';
        csv->used = 0;
        csv->count = 0;
        if (!csv->has_begun)
            csv_skip_mark(csv);
        csv->row_line = csv->line;
        do
            end = csv_field(csv);
        while (end == ',');
        if (ferror(csv->file)) {
            (void)snprintf(csv->why, sizeof(csv->why), "can't be read: %s", strerror(errno));
            return CSV_FAILED;
        }
        if (end == EOF && csv->count == 1 && csv->fields[0][0] == '\0' && csv->why[0] == '\0')
            return CSV_END;
    } while (csv->count == 1 && csv->fields[0][0] == '\0' && csv->why[0] == '\0');
    *fields = csv->fields;
    *count = csv->count;
    return csv->why[0] == '\0' ? CSV_ROW : CSV_BAD;
}
