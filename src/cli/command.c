#include "cli/command.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/table.h"

#define COMMAND_CONNECT_TIMEOUT_MS   10000
#define COMMAND_STATEMENT_TIMEOUT_MS 600000 /* a report or a preview over years of history */

const struct option COMMAND_OPTIONS[] = {
    {"config", 'c', "FILE", "default: /etc/waybill/waybill.yaml, then conf/waybill.yaml"},
    {"log-level", 0, "LEVEL", "error, warn, info, debug or trace; default: the configuration's"},
    {"log-format", 0, "FORMAT", "logfmt or json; default: the configuration's"},
    {"quiet", 'q', NULL, "no summary line, and of the log only errors"},
    {"help", 'h', NULL, "this page"},
    {NULL, 0, NULL, NULL},
};

static const struct option init_options[] = {
    {"grant", 0, "ROLE", "let ROLE do what a run needs"},
    {"grant-reports", 0, "ROLE", "let ROLE read the reports, and call report and status"},
    {"grant-feed", 0, "ROLE", "let ROLE, the owner of the WMS's tables, install the feed"},
    {NULL, 0, NULL, NULL},
};
static const struct option baseline_options[] = {
    {"from", 0, "SOURCE", "nothing, warehouse, csv FILE or api"},
    {"before", 0, "TIME", "warehouse only: rows changed before, such as 2026-11-01"},
    {"shadow", 0, NULL, "begin in shadow mode: runs do everything but the POST"},
    {"dry-run", 0, NULL, "say what would be settled and what due then; change nothing"},
    {NULL, 0, NULL, NULL},
};
static const struct option plan_options[] = {
    {"explain", 0, "ORDER", "row by row, why each unit of ORDER is or isn't due"},
    {"json", 0, NULL, "an array of objects"},
    {NULL, 0, NULL, NULL},
};
static const struct option run_options[] = {
    {"sweep", 0, NULL, "read the whole relation first"},
    {"max-posts", 0, "N", "send at most N POSTs; 0: no limit; in place of run.max_posts"},
    {"order", 0, "ID", "this order only"},
    {NULL, 0, NULL, NULL},
};
static const struct option audit_options[] = {
    {"order", 0, "ID", "this order only, with the lines that agree"},
    {"since", 0, "TIME", "settled or changed since, such as 2026-11-01 or 36h; default: 7d"},
    {"all", 0, NULL, "every order that the ledger knows"},
    {"quick", 0, NULL, "list once; `missing` and `double` are then told, and not recorded"},
    {"json", 0, NULL, "one object: the counts, and the lines that differ"},
    {NULL, 0, NULL, NULL},
};
static const struct option status_options[] = {
    {"json", 0, NULL, "one object, for programs"},
    {"check", 0, NULL, "one line and the exit code of a Nagios or Icinga plugin"},
    {"max-age", 0, "AGE", "how long ago the last run may have ended: 90s, 26h; default: 15m"},
    {NULL, 0, NULL, NULL},
};
static const struct option report_options[] = {
    {"format", 0, "FORMAT", "table, csv or json; default: table"},
    {"id", 0, "ORDER", "of this order only; `report order` needs it"},
    {"html", 0, "FILE", "instead: one page with charts, for people; -: stdout"},
    {NULL, 0, NULL, NULL},
};
static const struct option recover_options[] = {
    {"this-database", 0, NULL, "this database is the ledger's place from now on"},
    {"this-api", 0, NULL, "api.base_url is where its API is from now on"},
    {"new-generation", 0, NULL, "commits were lost where no timeline shows it"},
    {"reason", 0, "TEXT", "why; kept with the decision"},
    {NULL, 0, NULL, NULL},
};
static const struct option prune_options[] = {
    {"keep", 0, "TIME", "what ended before goes: 90d, 12h; 0: all that is over"},
    {"forget", 0, "TIME", "of orders that are over for longer: tracking, messages and reasons"},
    {NULL, 0, NULL, NULL},
};
static const struct option decide_options[] = {
    {"kind", 0, "KIND", "without a target: all with an open discrepancy of this kind"},
    {"older-than", 0, "TIME", "without a target: all that are older, such as 2h"},
    {"reason", 0, "TEXT", "why, for the record"},
    {NULL, 0, NULL, NULL},
};
static const struct option dismiss_options[] = {
    {"kind", 0, "KIND", "without a target: all with an open discrepancy of this kind"},
    {"older-than", 0, "TIME", "without a target: all that are older, such as 2h"},
    {"reason", 0, "TEXT", "why, for the record; must be given"},
    {"units", 0, "WHAT", "settled: they count as posted (the default); due: planned anew"},
    {"force", 0, NULL, "also what may have been applied: look at the API first"},
    {NULL, 0, NULL, NULL},
};
static const struct option settle_options[] = {
    {"shipped", 0, "N", "shipped units that are settled"},
    {"cancelled", 0, "N", "cancelled units that are settled"},
    {"reason", 0, "TEXT", "why, for the record; must be given"},
    {NULL, 0, NULL, NULL},
};
static const struct option forget_options[] = {
    {"reason", 0, "TEXT", "why; kept with the decision, so without a name"},
    {NULL, 0, NULL, NULL},
};
static const struct option adopt_options[] = {
    {"reason", 0, "TEXT", "why, for the record; must be given"},
    {NULL, 0, NULL, NULL},
};
static const struct option pause_options[] = {
    {"reason", 0, "TEXT", "why, for the record"},
    {NULL, 0, NULL, NULL},
};
static const struct option resume_options[] = {
    {"live", 0, NULL, "end the shadow mode: post from now on; needs --reason"},
    {"reason", 0, "TEXT", "why, for the record"},
    {NULL, 0, NULL, NULL},
};
static const struct option no_options[] = {{NULL, 0, NULL, NULL}};

static const struct command commands[] = {
    {"init",
     "create or upgrade the ledger's schema",
     "[--grant ROLE] [--grant-feed ROLE] [--grant-reports ROLE]",
     "Creates the ledger in database.schema, or upgrades it; all of it or nothing. May be\n"
     "repeated. Run it as the role that is to own the ledger. The feed's triggers run with that\n"
     "role's rights, and call what the one who installs them likes: trust the ROLE of\n"
     "--grant-feed with them.",
     init_options,
     {"waybill init --grant waybill_worker --grant-feed wms",
      "waybill init --grant-reports grafana -c live.yaml"},
     0,
     false,
     init_command},
    {"check",
     "try the configuration, both connections and all that a run needs",
     "",
     "Reads the configuration, opens the ledger and the warehouse's relation, asks the API one\n"
     "question with the key, and says what would stop a run and how to mend it. Changes nothing.",
     no_options,
     {"waybill check", "waybill check -c /etc/waybill/test.yaml"},
     0,
     false,
     check_command},
    {"baseline",
     "say what is already settled",
     "--from nothing|warehouse|csv FILE|api [--before TIME]\n"
     "       [--shadow] [--dry-run]",
     "A new ledger posts nothing until it is told what happened before it. `nothing`: all that\n"
     "the warehouse shows is still to be posted. `warehouse`: all that it shows, or all that was\n"
     "changed before TIME, is settled and stays so. `csv`: what FILE says, with the header\n"
     "order_id,item_id,shipment_ref,shipped,cancelled. `api`: what the API shows of every order "
     "of\n"
     "the warehouse; may be stopped and said again. It is given once.",
     baseline_options,
     {"waybill baseline --from api --dry-run", "waybill baseline --from csv posted.csv --shadow"},
     1,
     false,
     baseline_command},
    {"plan",
     "what a run would post",
     "[--explain ORDER] [--json]",
     "Holds the warehouse against the ledger and shows what a run would post. Changes nothing,\n"
     "sends nothing, leaves the queue as it is. Orders without an order_id are\n"
     "listed by their upstream_id, and explained by it too. Orders that can't be read are left "
     "out\n"
     "and counted on stderr: exit 1.",
     plan_options,
     {"waybill plan", "waybill plan --explain 182917310336"},
     0,
     false,
     plan_command},
    {"run",
     "one pass: collect, reconcile, submit, resolve; then exit",
     "[--sweep] [--max-posts N] [--order ID]",
     "Looks at what changed, posts what is due, finds out what became of earlier posts, and\n"
     "exits. Several may run at a time, on any number of hosts. SIGTERM and SIGINT stop it\n"
     "cleanly within run.grace_ms.",
     run_options,
     {"waybill run", "waybill run --sweep --max-posts 10"},
     0,
     true,
     run_command},
    {"watch",
     "the same for ever, on an interval, until SIGTERM or SIGINT",
     "",
     "One pass after the other, watch.interval_ms apart. Outlives a lost database or API.",
     no_options,
     {"waybill watch", "waybill watch --log-format json"},
     0,
     true,
     watch_command},
    {"audit",
     "compare warehouse, ledger and API line by line",
     "[--order ID | --since TIME | --all] [--quick] [--json]",
     "Lists the fulfillments of orders at the API and adds them up: of orders with something\n"
     "open, settled or changed in the last 7 days, or a discrepancy. Those on their way are\n"
     "skipped. An order that has less than the ledger says, or something twice, is listed again\n"
     "after api.settle_ms before that is believed. Differences become discrepancies, which the\n"
     "audit that finds the line agreeing closes; nothing is mended.",
     audit_options,
     {"waybill audit", "waybill audit --order 182917310336"},
     0,
     false,
     audit_command},
    {"status",
     "is it working, what is left, and what to type next, in one screen",
     "[--json | --check] [--max-age AGE]",
     "What is stuck and why, what is at risk, what is safe, and the commands that help. Colours "
     "on\n"
     "a terminal only, and none with NO_COLOR. --check exits with 0 OK, 1 WARNING, 2 CRITICAL,\n"
     "3 UNKNOWN (the status itself can't be read).\n"
     "\n"
     "CRITICAL: a discrepancy double, missing, extra, ambiguous, payment or ledger is open; the\n"
     "ledger paused itself, or was filled from another API; the API refuses the key; the last run\n"
     "stopped with exit 3; no run for 4 times --max-age, and none works; a changed order is\n"
     "queued for as long; a submission waits for 24 h (not in shadow); an outcome is unknown for\n"
     "4 h beyond what is a WARNING; no database.\n"
     "WARNING: another discrepancy or a held submission; no baseline; paused by a person; no run\n"
     "for --max-age, or its exit was 4 or 5; an order is queued for --max-age, or waits as long\n"
     "for the API's answer; a submission waits for 4 h (not in shadow); an outcome is unknown\n"
     "for 15 min longer than api.send_within_ms, timeout_ms and settle_ms take together; no sweep\n"
     "for twice warehouse.sweep_interval_ms; the scan is 1 h behind; a transaction is open for\n"
     "1 h; a trigger of the feed is off, or there is none and no sweep for --max-age; the API\n"
     "blocks us, or POSTs fail one after the other; its events have not been read to the end for\n"
     "4 times --max-age and two follow.interval_ms.",
     status_options,
     {"waybill status", "waybill status --check --max-age 26h"},
     0,
     false,
     status_command},
    {"report",
     "one of the SQL reports",
     "[NAME] [--format FORMAT] [--id ORDER] | --html FILE",
     "NAME is one of the names that `waybill report` alone lists; the same rows are in the view\n"
     "report_NAME of the ledger's schema. `report order --id ORDER` tells an order's whole story.\n"
     "--html FILE writes one page that needs nothing else: the state, pace, latency, backlog and\n"
     "discrepancies. It replaces FILE as a whole, so that a web server may show it meanwhile.",
     report_options,
     {"waybill report line_items --format csv", "waybill report --html /var/www/waybill.html"},
     1,
     false,
     report_command},
    {"recover",
     "after a restore, a copy or a promotion: what differs, and the way back",
     "[--this-database | --this-api | --new-generation] [--reason TEXT]",
     "Without options: what the ledger recorded about its place, what is there, and what to do.\n"
     "With one of them the ledger begins a new generation, in which every order is looked for at\n"
     "the API before it gets a POST again, and stays paused until `waybill resume`. For the\n"
     "ledger's owner. A restore to a point in time and a promotion need nothing of it.",
     recover_options,
     {"waybill recover", "waybill recover --this-database --reason 'moved to db2'"},
     0,
     false,
     recover_command},
    {"prune",
     "drop old attempts, events and settled submissions",
     "[--keep TIME] [--forget TIME]",
     "Drops what ended longer than TIME ago, piece by piece. Units that are settled stay settled,\n"
     "and fulfillments stay explained; adjustments and decisions are kept for ever. --forget does\n"
     "what `waybill forget` does, to all orders that are complete, cancelled, returned or blocked\n"
     "at the API for longer than TIME. For the ledger's owner.",
     prune_options,
     {"waybill prune --keep 90d", "waybill prune --forget 30d"},
     0,
     false,
     prune_command},
    {"retry",
     "let what was held or refused go again, at once",
     "submission|marker|order|discrepancy ID [--kind KIND] [--older-than TIME]\n"
     "       [--reason TEXT]",
     "Held submissions are planned again with their attempts counted from 0; planned ones go with\n"
     "the next claim; the units of refused ones are planned anew. Where a discrepancy is about\n"
     "the warehouse's rows, its order is looked at again. Many at a time with --kind or\n"
     "--older-than in place of a target. Exit 1: something was refused, the table says why.",
     decide_options,
     {"waybill retry submission 17",
      "waybill retry --kind rejected --reason 'the catalogue is mended'"},
     2,
     false,
     retry_command},
    {"hold",
     "keep what is planned from being sent",
     "submission|marker|order|discrepancy ID [--kind KIND] [--older-than TIME]\n"
     "       [--reason TEXT]",
     "Planned submissions wait until somebody releases them, also when the warehouse changes "
     "them.\n"
     "What is being sent, or may have been applied, can't be held.",
     decide_options,
     {"waybill hold order 182917310336", "waybill hold submission 17 --reason 'wrong label'"},
     2,
     false,
     hold_command},
    {"release",
     "let what was held go again",
     "submission|marker|order|discrepancy ID [--kind KIND] [--older-than TIME]\n"
     "       [--reason TEXT]",
     "Held submissions are planned again. One that may have been applied is looked for at the API\n"
     "once more before it is sent.",
     decide_options,
     {"waybill release order 182917310336", "waybill release --older-than 2h"},
     2,
     false,
     release_command},
    {"dismiss",
     "say that nothing more is to be done about it",
     "submission|marker|order|discrepancy ID --reason TEXT [--kind KIND]\n"
     "       [--older-than TIME] [--units WHAT] [--force]",
     "Ends held and refused submissions, and discrepancies. The units count as settled, or with\n"
     "--units due are planned anew, unless a cause that lasts keeps them back. A dismissed\n"
     "discrepancy stays closed while its evidence is the same. What may have been applied needs\n"
     "--force.",
     dismiss_options,
     {"waybill dismiss discrepancy 4 --reason 'agreed with the shop'",
      "waybill dismiss submission 17 --units due --reason 'new address'"},
     2,
     false,
     dismiss_command},
    {"settle",
     "book units of a line as settled, by hand",
     "ORDER ITEM [--shipped N] [--cancelled N] --reason TEXT",
     "The units count as posted and are never sent. There is no way to take it back.",
     settle_options,
     {"waybill settle 182917310336 10001 --shipped 2 --reason 'posted by phone'",
      "waybill settle 182917310336 10002 --cancelled 1 --reason 'cancelled in the shop'"},
     2,
     false,
     settle_command},
    {"adopt",
     "book a fulfillment of the API's that somebody else made",
     "FULFILLMENT_ID --reason TEXT",
     "Asks the API for it and books its units as settled. One of our own settles its submission.",
     adopt_options,
     {"waybill adopt ful_123 --reason 'made in the dashboard'",
      "waybill adopt ful_456 --reason 'the old connector posted it'"},
     1,
     false,
     adopt_command},
    {"forget",
     "drop what is personal of an order; its units stay",
     "ORDER [--reason TEXT]",
     "Tracking, the API's messages and the reasons of decisions go from the ledger, and what the\n"
     "warehouse goes on showing of tracking is neither kept nor sent again. Counters, "
     "submissions,\n"
     "markers and ids stay, so nothing is due anew. What is still on its way, or open, loses its\n"
     "own when it is over. Where the API says requestToBeForgotten of an order, this is done by\n"
     "itself.",
     forget_options,
     {"waybill forget 182917310336 --reason 'the customer asked for it'",
      "waybill forget 182917310336"},
     1,
     false,
     forget_command},
    {"pause",
     "stop every host at its next claim",
     "[--reason TEXT]",
     "Runs end with exit 3 when what is in flight has settled; watch waits. Also in SQL:\n"
     "select waybill.pause('why').",
     pause_options,
     {"waybill pause --reason 'stock-taking'", "waybill pause"},
     0,
     false,
     pause_command},
    {"resume",
     "go on after a pause, or go live after the shadow mode",
     "[--live] [--reason TEXT]",
     "Back to what the ledger did before the pause. --live ends the shadow mode: from then on it\n"
     "posts, each order only after its fulfillments were listed.",
     resume_options,
     {"waybill resume", "waybill resume --live --reason 'the old connector is off'"},
     0,
     false,
     resume_command},
    {"version",
     "its version, and those of the libraries that it runs with",
     "",
     "Prints one line each.",
     no_options,
     {"waybill version", "waybill version | head -1"},
     0,
     false,
     version_command},
};

int
command_count(void)
{
    return (int)(sizeof(commands) / sizeof(commands[0]));
}

const struct command *
command_at(int index)
{
    return &commands[index];
}

const struct command *
command_find(const char *name)
{
    for (int i = 0; i < command_count(); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

const char *
command_nearest(const char *name)
{
    const char *names[sizeof(commands) / sizeof(commands[0]) + 1];
    int count = 0;

    while (count < command_count()) {
        names[count] = commands[count].name;
        count++;
    }
    names[count++] = "help";
    return options_nearest(name, names, count);
}

bool
command_setup_log(const struct options *options, const struct config *config, struct error *err)
{
    const char *level_text = options_get(options, "log-level");
    const char *format_text = options_get(options, "log-format");
    enum log_level level = config != NULL ? config->log.level : LOG_INFO;
    enum log_format format = config != NULL ? config->log.format : LOG_FORMAT_LOGFMT;

    if (options_has(options, "quiet"))
        level = LOG_ERROR;
    if (level_text != NULL && !log_level_parse(level_text, &level))
        return error_set(err, ERROR_USAGE,
                         "--log-level must be error, warn, info, debug or trace, got \"%s\"",
                         level_text);
    if (format_text != NULL && !log_format_parse(format_text, &format))
        return error_set(err, ERROR_USAGE, "--log-format must be logfmt or json, got \"%s\"",
                         format_text);
    log_setup(level, format);
    return true;
}

static const char *
command_config_path(const struct command_context *context, struct error *err)
{
    static const char *const usual[] = {"/etc/waybill/waybill.yaml", "conf/waybill.yaml"};
    const char *given = options_get(context->options, "config");

    if (given != NULL)
        return given;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (access(usual[i], F_OK) == 0)
            return usual[i];
    }
    error_set(err, ERROR_CONFIG, "no configuration: neither %s nor %s is there", usual[0],
              usual[1]);
    error_hint(err, "name one with --config FILE");
    return NULL;
}

bool
command_load_config(const struct command_context *context, struct config **out, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct config_problems *problems = NULL;
    const char *path = command_config_path(context, err);
    int count;

    if (path == NULL)
        return false;
    if (!config_load(path, &config, &problems, err)) {
        count = config_problems_count(problems);
        for (int i = 0; i < count; i++) {
            table_put_visible(stderr, config_problems_line(problems, i));
            (void)fputc('\n', stderr);
        }
        if (count > 0 && err->code == ERROR_CONFIG) {
            error_clear(err);
            error_set(err, ERROR_CONFIG, "%d mistake%s in %s", count, count == 1 ? "" : "s", path);
        }
        goto done;
    }
    if (!command_setup_log(context->options, config, err))
        goto done;
    *out = config;
    config = NULL;
    ok = true;

done:
    config_free(config);
    config_problems_free(problems);
    return ok;
}

bool
command_open_ledger(const struct config *config, const char *command, struct ledger **out,
                    struct error *err)
{
    char application[64];
    struct ledger_options options = {
        .url = config->database.url,
        .schema = config->database.schema,
        .application_name = application,
        .statement_timeout_ms = COMMAND_STATEMENT_TIMEOUT_MS,
        .connect_timeout_ms = COMMAND_CONNECT_TIMEOUT_MS,
    };

    (void)snprintf(application, sizeof(application), "waybill %s", command);
    return ledger_open(out, &options, err);
}

bool
command_open_warehouse(const struct config *config, struct ledger *ledger, struct warehouse **out,
                       struct error *err)
{
    return warehouse_open(ledger, config->warehouse.line_items,
                          config->warehouse.change_feed == CONFIG_FEED_SCAN, out, err);
}
