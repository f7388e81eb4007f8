/*
 * Histories by seed: a warehouse that ships, cancels, renames, merges, splits, takes back and
 * corrects its parcels at random, and an API that accepts, refuses and falls silent at random,
 * against the real planner, claims and settlements.
 *
 * After every step the API may have no unit twice and none that the ledger doesn't know, and the
 * counters must agree with history; in the end, with every question answered, each line that no
 * discrepancy holds up has exactly what the warehouse says.
 *
 * WAYBILL_SEED=n replays one history and tells its steps, WAYBILL_HISTORIES=n plays more than a few
 * hundred.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "support/ledger.h"

enum {
    HISTORIES_DEFAULT = 200,
    HISTORIES_A_TEST = 50, /* each test of Check plays so many */
    STEPS = 40,
    ROWS_MAX = 24,
    ITEMS = 3,
    ORDERS = 2,
    ORDERED = 8,
};

struct row {
    int order, item, parcel; /* parcel 0 is the one without a number */
    int shipped, cancelled, returned;
};

struct world {
    struct row rows[ROWS_MAX];
    int count;
    int parcels; /* numbers given so far */
    uint64_t state;
};

static char url[SUPPORT_URL_MAX];
static int64_t histories = HISTORIES_DEFAULT;
static int64_t only_seed = -1;

/* splitmix64: the same everywhere, and every seed is a good one. */
static int
chance(struct world *world, int below)
{
    uint64_t z = world->state += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (int)(z % (uint64_t)below);
}

static struct row *
find_row(struct world *world, int order, int item, int parcel)
{
    for (int i = 0; i < world->count; i++) {
        struct row *row = &world->rows[i];

        if (row->order == order && row->item == item && row->parcel == parcel)
            return row;
    }
    if (world->count == ROWS_MAX)
        return NULL;
    world->rows[world->count] = (struct row){order, item, parcel, 0, 0, 0};
    return &world->rows[world->count++];
}

static int
line_total(const struct world *world, const struct row *of)
{
    int total = 0;

    for (int i = 0; i < world->count; i++) {
        const struct row *row = &world->rows[i];

        if (row->order == of->order && row->item == of->item)
            total += row->shipped + row->cancelled;
    }
    return total;
}

/* All rows of one parcel get another number; where the other has such a line already, they are
 * added. */
static void
move_parcel(struct world *world, int order, int from, int to)
{
    for (int i = 0; i < world->count; i++) {
        struct row *row = &world->rows[i];
        struct row *target = NULL;

        if (row->order != order || row->parcel != from)
            continue;
        for (int j = 0; j < world->count; j++) {
            struct row *other = &world->rows[j];

            if (j != i && other->order == order && other->item == row->item && other->parcel == to)
                target = other;
        }
        if (target == NULL) {
            row->parcel = to;
            continue;
        }
        target->shipped += row->shipped;
        target->cancelled += row->cancelled;
        target->returned += row->returned;
        *row = world->rows[--world->count];
        i--;
    }
}

static const char *
change_warehouse(struct world *world)
{
    int order = chance(world, ORDERS);
    struct row *row;

    switch (chance(world, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        row = find_row(world, order, chance(world, ITEMS),
                       chance(world, 2) == 0 ? 0 : chance(world, world->parcels + 1));
        if (row != NULL && line_total(world, row) < ORDERED)
            row->shipped++;
        return "ships";
    case 4:
        row = find_row(world, order, chance(world, ITEMS), chance(world, world->parcels + 1));
        if (row != NULL && line_total(world, row) < ORDERED)
            row->cancelled++;
        return "cancels";
    case 5:
        move_parcel(world, order, 0, ++world->parcels);
        return "numbers a parcel late";
    case 6:
        world->parcels++;
        move_parcel(world, order, chance(world, world->parcels), world->parcels);
        return "renames a parcel";
    case 7:
        move_parcel(world, order, chance(world, world->parcels + 1),
                    chance(world, world->parcels + 1));
        return "merges parcels";
    case 8:
        if (world->count > 0 && world->count < ROWS_MAX) {
            int n = chance(world, world->count);
            int half = world->rows[n].shipped / 2;
            struct row *other =
                find_row(world, world->rows[n].order, world->rows[n].item, ++world->parcels);

            world->rows[n].shipped -= half;
            other->shipped += half;
        }
        return "splits a parcel";
    case 9:
        if (world->count > 0) {
            row = &world->rows[chance(world, world->count)];
            if (row->shipped > 0) {
                row->shipped--;
                row->returned++;
            }
        }
        return "takes a unit back";
    case 10:
        if (world->count > 0) {
            row = &world->rows[chance(world, world->count)];
            row->shipped = chance(world, row->shipped + 1);
        }
        return "corrects a quantity";
    default:
        if (world->count > 0 && chance(world, 3) == 0) {
            row = &world->rows[chance(world, world->count)];
            if (row->shipped + row->cancelled + row->returned == 0)
                *row = world->rows[--world->count];
        }
        return "forgets an empty row";
    }
}

static void
write_warehouse(const struct world *world, char *out, size_t out_bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < world->count; i++) {
        const struct row *row = &world->rows[i];
        char parcel[16] = "''";

        if (row->parcel > 0)
            (void)snprintf(parcel, sizeof(parcel), "P%d", row->parcel);
        used += (size_t)snprintf(out + used, out_bytes - used, "%c %d %s %d/%d/%d/%d;",
                                 'A' + row->order, row->item + 1, parcel, ORDERED, row->shipped,
                                 row->cancelled, row->returned);
        ck_assert_uint_lt(used, out_bytes);
    }
}

static int64_t
count(struct pg *pg, const char *sql)
{
    char *text = support_ledger_ask(pg, "count", sql, NULL, NULL, NULL);
    int64_t number = 0;

    ck_assert_msg(number_parse(text, 0, INT64_MAX, &number), "%s: \"%s\"", sql, text);
    free(text);
    return number;
}

static void
tell(int64_t seed, const char *what, const char *text)
{
    if (only_seed == seed)
        (void)fprintf(stderr, "%s: %s\n", what, text);
}

static void
play(struct pg *pg, int64_t seed)
{
    struct world world = {.state = (uint64_t)seed};
    char story[128], number[32], rows[4096];
    char *said;

    (void)snprintf(number, sizeof(number), "%d", (int)(seed % 1000));
    support_ledger_do(pg, "history", "begin");
    free(
        support_ledger_ask(pg, "history", "select setseed($1::float8 / 1000)", number, NULL, NULL));
    for (int step = 0; step < STEPS; step++) {
        const char *what = "answers";

        (void)snprintf(story, sizeof(story), "WAYBILL_SEED=%lld, step %d", (long long)seed, step);
        switch (chance(&world, 4)) {
        case 0:
        case 1:
            what = change_warehouse(&world);
            if (chance(&world, 3) > 0) {
                write_warehouse(&world, rows, sizeof(rows));
                tell(seed, what, rows);
                said = support_ledger_ask(pg, story, "select t.plan($1)", rows, NULL, NULL);
                support_ledger_expect_sound(pg, story, "look");
                tell(seed, "plan", said);
                free(said);
            }
            break;
        case 2:
            (void)snprintf(number, sizeof(number), "%d", 1 + chance(&world, 4));
            said = support_ledger_ask(pg, story,
                                      "select t.claim_soundly($1::int)"
                                      " from (select t.time_passes()) x",
                                      number, NULL, NULL);
            tell(seed, "claimed", said);
            free(said);
            break;
        default:
            (void)snprintf(number, sizeof(number), "%d", chance(&world, 1000));
            said = support_ledger_ask(pg, story, "select t.fate($1::int)", number, NULL, NULL);
            tell(seed, what, said);
            free(said);
            break;
        }
        support_ledger_expect_sound(pg, story, "step");
    }
    (void)snprintf(story, sizeof(story), "WAYBILL_SEED=%lld, the end", (long long)seed);
    write_warehouse(&world, rows, sizeof(rows));
    free(support_ledger_ask(pg, story, "select t.plan($1)", rows, NULL, NULL));
    said = support_ledger_ask(pg, story, "select t.finish()", NULL, NULL, NULL);
    tell(seed, "in the end open", said);
    ck_assert_msg(said[0] == '\0', "%s: still open: %s", story, said);
    free(said);
    said =
        support_ledger_ask(pg, story, "select t.posted() || ' | ' || t.issues()", NULL, NULL, NULL);
    tell(seed, "posted | issues", said);
    free(said);
    support_ledger_expect_sound(pg, story, "end");
}

START_TEST(whatever_happens_every_unit_is_applied_once)
{
    struct pg *pg = support_ledger_open(url);
    int64_t lines = 0, settled = 0;

    for (int64_t i = 0; i < HISTORIES_A_TEST; i++) {
        int64_t seed = (int64_t)_i * HISTORIES_A_TEST + i;

        if (only_seed >= 0 && seed != only_seed)
            continue;
        play(pg, seed);
        lines += count(pg, "select count(*) from t.lines");
        settled += count(pg, "select count(*) from t.lines where not has_issue and"
                             " posted_shipped + posted_cancelled > 0");
        support_ledger_do(pg, "history", "rollback");
    }
    /* Else the promise would have been kept by doing nothing. */
    if (only_seed < 0)
        ck_assert_msg(settled * 2 > lines, "only %lld of %lld lines were settled",
                      (long long)settled, (long long)lines);
    pg_close(pg);
}
END_TEST

static void
setup(void)
{
    support_ledger_create(url);
}

static void
teardown(void)
{
    support_database_drop(url);
}

static void
number_from_environment(const char *name, int64_t *number)
{
    const char *text = getenv(name);

    if (text != NULL && !number_parse(text, 0, 100000000, number)) {
        (void)fprintf(stderr, "%s: must be a number, got \"%s\"\n", name, text);
        exit(EXIT_FAILURE);
    }
}

int
main(void)
{
    Suite *suite = suite_create("histories");
    TCase *tcase = support_case(suite, "by seed", 300);
    int first = 0, end;

    support_need_database();
    number_from_environment("WAYBILL_HISTORIES", &histories);
    number_from_environment("WAYBILL_SEED", &only_seed);
    end = (int)((histories + HISTORIES_A_TEST - 1) / HISTORIES_A_TEST);
    if (only_seed >= 0) {
        first = (int)(only_seed / HISTORIES_A_TEST);
        end = first + 1;
    }
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, whatever_happens_every_unit_is_applied_once, first, end);
    return support_run_suite(suite);
}
