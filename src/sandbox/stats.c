#include "sandbox/stats.h"

#include <stdio.h>

#include "sandbox/sandbox.h"
#include "json/json.h"

static const char *const endpoint_names[ENDPOINTS] = {"POST /fulfillments",
                                                      "GET /fulfillments",
                                                      "GET /fulfillments/{id}",
                                                      "POST /fulfillments/{id}",
                                                      "GET /orders",
                                                      "GET /orders/{id}",
                                                      "GET /events",
                                                      "GET /events/{id}",
                                                      "GET /charges/{id}",
                                                      "other",
                                                      "/_sandbox"};

const char *
endpoint_name(enum endpoint endpoint)
{
    return endpoint_names[endpoint];
}

void
stats_request(struct stats *stats, enum endpoint endpoint, int status)
{
    stats->requests[endpoint][status < 0 || status >= STATS_STATUSES ? 0 : status]++;
}

static void
stats_write_requests(const struct stats *stats, struct json_writer *w)
{
    json_write_object(w, "requests");
    for (int i = 0; i < ENDPOINTS; i++) {
        bool is_open = false;

        for (int status = 0; status < STATS_STATUSES; status++) {
            char name[16];

            if (stats->requests[i][status] == 0)
                continue;
            if (!is_open)
                json_write_object(w, endpoint_names[i]);
            is_open = true;
            (void)snprintf(name, sizeof(name), "%d", status);
            json_write_int(w, status == 0 ? "none" : name, stats->requests[i][status]);
        }
        if (is_open)
            json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void
stats_write_settings(const struct sandbox *sandbox, struct json_writer *w)
{
    const char *help;
    struct buffer text;

    buffer_init(&text, 256);
    json_write_array(w, "switches");
    for (int i = 0; switches_describe(&sandbox->switches, i, &text, &help); i++) {
        json_write_text(w, NULL, buffer_text(&text));
        buffer_reset(&text);
    }
    json_write_end_array(w);
    buffer_free(&text);
}

void
stats_write(const struct sandbox *sandbox, struct json_writer *w)
{
    const struct stats *stats = &sandbox->stats;
    const char *name;
    int64_t counted;

    json_write_object(w, NULL);
    stats_write_requests(stats, w);
    json_write_object(w, "applied");
    json_write_int(w, "fulfillments", stats->applied);
    json_write_int(w, "units_shipped", stats->units_shipped);
    json_write_int(w, "units_cancelled", stats->units_cancelled);
    json_write_int(w, "foreign", stats->foreign);
    json_write_int(w, "late", stats->late_applied);
    json_write_end_object(w);
    json_write_int(w, "duplicate_markers", stats->duplicate_markers);
    json_write_int(w, "updates", stats->updates);
    json_write_int(w, "late_pending", stats->late_pending);
    json_write_int(w, "late_refused", stats->late_refused);
    json_write_int(w, "requests_while_blocked", stats->requests_while_blocked);
    json_write_int(w, "concurrent_posts", stats->concurrent_posts);
    json_write_object(w, "faults");
    for (int i = 0; (counted = faults_counted(sandbox->faults, i, &name)) >= 0; i++)
        if (counted > 0)
            json_write_int(w, name, counted);
    json_write_end_object(w);
    json_write_int(w, "orders", sandbox->store.orders_count);
    json_write_int(w, "fulfillments", sandbox->store.fulfillments_count);
    json_write_int(w, "events", sandbox->store.events_count);
    stats_write_settings(sandbox, w);
    json_write_end_object(w);
}
