/*
 * chart — numbers as inline SVG: bars over days, lines over hours, bars by name.
 *
 * Colours are CSS classes s0, s1, s2, so that the page decides them for light
 * and dark. Every mark has a <title>, which is what a pointer and a screen
 * reader are told. A value of -1 is none.
 */
#ifndef CLI_CHART_H
#define CLI_CHART_H

#include <stdint.h>

#include "base/buffer.h"

enum { CHART_SERIES_MAX = 3, CHART_POINTS_MAX = 64 };

struct chart {
    const char *title;                    /* what it shows, for who can't see it */
    const char *unit;                     /* after a number: " ms", "" */
    const char *series[CHART_SERIES_MAX]; /* NULL: no more */
    int points_count;
    const char *labels[CHART_POINTS_MAX]; /* below the axis, where there is room */
    const char *names[CHART_POINTS_MAX];  /* in full */
    int64_t values[CHART_SERIES_MAX][CHART_POINTS_MAX];
};

void chart_bars(struct buffer *buf, const struct chart *chart);  /* stacked, one column a point */
void chart_lines(struct buffer *buf, const struct chart *chart); /* broken where there is none */
void chart_rows(struct buffer *buf, const struct chart *chart);  /* one bar a point, of series 0 */

/* "12 345" as people read it: "12,345". */
const char *chart_number(int64_t value, char out[32]);

/* The first of 1, 2, 2.5, 5 times a power of ten that is not below value; at least 4. */
int64_t chart_nice_max(int64_t value);

#endif
