#include "sandbox/faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "sandbox/ident.h"

#define FAULTS_PER_SCOPE_MAX 64
#define FIRST_MAX            1000000000
#define ARG_MAX              86400000

static const struct fault_kind fault_kinds[] = {
    {"none", FAULT_NONE, 0, true, true, 0, "nothing; to let the first N pass"},
    {"drop_before", FAULT_CLOSE, 0, false, true, 0, "closed without an answer, nothing applied"},
    {"drop_after", FAULT_CLOSE, 0, true, false, 0, "applied, then closed without an answer"},
    {"reset_before", FAULT_RESET, 0, false, true, 0, "reset, nothing applied"},
    {"reset_after", FAULT_RESET, 0, true, false, 0, "applied, then reset"},
    {"408", FAULT_STATUS, 408, false, true, 0, ""},
    {"408_after", FAULT_STATUS, 408, true, false, 0, ""},
    {"429", FAULT_STATUS, 429, false, true, 1,
     "ARG seconds of Retry-After, in which the key is blocked; 0: no such header"},
    {"500_before", FAULT_STATUS, 500, false, true, 0, ""},
    {"500_after", FAULT_STATUS, 500, true, false, 0, ""},
    {"502_before", FAULT_STATUS, 502, false, true, 0, "an HTML page, as gateways send"},
    {"502_after", FAULT_STATUS, 502, true, false, 0, ""},
    {"503_before", FAULT_STATUS, 503, false, true, 0, "ARG seconds of Retry-After; 0: none"},
    {"503_after", FAULT_STATUS, 503, true, false, 0, "ARG seconds of Retry-After; 0: none"},
    {"504_before", FAULT_STATUS, 504, false, true, 0, ""},
    {"504_after", FAULT_STATUS, 504, true, false, 0, ""},
    {"401", FAULT_STATUS, 401, false, true, 0, "api_key_expired"},
    {"403_html", FAULT_PAGE, 403, false, true, 0, "a firewall's page"},
    {"403_api", FAULT_STATUS, 403, false, true, 0, "the API's own words"},
    {"400_html", FAULT_PAGE, 400, false, true, 0, "a gateway that takes no such request"},
    {"404_html", FAULT_PAGE, 404, false, true, 0, "a gateway that has nobody behind it"},
    {"404_api", FAULT_STATUS, 404, false, true, 0, "the API's own words"},
    {"409_html", FAULT_PAGE, 409, false, true, 0, "a conflict in nobody's words"},
    {"html", FAULT_PAGE, 200, false, true, 0, "status 200 and an HTML page, nothing applied"},
    {"slow", FAULT_SLOW, 0, true, true, 1000, "applied at once, answered after ARG ms"},
    {"hang", FAULT_HANG, 0, false, true, 0, "never answered, nothing applied"},
    {"hang_after", FAULT_HANG, 0, true, false, 0, "applied, never answered"},
    {"truncated", FAULT_TRUNCATED, 0, true, true, 0, "a body shorter than its Content-Length"},
    {"garbage", FAULT_GARBAGE, 0, true, true, 0, "a body that isn't JSON"},
    {"huge", FAULT_HUGE, 0, true, true, 64, "a body of ARG MB"},
    {"deep", FAULT_DEEP, 0, true, true, 100000, "ARG nested arrays"},
    {"no_id", FAULT_NO_ID, 0, true, false, 0, "201 without an id"},
    {"wrong_order", FAULT_WRONG_ORDER, 0, true, false, 0, "201 that names another order"},
    {"wrong_quantity", FAULT_WRONG_QUANTITY, 0, true, false, 0, "201 with another quantity"},
    {"wrong_live", FAULT_WRONG_LIVE, 0, true, false, 0, "201 with the other liveMode"},
    {"late", FAULT_LATE, 0, false, false, 1000, "503, 504 or closed now, applied ARG ms later"},
    {"list_lag_ms", FAULT_LIST_LAG, 0, true, false, 1000,
     "that fulfillment appears in lists ARG ms later"},
    {"list_empty_page", FAULT_LIST_EMPTY, 0, false, true, 0,
     "GET /fulfillments: an empty page; ARG 1: that says hasMore"},
};

#define FAULT_KINDS ((int)(sizeof(fault_kinds) / sizeof(fault_kinds[0])))

struct fault {
    int kind;
    double probability; /* of a random one */
    int64_t first;      /* of a `first`: how many are left */
    int64_t arg;
};

struct fault_list {
    struct fault random[FAULTS_PER_SCOPE_MAX];
    int random_count;
    struct fault first[FAULTS_PER_SCOPE_MAX];
    int first_count;
    double probability; /* of all random ones together */
    uint64_t asked;
};

struct faults {
    uint64_t seed;
    struct fault_list scopes[FAULT_SCOPES];
    double lag_probability;
    int64_t lag_ms;
    uint64_t lag_asked;
    int64_t counted[FAULT_KINDS];
};

static const char *const scope_names[FAULT_SCOPES] = {"post",   "get",    "list",
                                                      "orders", "events", "update"};

struct faults *
faults_new(uint64_t seed)
{
    struct faults *faults = calloc(1, sizeof(*faults));

    if (faults != NULL)
        faults->seed = seed;
    return faults;
}

void
faults_free(struct faults *faults)
{
    free(faults);
}

void
faults_clear(struct faults *faults)
{
    memset(faults->scopes, 0, sizeof(faults->scopes));
    faults->lag_probability = 0;
    faults->lag_asked = 0;
}

static bool
faults_kind_find(const char *name, enum fault_scope scope, int *out, struct error *err)
{
    size_t bytes = strlen(name);
    bool is_get = scope != FAULT_SCOPE_POST && scope != FAULT_SCOPE_UPDATE;

    for (int i = 0; i < FAULT_KINDS; i++) {
        const char *full = fault_kinds[i].name;

        /* `503` alone means `503_before`, as `drop` means `drop_before`. */
        if (strcmp(full, name) != 0 &&
            (strncmp(full, name, bytes) != 0 || strcmp(full + bytes, "_before") != 0))
            continue;
        if (is_get && !fault_kinds[i].is_for_get)
            return error_set(err, ERROR_USAGE, "fault \"%s\": not for GET", name);
        if (scope == FAULT_SCOPE_UPDATE && fault_kinds[i].shape >= FAULT_NO_ID)
            return error_set(err, ERROR_USAGE, "fault \"%s\": not for updates", name);
        if (scope != FAULT_SCOPE_LIST && fault_kinds[i].shape == FAULT_LIST_EMPTY)
            return error_set(err, ERROR_USAGE, "fault \"%s\": only as list:%s", name, name);
        *out = i;
        return true;
    }
    (void)error_set(err, ERROR_USAGE, "fault \"%s\": there is none of that name", name);
    error_hint(err, "waybill-sandbox --help lists them");
    return false;
}

/* 0, 1 or 0.123; strtod would take "inf", "1e-3" and a comma by locale. */
static bool
faults_probability_parse(const char *text, double *out)
{
    double value = 0;
    double scale = 0.1;

    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (*text - '0');
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++) {
            value += (*text - '0') * scale;
            scale /= 10;
        }
    }
    if (*text != '\0' || value > 1)
        return false;
    *out = value;
    return true;
}

static bool
faults_arg_parse(const char *text, const struct fault_kind *kind, int64_t *out, struct error *err)
{
    *out = kind->arg_initial;
    if (text != NULL && !number_parse(text, 0, ARG_MAX, out))
        return error_set(err, ERROR_USAGE, "fault %s: ARG must be 0..%d, got \"%s\"", kind->name,
                         ARG_MAX, text);
    return true;
}

static bool
faults_add_random(struct faults *faults, enum fault_scope scope, const char *name,
                  const char *probability, const char *arg, struct error *err)
{
    struct fault_list *list = &faults->scopes[scope];
    struct fault fault = {0};

    if (!faults_kind_find(name, scope, &fault.kind, err))
        return false;
    if (!faults_probability_parse(probability, &fault.probability))
        return error_set(err, ERROR_USAGE, "fault %s: probability must be 0..1, got \"%s\"", name,
                         probability);
    if (!faults_arg_parse(arg, &fault_kinds[fault.kind], &fault.arg, err))
        return false;
    if (fault_kinds[fault.kind].shape == FAULT_LIST_LAG) {
        faults->lag_probability = fault.probability;
        faults->lag_ms = fault.arg;
        return true;
    }
    if (list->probability + fault.probability > 1.0000001)
        return error_set(err, ERROR_USAGE, "fault %s: the probabilities sum up to more than 1",
                         name);
    if (list->random_count == FAULTS_PER_SCOPE_MAX)
        return error_set(err, ERROR_LIMIT, "fault %s: more than %d faults", name,
                         FAULTS_PER_SCOPE_MAX);
    list->probability += fault.probability;
    list->random[list->random_count++] = fault;
    return true;
}

static bool
faults_add_first(struct faults *faults, enum fault_scope scope, const char *count, const char *name,
                 const char *arg, struct error *err)
{
    struct fault_list *list = &faults->scopes[scope];
    struct fault fault = {0};

    if (name == NULL)
        return error_set(err, ERROR_USAGE, "fault first: must be first=N:KIND, got \"%s\"", count);
    if (!number_parse(count, 1, FIRST_MAX, &fault.first))
        return error_set(err, ERROR_USAGE, "fault first: N must be 1..%d, got \"%s\"", FIRST_MAX,
                         count);
    if (!faults_kind_find(name, scope, &fault.kind, err) ||
        !faults_arg_parse(arg, &fault_kinds[fault.kind], &fault.arg, err))
        return false;
    if (fault_kinds[fault.kind].shape == FAULT_LIST_LAG)
        return error_set(err, ERROR_USAGE, "fault list_lag_ms: needs a probability");
    if (list->first_count == FAULTS_PER_SCOPE_MAX)
        return error_set(err, ERROR_LIMIT, "fault first: more than %d", FAULTS_PER_SCOPE_MAX);
    list->first[list->first_count++] = fault;
    return true;
}

/* Cuts text at the first c and returns what follows; NULL without one. */
static char *
faults_cut(char *text, char c)
{
    char *at = strchr(text, c);

    if (at != NULL)
        *at++ = '\0';
    return at;
}

bool
faults_add(struct faults *faults, const char *spec, struct error *err)
{
    enum fault_scope scope = FAULT_SCOPE_POST;
    char text[128];
    char *name = text;
    char *value;
    char *arg;
    size_t bytes = strlen(spec);

    if (bytes >= sizeof(text))
        return error_set(err, ERROR_USAGE, "fault \"%.40s...\": too long", spec);
    memcpy(text, spec, bytes + 1);
    for (int i = 0; i < FAULT_SCOPES; i++) {
        size_t prefix = strlen(scope_names[i]);

        if (strncmp(text, scope_names[i], prefix) == 0 && text[prefix] == ':') {
            scope = (enum fault_scope)i;
            name = text + prefix + 1;
            break;
        }
    }
    value = faults_cut(name, '=');
    if (value == NULL)
        return error_set(err, ERROR_USAGE, "fault \"%s\": must be KIND=PROBABILITY[:ARG]", spec);
    if (strcmp(name, "seed") == 0) {
        int64_t seed;

        if (!number_parse(value, 0, INT64_MAX, &seed))
            return error_set(err, ERROR_USAGE, "fault seed: must be a number, got \"%s\"", value);
        faults->seed = (uint64_t)seed;
        return true;
    }
    arg = faults_cut(value, ':');
    if (strcmp(name, "first") == 0) {
        char *first_arg = arg == NULL ? NULL : faults_cut(arg, ':');

        return faults_add_first(faults, scope, value, arg, first_arg, err);
    }
    /* A list is what an empty page is made for; both spellings are meant so. */
    if (strcmp(name, "list_empty_page") == 0)
        scope = FAULT_SCOPE_LIST;
    return faults_add_random(faults, scope, name, value, arg, err);
}

/* In [0, 1), from the seed, a stream and a number in it. */
static double
faults_draw(const struct faults *faults, uint64_t stream, uint64_t number, uint64_t *random)
{
    uint64_t bits = ident_mix(ident_mix(faults->seed * 1000003 + stream) + number);

    if (random != NULL)
        *random = ident_mix(bits);
    return (double)(bits >> 11) / 9007199254740992.0;
}

static const struct fault *
faults_pick(struct faults *faults, enum fault_scope scope, uint64_t *random)
{
    struct fault_list *list = &faults->scopes[scope];
    double draw = faults_draw(faults, (uint64_t)scope, list->asked++, random);

    for (int i = 0; i < list->first_count; i++) {
        if (list->first[i].first > 0) {
            list->first[i].first--;
            return &list->first[i];
        }
    }
    for (int i = 0; i < list->random_count; i++) {
        if (draw < list->random[i].probability)
            return &list->random[i];
        draw -= list->random[i].probability;
    }
    return NULL;
}

const struct fault_kind *
faults_next(struct faults *faults, enum fault_scope scope, int64_t *arg, uint64_t *random)
{
    const struct fault *fault = faults_pick(faults, scope, random);

    if (fault == NULL && scope != FAULT_SCOPE_POST && scope != FAULT_SCOPE_UPDATE &&
        scope != FAULT_SCOPE_GET)
        fault = faults_pick(faults, FAULT_SCOPE_GET, random);
    if (fault == NULL || fault_kinds[fault->kind].shape == FAULT_NONE)
        return NULL;
    *arg = fault->arg;
    return &fault_kinds[fault->kind];
}

int64_t
faults_next_list_lag(struct faults *faults)
{
    if (faults->lag_probability <= 0)
        return 0;
    if (faults_draw(faults, FAULT_SCOPES, faults->lag_asked++, NULL) >= faults->lag_probability)
        return 0;
    for (int i = 0; i < FAULT_KINDS; i++)
        if (fault_kinds[i].shape == FAULT_LIST_LAG)
            faults->counted[i]++;
    return faults->lag_ms;
}

void
faults_count(struct faults *faults, const struct fault_kind *kind)
{
    faults->counted[kind - fault_kinds]++;
}

int64_t
faults_counted(const struct faults *faults, int index, const char **name)
{
    if (index >= FAULT_KINDS)
        return -1;
    *name = fault_kinds[index].name;
    return faults->counted[index];
}

bool
faults_describe(int index, const struct fault_kind **kind)
{
    if (index >= FAULT_KINDS)
        return false;
    *kind = &fault_kinds[index];
    return true;
}
