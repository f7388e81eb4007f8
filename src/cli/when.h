/*
 * when — a point in time on the command line, as far as it can be judged before there is a
 * database.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>

/* False for what PostgreSQL takes for no time: no digit and no word such as "yesterday", or a date
 * like 2026-13-01. True for all else, which the server reads: it knows many more ways to write it.
 */
bool when_may_be_time(const char *text);

#endif
