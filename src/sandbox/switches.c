#include "sandbox/switches.h"

#include <stddef.h>
#include <string.h>

#include "base/number.h"

struct switch_row {
    const char *name;
    size_t offset;
    const char *words[4]; /* words[0] NULL: a whole number */
    int64_t max;
    int64_t initial;
    const char *help;
};

#define AT(field) offsetof(struct switches, field)

static const struct switch_row switch_rows[] = {
    {"list_metadata",
     AT(list_metadata),
     {"off", "on"},
     0,
     1,
     "lists of fulfillments show metadata"},
    {"event_metadata", AT(event_metadata), {"off", "on"}, 0, 1, "events show metadata"},
    {"quantity_check",
     AT(quantity_check),
     {"cumulative", "request", "off"},
     0,
     QUANTITY_CUMULATIVE,
     "units are checked against all that was applied, this request alone, or not at all"},
    {"unknown_order", AT(unknown_order), {"404", "400"}, 0, 0, "status of an unknown orderId"},
    {"duplicate_item",
     AT(duplicate_item),
     {"refuse", "accept"},
     0,
     0,
     "one itemId twice in a request"},
    {"orders_ids",
     AT(orders_ids),
     {"both", "comma", "repeat"},
     0,
     ORDERS_IDS_BOTH,
     "how ids= may be given; what isn't understood is ignored"},
    {"orders_ids_max", AT(orders_ids_max), {NULL}, 100000, 0, "more ids are refused; 0: no limit"},
    {"list_lag_ms",
     AT(list_lag_ms),
     {NULL},
     86400000,
     0,
     "a new fulfillment appears in lists so much later"},
    {"state_lag_ms",
     AT(state_lag_ms),
     {NULL},
     86400000,
     50,
     "an order's state follows a fulfillment so much later"},
    {"shipment_id_unique",
     AT(shipment_id_unique),
     {"off", "on"},
     0,
     0,
     "a second use of a shipmentId is a conflict"},
    {"items_max", AT(items_max), {NULL}, 100000, 0, "lines in one request; 0: no limit"},
    {"latency_ms", AT(latency_ms), {NULL}, 600000, 0, "every answer waits so long"},
    {"time_digits", AT(time_digits), {NULL}, 6, 3, "digits of a second in times: 0, 3 or 6"},
    {"content_type", AT(content_type), {"any", "json"}, 0, 1, "Content-Type that a POST may have"},
    {"order_events",
     AT(order_events),
     {"off", "on"},
     0,
     1,
     "a loaded order makes an event of its state"},
    {"events_late_ms",
     AT(events_late_ms),
     {NULL},
     86400000,
     0,
     "every third event shows so much later, behind those made after it"},
    {"events_keep_ms",
     AT(events_keep_ms),
     {NULL},
     2592000000,
     0,
     "older events are gone from the feed; 0: none"},
    {"list_repeat",
     AT(list_repeat),
     {"off", "on"},
     0,
     0,
     "a page of fulfillments begins with the last one of the page before"},
    {"list_max",
     AT(list_max),
     {NULL},
     100,
     0,
     "a page of fulfillments has no more than so many, whatever is asked for; 0: no limit"},
    {"events_repeat",
     AT(events_repeat),
     {"off", "on"},
     0,
     0,
     "a page of events begins with the last one of the page before"},
};

#define SWITCH_ROWS ((int)(sizeof(switch_rows) / sizeof(switch_rows[0])))
#define WORDS_MAX   4

static void
switch_store(struct switches *switches, const struct switch_row *row, int64_t value)
{
    memcpy((char *)switches + row->offset, &value, sizeof(value));
}

void
switches_init(struct switches *switches)
{
    for (int i = 0; i < SWITCH_ROWS; i++)
        switch_store(switches, &switch_rows[i], switch_rows[i].initial);
}

static bool
switch_parse(const struct switch_row *row, const char *text, int64_t *value)
{
    if (row->words[0] == NULL)
        return number_parse(text, 0, row->max, value);
    for (int i = 0; i < WORDS_MAX && row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool
switch_refuse(const struct switch_row *row, const char *text, struct error *err)
{
    if (row->words[0] == NULL)
        return error_set(err, ERROR_USAGE, "switch %s: must be 0..%lld, got \"%s\"", row->name,
                         (long long)row->max, text);
    return error_set(err, ERROR_USAGE, "switch %s: must be %s, %s%s%s, got \"%s\"", row->name,
                     row->words[0], row->words[1], row->words[2] == NULL ? "" : " or ",
                     row->words[2] == NULL ? "" : row->words[2], text);
}

bool
switches_set(struct switches *switches, const char *spec, struct error *err)
{
    const char *equals = strchr(spec, '=');

    if (equals == NULL)
        return error_set(err, ERROR_USAGE, "switch \"%s\": must be NAME=VALUE", spec);
    for (int i = 0; i < SWITCH_ROWS; i++) {
        const struct switch_row *row = &switch_rows[i];
        int64_t value;

        if (strlen(row->name) != (size_t)(equals - spec) ||
            strncmp(row->name, spec, (size_t)(equals - spec)) != 0)
            continue;
        if (!switch_parse(row, equals + 1, &value))
            return switch_refuse(row, equals + 1, err);
        switch_store(switches, row, value);
        return true;
    }
    (void)error_set(err, ERROR_USAGE, "switch \"%s\": there is none of that name", spec);
    error_hint(err, "waybill-sandbox --help lists them");
    return false;
}

bool
switches_describe(const struct switches *switches, int index, struct buffer *out, const char **help)
{
    const struct switch_row *row;
    int64_t value;

    if (index < 0 || index >= SWITCH_ROWS)
        return false;
    row = &switch_rows[index];
    memcpy(&value, (const char *)switches + row->offset, sizeof(value));
    if (row->words[0] == NULL)
        (void)buffer_printf(out, "%s=%lld", row->name, (long long)value);
    else
        (void)buffer_printf(out, "%s=%s", row->name, row->words[value]);
    *help = row->help;
    return true;
}
