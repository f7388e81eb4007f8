#include <stdlib.h>
#include <string.h>

#include "sync/reach.h"

#include "support/support.h"

/* What each has to name. */
static const struct {
    enum http_distrust distrust;
    const char *words;
} cases[] = {
    {HTTP_DISTRUST_NONE, "is api.base_url right?"},
    {HTTP_DISTRUST_NAME, "api.base_url must have the host's name as the certificate has it"},
    {HTTP_DISTRUST_EXPIRED, "must renew its certificate"},
    {HTTP_DISTRUST_NOT_YET_VALID, "is this host's clock right"},
    {HTTP_DISTRUST_SELF_SIGNED, "name the file with this certificate in api.ca_file"},
    {HTTP_DISTRUST_AUTHORITY, "name the file with the authority's certificate in api.ca_file"},
    {HTTP_DISTRUST_PROTOCOL, "must allow TLS 1.2"},
    {HTTP_DISTRUST_CA_FILE, "api.ca_file must name a file of certificates in PEM"},
    {HTTP_DISTRUST_OTHER, "a certificate that can't be verified is never accepted"},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

START_TEST(each_reason_not_to_trust_has_its_own_advice)
{
    struct error err = {0};
    const char *advice = reach_advice(cases[_i].distrust);

    ck_assert_int_eq(CASES, HTTP_DISTRUST_OTHER + 1);
    ck_assert_msg(strstr(advice, cases[_i].words) != NULL, "%s", advice);
    for (int i = 0; i < CASES; i++)
        ck_assert(i == _i || strcmp(advice, reach_advice(cases[i].distrust)) != 0);

    error_hint(&err, "%s", advice); /* it fits */
    ck_assert_str_eq(err.hint, advice);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("reach");
    TCase *tcase = support_case(suite, "advice", 10);

    tcase_add_loop_test(tcase, each_reason_not_to_trust_has_its_own_advice, 0, CASES);
    return support_run_suite(suite);
}
