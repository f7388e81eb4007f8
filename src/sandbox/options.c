#include "sandbox/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/number.h"
#include "sandbox/faults.h"
#include "sandbox/switches.h"

/* Most lists of values are short; passing the bound is a mistake in a script. */
static bool
options_push(const char **list, int *count, int max, const char *name, const char *value,
             struct error *err)
{
    if (*count == max)
        return error_set(err, ERROR_USAGE, "%s: at most %d of them", name, max);
    list[(*count)++] = value;
    return true;
}

static bool
options_number(const char *name, const char *value, int64_t max, int64_t *out, struct error *err)
{
    if (!number_parse(value, 0, max, out))
        return error_set(err, ERROR_USAGE, "%s: must be 0..%lld, got \"%s\"", name, (long long)max,
                         value);
    return true;
}

static bool
options_key_env(struct options *options, const char *name, struct error *err)
{
    const char *key = getenv(name);

    if (key == NULL || *key == '\0')
        return error_set(err, ERROR_USAGE, "--key-env: there is no variable \"%s\"", name);
    return options_push(options->keys, &options->keys_count, OPTIONS_KEYS_MAX, "--key-env", key,
                        err);
}

static bool
options_take(struct options *options, const char *name, const char *value, struct error *err)
{
    if (strcmp(name, "--port") == 0)
        return options_number(name, value, 65535, &options->port, err);
    if (strcmp(name, "--seed") == 0)
        return options_number(name, value, INT64_MAX, &options->seed, err);
    if (strcmp(name, "--rate") == 0)
        return options_number(name, value, 1000000, &options->rate, err);
    if (strcmp(name, "--key-env") == 0)
        return options_key_env(options, value, err);
    if (strcmp(name, "--key") == 0)
        return options_push(options->keys, &options->keys_count, OPTIONS_KEYS_MAX, name, value,
                            err);
    if (strcmp(name, "--fault") == 0)
        return options_push(options->faults, &options->faults_count, OPTIONS_SPECS_MAX, name, value,
                            err);
    if (strcmp(name, "--switch") == 0)
        return options_push(options->switches, &options->switches_count, OPTIONS_SPECS_MAX, name,
                            value, err);
    if (strcmp(name, "--port-file") == 0)
        options->port_file = value;
    else if (strcmp(name, "--orders") == 0)
        options->orders_file = value;
    else if (strcmp(name, "--journal") == 0)
        options->journal_file = value;
    else
        return error_set(err, ERROR_USAGE, "unknown option \"%s\"", name);
    return true;
}

static bool
options_flag(struct options *options, const char *text)
{
    if (strcmp(text, "--live") == 0)
        options->is_live = true;
    else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
        options->is_help = true;
    else if (strcmp(text, "--version") == 0)
        options->is_version = true;
    else
        return false;
    return true;
}

bool
sandbox_options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    memset(options, 0, sizeof(*options));
    options->rate = -1;
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        char name[32];

        if (options_flag(options, argv[i]))
            continue;
        if (strncmp(argv[i], "--", 2) != 0)
            return error_set(err, ERROR_USAGE, "unknown argument \"%s\"", argv[i]);
        (void)snprintf(name, sizeof(name), "%.*s",
                       equals == NULL ? (int)strlen(argv[i]) : (int)(equals - argv[i]), argv[i]);
        if (equals == NULL && i + 1 == argc)
            return error_set(err, ERROR_USAGE, "%s: needs a value", name);
        if (!options_take(options, name, equals == NULL ? argv[++i] : equals + 1, err))
            return false;
    }
    if (options->keys_count == 0)
        options->keys[options->keys_count++] = "sk_test_sandbox";
    return true;
}

static void
options_help_switches(void)
{
    struct switches switches;
    struct buffer text;
    const char *help;

    switches_init(&switches);
    buffer_init(&text, 256);
    puts("\nSwitches (--switch NAME=VALUE, POST /_sandbox/switches), with their defaults:");
    for (int i = 0; switches_describe(&switches, i, &text, &help); i++) {
        printf("  %-28s %s\n", buffer_text(&text), help);
        buffer_reset(&text);
    }
    buffer_free(&text);
}

static void
options_help_faults(void)
{
    const struct fault_kind *kind;

    puts("\nFaults (--fault SPEC, POST /_sandbox/faults):\n"
         "  KIND=PROBABILITY[:ARG]       for each POST /fulfillments, by seed and number\n"
         "  first=N:KIND[:ARG]           for exactly the first N; several follow each other\n"
         "  SCOPE:...                    for other requests: get (any GET), list (GET\n"
         "                               /fulfillments), orders, events, update (POST\n"
         "                               /fulfillments/{id})\n"
         "  seed=N                       another seed\n"
         "Kinds; `503` is short for `503_before`; [get] also for GETs:");
    for (int i = 0; faults_describe(i, &kind); i++) {
        const char *help = kind->help;

        if (*help == '\0')
            help = kind->is_applied ? "applied all the same" : "nothing applied";
        printf("  %-16s %-5s %s", kind->name, kind->is_for_get ? "[get]" : "", help);
        if (kind->arg_initial != 0)
            printf(" (ARG: %lld)", (long long)kind->arg_initial);
        putchar('\n');
    }
}

void
sandbox_options_help(void)
{
    puts(
        "usage: waybill-sandbox [options]\n\n"
        "Behaves like the Fulfillments API of Digital River, version 2021-12-13, on loopback and\n"
        "in memory: orders, fulfillments, events, charges, errors, the rate limit, and faults on\n"
        "demand. Nothing is ever charged.\n\n"
        "Options:\n"
        "  --port N                     0: any free one (default); it is printed on stdout\n"
        "  --port-file FILE             the port alone, written once it listens\n"
        "  --key TEXT, --key-env NAME   accepted bearer keys (default sk_test_sandbox)\n"
        "  --live                       liveMode is true\n"
        "  --orders FILE                orders to begin with, one JSON object a line\n"
        "  --journal FILE               append one JSON line for each applied fulfillment\n"
        "  --seed N                     of ids and faults (default 0)\n"
        "  --rate N                     requests a second for one key; 0: no limit (default 250\n"
        "                               with --live, else 25); above it 429 and Retry-After\n"
        "  --fault SPEC, --switch NAME=VALUE   may be given several times\n"
        "  --help, --version\n\n"
        "Paths of the API:\n"
        "  POST /fulfillments, GET /fulfillments, GET|POST /fulfillments/{id}, GET /orders,\n"
        "  GET /orders/{id}, GET /events, GET /events/{id}, GET /charges/{id}\n\n"
        "Paths of the sandbox, without a key:\n"
        "  POST /_sandbox/orders        JSON lines or an array: {\"id\", \"upstreamId\"?, "
        "\"state\"?,\n"
        "                               \"items\": [{\"id\", \"quantity\", \"skuId\"?, "
        "\"price\"?}],\n"
        "                               \"authorization\"?: \"expired\", \"capture\"?: "
        "\"fail\"|\"pending\",\n"
        "                               \"cancel\"?: \"fail\"}; known ids are skipped\n"
        "  POST /_sandbox/orders/{id}   {\"state\", \"authorization\", \"capture\", \"cancel\",\n"
        "                               \"requestToBeForgotten\"}\n"
        "  POST /_sandbox/fulfillments  one made by hand in the Dashboard: no metadata, no faults\n"
        "  GET  /_sandbox/fulfillments  all of them, one JSON object a line, oldest first\n"
        "  GET  /_sandbox/applied       CSV: order_id,item_id,shipped,cancelled,posts\n"
        "  GET  /_sandbox/stats         requests, units, faults, doubles\n"
        "  POST /_sandbox/faults        SPECs separated by white space replace all; empty: none\n"
        "  POST /_sandbox/events        {\"type\", \"orderId\", \"object\"}: one of a fulfillment "
        "order,\n"
        "                               its object as JSON in a text\n"
        "  POST /_sandbox/clock         {\"advance_ms\"}: its clock goes on by so much\n"
        "  POST /_sandbox/switches      NAME=VALUE separated by white space");
    options_help_switches();
    options_help_faults();
}
