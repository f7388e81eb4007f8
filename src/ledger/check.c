#include "ledger/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/recover.h"
#include "ledger/statements.h"

#define CHECK_FINDINGS_MAX       200
#define CHECK_SERVER_VERSION_MIN 140000 /* create or replace trigger */
#define CHECK_QUEUE_SECONDS      900
#define CHECK_SNAPSHOT_SECONDS   3600
#define CHECK_GRANTS_SHOWN       20
#define CHECK_UNFED_SHOWN        3

bool
check_add(struct check_list *list, enum check_level level, const char *what, const char *mend,
          const char *fmt, ...)
{
    struct check_finding *finding;
    char detail[sizeof(finding->detail)];
    va_list args;

    if (list->count == CHECK_FINDINGS_MAX)
        return true; /* the first ones say enough */
    if (list->count == list->capacity) {
        int capacity = list->capacity == 0 ? 16 : 2 * list->capacity;

        finding = realloc(list->list, (size_t)capacity * sizeof(*finding));
        if (finding == NULL)
            return false;
        list->list = finding;
        list->capacity = capacity;
    }
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    finding = &list->list[list->count++];
    finding->level = level;
    text_copy_clean(finding->what, sizeof(finding->what), what);
    text_copy_clean(finding->detail, sizeof(finding->detail), detail);
    text_copy_clean(finding->mend, sizeof(finding->mend), mend);
    return true;
}

void
check_free(struct check_list *list)
{
    free(list->list);
    *list = (struct check_list){.list = NULL};
}

bool
check_no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "no memory for the list of findings");
}

/* ---------------------------------------------------------------------------- the server */

static bool
check_durability(const struct pg_rows *rows, struct check_list *out)
{
    const char *commit = pg_rows_text(rows, 0, 3);

    if (!check_add(out, CHECK_OK, "durability", "",
                   "commits wait for the disk: synchronous_commit is %s", commit))
        return false;
    if (!pg_rows_bool(rows, 0, 4) &&
        !check_add(out, CHECK_WARN, "durability",
                   "alter system set full_page_writes = on; select pg_reload_conf()",
                   "full_page_writes is off: a crash may break the ledger's pages"))
        return false;
    if (pg_rows_int(rows, 0, 5) > 0 && pg_rows_text(rows, 0, 6)[0] == '\0')
        return check_add(
            out, CHECK_WARN, "durability",
            "alter system set synchronous_standby_names = '*'; select pg_reload_conf()",
            "%lld standbys, none synchronous: what a failover loses is looked up at the API, order "
            "by order, before anything is sent",
            (long long)pg_rows_int(rows, 0, 5));
    return true;
}

static bool
check_server(struct ledger *ledger, bool is_scan, struct check_list *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    char mend[160];
    bool ok;

    if (!pg_run(ledger_pg(ledger), &stmt_check_server, NULL, &rows, err))
        return false;
    ok = pg_rows_int(rows, 0, 0) < CHECK_SERVER_VERSION_MIN
             ? check_add(out, CHECK_FAIL, "server", "", "PostgreSQL %s is too old: 14 is needed",
                         pg_rows_text(rows, 0, 1))
             : check_add(out, CHECK_OK, "server", "", "PostgreSQL %s, as %s",
                         pg_rows_text(rows, 0, 1), pg_rows_text(rows, 0, 7));
    if (ok && pg_rows_bool(rows, 0, 2))
        ok = check_add(out, CHECK_FAIL, "server", "",
                       "this is a standby: add target_session_attrs=read-write to database.url");
    if (ok && pg_is_pooled(ledger_pg(ledger)))
        ok = check_add(out, CHECK_WARN, "pooler", "",
                       "a pooler stands between: it must be in session mode");
    ok = ok && check_durability(rows, out);
    (void)snprintf(mend, sizeof(mend), "grant pg_read_all_stats to %s", pg_rows_text(rows, 0, 7));
    if (ok && is_scan && !pg_rows_bool(rows, 0, 9))
        ok = check_add(out, CHECK_FAIL, "privileges", mend,
                       "change_feed: scan needs to see when other sessions' transactions began");
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

/* ---------------------------------------------------------------------------- the ledger */

static bool
check_mode(const char *mode, const char *reason, bool has_paused_itself, struct check_list *out)
{
    if (strcmp(mode, "new") == 0)
        return check_add(out, CHECK_FAIL, "baseline", "waybill baseline --from api",
                         "nobody has said yet what is settled already: 'run' refuses; --from "
                         "nothing is the word for a warehouse without history");
    if (has_paused_itself)
        return check_add(out, CHECK_FAIL, "mode", "waybill recover",
                         "the ledger stopped itself: %s; don't resume before that is understood",
                         reason);
    if (strcmp(mode, "paused") == 0)
        return check_add(out, CHECK_FAIL, "mode", "waybill resume", "the ledger is paused: %s",
                         reason);
    if (strcmp(mode, "shadow") == 0)
        return check_add(out, CHECK_WARN, "mode", "",
                         "the ledger is in shadow mode: nothing is posted");
    return check_add(out, CHECK_OK, "mode", "", "the ledger is %s", mode);
}

static bool
check_identity(struct ledger *ledger, struct check_list *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    bool ok;

    if (!pg_run(ledger_pg(ledger), &stmt_check_identity, NULL, &rows, err))
        return false;
    if (pg_rows_count(rows) != 1) {
        pg_rows_free(rows);
        return error_set(err, ERROR_STATE, "the ledger's identity is gone");
    }
    ok = check_add(out, CHECK_OK, "schema", "", "\"%s\" is version %lld", ledger_schema(ledger),
                   (long long)pg_rows_int(rows, 0, 6)) &&
         check_mode(pg_rows_text(rows, 0, 0), pg_rows_text(rows, 0, 1), pg_rows_bool(rows, 0, 7),
                    out);
    if (ok && (!pg_rows_bool(rows, 0, 3) || !pg_rows_bool(rows, 0, 4)))
        ok = check_add(out, CHECK_FAIL, "identity", "waybill recover",
                       "this ledger was made in another %s: restored or cloned?",
                       pg_rows_bool(rows, 0, 3) ? "database" : "server");
    if (ok && pg_rows_text(rows, 0, 5) != NULL && !pg_rows_bool(rows, 0, 5))
        ok = check_add(out, CHECK_WARN, "identity", "",
                       "the server is on a new timeline: the next run looks at each order at the "
                       "API before it posts");
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

bool
check_binding(struct ledger *ledger, const char *base_url, bool is_live, struct check_list *out,
              struct error *err)
{
    struct pg_rows *rows = NULL;
    bool ok = true;

    if (!recover_look(ledger, base_url, is_live, &rows, err))
        return false;
    for (int row = 0; ok && row < pg_rows_count(rows); row++) {
        const char *what = pg_rows_text(rows, row, 0);
        bool is_url = strcmp(what, "base_url") == 0;

        if ((is_url || strcmp(what, "api mode") == 0) && pg_rows_bool(rows, row, 3))
            ok = check_add(out, CHECK_FAIL, "api", "waybill recover",
                           "this ledger was filled %s %s%s, the configuration says %s",
                           is_url ? "from" : "in", pg_rows_text(rows, row, 1),
                           is_url ? "" : " mode", pg_rows_text(rows, row, 2));
    }
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

static bool
check_privileges(struct ledger *ledger, struct check_list *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    int count;
    bool ok = true;

    if (!pg_run(ledger_pg(ledger), &stmt_check_privileges, NULL, &rows, err)) {
        /* The list of what is only for the owner may be closed to us too. */
        if (strcmp(err->sqlstate, "42501") != 0)
            return false;
        error_clear(err);
        return check_add(out, CHECK_FAIL, "privileges", "waybill init --grant ROLE",
                         "this role was not given what a worker needs") ||
               check_no_memory(err);
    }
    count = pg_rows_count(rows);
    for (int row = 0; ok && row < count && row < CHECK_GRANTS_SHOWN; row++)
        ok = check_add(out, CHECK_FAIL, "privileges", pg_rows_text(rows, row, 1),
                       "%s may not be used", pg_rows_text(rows, row, 0));
    if (ok && count > CHECK_GRANTS_SHOWN)
        ok = check_add(out, CHECK_FAIL, "privileges", "waybill init --grant ROLE", "and %d more",
                       count - CHECK_GRANTS_SHOWN);
    if (ok && count == 0)
        ok = check_add(out, CHECK_OK, "privileges", "", "all that a run needs is given");
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

static bool
check_queue(struct ledger *ledger, struct check_list *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    bool ok = true;

    if (!pg_run(ledger_pg(ledger), &stmt_check_feed_state, NULL, &rows, err))
        return false;
    if (pg_rows_text(rows, 0, 0) != NULL)
        ok = check_add(out, CHECK_WARN, "feed",
                       pg_rows_text(rows, 0, 1) == NULL ? "" : pg_rows_text(rows, 0, 1), "%s",
                       pg_rows_text(rows, 0, 0));
    else if (pg_rows_int(rows, 0, 2) > 0)
        ok = check_add(out, CHECK_OK, "feed", "", "%lld tables are fed by their triggers",
                       (long long)pg_rows_int(rows, 0, 2));
    if (ok && pg_rows_text(rows, 0, 4) != NULL)
        ok = check_add(
            out, pg_rows_int(rows, 0, 4) > CHECK_QUEUE_SECONDS ? CHECK_WARN : CHECK_OK, "queue", "",
            "%lld entries, the oldest %lld s old%s", (long long)pg_rows_int(rows, 0, 3),
            (long long)pg_rows_int(rows, 0, 4),
            pg_rows_int(rows, 0, 4) > CHECK_QUEUE_SECONDS ? ": is 'waybill run' scheduled?" : "");
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

static bool
check_snapshot(struct ledger *ledger, struct check_list *out, struct error *err)
{
    char seconds[PG_INT_BYTES];
    const char *const params[] = {seconds};
    struct pg_rows *rows = NULL;
    bool ok = true;

    pg_int_text(seconds, CHECK_SNAPSHOT_SECONDS);
    if (!pg_run(ledger_pg(ledger), &stmt_check_snapshot, params, &rows, err))
        return false;
    if (pg_rows_count(rows) > 0)
        ok = check_add(out, CHECK_WARN, "snapshot", "",
                       "%s is in one transaction for %lld s: dead rows of the queue can't be "
                       "removed meanwhile",
                       pg_rows_text(rows, 0, 0), (long long)pg_rows_int(rows, 0, 1));
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}

bool
check_database(struct ledger *ledger, bool is_queue, bool is_scan, struct check_list *out,
               struct error *err)
{
    return check_server(ledger, is_scan, out, err) && check_identity(ledger, out, err) &&
           check_privileges(ledger, out, err) && (!is_queue || check_queue(ledger, out, err)) &&
           check_snapshot(ledger, out, err);
}

/* ------------------------------------------------------------------------------ the feed */

/* Where a scan may come too early for what changed; all else it reads as any transaction would. */
static bool
check_scanned_below(const struct pg_rows *rows, int row, struct check_list *out)
{
    const char *name = pg_rows_text(rows, row, 1);

    switch (pg_rows_text(rows, row, 0)[0]) {
    case 'm':
        return check_add(out, CHECK_WARN, "feed", "",
                         "%s is a materialized view: what is refreshed later than "
                         "scan_overlap_ms after its changed_at is only found by a sweep",
                         name);
    case 'f':
        return check_add(out, CHECK_WARN, "feed", "",
                         "%s lies on another server, whose open transactions can't be seen: what "
                         "is committed later than scan_overlap_ms after its changed_at is only "
                         "found by a sweep",
                         name);
    default:
        return true;
    }
}

static bool
check_table_below(const struct pg_rows *rows, int row, struct check_list *out)
{
    const char *name = pg_rows_text(rows, row, 1);
    const char *mend = pg_rows_text(rows, row, 3);

    switch (pg_rows_text(rows, row, 0)[0]) {
    case 'm':
        return check_add(out, CHECK_WARN, "feed", "",
                         "%s is a materialized view: nothing tells when it is refreshed; only a "
                         "sweep finds its changes",
                         name);
    case 'f':
        return check_add(out, CHECK_WARN, "feed", "",
                         "%s lies on another server: only a sweep finds its changes", name);
    default:
        if (pg_rows_bool(rows, row, 2))
            return true;
        return check_add(
            out, CHECK_WARN, "feed", mend, "%s is not fed: only a sweep finds its changes%s", name,
            strstr(mend, "null::text") == NULL
                ? ""
                : "; better than null::text, which asks for a sweep at each change, is "
                  "an expression over the row r that gives the order's id");
    }
}

/* A table that could be fed and isn't. */
static bool
check_is_unfed(const struct pg_rows *rows, int row)
{
    return strchr("rp", pg_rows_text(rows, row, 0)[0]) != NULL && !pg_rows_bool(rows, row, 2);
}

/* So many that a line for each would hide the rest: whoever connects a warehouse has yet to begin.
 */
static bool
check_many_unfed(const char *schema, const struct pg_rows *rows, int unfed, struct check_list *out)
{
    char names[800] = "";
    char mend[300];
    size_t used = 0;

    for (int row = 0; row < pg_rows_count(rows) && used < sizeof(names); row++) {
        if (check_is_unfed(rows, row))
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                     used > 0 ? ", " : "", pg_rows_text(rows, row, 1));
    }
    text_trim_cut(names);
    (void)snprintf(
        mend, sizeof(mend),
        "select %s.feed_from(TABLE, KEY) for each, by its owner; KEY: an expression over "
        "its row r that gives the order's id, '' where a change is no news of an order",
        schema);
    return check_add(out, CHECK_WARN, "feed", mend,
                     "%d tables are not fed, only a sweep finds their changes: %s", unfed, names);
}

bool
check_feeds(struct ledger *ledger, const struct warehouse *warehouse, bool is_scan,
            struct check_list *out, struct error *err)
{
    const char *const params[] = {warehouse_name(warehouse)};
    struct pg_rows *rows = NULL;
    int unfed = 0;
    bool ok = true;

    if (warehouse_kind(warehouse) == WAREHOUSE_FUNCTION)
        return check_add(out, CHECK_WARN, "feed", "",
                         "which tables the function %s reads can't be seen: feed each of them",
                         warehouse_name(warehouse)) ||
               check_no_memory(err);
    if (!pg_run(ledger_pg(ledger), &stmt_check_below, params, &rows, err))
        return false;
    for (int row = 0; row < pg_rows_count(rows) && !is_scan; row++)
        unfed += check_is_unfed(rows, row) ? 1 : 0;
    if (unfed > CHECK_UNFED_SHOWN)
        ok = check_many_unfed(ledger_schema(ledger), rows, unfed, out);
    for (int row = 0; ok && row < pg_rows_count(rows); row++) {
        if (is_scan)
            ok = check_scanned_below(rows, row, out);
        else if (unfed <= CHECK_UNFED_SHOWN || !check_is_unfed(rows, row))
            ok = check_table_below(rows, row, out);
    }
    if (ok && pg_rows_count(rows) == 0 && !is_scan)
        ok = check_add(out, CHECK_WARN, "feed", "",
                       "no table is to be seen below %s: does it call functions?",
                       warehouse_name(warehouse));
    pg_rows_free(rows);
    return ok || check_no_memory(err);
}
