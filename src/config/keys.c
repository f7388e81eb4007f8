#include "config/keys.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/form.h"

#define AT(member) offsetof(struct config, member)

enum { KEYS_NAME_MAX = 48, KEYS_EDITS_MAX = 3 };

const char *const KEYS_SECTIONS[KEYS_SECTIONS_COUNT] = {
    "database", "warehouse", "api", "retry", "run", "watch", "follow", "log",
};

/* clang-format off */
const struct keys_key KEYS[KEYS_COUNT] = {
    {"database.url", KEYS_TEXT, AT(database.url),
     .what = "a libpq URI or key=value text", .is_required = true, .is_secret = true,
     .help = "the warehouse's database, which also holds the ledger"},
    {"database.schema", KEYS_TEXT, AT(database.schema),
     .what = FORM_SCHEMA, .form = form_schema, .initial = "waybill",
     .help = "the ledger's schema; several ledgers can live in one database"},

    {"warehouse.line_items", KEYS_TEXT, AT(warehouse.line_items),
     .what = FORM_RELATION, .form = form_relation, .is_required = true,
     .help = "table, view or function with what was shipped and cancelled"},
    {"warehouse.change_feed", KEYS_CHOICE, AT(warehouse.change_feed),
     .choices = "queue|scan", .initial = "queue",
     .help = "how changes are noticed: triggers fill a queue, or changed_at is scanned"},
    {"warehouse.scan_overlap_ms", KEYS_INT, AT(warehouse.scan_overlap_ms),
     .min = 0, .max = 86400000, .initial = "60000",
     .help = "scan only: how far a scan looks back behind its watermark"},
    {"warehouse.sweep_interval_ms", KEYS_INT, AT(warehouse.sweep_interval_ms),
     .min = 0, .max = 2678400000, .initial = "86400000",
     .help = "a run reads the whole relation when the last time is longer ago; 0: never"},
    {"warehouse.on_decrease", KEYS_CHOICE, AT(warehouse.on_decrease),
     .choices = "discrepancy|note", .initial = "discrepancy",
     .help = "units that go down after posting: call a person, or only record it"},
    {"warehouse.order_state_function", KEYS_TEXT, AT(warehouse.order_state_function),
     .what = FORM_RELATION, .form = form_relation,
     .help = "function(order_id text, state text, at timestamptz) that is told each order's state"},

    {"api.provider", KEYS_TEXT, AT(api.provider),
     .choices = CONFIG_PROVIDERS, .initial = "digitalriver",
     .help = "whose API it is"},
    {"api.base_url", KEYS_TEXT, AT(api.base_url),
     .what = FORM_URL, .form = form_url, .is_required = true,
     .help = "where the API is; plain http only to loopback, or with allow_insecure"},
    {"api.allow_insecure", KEYS_BOOL, AT(api.allow_insecure),
     .initial = "false",
     .help = "true: plain http to any host, which shows the key to the network"},
    {"api.key_file", KEYS_TEXT, AT(api.key_file),
     .what = "the path of a file", .is_secret = true,
     .help = "file with the secret key, mode 600 or 640; this or key_env"},
    {"api.key_env", KEYS_TEXT, AT(api.key_env),
     .what = FORM_VARIABLE, .form = form_variable, .is_secret = true,
     .help = "name of the environment variable with the secret key; this or key_file"},
    {"api.mode", KEYS_CHOICE, AT(api.mode),
     .choices = "live|test", .is_required = true,
     .help = "which kind of key it is; every answer's liveMode is compared"},
    {"api.ca_file", KEYS_TEXT, AT(api.ca_file),
     .what = "the path of a file",
     .help = "certificate authorities to trust in place of the system's"},
    {"api.version", KEYS_TEXT, AT(api.version),
     .what = FORM_VERSION, .form = form_version, .initial = "2021-12-13",
     .help = "the API's version, sent with every request"},
    {"api.requests_per_second", KEYS_INT, AT(api.requests_per_second),
     .min = 1, .max = 1000000, .initial = "100",
     .help = "of all hosts together; the API limits the key, which the shop may use too"},
    {"api.max_in_flight", KEYS_INT, AT(api.max_in_flight),
     .min = 1, .max = 256, .initial = "32",
     .help = "requests at a time from this host"},
    {"api.connect_timeout_ms", KEYS_INT, AT(api.connect_timeout_ms),
     .min = 100, .max = 60000, .initial = "5000",
     .help = "for the connection and its TLS handshake"},
    {"api.timeout_ms", KEYS_INT, AT(api.timeout_ms),
     .min = 100, .max = 600000, .initial = "65000",
     .help = "for a whole request; what takes longer has an unknown outcome"},
    {"api.send_within_ms", KEYS_INT, AT(api.send_within_ms),
     .min = 1000, .max = 600000, .is_freer_on_loopback = true, .min_loopback = 1,
     .initial = "5000",
     .help = "a claim that has not left by then is given back"},
    {"api.settle_ms", KEYS_INT, AT(api.settle_ms),
     .min = 60000, .max = 86400000, .is_freer_on_loopback = true, .min_loopback = 0,
     .initial = "900000",
     .help = "after an unknown outcome, how long \"not found\" is not yet believed"},
    {"api.second_marker", KEYS_CHOICE, AT(api.second_marker),
     .choices = "none|shipment_id", .initial = "none",
     .help = "shipment_id: send the marker as shipmentId too, where the row has none"},
    {"api.order_gate", KEYS_BOOL, AT(api.order_gate),
     .initial = "true",
     .help = "false: post without asking for the order's state first"},
    {"api.unknown_order_grace_ms", KEYS_INT, AT(api.unknown_order_grace_ms),
     .min = 0, .max = 2678400000, .initial = "86400000",
     .help = "how long an order that the API doesn't know may wait before it is a discrepancy"},

    {"retry.first_delay_ms", KEYS_INT, AT(retry.first_delay_ms),
     .min = 1, .max = 600000, .initial = "1000",
     .help = "after the first failure; doubles with each, with jitter"},
    {"retry.max_delay_ms", KEYS_INT, AT(retry.max_delay_ms),
     .min = 1, .max = 86400000, .initial = "600000",
     .help = "where the doubling ends; not below first_delay_ms"},
    {"retry.max_attempts", KEYS_INT, AT(retry.max_attempts),
     .min = 1, .max = 1000, .initial = "20",
     .help = "then the submission is held, with a discrepancy"},

    {"run.max_posts", KEYS_INT, AT(run.max_posts),
     .min = 0, .max = 1000000000, .initial = "0",
     .help = "a guard: at most so many POSTs in one run; 0: no limit"},
    {"run.max_units_per_line", KEYS_INT, AT(run.max_units_per_line),
     .min = 0, .max = 1000000000, .initial = "0",
     .help = "a guard: a line with more units due is a discrepancy; 0: no limit"},
    {"run.max_ms", KEYS_INT, AT(run.max_ms),
     .min = 0, .max = 86400000, .initial = "0",
     .help = "time box of one run, the rest stays planned; 0: no limit"},
    {"run.overlap", KEYS_CHOICE, AT(run.overlap),
     .choices = "join|skip", .initial = "join",
     .help = "when another run of this host is active: work beside it, or leave"},
    {"run.grace_ms", KEYS_INT, AT(run.grace_ms),
     .min = 0, .max = 3600000, .initial = "70000",
     .help = "at a stop, for what is in flight; shorter than timeout_ms makes unknowns"},
    {"run.batch_rows", KEYS_INT, AT(run.batch_rows),
     .min = 1, .max = 1000, .initial = "200",
     .help = "orders planned in one transaction"},

    {"watch.interval_ms", KEYS_INT, AT(watch.interval_ms),
     .min = 10, .max = 3600000, .initial = "1000",
     .help = "from the end of a pass to the next"},

    {"follow.events", KEYS_BOOL, AT(follow.events),
     .initial = "true",
     .help = "false: the API's events are not read; orders' states are only asked for"},
    {"follow.interval_ms", KEYS_INT, AT(follow.interval_ms),
     .min = 100, .max = 86400000, .initial = "60000",
     .help = "watch: how often events are read; how long a waiting order is not asked for again"},

    {"log.level", KEYS_CHOICE, AT(log.level),
     .choices = "error|warn|info|debug|trace", .initial = "info",
     .help = "the least important lines that are written"},
    {"log.format", KEYS_CHOICE, AT(log.format),
     .choices = "logfmt|json", .initial = "logfmt",
     .help = "of log lines on stderr"},

    {"metrics_file", KEYS_TEXT, AT(metrics_file),
     .what = "the path of a file",
     .help = "numbers for Prometheus: written after each run, and every 15 s meanwhile"},
};
/* clang-format on */

int
keys_find(const char *name)
{
    for (int i = 0; i < KEYS_COUNT; i++) {
        if (strcmp(KEYS[i].name, name) == 0)
            return i;
    }
    return -1;
}

int
keys_find_section(const char *name, size_t name_bytes)
{
    for (int i = 0; i < KEYS_SECTIONS_COUNT; i++) {
        if (strlen(KEYS_SECTIONS[i]) == name_bytes &&
            memcmp(KEYS_SECTIONS[i], name, name_bytes) == 0)
            return i;
    }
    return -1;
}

/* Levenshtein's distance; anything longer than a name can be is far away. */
static int
keys_distance(const char *a, const char *b)
{
    int row[KEYS_NAME_MAX + 1];
    int a_count = (int)strnlen(a, KEYS_NAME_MAX + 1);
    int b_count = (int)strnlen(b, KEYS_NAME_MAX + 1);

    if (a_count > KEYS_NAME_MAX || b_count > KEYS_NAME_MAX)
        return KEYS_NAME_MAX;
    for (int j = 0; j <= b_count; j++)
        row[j] = j;
    for (int i = 1; i <= a_count; i++) {
        int corner = row[0];

        row[0] = i;
        for (int j = 1; j <= b_count; j++) {
            int best = corner + (a[i - 1] == b[j - 1] ? 0 : 1);

            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[b_count];
}

const char *
keys_nearest(const char *name)
{
    const char *last = strrchr(name, '.');
    const char *best = NULL;
    int best_distance = KEYS_EDITS_MAX + 1;

    for (int i = 0; i < KEYS_SECTIONS_COUNT && last == NULL; i++) {
        int distance = keys_distance(name, KEYS_SECTIONS[i]);

        if (distance < best_distance && distance < (int)strlen(KEYS_SECTIONS[i])) {
            best = KEYS_SECTIONS[i];
            best_distance = distance;
        }
    }
    for (int i = 0; i < KEYS_COUNT; i++) {
        const char *dot = strrchr(KEYS[i].name, '.');
        const char *key = dot == NULL ? KEYS[i].name : dot + 1;
        int distance = keys_distance(name, KEYS[i].name);

        /* The right key in another section, or in none. */
        if (strcmp(last == NULL ? name : last + 1, key) == 0)
            distance = 1;
        if (distance < best_distance && distance < (int)strlen(key)) {
            best = KEYS[i].name;
            best_distance = distance;
        }
    }
    return best;
}

int
keys_choice(const char *choices, const char *value)
{
    size_t count = strlen(value);
    int place = 0;

    for (const char *at = choices; at != NULL; place++) {
        size_t length = strcspn(at, "|");

        if (length == count && memcmp(at, value, count) == 0)
            return place;
        at = at[length] == '|' ? at + length + 1 : NULL;
    }
    return -1;
}

static void
keys_range_choices(const char *choices, char *out, size_t out_bytes)
{
    size_t used = 0;

    out[0] = '\0';
    while (*choices != '\0' && used < out_bytes) {
        size_t length = strcspn(choices, "|");
        const char *rest = choices[length] == '|' ? choices + length + 1 : choices + length;
        const char *join = *rest == '\0' ? "" : strchr(rest, '|') == NULL ? " or " : ", ";
        int wrote = snprintf(out + used, out_bytes - used, "%.*s%s", (int)length, choices, join);

        used += (size_t)wrote;
        choices = rest;
    }
}

void
keys_range(const struct keys_key *key, bool is_loopback, char *out, size_t out_bytes)
{
    int64_t min = key->min;

    if (key->choices != NULL) {
        keys_range_choices(key->choices, out, out_bytes);
        return;
    }
    switch (key->type) {
    case KEYS_INT:
        if (is_loopback && key->is_freer_on_loopback)
            min = key->min_loopback;
        (void)snprintf(out, out_bytes, "a whole number %lld..%lld", (long long)min,
                       (long long)key->max);
        break;
    case KEYS_BOOL:
        (void)snprintf(out, out_bytes, "true or false");
        break;
    case KEYS_CHOICE:
    case KEYS_TEXT:
        (void)snprintf(out, out_bytes, "%s", key->what);
        break;
    }
}
