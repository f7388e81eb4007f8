/*
 * exposition — numbers as the text that Prometheus reads, and counters read back from it.
 *
 * A run lives for seconds, its counters have to live for years: they go on from
 * what the file said before. So the file is their only memory, and a file that
 * was taken away is a counter that began anew, which Prometheus understands.
 */
#ifndef CLI_EXPOSITION_H
#define CLI_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "ledger/report.h"

enum {
    EXPOSITION_OUTCOMES = 6,
    EXPOSITION_BUCKETS = 11, /* the last one has no upper end */
    EXPOSITION_EXIT_CODES = 6,
    EXPOSITION_BYTES_MAX = 262144,
};

struct exposition_counts {
    int64_t posts[EXPOSITION_OUTCOMES];
    int64_t durations[EXPOSITION_BUCKETS]; /* each its own, not cumulative */
    int64_t duration_ms_sum;
    int64_t runs[EXPOSITION_EXIT_CODES];
};

/* outcome: accepted, rejected, refused, unknown, held or split; another is left out. A POST of
 * which no byte left took no time. */
void exposition_note_post(struct exposition_counts *counts, const char *outcome,
                          int64_t duration_ms, bool is_sent);
void exposition_note_run(struct exposition_counts *counts, int exit_code);
void exposition_add(struct exposition_counts *total, const struct exposition_counts *more);

/* Adds what an earlier text of this ledger says; what is not there, or no number, adds nothing. */
void exposition_read_back(const char *text, const char *ledger, struct exposition_counts *out);

/* ledger: the value of the label that all have. facts NULL: the database did not answer. now_ms:
 * wall clock. */
void exposition_write(const struct exposition_counts *counts, const struct report_status *facts,
                      const char *ledger, int64_t now_ms, struct buffer *out);

#endif
