#include "cli/chart.h"

#include <stdio.h>
#include <string.h>

#include "cli/html.h"

/* In units of the view box: a phone shows them as pixels, a desk half as large again. */
enum {
    CHART_WIDTH = 360,
    CHART_HEIGHT = 170,
    CHART_LEFT = 38,
    CHART_RIGHT = 8,
    CHART_TOP = 8,
    CHART_BOTTOM = 22,
    CHART_TICKS = 4,
    CHART_LABELS = 6,
    CHART_ROW_HEIGHT = 26,
    CHART_ROW_NAME = 118,
    CHART_ROW_VALUE = 52,
};

const char *
chart_number(int64_t value, char out[32])
{
    char digits[24];
    size_t count;
    size_t used = 0;

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)value);
    count = strlen(digits);
    for (size_t i = 0; i < count; i++) {
        out[used++] = digits[i];
        if ((count - i - 1) % 3 == 0 && i + 1 < count && digits[i] != '-')
            out[used++] = ',';
    }
    out[used] = '\0';
    return out;
}

/* For an axis: 1500 is "1.5k". */
static const char *
chart_short(int64_t value, char out[32])
{
    static const char *const suffixes[] = {"", "k", "M", "G", "T"};
    double shown = (double)value;
    int suffix = 0;

    while (shown >= 1000 && suffix < 4) {
        shown /= 1000;
        suffix++;
    }
    (void)snprintf(out, 32, "%.3g%s", shown, suffixes[suffix]);
    return out;
}

int64_t
chart_nice_max(int64_t value)
{
    int64_t power = 1;

    if (value <= 4)
        return 4;
    while (power <= INT64_MAX / 100 && power * 10 < value)
        power *= 10;
    if (value <= power * 2)
        return power * 2;
    if (value * 2 <= power * 5 && power % 2 == 0)
        return power * 5 / 2;
    return value <= power * 5 ? power * 5 : power * 10;
}

static int
chart_series_count(const struct chart *chart)
{
    int count = 0;

    while (count < CHART_SERIES_MAX && chart->series[count] != NULL)
        count++;
    return count;
}

static int64_t
chart_total(const struct chart *chart, int point)
{
    int64_t total = 0;

    for (int s = 0; s < chart_series_count(chart); s++)
        total += chart->values[s][point] > 0 ? chart->values[s][point] : 0;
    return total;
}

static void
chart_begin(struct buffer *buf, const struct chart *chart, int height)
{
    (void)buffer_printf(buf, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", CHART_WIDTH,
                        height);
    html_text(buf, chart->title);
    (void)buffer_puts(buf, "\">\n");
}

/* "name: 12,345 ms accepted" */
static void
chart_mark_title(struct buffer *buf, const struct chart *chart, int series, int point)
{
    char number[32];

    (void)buffer_puts(buf, "<title>");
    html_text(buf, chart->names[point]);
    (void)buffer_printf(buf, ": %s%s ", chart_number(chart->values[series][point], number),
                        chart->unit);
    html_text(buf, chart->series[series]);
    (void)buffer_puts(buf, "</title>");
}

static double
chart_y(int64_t value, int64_t max)
{
    double height = CHART_HEIGHT - CHART_TOP - CHART_BOTTOM;

    return CHART_TOP + height * (1 - (double)value / (double)max);
}

/* Grid, numbers at its left, some of the labels below. */
static void
chart_axes(struct buffer *buf, const struct chart *chart, int64_t max, double step)
{
    char number[32];
    int every = (chart->points_count + CHART_LABELS - 1) / CHART_LABELS;

    for (int tick = 0; tick <= CHART_TICKS; tick++) {
        int64_t value = max * tick / CHART_TICKS;
        double y = chart_y(value, max);

        if (max * tick % CHART_TICKS != 0)
            continue;
        (void)buffer_printf(buf,
                            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                            "<text x=\"%d\" y=\"%.1f\" class=\"end\">%s</text>\n",
                            CHART_LEFT, CHART_WIDTH - CHART_RIGHT, y, y, CHART_LEFT - 5, y + 3.5,
                            chart_short(value, number));
    }
    /* Counted from the last one, which is now. */
    for (int i = chart->points_count - 1; i >= 0; i -= every > 0 ? every : 1) {
        (void)buffer_printf(buf, "<text x=\"%.1f\" y=\"%d\" class=\"%s\">",
                            i == chart->points_count - 1 ? CHART_WIDTH - CHART_RIGHT
                                                         : CHART_LEFT + step * (i + 0.5),
                            CHART_HEIGHT - 7, i == chart->points_count - 1 ? "end" : "mid");
        html_text(buf, chart->labels[i]);
        (void)buffer_puts(buf, "</text>\n");
    }
}

static double
chart_step(const struct chart *chart)
{
    return (double)(CHART_WIDTH - CHART_LEFT - CHART_RIGHT) /
           (chart->points_count > 0 ? chart->points_count : 1);
}

void
chart_bars(struct buffer *buf, const struct chart *chart)
{
    double step = chart_step(chart);
    int64_t max = 0;

    for (int i = 0; i < chart->points_count; i++)
        max = chart_total(chart, i) > max ? chart_total(chart, i) : max;
    max = chart_nice_max(max);
    chart_begin(buf, chart, CHART_HEIGHT);
    chart_axes(buf, chart, max, step);
    for (int i = 0; i < chart->points_count; i++) {
        int64_t below = 0;

        for (int s = 0; s < chart_series_count(chart); s++) {
            int64_t value = chart->values[s][i];
            double top = chart_y(below + value, max);

            if (value <= 0)
                continue;
            (void)buffer_printf(buf,
                                "<rect class=\"s%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                                "height=\"%.1f\">",
                                s, CHART_LEFT + step * i + step * 0.12, top, step * 0.76,
                                chart_y(below, max) - top);
            chart_mark_title(buf, chart, s, i);
            (void)buffer_puts(buf, "</rect>\n");
            below += value;
        }
    }
    (void)buffer_puts(buf, "</svg>\n");
}

static void
chart_line(struct buffer *buf, const struct chart *chart, int series, int64_t max, double step)
{
    bool is_drawn = false;

    (void)buffer_printf(buf, "<path class=\"l%d\" d=\"", series);
    for (int i = 0; i < chart->points_count; i++) {
        int64_t value = chart->values[series][i];

        if (value >= 0)
            (void)buffer_printf(buf, "%s%.1f %.1f ", is_drawn ? "L" : "M",
                                CHART_LEFT + step * (i + 0.5), chart_y(value, max));
        is_drawn = value >= 0;
    }
    (void)buffer_puts(buf, "\"/>\n");
    for (int i = 0; i < chart->points_count; i++) {
        if (chart->values[series][i] < 0)
            continue;
        (void)buffer_printf(buf, "<circle class=\"s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\">", series,
                            CHART_LEFT + step * (i + 0.5), chart_y(chart->values[series][i], max));
        chart_mark_title(buf, chart, series, i);
        (void)buffer_puts(buf, "</circle>\n");
    }
}

void
chart_lines(struct buffer *buf, const struct chart *chart)
{
    double step = chart_step(chart);
    int64_t max = 0;

    for (int s = 0; s < chart_series_count(chart); s++) {
        for (int i = 0; i < chart->points_count; i++)
            max = chart->values[s][i] > max ? chart->values[s][i] : max;
    }
    max = chart_nice_max(max);
    chart_begin(buf, chart, CHART_HEIGHT);
    chart_axes(buf, chart, max, step);
    for (int s = chart_series_count(chart) - 1; s >= 0; s--)
        chart_line(buf, chart, s, max, step);
    (void)buffer_puts(buf, "</svg>\n");
}

void
chart_rows(struct buffer *buf, const struct chart *chart)
{
    char number[32];
    int64_t max = 1;

    for (int i = 0; i < chart->points_count; i++)
        max = chart->values[0][i] > max ? chart->values[0][i] : max;
    chart_begin(buf, chart, CHART_ROW_HEIGHT * chart->points_count);
    for (int i = 0; i < chart->points_count; i++) {
        int64_t value = chart->values[0][i] > 0 ? chart->values[0][i] : 0;
        int y = CHART_ROW_HEIGHT * i;
        double room = CHART_WIDTH - CHART_ROW_NAME - CHART_ROW_VALUE;
        double width = room * (double)value / (double)max;

        width = value > 0 && width < 2 ? 2 : width;
        (void)buffer_printf(buf, "<text x=\"%d\" y=\"%d\" class=\"end\">", CHART_ROW_NAME - 8,
                            y + 17);
        html_text(buf, chart->labels[i]);
        (void)buffer_printf(buf,
                            "</text><rect class=\"s0\" x=\"%d\" y=\"%d\" width=\"%.1f\" "
                            "height=\"%d\">",
                            CHART_ROW_NAME, y + 5, width, CHART_ROW_HEIGHT - 10);
        chart_mark_title(buf, chart, 0, i);
        (void)buffer_printf(buf, "</rect><text x=\"%.1f\" y=\"%d\">%s</text>\n",
                            CHART_ROW_NAME + width + 6, y + 17, chart_number(value, number));
    }
    (void)buffer_puts(buf, "</svg>\n");
}
