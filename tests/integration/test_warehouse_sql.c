#include <stdlib.h>

#include "support/support.h"

/* tests/sql holds what is easier to say in SQL than in C; psql ends with 3 where it isn't so. */
START_TEST(the_demo_warehouse_keeps_its_promises)
{
    char url[SUPPORT_URL_MAX];
    const char *const argv[] = {"psql", "-X",
                                "-v",   "ON_ERROR_STOP=1",
                                "-f",   WAYBILL_SOURCE_DIR "/tests/sql/test_warehouse.sql",
                                "-d",   url,
                                NULL};
    struct support_process process;
    char *errors;
    int code;

    support_database_create(url);
    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, 280000);
    errors = support_errors(&process);
    ck_assert_msg(code == 0, "psql ended with %d: %s", code, errors);
    ck_assert_str_eq(errors, "");
    free(errors);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("warehouse_sql");
    TCase *tests = support_case(suite, "warehouse_sql", 300);

    support_need_database();
    tcase_add_test(tests, the_demo_warehouse_keeps_its_promises);
    return support_run_suite(suite);
}
