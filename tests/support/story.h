/*
 * story — what the ledger makes of a warehouse and an API, told step by step.
 *
 * In a step something happens ("plan" with what the warehouse shows now, "accept", "api"), or the
 * ledger is asked ("open", "posted", "issues") and must answer exactly so. The words and the way
 * to write rows are explained in history.sql. After every look the planner looks again, which must
 * write nothing, and after every step the counters must agree with history.
 */
#ifndef SUPPORT_STORY_H
#define SUPPORT_STORY_H

#include "support/ledger.h"

enum { STORY_STEPS_MAX = 24 };

struct step {
    const char *word;
    const char *text; /* an argument, or the expected answer */
};

struct story {
    const char *name;
    struct step steps[STORY_STEPS_MAX];
};

/* A whole main: every story in a transaction of its own, which never was; the exit code. */
int support_tell(const char *suite_name, const struct story *stories, int count);
#define SUPPORT_TELL(suite_name, stories)                                                          \
    support_tell((suite_name), (stories), (int)(sizeof(stories) / sizeof((stories)[0])))

#endif
