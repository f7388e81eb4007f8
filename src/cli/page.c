#include "cli/page.h"

#include <stdio.h>
#include <string.h>

#include "cli/chart.h"
#include "cli/html.h"
#include "cli/rows.h"

/* Pairs of colours that stay apart also for eyes that don't tell red from green. */
static const char PAGE_STYLE[] =
    ":root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#59636e;"
    "--edge:#d9dee4;--s0:#0a68c9;--s1:#d9600b;--s2:#8a3ffc;--ok:#176f2c;--okg:#e2f4e6;"
    "--warn:#7d5200;--warng:#fff1cc;--bad:#a40e26;--badg:#ffe3e5}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#0f1318;--card:#181d24;--ink:#e6eaef;"
    "--soft:#9aa5b1;--edge:#303842;--s0:#59a7ff;--s1:#ff9d5c;--s2:#c5a3ff;--ok:#7ee29a;"
    "--okg:#12301c;--warn:#ffd479;--warng:#3a2c05;--bad:#ff9aa5;--badg:#43141b}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);"
    "font:15px/1.45 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1180px;margin:0 auto;padding:20px 16px 40px}\n"
    "h1{font-size:22px;margin:0}h2{font-size:15px;margin:0 0 10px}\n"
    "p{margin:0}.soft{color:var(--soft)}\n"
    "header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;margin-bottom:14px}\n"
    ".state{border-radius:10px;padding:14px 16px;margin-bottom:14px;border:1px solid}\n"
    ".state b{font-size:17px}.state ul{margin:8px 0 0;padding-left:20px}\n"
    ".OK{background:var(--okg);color:var(--ok)}.WARNING{background:var(--warng);color:var(--warn)}"
    "\n"
    ".CRITICAL,.UNKNOWN{background:var(--badg);color:var(--bad)}\n"
    ".tiles,.charts{display:grid;gap:14px;margin-bottom:14px}\n"
    ".tiles{grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}\n"
    ".charts{grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}\n"
    ".card{background:var(--card);border:1px solid var(--edge);border-radius:10px;"
    "padding:14px 16px;min-width:0}\n"
    ".tile span{display:block;color:var(--soft);font-size:13px}\n"
    ".tile b{display:block;font-size:24px;font-variant-numeric:tabular-nums;line-height:1.3}\n"
    "svg{display:block;width:100%;height:auto}\n"
    "svg text{font-size:10.5px;fill:var(--soft)}.end{text-anchor:end}.mid{text-anchor:middle}\n"
    ".grid{stroke:var(--edge);stroke-width:1}\n"
    ".s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}\n"
    ".l0,.l1,.l2{fill:none;stroke-width:1.6;stroke-linejoin:round}\n"
    ".l0{stroke:var(--s0)}.l1{stroke:var(--s1);stroke-dasharray:5 3}"
    ".l2{stroke:var(--s2);stroke-dasharray:1.5 2.5}\n"
    ".key{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px;color:var(--soft);"
    "margin:0 0 8px}\n"
    ".key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}\n"
    ".key .s0{background:var(--s0)}.key .s1{background:var(--s1)}.key .s2{background:var(--s2)}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:13.5px}\n"
    "th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--edge);"
    "vertical-align:top}\n"
    "tr:last-child td{border-bottom:0}\n"
    "th{color:var(--soft);font-weight:600;white-space:nowrap}td.n,th.n{text-align:right;"
    "font-variant-numeric:tabular-nums}\n"
    "td.t{min-width:14em;overflow-wrap:anywhere}\n"
    "code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,\"DejaVu Sans Mono\",monospace;"
    "overflow-wrap:anywhere}\n"
    "section{margin-bottom:14px}.charts section{margin:0}\n"
    "@media print{body{background:none}.card{break-inside:avoid}}\n";

static void
page_head(struct buffer *buf, const struct status *status, const char *schema, const char *made_at)
{
    const char *url = rows_text(status->report.health, 0, "base_url");
    const char *is_live = rows_text(status->report.health, 0, "is_live");

    (void)buffer_puts(buf,
                      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'\">\n"
                      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>waybill: ");
    (void)buffer_puts(buf, health_level_name(status->health.level));
    (void)buffer_printf(buf, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n",
                        PAGE_STYLE);
    (void)buffer_puts(buf, "<header><h1>waybill</h1><p class=\"soft\">ledger <b>");
    html_text(buf, schema);
    (void)buffer_puts(buf, "</b>");
    if (url != NULL) {
        (void)buffer_puts(buf, " for ");
        html_text(buf, url);
        (void)buffer_puts(buf, is_live != NULL && is_live[0] == 't' ? " (live)" : " (test)");
    }
    (void)buffer_puts(buf, ", as of ");
    html_text(buf, made_at);
    (void)buffer_puts(buf, "</p></header>\n");
}

static void
page_state(struct buffer *buf, const struct status *status)
{
    const char *level = health_level_name(status->health.level);
    char line[HEALTH_TEXT_BYTES];

    (void)buffer_printf(buf, "<div class=\"state %s\" role=\"status\"><b>%s</b>", level, level);
    if (status->health.count == 0) {
        health_sum_up(&status->health, &status->facts, line, sizeof(line));
        (void)buffer_puts(buf, " &ndash; ");
        html_text(buf, line);
    } else {
        (void)buffer_puts(buf, "<ul>");
        for (int i = 0; i < status->health.count; i++) {
            (void)buffer_puts(buf, "<li>");
            html_text(buf, status->health.findings[i].text);
            (void)buffer_puts(buf, "</li>");
        }
        (void)buffer_puts(buf, "</ul>");
    }
    (void)buffer_puts(buf, "</div>\n");
}

static void
page_tile(struct buffer *buf, const char *name, const char *value, const char *below)
{
    (void)buffer_puts(buf, "<div class=\"card tile\"><span>");
    html_text(buf, name);
    (void)buffer_puts(buf, "</span><b>");
    html_text(buf, value);
    (void)buffer_puts(buf, "</b><span>");
    html_text(buf, below);
    (void)buffer_puts(buf, "</span></div>\n");
}

static const char *
page_oldest(int64_t age_s, char out[64])
{
    char age[32];

    if (age_s < 0)
        return "none waits";
    (void)snprintf(out, 64, "oldest %s", health_age(age_s, age));
    return out;
}

static void
page_tiles(struct buffer *buf, const struct status *status)
{
    const struct health_facts *facts = &status->facts;
    const struct pg_rows *pace = status->report.pace;
    char number[32];
    char below[64];
    char age[32];

    (void)buffer_puts(buf, "<div class=\"tiles\">\n");
    page_tile(buf, "accepted", chart_number(rows_int(pace, 0, "accepted", 0), number),
              "this hour and the one before");
    page_tile(buf, "on their way", chart_number(facts->backlog, number),
              page_oldest(facts->backlog_age_s, below));
    page_tile(buf, "outcome unknown", chart_number(facts->unknown, number),
              page_oldest(facts->unknown_age_s, below));
    page_tile(buf, "held", chart_number(facts->held, number), "submissions for a person");
    page_tile(buf, "discrepancies", chart_number(facts->discrepancies, number),
              "open, for a person");
    (void)snprintf(below, sizeof(below), "ago, exit %lld", (long long)facts->last_run_exit_code);
    page_tile(buf, "last run",
              facts->last_run_age_s < 0 ? "none" : health_age(facts->last_run_age_s, age),
              facts->last_run_age_s < 0 ? "has finished yet" : below);
    (void)buffer_puts(buf, "</div>\n");
}

/* ---------------------------------------------------------------------------------- charts */

static void
page_chart_begin(struct buffer *buf, const struct chart *chart)
{
    (void)buffer_puts(buf, "<section class=\"card\"><h2>");
    html_text(buf, chart->title);
    (void)buffer_puts(buf, "</h2>\n");
    if (chart->series[1] == NULL)
        return;
    (void)buffer_puts(buf, "<p class=\"key\">");
    for (int i = 0; i < CHART_SERIES_MAX && chart->series[i] != NULL; i++) {
        (void)buffer_printf(buf, "<span><i class=\"s%d\"></i>", i);
        html_text(buf, chart->series[i]);
        (void)buffer_puts(buf, "</span>");
    }
    (void)buffer_puts(buf, "</p>\n");
}

/* Points from rows: columns by name, a series each. */
static void
page_chart_fill(struct chart *chart, const struct pg_rows *rows, const char *label,
                const char *name, const char *const columns[CHART_SERIES_MAX])
{
    chart->points_count =
        pg_rows_count(rows) < CHART_POINTS_MAX ? pg_rows_count(rows) : CHART_POINTS_MAX;
    for (int i = 0; i < chart->points_count; i++) {
        chart->labels[i] = rows_text(rows, i, label);
        chart->names[i] = rows_text(rows, i, name);
        for (int s = 0; s < CHART_SERIES_MAX && columns[s] != NULL; s++)
            chart->values[s][i] = rows_int(rows, i, columns[s], -1);
    }
}

static void
page_days(struct buffer *buf, const struct pg_rows *days)
{
    struct chart chart = {.title = "Submissions settled, by day",
                          .unit = "",
                          .series = {"accepted", "rejected", NULL}};

    page_chart_fill(&chart, days, "label", "day", (const char *const[3]){"accepted", "rejected"});
    page_chart_begin(buf, &chart);
    chart_bars(buf, &chart);
    (void)buffer_puts(buf, "</section>\n");
}

static void
page_latency(struct buffer *buf, const struct pg_rows *latency)
{
    struct chart chart = {.title = "How long a POST took, by hour, in ms",
                          .unit = " ms",
                          .series = {"half of them", "19 of 20", "99 of 100"}};

    page_chart_fill(&chart, latency, "label", "hour",
                    (const char *const[3]){"p50_ms", "p95_ms", "p99_ms"});
    page_chart_begin(buf, &chart);
    chart_lines(buf, &chart);
    (void)buffer_puts(buf, "</section>\n");
}

static void
page_backlog(struct buffer *buf, const struct pg_rows *backlog)
{
    struct chart chart = {
        .title = "Submissions not settled, by state", .unit = "", .series = {"submissions", NULL}};

    page_chart_fill(&chart, backlog, "state", "state", (const char *const[3]){"submissions"});
    page_chart_begin(buf, &chart);
    chart_rows(buf, &chart);
    (void)buffer_puts(buf, "</section>\n");
}

static void
page_opened(struct buffer *buf, const struct pg_rows *days)
{
    struct chart chart = {
        .title = "Discrepancies opened, by day", .unit = "", .series = {"opened", NULL}};

    page_chart_fill(&chart, days, "label", "day", (const char *const[3]){"opened"});
    page_chart_begin(buf, &chart);
    chart_bars(buf, &chart);
    (void)buffer_puts(buf, "</section>\n");
}

static void
page_kinds(struct buffer *buf, const struct pg_rows *kinds)
{
    struct chart chart = {
        .title = "Open discrepancies, by kind", .unit = "", .series = {"open", NULL}};

    page_chart_fill(&chart, kinds, "kind", "kind", (const char *const[3]){"open"});
    page_chart_begin(buf, &chart);
    if (chart.points_count > 0)
        chart_rows(buf, &chart);
    else
        (void)buffer_puts(buf, "<p class=\"soft\">none is open</p>\n");
    (void)buffer_puts(buf, "</section>\n");
}

/* ---------------------------------------------------------------------------------- tables */

enum page_form { PAGE_TEXT, PAGE_LONG, PAGE_NUMBER, PAGE_AGE };

struct page_column {
    const char *title;
    const char *name;
    enum page_form form;
};

static void
page_cell(struct buffer *buf, const struct pg_rows *rows, int row, const struct page_column *column)
{
    static const char *const tags[] = {"<td>", "<td class=\"t\">", "<td class=\"n\">",
                                       "<td class=\"n\">"};
    char text[32];

    (void)buffer_puts(buf, tags[column->form]);
    if (rows_text(rows, row, column->name) == NULL)
        (void)buffer_puts(buf, "");
    else if (column->form == PAGE_AGE)
        html_text(buf, health_age(rows_int(rows, row, column->name, 0), text));
    else if (column->form == PAGE_NUMBER)
        html_text(buf, chart_number(rows_int(rows, row, column->name, 0), text));
    else
        html_text(buf, rows_text(rows, row, column->name));
    (void)buffer_puts(buf, "</td>");
}

/* columns end with a NULL title. */
static void
page_table(struct buffer *buf, const char *title, const struct page_column *columns,
           const struct pg_rows *rows)
{
    if (pg_rows_count(rows) == 0)
        return;
    (void)buffer_printf(buf,
                        "<section class=\"card\"><h2>%s</h2><div class=\"scroll\" tabindex=\"0\">"
                        "<table>\n<tr>",
                        title);
    for (int i = 0; columns[i].title != NULL; i++)
        (void)buffer_printf(buf, "<th%s>%s</th>",
                            columns[i].form >= PAGE_NUMBER ? " class=\"n\"" : "", columns[i].title);
    (void)buffer_puts(buf, "</tr>\n");
    for (int row = 0; row < pg_rows_count(rows); row++) {
        (void)buffer_puts(buf, "<tr>");
        for (int i = 0; columns[i].title != NULL; i++)
            page_cell(buf, rows, row, &columns[i]);
        (void)buffer_puts(buf, "</tr>\n");
    }
    (void)buffer_puts(buf, "</table></div></section>\n");
}

static void
page_tables(struct buffer *buf, const struct status *status, const struct report_page *page)
{
    static const struct page_column stuck[] = {
        {"", "what", PAGE_TEXT},
        {"state", "state", PAGE_TEXT},
        {"why", "why", PAGE_LONG},
        {"how many", "count", PAGE_NUMBER},
        {"oldest", "oldest_age_s", PAGE_AGE},
        {"next try in", "next_s", PAGE_AGE},
        {"such as order", "order_id", PAGE_TEXT},
        {NULL, NULL, PAGE_TEXT},
    };
    static const struct page_column discrepancies[] = {
        {"number", "discrepancy_id", PAGE_NUMBER},
        {"kind", "kind", PAGE_TEXT},
        {"order", "order_id", PAGE_TEXT},
        {"item", "item_id", PAGE_TEXT},
        {"what was found", "detail", PAGE_LONG},
        {"open for", "age_s", PAGE_AGE},
        {NULL, NULL, PAGE_TEXT},
    };
    static const struct page_column runs[] = {
        {"run", "run_id", PAGE_NUMBER},
        {"command", "command", PAGE_TEXT},
        {"host", "host", PAGE_TEXT},
        {"begun before", "started_age_s", PAGE_AGE},
        {"planned", "planned", PAGE_NUMBER},
        {"accepted", "accepted", PAGE_NUMBER},
        {"rejected", "rejected", PAGE_NUMBER},
        {"unknown", "unknown", PAGE_NUMBER},
        {"exit", "exit_code", PAGE_NUMBER},
        {"error", "error", PAGE_LONG},
        {NULL, NULL, PAGE_TEXT},
    };

    page_table(buf, "Stuck, and why", stuck, status->report.stuck);
    page_table(buf,
               pg_rows_count(page->discrepancies) < 100 ? "Open discrepancies"
                                                        : "The 100 oldest open discrepancies",
               discrepancies, page->discrepancies);
    page_table(buf, "Last runs", runs, status->report.runs);
}

static void
page_next(struct buffer *buf, const struct next *next)
{
    (void)buffer_puts(buf, "<section class=\"card\"><h2>What to type next</h2>\n");
    if (next->count == 0)
        (void)buffer_puts(buf, "<p class=\"soft\">nothing</p>\n");
    for (int i = 0; i < next->count; i++) {
        (void)buffer_puts(buf, "<p><code>");
        html_text(buf, next->lines[i]);
        (void)buffer_puts(buf, "</code></p>\n");
    }
    (void)buffer_puts(buf, "</section>\n");
}

bool
page_build(const struct status *status, const struct report_page *page, const char *schema,
           const char *made_at, struct buffer *out, struct error *err)
{
    page_head(out, status, schema, made_at);
    page_state(out, status);
    page_tiles(out, status);
    (void)buffer_puts(out, "<div class=\"charts\">\n");
    page_next(out, &status->next);
    page_backlog(out, status->report.backlog);
    page_kinds(out, status->report.discrepancies);
    page_opened(out, page->days);
    page_days(out, page->days);
    page_latency(out, page->latency);
    (void)buffer_puts(out, "</div>\n");
    page_tables(out, status, page);
    (void)buffer_puts(out, "</main>\n</body>\n</html>\n");
    return !out->is_failed ||
           error_set(err, ERROR_LIMIT, "the page is longer than %zu bytes", out->bytes_max);
}
