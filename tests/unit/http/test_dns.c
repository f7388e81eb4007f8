/*
 * The API's name: one that can't be resolved, one whose address changes, a resolver that never
 * answers; and an address of version 6. The resolver and its clock are this program's own, so no
 * network is needed.
 */
#include <netdb.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "support/support.h"
#include "unit/http/rude.h"

#define NAME "api.waybill.test"

enum { CACHE_S = 60 }; /* libcurl believes an address for so long */

static atomic_int resolver_says; /* 0, or an EAI_ code */
static atomic_uint resolver_address = INADDR_LOOPBACK;
static atomic_bool resolver_hangs;
static atomic_int resolver_waiting;
static atomic_int resolver_calls;
static atomic_int clock_shift_s;

struct made {
    struct addrinfo info; /* first */
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* These three stand for the C library's, for libcurl too. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
            struct addrinfo **out)
{
    struct made *made = calloc(1, sizeof(*made));
    bool is_six = strchr(name, ':') != NULL;
    int64_t number = 0;

    atomic_fetch_add(&resolver_calls, 1);
    atomic_fetch_add(&resolver_waiting, 1);
    while (atomic_load(&resolver_hangs))
        (void)poll(NULL, 0, 5);
    atomic_fetch_sub(&resolver_waiting, 1);
    if (made == NULL || atomic_load(&resolver_says) != 0) {
        free(made);
        return made == NULL ? EAI_MEMORY : atomic_load(&resolver_says);
    }
    if (service != NULL)
        (void)number_parse(service, 0, 65535, &number);
    made->four = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)number),
                                      .sin_addr.s_addr = htonl(atomic_load(&resolver_address))};
    made->six = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                      .sin6_port = htons((uint16_t)number),
                                      .sin6_addr = in6addr_loopback};
    made->info.ai_family = is_six ? AF_INET6 : AF_INET;
    made->info.ai_socktype = hints == NULL ? SOCK_STREAM : hints->ai_socktype;
    made->info.ai_addrlen = is_six ? sizeof(made->six) : sizeof(made->four);
    made->info.ai_addr = is_six ? (struct sockaddr *)&made->six : (struct sockaddr *)&made->four;
    *out = &made->info;
    return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
    free(list); /* the first member of what was made */
}

time_t
time(time_t *out) /* banned: time, because it is replaced here */
{
    struct timespec now = {0};

    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += atomic_load(&clock_shift_s);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

static void
fetch_by_name(struct http_answer *answer)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "http://" NAME ":%d/ok", rude.port);
    rude_fetch(url, "{}", answer);
}

START_TEST(a_name_that_cannot_be_resolved_is_asked_for_again_the_next_time)
{
    struct http_answer answer;

    atomic_store(&resolver_says, EAI_AGAIN);
    fetch_by_name(&answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_int_eq(answer.phase, HTTP_PHASE_RESOLVE);
    ck_assert_str_eq(answer.error, "resolve: Could not resolve host: " NAME);
    ck_assert_int_ge(atomic_load(&resolver_calls), 1); /* ours was asked, not the system's */

    atomic_store(&resolver_says, 0);
    fetch_by_name(&answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
}
END_TEST

START_TEST(an_address_that_changes_is_followed_and_nothing_is_lost_meanwhile)
{
    struct rude moved;
    struct http_answer answer;
    int port = rude.port;

    fetch_by_name(&answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    rude_stop(&rude);
    rude_start_at(&rude, INADDR_LOOPBACK + 1, port);
    atomic_store(&resolver_address, INADDR_LOOPBACK + 1);

    fetch_by_name(&answer); /* the old address is still believed; nobody is there any more */
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_int_eq(answer.phase, HTTP_PHASE_CONNECT);

    atomic_fetch_add(&clock_shift_s, CACHE_S + 1);
    fetch_by_name(&answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    moved = rude_look(&rude);
    ck_assert_int_eq(moved.requests, 1);
}
END_TEST

static bool
nobody_waits(void *ctx)
{
    (void)ctx;
    return atomic_load(&resolver_waiting) == 0;
}

/* The request ends by its own limit; neither its end nor the next one waits for the resolver. */
START_TEST(a_resolver_that_never_answers_holds_up_nobody)
{
    struct http_options options = rude_options;
    struct http_answer answer;

    options.connect_timeout_ms = 200;
    rude_set_options(&options);
    atomic_store(&resolver_hangs, true);
    fetch_by_name(&answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_msg(answer.phase == HTTP_PHASE_RESOLVE, "%s", answer.error);
    ck_assert(answer.is_timeout);
    ck_assert_int_eq(atomic_load(&resolver_waiting), 1); /* it still does */
    rude_fetch("/ok", "{}", &answer);                    /* an address needs no resolver */
    ck_assert_int_eq(answer.status, 201);

    atomic_store(&resolver_hangs, false);
    support_wait_until(nobody_waits, NULL, RUDE_WAIT_MS, "the end of the resolver's thread");
}
END_TEST

START_TEST(an_address_of_version_6_is_spoken_to)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct http_answer answer;
    char url[64];
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        (void)close(fd);
    if (!is_there) {
        (void)fprintf(stderr, "left out: no IPv6 here\n");
        return;
    }
    rude_stop(&rude);
    rude_start_six(&rude);
    (void)snprintf(url, sizeof(url), "http://[::1]:%d/ok", rude.port);
    rude_fetch(url, "{}", &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    ck_assert_int_eq(answer.status, 201);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http dns");
    TCase *tcase = support_case(suite, "dns", 60);

    tcase_add_checked_fixture(tcase, rude_set_up, rude_tear_down);
    tcase_add_test(tcase, a_name_that_cannot_be_resolved_is_asked_for_again_the_next_time);
    tcase_add_test(tcase, an_address_that_changes_is_followed_and_nothing_is_lost_meanwhile);
    tcase_add_test(tcase, a_resolver_that_never_answers_holds_up_nobody);
    tcase_add_test(tcase, an_address_of_version_6_is_spoken_to);
    return support_run_suite(suite);
}
