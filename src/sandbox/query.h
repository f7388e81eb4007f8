/*
 * query — the parameters that all lists share, and choosing a page by them.
 *
 * Lists are newest first. `startingAfter` goes on towards older ones, `endingBefore`
 * towards newer ones and wins when both are given.
 */
#ifndef SANDBOX_QUERY_H
#define SANDBOX_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

#define QUERY_LIMIT_MAX 100
#define QUERY_IDS_MAX   4096

struct query {
    int limit;
    const char *starting_after; /* NULL for none */
    const char *ending_before;
    int64_t created_min_ms; /* both ends belong to it */
    int64_t created_max_ms;
    int64_t updated_min_ms;
    int64_t updated_max_ms;
    uint32_t
        first; /* nothing below this number can match: a long list need not be walked to its end */
};

/* False: the answer says what is wrong. */
bool query_parse(const struct request *request, struct query *query, struct answer *answer);

/* The first value of a parameter; NULL when absent. */
const char *query_value(const struct request *request, const char *name);

/* A parameter that holds several ids, in the ways that the switch allows. The texts are the
 * caller's to free with query_ids_free. False: more than count_max (0: the bound of the sandbox) or
 * no memory. */
struct query_ids {
    char *text; /* owns them all */
    const char **ids;
    int count;
    bool is_given;
};
bool query_ids_parse(const struct sandbox *sandbox, const struct request *request, const char *name,
                     int64_t count_max, struct query_ids *out, struct answer *answer);
void query_ids_free(struct query_ids *ids);

/* Does number belong to the list, whatever the page? */
typedef bool query_match_fn(void *ctx, uint32_t number);

struct query_page {
    uint32_t numbers[QUERY_LIMIT_MAX]; /* newest first */
    int count;
    bool has_more;
};

/* Among candidates (ascending, each once; NULL: 0..count-1). cursor: the number that
 * starting_after or ending_before names, STORE_NONE for none. */
void query_select(const struct query *query, const uint32_t *candidates, uint32_t count,
                  uint32_t cursor, query_match_fn *match, void *ctx, struct query_page *out);

/* Ascending, each once. */
uint32_t query_sort(uint32_t *numbers, uint32_t count);

#endif
