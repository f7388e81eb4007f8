#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/faults.h"
#include "sandbox/ident.h"
#include "sandbox/members.h"
#include "sandbox/options.h"
#include "sandbox/switches.h"
#include "sandbox/table.h"
#include "sandbox/timers.h"
#include "support/support.h"

START_TEST(an_id_leads_back_to_its_number)
{
    char id[IDENT_UUID_BYTES];
    uint32_t number = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        ident_uuid(7, IDENT_EVENT, i, id);
        ck_assert(ident_uuid_number(7, IDENT_EVENT, id, 1000, &number));
        ck_assert_uint_eq(number, i);
        ck_assert(!ident_uuid_number(7, IDENT_EVENT, id, i, &number));
        ck_assert(!ident_uuid_number(7, IDENT_CHARGE, id, 1000, &number));
        ck_assert(!ident_uuid_number(8, IDENT_EVENT, id, 1000, &number));
    }
    ck_assert(!ident_uuid_number(7, IDENT_EVENT, "", 1000, &number));
    id[20] = id[20] == 'a' ? 'b' : 'a';
    ck_assert(!ident_uuid_number(7, IDENT_EVENT, id, 1000, &number));
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    int64_t ms;
} time_cases[] = {
    {"1970-01-01T00:00:00Z", true, 0},
    {"1970-01-01T00:00:01.5Z", true, 1500},
    {"1970-01-01T00:00:01.234567Z", true, 1234},
    {"1970-01-01T01:00:00+01:00", true, 0},
    {"1970-01-01T01:00:00 01:00", true, 0},
    {"1969-12-31T23:00:00-01:00", true, 0},
    {"1970-01-02", true, 86400000},
    {"2024-02-29T12:00:00Z", true, 1709208000000},
    {"2024-13-01T12:00:00Z", false, 0},
    {"2024-02-29T12:00:00", false, 0},
    {"2024-02-29T12:00:00Zx", false, 0},
    {"yesterday", false, 0},
    {"", false, 0},
};

START_TEST(a_time_is_read_whole_or_refused)
{
    int64_t ms = -1;

    ck_assert_int_eq(ident_time_parse(time_cases[_i].text, &ms), time_cases[_i].ok);
    if (time_cases[_i].ok)
        ck_assert_int_eq(ms, time_cases[_i].ms);
}
END_TEST

START_TEST(a_time_shows_as_many_digits_as_wanted)
{
    char text[IDENT_TIME_BYTES];

    ident_time_text(1709208000042, 0, text);
    ck_assert_str_eq(text, "2024-02-29T12:00:00Z");
    ident_time_text(1709208000042, 3, text);
    ck_assert_str_eq(text, "2024-02-29T12:00:00.042Z");
    ident_time_text(1709208000042, 6, text);
    ck_assert_str_eq(text, "2024-02-29T12:00:00.042000Z");
}
END_TEST

START_TEST(a_table_finds_each_of_many_keys)
{
    static char keys[5000][16];
    struct table *table = table_new();

    for (int i = 0; i < 5000; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "key %d", i);
        ck_assert(table_put(table, keys[i], keys[i]));
    }
    for (int i = 0; i < 5000; i++)
        ck_assert_ptr_eq(table_get(table, keys[i]), keys[i]);
    ck_assert_ptr_null(table_get(table, "key 5000"));
    table_free(table);
}
END_TEST

static char order_run[16];
static int dropped;

static void
note_run(void *owner, void *item)
{
    size_t used = strlen(order_run);

    (void)owner;
    order_run[used] = *(const char *)item;
    order_run[used + 1] = '\0';
}

static void
note_drop(void *owner, void *item)
{
    (void)owner;
    (void)item;
    dropped++;
}

START_TEST(timers_run_in_order_of_time_and_drop_the_rest)
{
    static char names[] = "abcde";
    struct timers *timers = timers_new();

    order_run[0] = '\0';
    ck_assert_int_eq(timers_left_ms(timers, 0), -1);
    ck_assert(timers_add(timers, 30, note_run, note_drop, NULL, &names[2]));
    ck_assert(timers_add(timers, 10, note_run, note_drop, NULL, &names[0]));
    ck_assert(timers_add(timers, 50, note_run, note_drop, NULL, &names[4]));
    ck_assert(timers_add(timers, 10, note_run, note_drop, NULL, &names[1]));
    ck_assert(timers_add(timers, 30, note_run, note_drop, NULL, &names[3]));
    ck_assert_int_eq(timers_left_ms(timers, 4), 6);
    timers_run(timers, 9);
    ck_assert_str_eq(order_run, "");
    timers_run(timers, 30);
    ck_assert_str_eq(order_run, "abcd");
    timers_free(timers);
    ck_assert_int_eq(dropped, 1);
}
END_TEST

START_TEST(members_come_back_as_they_were_written)
{
    static const char text[] =
        " { \"a\" : \"x,}\\\"\" , \"b\":{\"c\":[1,\"]\"]},\"d\":12 , \"e\":null}";
    static const char *const values[] = {"\"x,}\\\"\"", "{\"c\":[1,\"]\"]}", "12", "null"};
    struct members walk;
    struct member member;
    int count = 0;

    members_begin(&walk, text, sizeof(text) - 1);
    while (members_next(&walk, &member)) {
        ck_assert_int_lt(count, 4);
        ck_assert_uint_eq(member.value_bytes, strlen(values[count]));
        ck_assert_int_eq(memcmp(member.value, values[count], member.value_bytes), 0);
        count++;
    }
    ck_assert_int_eq(count, 4);
    ck_assert_uint_eq(members_string_length("a\\u00e9\\n\xc3\xa9", 11), 4);
}
END_TEST

START_TEST(merging_replaces_adds_and_deletes)
{
    static const char change[] = "{\"b\":\"2\",\"c\":\"\",\"d\":4}";
    struct buffer buf;

    buffer_init(&buf, 1024);
    members_merge(&buf, "{\"a\":1,\"b\":1,\"c\":1}", change, sizeof(change) - 1, true);
    ck_assert_str_eq(buffer_text(&buf), "{\"a\":1,\"b\":\"2\",\"d\":4}");
    buffer_free(&buf);
}
END_TEST

START_TEST(one_seed_gives_the_same_faults_again_and_another_gives_others)
{
    char seen[3][2000];
    int drops = 0;

    for (int run = 0; run < 3; run++) {
        struct error err = {0};
        struct faults *faults = faults_new(run == 2 ? 6 : 5);

        ck_assert(faults_add(faults, "drop_after=0.2", &err));
        ck_assert(faults_add(faults, "503_before=0.1:3", &err));
        for (int i = 0; i < 2000; i++) {
            int64_t arg = -1;
            const struct fault_kind *kind = faults_next(faults, FAULT_SCOPE_POST, &arg, NULL);

            seen[run][i] = kind == NULL ? '-' : kind->name[0];
            if (kind != NULL && kind->status == 503)
                ck_assert_int_eq(arg, 3);
            drops += run == 0 && seen[run][i] == 'd';
            /* Other scopes draw from streams of their own. */
            if (run == 1)
                (void)faults_next(faults, FAULT_SCOPE_LIST, &arg, NULL);
        }
        faults_free(faults);
    }
    ck_assert_int_eq(memcmp(seen[0], seen[1], sizeof(seen[0])), 0);
    ck_assert_int_ne(memcmp(seen[0], seen[2], sizeof(seen[0])), 0);
    ck_assert_int_gt(drops, 340);
    ck_assert_int_lt(drops, 460);
}
END_TEST

START_TEST(first_hits_exactly_so_many_one_after_the_other)
{
    static const char *const expected[] = {"drop_after", "drop_after", NULL, "429", NULL, NULL};
    struct error err = {0};
    struct faults *faults = faults_new(1);
    int64_t arg;

    ck_assert(faults_add(faults, "first=2:drop_after", &err));
    ck_assert(faults_add(faults, "first=1:none", &err));
    ck_assert(faults_add(faults, "first=1:429:7", &err));
    for (int i = 0; i < 6; i++) {
        const struct fault_kind *kind = faults_next(faults, FAULT_SCOPE_POST, &arg, NULL);

        ck_assert_pstr_eq(kind == NULL ? NULL : kind->name, expected[i]);
        if (i == 3)
            ck_assert_int_eq(arg, 7);
    }
    faults_free(faults);
}
END_TEST

static const struct {
    const char *spec;
    const char *message;
} bad_faults[] = {
    {"drop_after", "must be KIND=PROBABILITY"},
    {"explode=0.1", "there is none of that name"},
    {"drop_after=1.5", "probability must be 0..1"},
    {"drop_after=x", "probability must be 0..1"},
    {"drop_after=", "probability must be 0..1"},
    {"slow=0.1:soon", "ARG must be"},
    {"first=0:429", "N must be"},
    {"first=3", "must be first=N:KIND"},
    {"get:drop_after=0.1", "not for GET"},
    {"update:no_id=0.1", "not for updates"},
    {"orders:list_empty_page=x", "probability must be 0..1"},
    {"first=1:list_empty_page", "only as list:"},
    {"seed=minus", "must be a number"},
};

START_TEST(a_fault_that_makes_no_sense_is_refused)
{
    struct error err = {0};
    struct faults *faults = faults_new(1);

    ck_assert(!faults_add(faults, bad_faults[_i].spec, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_msg(strstr(err.message, bad_faults[_i].message) != NULL, "%s", err.message);
    faults_free(faults);
}
END_TEST

START_TEST(probabilities_above_one_together_are_refused)
{
    struct error err = {0};
    struct faults *faults = faults_new(1);

    ck_assert(faults_add(faults, "429=0.6", &err));
    ck_assert(!faults_add(faults, "401=0.5", &err));
    ck_assert_ptr_nonnull(strstr(err.message, "sum up to more than 1"));
    faults_free(faults);
}
END_TEST

static const struct {
    const char *spec;
    const char *message; /* NULL: taken */
} switch_cases[] = {
    {"list_metadata=off", NULL},
    {"quantity_check=request", NULL},
    {"unknown_order=400", NULL},
    {"state_lag_ms=0", NULL},
    {"quantity_check=maybe", "must be cumulative, request or off, got \"maybe\""},
    {"list_metadata=yes", "must be off, on, got \"yes\""},
    {"state_lag_ms=-1", "must be 0..86400000, got \"-1\""},
    {"state_lag=1", "there is none of that name"},
    {"state_lag_ms", "must be NAME=VALUE"},
};

START_TEST(a_switch_takes_its_values_only)
{
    struct switches switches;
    struct error err = {0};

    switches_init(&switches);
    ck_assert_int_eq(switches_set(&switches, switch_cases[_i].spec, &err),
                     switch_cases[_i].message == NULL);
    if (switch_cases[_i].message != NULL)
        ck_assert_msg(strstr(err.message, switch_cases[_i].message) != NULL, "%s", err.message);
}
END_TEST

START_TEST(options_come_with_a_space_or_an_equals_sign)
{
    char words[7][16] = {"x", "--port", "80", "--seed=9", "--live", "--fault", "first=1:429"};
    char wrong[] = "--ports";
    char *argv[8] = {words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL};
    struct options options;
    struct error err = {0};

    ck_assert(sandbox_options_parse(&options, 7, argv, &err));
    ck_assert_int_eq(options.port, 80);
    ck_assert_int_eq(options.seed, 9);
    ck_assert(options.is_live);
    ck_assert_str_eq(options.faults[0], "first=1:429");
    ck_assert_str_eq(options.keys[0], "sk_test_sandbox");
    argv[1] = wrong;
    ck_assert(!sandbox_options_parse(&options, 7, argv, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "--ports"));
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

int
main(void)
{
    Suite *suite = suite_create("sandbox parts");
    TCase *parts = support_case(suite, "parts", 10);

    tcase_add_test(parts, an_id_leads_back_to_its_number);
    tcase_add_loop_test(parts, a_time_is_read_whole_or_refused, 0, COUNT(time_cases));
    tcase_add_test(parts, a_time_shows_as_many_digits_as_wanted);
    tcase_add_test(parts, a_table_finds_each_of_many_keys);
    tcase_add_test(parts, timers_run_in_order_of_time_and_drop_the_rest);
    tcase_add_test(parts, members_come_back_as_they_were_written);
    tcase_add_test(parts, merging_replaces_adds_and_deletes);
    tcase_add_test(parts, one_seed_gives_the_same_faults_again_and_another_gives_others);
    tcase_add_test(parts, first_hits_exactly_so_many_one_after_the_other);
    tcase_add_loop_test(parts, a_fault_that_makes_no_sense_is_refused, 0, COUNT(bad_faults));
    tcase_add_test(parts, probabilities_above_one_together_are_refused);
    tcase_add_loop_test(parts, a_switch_takes_its_values_only, 0, COUNT(switch_cases));
    tcase_add_test(parts, options_come_with_a_space_or_an_equals_sign);
    return support_run_suite(suite);
}
