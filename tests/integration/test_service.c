#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static const char *config;
static char socket_path[100];
static int fd;
static char heard[4096];

static const char *
write_config(const char *database)
{
    char text[SUPPORT_URL_MAX + 512];
    const char *key = support_write_file("key", "sk_test\n", 0600);

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: http://127.0.0.1:%d\n  key_file: %s\n  mode: test\n"
                   "watch: {interval_ms: 60000}\n",
                   database, support_free_port(), key);
    return support_write_file("waybill.yaml", text, 0600);
}

static int
waybill(const char *command, const char *argument)
{
    return support_run(
        (const char *const[]){SUPPORT_WAYBILL, "-c", config, command, argument, NULL}, NULL, NULL,
        NULL);
}

static void
setup(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    support_database_create(url);
    support_psql(url, "create view public.items as select 'o1'::text as order_id, 'a'::text as"
                      " item_id, 5 as ordered_quantity, 0 as shipped_quantity,"
                      " 0 as cancelled_quantity");
    config = write_config(url);
    ck_assert_int_eq(waybill("init", "-q"), 0);
    (void)snprintf(socket_path, sizeof(socket_path), "%s/notify", support_folder());
    (void)unlink(socket_path);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    heard[0] = '\0';
}

static void
teardown(void)
{
    (void)close(fd);
}

static bool
has_heard(void *ctx)
{
    size_t used = strlen(heard);
    ssize_t count;

    while (used + 2 < sizeof(heard) &&
           (count = recv(fd, heard + used, sizeof(heard) - used - 2, 0)) > 0) {
        used += (size_t)count;
        heard[used++] = ' ';
        heard[used] = '\0';
    }
    return strstr(heard, ctx) != NULL;
}

static void
expect(const char *state)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s", state);
    support_wait_until(has_heard, text, 20000, state);
}

static void
watch(struct support_process *process)
{
    char notify_socket[150];

    (void)snprintf(notify_socket, sizeof(notify_socket), "NOTIFY_SOCKET=%s", socket_path);
    support_spawn(
        process, (const char *const[]){SUPPORT_WAYBILL, "watch", "-c", config, NULL},
        (const char *const[]){notify_socket, "WATCHDOG_USEC=200000", "WATCHDOG_PID", NULL});
}

/* Between two passes, a minute apart, it is asleep: and says that it is alive all the same. */
START_TEST(a_watch_says_ready_then_alive_then_stopping)
{
    struct support_process process;

    ck_assert_int_eq(waybill("baseline", "--from=warehouse"), 0);
    watch(&process);
    expect("READY=1 ");
    expect("WATCHDOG=1 ");
    heard[0] = '\0';
    expect("WATCHDOG=1 ");
    ck_assert_ptr_null(strstr(heard, "STOPPING"));
    support_signal(&process, SIGTERM);
    expect("STOPPING=1 ");
    ck_assert_int_eq(support_wait_exit(&process, 20000), 0);
    ck_assert_ptr_eq(strstr(heard, "STOPPING=1"), strrchr(heard, 'S'));
}
END_TEST

START_TEST(a_watch_is_at_work_also_while_the_database_is_away)
{
    struct support_process process;

    config = write_config("postgresql://postgres@127.0.0.1:1/x");
    watch(&process);
    expect("READY=1 ");
    heard[0] = '\0';
    expect("WATCHDOG=1 ");
    support_signal(&process, SIGTERM);
    (void)support_wait_exit(&process, 20000);
    expect("STOPPING=1 ");
}
END_TEST

START_TEST(the_statements_for_pg_cron_run)
{
    char *text = support_read_file(WAYBILL_SOURCE_DIR "/conf/pg_cron.sql");

    /* pg_cron as far as the file needs it. */
    support_psql(url,
                 "create schema cron; create table cron.job (name text, at text, command text);"
                 "create function cron.schedule(text, text, text) returns bigint language sql as"
                 " $$insert into cron.job values ($1, $2, $3); select 1::bigint$$");
    ck_assert_int_eq(waybill("baseline", "--from=nothing"), 0);
    support_psql(url, "update waybill.feed_state set sweep_wanted = null");
    support_psql(url, text);
    support_query_is(url, "select count(*) from cron.job", "4");
    support_psql(url, "do $$ declare c text; begin for c in select command from cron.job order by"
                      " name loop execute c; end loop; end $$");
    support_query_is(url, "select count(*) from waybill_health", "1");
    support_query_is(url, "select mode, sweep_wanted from waybill.report_health",
                     "live|every night");
    free(text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("service");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "service", 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_watch_says_ready_then_alive_then_stopping);
    tcase_add_test(tcase, a_watch_is_at_work_also_while_the_database_is_away);
    tcase_add_test(tcase, the_statements_for_pg_cron_run);
    return support_run_suite(suite);
}
