#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static char page[600];
static const char *config;

static void
setup(void)
{
    char text[SUPPORT_URL_MAX + 512];
    const char *key = support_write_file("key", "sk_test\n", 0600);

    support_database_create(url);
    support_psql(url, "create view public.items as select 'o1'::text as order_id, 'a'::text as"
                      " item_id, 5 as ordered_quantity, 3 as shipped_quantity,"
                      " 0 as cancelled_quantity");
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: http://127.0.0.1:%d\n  key_file: %s\n  mode: test\n",
                   url, support_free_port(), key);
    config = support_write_file("waybill.yaml", text, 0600);
    (void)snprintf(page, sizeof(page), "%s/page.html", support_folder());
    ck_assert_int_eq(
        support_run((const char *const[]){SUPPORT_WAYBILL, "init", "-q", "-c", config, NULL}, NULL,
                    NULL, NULL),
        0);
    support_psql(url,
                 "insert into waybill.discrepancies (kind, order_id, item_id, detail) values"
                 " ('rejected', 'o<1>', 'it''em', '</td><script>document.title=1</script>&amp;'),"
                 " ('double', 'o2', 'b', E'\\x1b[2J\\u202e')");
}

static char *
write_page(void)
{
    char *errors = NULL;
    int code = support_run(
        (const char *const[]){SUPPORT_WAYBILL, "report", "--html", page, "-c", config, NULL}, NULL,
        NULL, &errors);

    ck_assert_msg(code == 0, "exit %d: %s", code, errors);
    free(errors);
    return support_read_file(page);
}

START_TEST(a_page_needs_nothing_from_elsewhere_and_lets_no_text_be_markup)
{
    char *html = write_page();

    ck_assert_ptr_nonnull(strstr(html, "Content-Security-Policy\" content=\"default-src 'none'"));
    ck_assert_ptr_null(strstr(html, "<script"));
    ck_assert_ptr_null(strstr(html, "src="));
    ck_assert_ptr_null(strstr(html, "href="));
    ck_assert_ptr_null(strstr(html, "url("));
    ck_assert_ptr_null(strstr(html, "@import"));
    ck_assert_ptr_null(strchr(html, '\x1b'));
    ck_assert_ptr_nonnull(
        strstr(html, "&lt;/td&gt;&lt;script&gt;document.title=1&lt;/script&gt;&amp;amp;"));
    ck_assert_ptr_nonnull(strstr(html, "<td>o&lt;1&gt;</td><td>it&#39;em</td>"));
    ck_assert_ptr_nonnull(strstr(html, "prefers-color-scheme:dark"));
    ck_assert_ptr_nonnull(strstr(html, "\\u{1b}[2J\\u{202e}"));
    free(html);
}
END_TEST

START_TEST(the_page_goes_to_stdout_or_says_why_it_can_not_be_written)
{
    char *out = NULL;
    char *errors = NULL;

    ck_assert_int_eq(support_run((const char *const[]){SUPPORT_WAYBILL, "report", "--html=-", "-c",
                                                       config, NULL},
                                 NULL, &out, NULL),
                     0);
    ck_assert_ptr_nonnull(strstr(out, "</html>\n"));
    free(out);
    ck_assert_int_eq(support_run((const char *const[]){SUPPORT_WAYBILL, "report", "--html",
                                                       "/nonexistent/x", "-c", config, NULL},
                                 NULL, NULL, &errors),
                     3);
    ck_assert_ptr_nonnull(strstr(errors, "/nonexistent/x"));
    free(errors);
    ck_assert_int_eq(support_run((const char *const[]){SUPPORT_WAYBILL, "report", "runs", "--html",
                                                       page, "-c", config, NULL},
                                 NULL, NULL, NULL),
                     2);
}
END_TEST

static const char *
find_browser(void)
{
    static const char *const paths[] = {"/usr/bin/chromium", "/usr/bin/chromium-browser"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    }
    return NULL;
}

/* What a browser makes of it: the document after parsing, where text that became markup would
 * show. Left out where there is no Chromium. */
START_TEST(a_browser_sees_the_state_the_charts_and_only_text_in_cells)
{
    char profile[700];
    char address[700];
    char *html = write_page();
    char *dom = NULL;

    (void)snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", support_folder());
    (void)snprintf(address, sizeof(address), "file://%s", page);
    free(html);
    ck_assert_int_eq(
        support_run(
            (const char *const[]){
                find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", profile, "--dump-dom", address, NULL},
            NULL, &dom, NULL),
        0);
    ck_assert_ptr_nonnull(strstr(dom, "<title>waybill: CRITICAL</title>"));
    ck_assert_ptr_nonnull(strstr(dom, "<h2>Submissions settled, by day</h2>"));
    ck_assert_ptr_nonnull(strstr(dom, "aria-label=\"Open discrepancies, by kind\""));
    ck_assert_ptr_nonnull(strstr(dom, "1 open discrepancy where money may be wrong"));
    ck_assert_ptr_nonnull(strstr(dom, "waybill baseline --from nothing"));
    ck_assert_ptr_null(strstr(dom, "<script"));
    free(dom);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("page");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "page", 120);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_page_needs_nothing_from_elsewhere_and_lets_no_text_be_markup);
    tcase_add_test(tcase, the_page_goes_to_stdout_or_says_why_it_can_not_be_written);
    if (find_browser() != NULL)
        tcase_add_test(tcase, a_browser_sees_the_state_the_charts_and_only_text_in_cells);
    else
        (void)fputs("left out: no Chromium to look at the page with\n", stderr);
    return support_run_suite(suite);
}
