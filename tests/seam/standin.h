/*
 * standin — a small server of the made-up API, for one test: orders o1 .. oN, lines a and b.
 *
 * The first POST of an order fares as the order's number says: of four in a row
 * one is applied and the connection closed, one is answered 503 and not applied,
 * two are answered; and o3's is refused with 429.
 */
#ifndef SEAM_STANDIN_H
#define SEAM_STANDIN_H

#include <stdbool.h>
#include <sys/types.h>

struct standin {
    pid_t pid;
    char url[64];
};

/* A process of its own, which ends with the test's. is_note_shown: a dispatch that is asked for by
 * its id shows the note that it was posted with. */
void standin_start(struct standin *standin, int orders, bool is_note_shown);
void standin_stop(struct standin *standin);

#endif
