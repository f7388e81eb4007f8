#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"
#include "support/support.h"

static int fd;

/* A socket of that name, as the manager would have it; @ is an abstract one. */
static void
listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t count = strlen(name);

    ck_assert_uint_lt(count, sizeof(address.sun_path));
    memcpy(address.sun_path, name, count);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count)),
                     0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static void
expect(const char *text)
{
    char seen[200];
    ssize_t count = recv(fd, seen, sizeof(seen), 0);

    ck_assert_int_eq(count, (ssize_t)strlen(text));
    ck_assert_mem_eq(seen, text, strlen(text));
}

static void
setup(void)
{
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

START_TEST(a_state_goes_out_as_one_datagram_to_a_path)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/notify", support_folder());
    listen_at(path);
    ck_assert(notify_send("READY=1\nSTATUS=watching"));
    expect("READY=1\nSTATUS=watching");
}
END_TEST

START_TEST(an_abstract_socket_is_reached_by_its_exact_name)
{
    char name[100];

    (void)snprintf(name, sizeof(name), "@waybill-test-%ld", (long)getpid());
    listen_at(name);
    ck_assert(notify_send("WATCHDOG=1"));
    expect("WATCHDOG=1");
}
END_TEST

START_TEST(nobody_to_tell_is_no_trouble)
{
    char longest[300];

    ck_assert(!notify_send("READY=1"));
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1), 0);
    ck_assert(!notify_send("READY=1"));
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "vsock:2:1234", 1), 0);
    ck_assert(!notify_send("READY=1"));
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "@", 1), 0);
    ck_assert(!notify_send("READY=1"));
    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", longest, 1), 0);
    ck_assert(!notify_send("READY=1"));
}
END_TEST

START_TEST(a_manager_that_does_not_read_never_stops_us)
{
    char name[100];
    int sent = 0;

    (void)snprintf(name, sizeof(name), "@waybill-test-full-%ld", (long)getpid());
    listen_at(name);
    while (sent < 100000 && notify_send("WATCHDOG=1"))
        sent++;
    ck_assert_int_lt(sent, 100000);
}
END_TEST

START_TEST(the_watchdog_is_fed_at_half_its_time_and_only_if_it_is_ours)
{
    char pid[24];

    (void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    ck_assert_int_eq(notify_watchdog_ms(), 0);
    (void)setenv("WATCHDOG_USEC", "180000000", 1);
    ck_assert_int_eq(notify_watchdog_ms(), 0);
    (void)setenv("NOTIFY_SOCKET", "/x", 1);
    ck_assert_int_eq(notify_watchdog_ms(), 90000);
    (void)setenv("WATCHDOG_PID", pid, 1);
    ck_assert_int_eq(notify_watchdog_ms(), 90000);
    (void)setenv("WATCHDOG_PID", "1", 1);
    ck_assert_int_eq(notify_watchdog_ms(), 0);
    (void)unsetenv("WATCHDOG_PID");
    (void)setenv("WATCHDOG_USEC", "soon", 1);
    ck_assert_int_eq(notify_watchdog_ms(), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tcase = support_case(suite, "notify", 30);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_state_goes_out_as_one_datagram_to_a_path);
    tcase_add_test(tcase, an_abstract_socket_is_reached_by_its_exact_name);
    tcase_add_test(tcase, nobody_to_tell_is_no_trouble);
    tcase_add_test(tcase, a_manager_that_does_not_read_never_stops_us);
    tcase_add_test(tcase, the_watchdog_is_fed_at_half_its_time_and_only_if_it_is_ours);
    return support_run_suite(suite);
}
