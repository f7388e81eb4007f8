/*
 * config — one YAML file to one checked struct, or all that is wrong with it at once.
 *
 * Every key is a row of one table (keys.c). A key that isn't there is refused as
 * unknown, so no key is accepted that does nothing.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"

enum config_feed { CONFIG_FEED_QUEUE, CONFIG_FEED_SCAN };
enum config_decrease { CONFIG_DECREASE_DISCREPANCY, CONFIG_DECREASE_NOTE };
enum config_mode { CONFIG_MODE_LIVE, CONFIG_MODE_TEST };
enum config_marker { CONFIG_MARKER_NONE, CONFIG_MARKER_SHIPMENT_ID };
enum config_overlap { CONFIG_OVERLAP_JOIN, CONFIG_OVERLAP_SKIP };

/* Defaults are filled in; texts are owned by the struct, NULL for an optional one that isn't given.
 */
struct config {
    struct {
        char *url; /* never shown */
        char *schema;
    } database;
    struct {
        char *line_items;        /* as written */
        char *line_items_schema; /* unquoted, folded as PostgreSQL does; NULL: by search_path */
        char *line_items_name;
        enum config_feed change_feed;
        int64_t scan_overlap_ms;
        int64_t sweep_interval_ms; /* 0: never */
        enum config_decrease on_decrease;
        char *order_state_function; /* optional; as written */
    } warehouse;
    struct {
        char *provider;
        char *base_url; /* no slash at the end */
        bool is_loopback;
        bool allow_insecure;
        char *key_file; /* one of the two; never shown */
        char *key_env;
        enum config_mode mode;
        char *ca_file; /* optional */
        char *version;
        int64_t requests_per_second;
        int64_t max_in_flight;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t send_within_ms;
        int64_t settle_ms;
        enum config_marker second_marker;
        bool order_gate;
        int64_t unknown_order_grace_ms;
    } api;
    struct {
        int64_t first_delay_ms;
        int64_t max_delay_ms; /* never below first_delay_ms */
        int64_t max_attempts;
    } retry;
    struct {
        int64_t max_posts;          /* 0: no limit */
        int64_t max_units_per_line; /* 0: no limit */
        int64_t max_ms;             /* 0: no limit */
        enum config_overlap overlap;
        int64_t grace_ms;
        int64_t batch_rows;
    } run;
    struct {
        int64_t interval_ms;
    } watch;
    struct {
        bool events;
        int64_t interval_ms;
    } follow;
    struct {
        enum log_level level;
        enum log_format format;
    } log;
    char *metrics_file; /* optional */
};

struct config_problems; /* what is wrong, in the order of the file */

/* False: err sums up in one line, and *problems (both may be NULL before, *problems may be NULL
 * after) has every `FILE:LINE:COL: key: must be ..., got "..."`. The caller frees either. */
bool config_load(const char *path, struct config **out, struct config_problems **problems,
                 struct error *err);

/* The same for text in memory; path is only for the messages. */
bool config_parse(const char *bytes, size_t count, const char *path, struct config **out,
                  struct config_problems **problems, struct error *err);
void config_free(struct config *config); /* NULL is fine */

int config_problems_count(const struct config_problems *problems); /* 0 for NULL */
const char *config_problems_line(const struct config_problems *problems, int index);
void config_problems_free(struct config_problems *problems); /* NULL is fine */

/* The key itself, from api.key_file or the variable that api.key_env names. Errors name only the
 * setting. */
bool config_load_key(const struct config *config, struct secret **out, struct error *err);

/* One key for a manual. */
struct config_key_text {
    const char *name;    /* "api.timeout_ms" */
    const char *initial; /* the default; NULL for none */
    const char *help;
    bool is_required; /* api.key_file and api.key_env: one of the two */
    char range[160];  /* "a whole number 100..600000", "live or test" */
};

int config_keys_count(void);
void config_key_describe(int index, struct config_key_text *out);

/* "0.2.5" */
const char *config_library_version(void);

#endif
