#include "cli/next.h"

#include <string.h>

#include "cli/command.h"
#include "cli/rows.h"

enum { NEXT_ORDERS_MAX = 3 };

static void
next_add(struct next *next, const char *command, const char *argument, const char *rest)
{
    char line[NEXT_BYTES];

    (void)snprintf(line, sizeof(line), "%s%s%s", command, argument, rest);
    for (int i = 0; i < next->count; i++) {
        if (strcmp(next->lines[i], line) == 0)
            return;
    }
    if (next->count == NEXT_MAX)
        return;
    memcpy(next->lines[next->count], line, sizeof(line));
    next->count++;
}

/* An id that a shell would take apart is quoted; one that is too long for a line is left out. */
static void
next_add_id(struct next *next, const char *command, const char *id, const char *rest)
{
    char quoted[NEXT_BYTES / 2];
    size_t used = 0;

    if (strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") ==
            strlen(id) &&
        id[0] != '-') {
        next_add(next, command, id, rest);
        return;
    }
    quoted[used++] = '\'';
    for (; *id != '\0' && used + 6 < sizeof(quoted); id++) {
        if (*id == '\'') {
            memcpy(quoted + used, "'\\''", 4);
            used += 4;
        } else {
            quoted[used++] = *id;
        }
    }
    if (*id != '\0')
        return;
    quoted[used++] = '\'';
    quoted[used] = '\0';
    next_add(next, command, quoted, rest);
}

static bool
next_has_finding(const struct health *health, const char *name)
{
    for (int i = 0; i < health->count; i++) {
        if (strcmp(health->findings[i].name, name) == 0)
            return true;
    }
    return false;
}

static void
next_fill_paused(const struct health_facts *facts, const char *schema, struct next *next)
{
    if (facts->mode_by != NULL && strcmp(facts->mode_by, "waybill") == 0)
        next_add(next, command_find("recover") != NULL ? "waybill recover" : "waybill check", "",
                 "");
    if (command_find("resume") != NULL)
        next_add(next, "waybill resume", "", "");
    else
        next_add(next, "psql -c \"select ", schema, ".resume('why')\"");
}

/* Read first, then decide: the decision is the one that is right when nothing speaks against it. */
static void
next_fill_discrepancy(const struct pg_rows *found, int row, struct next *next)
{
    const char *order = rows_text(found, row, "order_id");

    if (order != NULL)
        next_add_id(next, "waybill report order --id ", order, "");
    if (rows_text(found, row, "is_refused")[0] == 't')
        next_add_id(next, "waybill retry discrepancy ", rows_text(found, row, "discrepancy_id"),
                    "");
    else if (order != NULL && rows_text(found, row, "is_money")[0] == 't')
        next_add_id(next, "waybill audit --order ", order, "");
}

/* What lets a held one go on for good: released after too many failures the next one holds it
 * again, and so does the next run while its order is gone from the warehouse. */
static void
next_fill_held(const char *order, const char *held_by, struct next *next)
{
    static const struct {
        const char *held_by, *command, *rest;
    } ways[] = {
        {"operator", "waybill release order ", ""},
        {"attempts", "waybill retry order ", ""},
        {"ambiguous", "waybill audit --order ", ""},
        {"vanished", "waybill dismiss order ", " --reason TEXT"},
    };

    next_add_id(next, "waybill report order --id ", order, "");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(held_by, ways[i].held_by) == 0)
            next_add_id(next, ways[i].command, order, ways[i].rest);
    }
    if (strcmp(held_by, "marker") == 0)
        next_add(next, "waybill run", "", "");
}

static void
next_fill_orders(const struct report_status *status, struct next *next)
{
    const struct pg_rows *stuck = status->stuck;

    for (int row = 0; row < pg_rows_count(status->discrepancies) && row < NEXT_ORDERS_MAX; row++)
        next_fill_discrepancy(status->discrepancies, row, next);
    for (int row = 0; row < pg_rows_count(stuck) && row < NEXT_ORDERS_MAX; row++) {
        if (strcmp(rows_text(stuck, row, "state"), "held") != 0)
            continue;
        next_fill_held(rows_text(stuck, row, "order_id"), rows_text(stuck, row, "held_by"), next);
    }
}

/* While the API tells us to stay away a run can only say so. */
static void
next_add_run(const struct health_facts *facts, struct next *next)
{
    char when[80] = "";

    if (facts->api_blocked_s > 0)
        (void)snprintf(when, sizeof(when), " # in %lld s, when the API takes requests again",
                       (long long)facts->api_blocked_s);
    next_add(next, "waybill run", when, "");
}

void
next_fill(const struct report_status *status, const struct health_facts *facts,
          const struct health *health, const char *schema, struct next *out)
{
    bool is_shadow = health_is_shadow(facts);
    bool is_other_api = next_has_finding(health, "other_api");

    out->count = 0;
    if (strcmp(facts->mode, "new") == 0) {
        next_add(out, "waybill check", "", "");
        next_add(out, "waybill baseline --from nothing", "", "");
        next_add(out, "waybill baseline --from warehouse", "", "");
        return;
    }
    if (strcmp(facts->mode, "paused") == 0)
        next_fill_paused(facts, schema, out);
    if (is_other_api)
        next_add(out, "waybill recover", "", "");
    else if (facts->api_refused_s >= 0 || next_has_finding(health, "feed") ||
             next_has_finding(health, "last_run_exit") || next_has_finding(health, "scan_lag") ||
             next_has_finding(health, "events_age") ||
             rows_int(status->health, 0, "missed_by_feed", 0) > 0)
        next_add(out, "waybill check", "", "");
    if (next_has_finding(health, "sweep_age"))
        next_add(out, "waybill run --sweep", "", "");
    next_fill_orders(status, out);
    if (facts->discrepancies > 0)
        next_add(out, "waybill report discrepancies", "", "");
    if (facts->held > 0 || facts->unknown > 0)
        next_add(out, "waybill report submissions", "", "");
    if (is_shadow) {
        next_add(out, "waybill report shadow", "", "");
        next_add(out, "waybill resume --live --reason TEXT", "", "");
    }
    if (facts->workers == 0 && strcmp(facts->mode, "paused") != 0 && !is_other_api &&
        (facts->queued > 0 || (facts->backlog > 0 && !is_shadow) ||
         next_has_finding(health, "last_run") || next_has_finding(health, "last_run_exit")))
        next_add_run(facts, out);
}
