#include <string.h>

#include "cli/status.h"
#include "cli/table.h"
#include "json/json.h"

#define STATUS_JSON_BYTES_MAX ((size_t)1024 * 1024)

static void
status_write_row(struct json_writer *w, const char *key, const struct pg_rows *rows, int row)
{
    json_write_object(w, key);
    for (int column = 0; column < pg_rows_columns(rows); column++) {
        const char *name = pg_rows_name(rows, column);
        const char *text = pg_rows_text(rows, row, column);

        if (text != NULL && pg_rows_is_numeric(rows, column))
            json_write_raw(w, name, text);
        else if (text != NULL && strncmp(name, "is_", 3) == 0)
            json_write_bool(w, name, text[0] == 't');
        else
            json_write_text(w, name, text);
    }
    json_write_end_object(w);
}

static void
status_write_rows(struct json_writer *w, const char *key, const struct pg_rows *rows)
{
    json_write_array(w, key);
    for (int row = 0; row < pg_rows_count(rows); row++)
        status_write_row(w, NULL, rows, row);
    json_write_end_array(w);
}

static void
status_write_health(struct json_writer *w, const struct health *health)
{
    json_write_text(w, "level", health_level_name(health->level));
    json_write_array(w, "findings");
    for (int i = 0; i < health->count; i++) {
        json_write_object(w, NULL);
        json_write_text(w, "level", health_level_name(health->findings[i].level));
        json_write_text(w, "name", health->findings[i].name);
        json_write_text(w, "text", health->findings[i].text);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

bool
status_put_json(const struct status *status, FILE *out, struct error *err)
{
    const struct report_status *report = &status->report;
    struct buffer buf;
    struct json_writer w;
    bool ok;

    buffer_init(&buf, STATUS_JSON_BYTES_MAX);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    status_write_health(&w, &status->health);
    status_write_row(&w, "health", report->health, 0);
    status_write_row(&w, "pace", report->pace, 0);
    status_write_rows(&w, "backlog", report->backlog);
    status_write_rows(&w, "stuck", report->stuck);
    status_write_rows(&w, "discrepancies", report->discrepancies);
    status_write_rows(&w, "runs", report->runs);
    json_write_array(&w, "next");
    for (int i = 0; i < status->next.count; i++)
        json_write_text(&w, NULL, status->next.lines[i]);
    json_write_end_array(&w);
    json_write_end_object(&w);
    ok = !buf.is_failed ||
         error_set(err, ERROR_LIMIT, "the status is longer than %zu bytes", STATUS_JSON_BYTES_MAX);
    if (ok)
        table_put_json(out, buffer_text(&buf));
    (void)fputs(ok ? "\n" : "", out);
    buffer_free(&buf);
    return ok;
}
