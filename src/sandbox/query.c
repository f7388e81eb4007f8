#include "sandbox/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "sandbox/answer.h"

const char *
query_value(const struct request *request, const char *name)
{
    for (int i = 0; i < request->params_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}

static bool
query_time(const struct request *request, const char *field, int64_t *min_ms, int64_t *max_ms,
           struct answer *answer)
{
    static const struct {
        const char *suffix;
        bool is_min;
        int64_t shift;
    } bounds[] = {{"gt", true, 1}, {"gte", true, 0}, {"lt", false, -1}, {"lte", false, 0}};

    *min_ms = INT64_MIN;
    *max_ms = INT64_MAX;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        char name[40];
        const char *text;
        int64_t at;

        (void)snprintf(name, sizeof(name), "%s[%s]", field, bounds[i].suffix);
        text = query_value(request, name);
        if (text == NULL)
            continue;
        if (!ident_time_parse(text, &at))
            return answer_error(answer, 400, "invalid_parameter", name,
                                "'%s' is not a valid date-time.", text);
        at += bounds[i].shift;
        if (bounds[i].is_min && at > *min_ms)
            *min_ms = at;
        if (!bounds[i].is_min && at < *max_ms)
            *max_ms = at;
    }
    return true;
}

bool
query_parse(const struct request *request, struct query *query, struct answer *answer)
{
    const char *limit = query_value(request, "limit");
    int64_t value = 10;

    memset(query, 0, sizeof(*query));
    if (limit != NULL && !number_parse(limit, 1, QUERY_LIMIT_MAX, &value))
        return answer_error(answer, 400, "invalid_parameter", "limit",
                            "'limit' must be an integer between 1 and %d.", QUERY_LIMIT_MAX);
    query->limit = (int)value;
    query->ending_before = query_value(request, "endingBefore");
    if (query->ending_before == NULL)
        query->starting_after = query_value(request, "startingAfter");
    return query_time(request, "createdTime", &query->created_min_ms, &query->created_max_ms,
                      answer) &&
           query_time(request, "updatedTime", &query->updated_min_ms, &query->updated_max_ms,
                      answer);
}

void
query_ids_free(struct query_ids *ids)
{
    free(ids->ids);
    free(ids->text);
    memset(ids, 0, sizeof(*ids));
}

/* Cut one value into ids, at commas when they separate. */
static void
query_ids_split(char *value, bool is_comma, struct query_ids *out, int max)
{
    char *comma;

    do {
        comma = is_comma ? strchr(value, ',') : NULL;
        if (comma != NULL)
            *comma++ = '\0';
        if (*value != '\0') {
            if (out->count < max)
                out->ids[out->count] = value;
            out->count++;
        }
        value = comma;
    } while (value != NULL);
}

bool
query_ids_parse(const struct sandbox *sandbox, const struct request *request, const char *name,
                int64_t count_max, struct query_ids *out, struct answer *answer)
{
    int64_t mode = sandbox->switches.orders_ids;
    size_t bytes = 1;
    char *at;

    memset(out, 0, sizeof(*out));
    for (int i = 0; i < request->params_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            bytes += strlen(request->params[i].value) + 1;
    if (bytes == 1)
        return true; /* not given */
    out->text = malloc(bytes);
    out->ids = calloc(QUERY_IDS_MAX, sizeof(*out->ids));
    if (out->text == NULL || out->ids == NULL) {
        query_ids_free(out);
        answer_status(answer, 500);
        return false;
    }
    at = out->text;
    for (int i = 0; i < request->params_count; i++) {
        const struct param *param = &request->params[i];
        size_t length = strlen(param->value);

        if (strcmp(param->name, name) != 0)
            continue;
        /* A server that only knows commas reads the first one and doesn't see the others. */
        if (mode == ORDERS_IDS_COMMA && out->is_given)
            break;
        out->is_given = true;
        memcpy(at, param->value, length + 1);
        query_ids_split(at, mode != ORDERS_IDS_REPEAT, out, QUERY_IDS_MAX);
        at += length + 1;
    }
    if (count_max == 0)
        count_max = QUERY_IDS_MAX;
    if (out->count > count_max) {
        query_ids_free(out);
        return answer_error(answer, 400, "invalid_parameter", name,
                            "At most %lld values are allowed for '%s'.", (long long)count_max,
                            name);
    }
    return true;
}

static int
query_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

uint32_t
query_sort(uint32_t *numbers, uint32_t count)
{
    uint32_t used = 0;

    if (count == 0)
        return 0;
    qsort(numbers, count, sizeof(*numbers), query_compare);
    for (uint32_t i = 0; i < count; i++)
        if (used == 0 || numbers[used - 1] != numbers[i])
            numbers[used++] = numbers[i];
    return used;
}

/* How many candidates are below number. */
static uint32_t
query_lower(const uint32_t *candidates, uint32_t count, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = count;

    if (candidates == NULL)
        return number < count ? number : count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (candidates[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns false when the page is full: there is more. */
static bool
query_take(const struct query *query, uint32_t number, query_match_fn *match, void *ctx,
           struct query_page *out)
{
    if (!match(ctx, number))
        return true;
    if (out->count == query->limit) {
        out->has_more = true;
        return false;
    }
    out->numbers[out->count++] = number;
    return true;
}

void
query_select(const struct query *query, const uint32_t *candidates, uint32_t count, uint32_t cursor,
             query_match_fn *match, void *ctx, struct query_page *out)
{
    memset(out, 0, sizeof(*out));
    if (query->ending_before != NULL && cursor != STORE_NONE) {
        uint32_t i = query_lower(candidates, count, cursor + 1);

        for (; i < count; i++)
            if (!query_take(query, candidates == NULL ? i : candidates[i], match, ctx, out))
                break;
        for (int j = 0; j < out->count / 2; j++) {
            uint32_t swap = out->numbers[j];

            out->numbers[j] = out->numbers[out->count - 1 - j];
            out->numbers[out->count - 1 - j] = swap;
        }
        return;
    }
    for (uint32_t i = cursor == STORE_NONE ? count : query_lower(candidates, count, cursor);
         i-- > (candidates == NULL ? query->first : 0);)
        if (!query_take(query, candidates == NULL ? i : candidates[i], match, ctx, out))
            break;
}
