/*
 * Each statement of each command fails once: refused by the server, or with the connection lost;
 * and each allocation of the program.
 *
 * A command that meets one ends with an exit code of the manual and says what was the matter, or
 * gets over it; never with a signal. At the end of each command's troubles the three books agree.
 * The suite takes a part of them, WAYBILL_FAULT_SEED another part, WAYBILL_TROUBLE_SHARE=1 all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "support/world.h"

#define TROUBLE              WAYBILL_BUILD_DIR "/tests/libtrouble.so"
#define TROUBLES_MAX         4096
#define TROUBLE_BYTES        128
#define TROUBLE_RUN_MS       60000
#define TROUBLE_SEED         20261123
#define TROUBLE_MEMORY_TIMES 3

static struct world world;
static char list[TROUBLES_MAX][TROUBLE_BYTES];
static int list_count;

struct act {
    const char *arguments[6];
    bool is_work; /* the warehouse goes on before it */
    bool is_new;  /* with a ledger of its own, that it can begin */
    const char *before;
};

/* What each of them needs stands before it; the rest was left by those above. */
static const struct act ACTS[] = {
    {.arguments = {"init"}, .is_new = true},
    {.arguments = {"baseline", "--from", "warehouse"}, .is_new = true, .before = "init"},
    {.arguments = {"baseline", "--from", "api"}, .is_new = true, .before = "init"},
    {.arguments = {"run"}, .is_work = true},
    {.arguments = {"run", "--sweep"}, .is_work = true},
    {.arguments = {"plan"}, .is_work = true},
    {.arguments = {"plan", "--json"}},
    {.arguments = {"plan", "--explain", "ORDER"}},
    {.arguments = {"check"}},
    {.arguments = {"status"}},
    {.arguments = {"status", "--json"}},
    {.arguments = {"status", "--check"}},
    {.arguments = {"report", "line_items"}},
    {.arguments = {"report", "order", "--id", "ORDER"}},
    {.arguments = {"report", "--html=-"}},
    {.arguments = {"audit", "--all"}},
    {.arguments = {"audit", "--order", "ORDER"}},
    {.arguments = {"prune", "--keep", "1d"}},
    {.arguments = {"recover"}},
    {.arguments = {"hold", "order", "ORDER", "--reason", "trouble"}},
    {.arguments = {"release", "order", "ORDER", "--reason", "trouble"}},
    {.arguments = {"pause", "--reason", "trouble"}},
    {.arguments = {"resume"}},
    {.arguments = {"forget", "ORDER"}},
};
#define ACTS_COUNT ((int)(sizeof(ACTS) / sizeof(ACTS[0])))

/* Of so many troubles one is taken. */
static int
share(void)
{
    const char *text = getenv("WAYBILL_TROUBLE_SHARE");
    int64_t value = 50;

    ck_assert_msg(text == NULL || number_parse(text, 1, 10000, &value),
                  "WAYBILL_TROUBLE_SHARE must be 1..10000, got \"%s\"", text);
    return (int)value;
}

static const char *
config_of(const struct act *act)
{
    static int number;
    char name[64];
    char *text;
    char *at;
    char *own = NULL;
    const char *path;

    if (!act->is_new)
        return world.config;
    text = support_read_file(world.config);
    at = strstr(text, "database:\n");
    ck_assert_ptr_nonnull(at);
    at += strlen("database:\n");
    ck_assert_int_gt(
        asprintf(&own, "%.*s  schema: own_%d\n%s", (int)(at - text), text, ++number, at), 0);
    (void)snprintf(name, sizeof(name), "own.yaml");
    path = support_write_file(name, own, 0600);
    free(own);
    free(text);
    return path;
}

static int
waybill(const char *config, const char *const arguments[6], const char *order,
        const char *const env[], char **said)
{
    const char *argv[10] = {SUPPORT_WAYBILL, "-c", config};
    struct support_process process;
    char *out;
    char *errors;
    int code;

    for (int i = 0; i < 6 && arguments[i] != NULL; i++)
        argv[3 + i] = strcmp(arguments[i], "ORDER") == 0 ? order : arguments[i];
    support_spawn(&process, argv, env);
    code = support_wait_exit(&process, TROUBLE_RUN_MS);
    out = support_output(&process);
    errors = support_errors(&process);
    ck_assert_int_gt(asprintf(said, "%s%s", out, errors), -1);
    free(out);
    free(errors);
    return code;
}

static void
prepare(const struct act *act, const char *config)
{
    const char *const arguments[6] = {act->before};
    char *said = NULL;

    if (act->is_work)
        world_work(&world, 3);
    if (act->before == NULL)
        return;
    ck_assert_msg(waybill(config, arguments, "", NULL, &said) == 0, "%s: %s", act->before, said);
    free(said);
}

/* All that can fail of a command, as it is listed by one that nothing happens to. */
static void
list_troubles(const struct act *act, const char *order)
{
    const char *path = support_write_file("troubles", "", 0600);
    const char *config = config_of(act);
    char where[600];
    const char *const env[] = {"LD_PRELOAD=" TROUBLE, where, NULL};
    char *said = NULL;
    char *text;
    int code;

    (void)snprintf(where, sizeof(where), "WAYBILL_TROUBLE_LIST=%s", path);
    prepare(act, config);
    code = waybill(config, act->arguments, order, env, &said);
    ck_assert_msg(code <= 2 && strstr(said, "--help") == NULL, "%s: %d: %s", act->arguments[0],
                  code, said);
    free(said);
    list_count = 0;
    text = support_read_file(path);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        ck_assert_int_lt(list_count, TROUBLES_MAX);
        (void)snprintf(list[list_count++], TROUBLE_BYTES, "%s", line);
    }
    free(text);
    ck_assert_msg(list_count > 0, "%s: nothing that could fail", act->arguments[0]);
}

static void
meet(const struct act *act, const char *order, const char *trouble)
{
    const char *config = config_of(act);
    char where[TROUBLE_BYTES + 32];
    const char *const env[] = {"LD_PRELOAD=" TROUBLE, where, NULL};
    char *said = NULL;
    int code;

    (void)snprintf(where, sizeof(where), "WAYBILL_TROUBLE_AT=%s", trouble);
    prepare(act, config);
    code = waybill(config, act->arguments, order, env, &said);
    /* status --check has the codes of a monitor. */
    world_check(&world, code <= 5 && (code != 2 || strcmp(act->arguments[0], "status") == 0),
                "%s %s, \"%s\": ended with %d: %s", act->arguments[0],
                act->arguments[1] == NULL ? "" : act->arguments[1], trouble, code, said);
    world_check(&world, code == 0 || said[0] != '\0', "%s, \"%s\": ended with %d without a word",
                act->arguments[0], trouble, code);
    /* Exit 4 for a statement says that it was the database, and how it was. */
    world_check(&world,
                code != 4 || strncmp(trouble, "memory ", 7) == 0 ||
                    strstr(said, "made-up trouble") != NULL || strstr(said, "lost") != NULL ||
                    strstr(said, "transaction is aborted") != NULL, /* a rollback refused */
                "%s, \"%s\": ended with 4 and says: %s", act->arguments[0], trouble, said);
    free(said);
}

/* There are three times as many allocations as statements, and they are less likely to fail. */
static bool
is_taken(const char *trouble)
{
    int of = share();

    if (of > 1 && strncmp(trouble, "memory ", 7) == 0)
        of *= TROUBLE_MEMORY_TIMES;
    return world_dice(&world, of) == 0;
}

START_TEST(whatever_fails_is_told_and_no_unit_is_lost_or_twice)
{
    int met = 0;

    world_begin(&world, TROUBLE_SEED, 40);
    world_start(&world);
    for (int i = 0; i < ACTS_COUNT; i++) {
        char *order = support_query_text(
            world.url, "select order_id from wms.expected order by order_id limit 1");
        int of_it = 0;

        list_troubles(&ACTS[i], order);
        for (int j = 0; j < list_count; j++) {
            if (!is_taken(list[j]))
                continue;
            meet(&ACTS[i], order, list[j]);
            of_it++;
        }
        printf("%s %s: %d of %d troubles\n", ACTS[i].arguments[0],
               ACTS[i].arguments[1] == NULL ? "" : ACTS[i].arguments[1], of_it, list_count);
        (void)fflush(stdout);
        met += of_it;
        free(order);
    }
    printf("%d troubles\n", met);
    support_psql(world.url, "select waybill.resume()");
    world_agree(&world, "trouble");
    world_end(&world);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("trouble");

    support_need_database();
#if defined(__SANITIZE_ADDRESS__)
    printf("skipped: the sanitizer's own malloc can't be replaced\n");
    return 77;
#endif
    SUPPORT_CASE(suite, 7200, NULL, NULL, whatever_fails_is_told_and_no_unit_is_lost_or_twice);
    return support_run_suite(suite);
}
