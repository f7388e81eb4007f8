#include "ledger/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/page.h"
#include "cli/rows.h"
#include "cli/table.h"

/* A report as a source of rows, a piece at a time. */
struct report_pieces {
    struct report *report;
    struct pg_rows *piece;
    int row;
};

static bool
report_pieces_next(void *ctx, bool *is_end, struct error *err)
{
    struct report_pieces *pieces = ctx;

    pieces->row++;
    if (pieces->piece == NULL || pieces->row >= pg_rows_count(pieces->piece)) {
        pg_rows_free(pieces->piece);
        pieces->piece = NULL;
        if (!report_next(pieces->report, &pieces->piece, err))
            return false;
        pieces->row = 0;
    }
    *is_end = pg_rows_count(pieces->piece) == 0;
    return true;
}

static const char *
report_pieces_cell(void *ctx, int column)
{
    const struct report_pieces *pieces = ctx;

    return pg_rows_text(pieces->piece, pieces->row, column);
}

static bool
report_write(const struct command_context *context, struct ledger *ledger, int index,
             const char *order_id, enum table_format format, struct error *err)
{
    bool ok = false;
    struct report_pieces pieces = {.row = -1};
    struct table_column columns[ROWS_COLUMNS_MAX];
    struct table_source source = {.columns = columns,
                                  .ctx = &pieces,
                                  .next_fn = report_pieces_next,
                                  .cell_fn = report_pieces_cell};

    if (!report_open(ledger, index, order_id, &pieces.report, err))
        return false;
    source.columns_count = report_columns(pieces.report);
    for (int i = 0; i < source.columns_count && i < ROWS_COLUMNS_MAX; i++) {
        enum report_kind kind;

        columns[i].name = report_column(pieces.report, i, &kind);
        columns[i].kind = kind == REPORT_NUMBER ? TABLE_NUMBER
                          : kind == REPORT_BOOL ? TABLE_BOOL
                                                : TABLE_TEXT;
    }
    ok = table_write(&source, format, context->is_terminal, context->out, err);
    pg_rows_free(pieces.piece);
    report_close(pieces.report);
    return ok;
}

static bool
report_write_order(const struct command_context *context, struct ledger *ledger,
                   const char *order_id, enum table_format format, struct error *err)
{
    bool ok = false;
    struct pg_rows *result = NULL;
    struct rows rows;
    struct table_source source;

    if (!report_order(ledger, order_id, &result, err))
        return false;
    rows_source(result, &rows, &source);
    if (format == TABLE_ALIGNED && pg_rows_count(result) == 0) {
        (void)fputs("the ledger knows nothing of order ", context->out);
        table_put_visible(context->out, order_id);
        (void)fputc('\n', context->out);
        ok = true;
    } else {
        ok = table_write(&source, format, context->is_terminal, context->out, err);
    }
    pg_rows_free(result);
    return ok;
}

static void
report_list(FILE *out)
{
    for (int i = 0; i < report_count(); i++)
        (void)fprintf(out, "%-18s%s\n", report_name(i), report_summary(i));
    (void)fprintf(out, "%-18s%s\n", "order", "one order's whole story: --id ORDER");
}

static bool
report_unknown(const char *name, struct error *err)
{
    const char *names[32];
    const char *nearest;
    int count = 0;

    while (count < report_count() && count < 31) {
        names[count] = report_name(count);
        count++;
    }
    names[count++] = "order";
    nearest = options_nearest(name, names, count);
    if (nearest != NULL)
        return error_set(err, ERROR_USAGE, "unknown report \"%s\", did you mean %s?", name,
                         nearest);
    return error_set(err, ERROR_USAGE, "unknown report \"%s\"; `waybill report` lists them", name);
}

/* What is asked for; *index is -1 for an order's story. */
static bool
report_read_arguments(const struct options *options, int *index, enum table_format *format,
                      struct error *err)
{
    const char *name = options->positionals[0];
    const char *format_text = options_get(options, "format");
    const char *id = options_get(options, "id");

    if (format_text != NULL && !table_format_parse(format_text, format))
        return error_set(err, ERROR_USAGE, "--format must be table, csv or json, got \"%s\"",
                         format_text);
    if (strncmp(name, "report_", 7) == 0)
        name += 7;
    *index = report_find(name);
    if (strcmp(name, "order") == 0)
        return id != NULL || error_set(err, ERROR_USAGE, "report order needs --id ORDER");
    if (*index < 0)
        return report_unknown(name, err);
    if (id != NULL && !report_is_by_order(*index))
        return error_set(err, ERROR_USAGE, "report %s is not about orders: no --id", name);
    return true;
}

/* The page of --html: all that is known, for people. */
static bool
report_write_page(const struct command_context *context, const char *path, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct status *status = calloc(1, sizeof(*status));
    struct report_page page = {.days = NULL};
    struct buffer html;
    char made_at[25];

    buffer_init(&html, PAGE_BYTES_MAX);
    clock_wall_text(made_at);
    if (status == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for the page");
        goto done;
    }
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "report", &ledger, err) ||
        !status_read(config, ledger, STATUS_MAX_AGE_MS, true, status, err) ||
        !report_page_read(ledger, &page, err) ||
        !page_build(status, &page, config->database.schema, made_at, &html, err))
        goto done;
    if (strcmp(path, "-") == 0) {
        (void)fputs(buffer_text(&html), context->out);
        ok = true;
    } else {
        ok = file_replace(path, buffer_text(&html), html.used, err);
    }

done:
    buffer_free(&html);
    report_page_free(&page);
    if (status != NULL)
        status_clear(status);
    free(status);
    ledger_close(ledger);
    config_free(config);
    return ok;
}

/* --html is a report of its own: nothing else chooses one. */
static bool
report_read_html(const struct options *options, struct error *err)
{
    const char *path = options_get(options, "html");

    if (path[0] == '\0')
        return error_set(err, ERROR_USAGE, "--html must be a file, or - for stdout, got \"\"");
    if (options->positionals_count > 0 || options_has(options, "format") ||
        options_has(options, "id"))
        return error_set(err, ERROR_USAGE,
                         "--html is a page of its own: no NAME, --format or --id");
    return true;
}

bool
report_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    enum table_format format = TABLE_ALIGNED;
    const char *id = options_get(context->options, "id");
    int index = -1;

    if (options_has(context->options, "html")) {
        *code = EXIT_CODE_DONE;
        return report_read_html(context->options, err) &&
               report_write_page(context, options_get(context->options, "html"), err);
    }
    if (context->options->positionals_count == 0) {
        report_list(context->out);
        *code = EXIT_CODE_DONE;
        return true;
    }
    if (!report_read_arguments(context->options, &index, &format, err))
        return false;
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "report", &ledger, err))
        goto done;
    ok = index < 0 ? report_write_order(context, ledger, id, format, err)
                   : report_write(context, ledger, index, id, format, err);
    *code = EXIT_CODE_DONE;

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}
