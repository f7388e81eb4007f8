#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "json/json.h"

static char url[SUPPORT_URL_MAX];

/* What Grafana puts in before it asks. */
static void
fill_in(const char *sql, struct buffer *out)
{
    static const struct {
        const char *name, *value;
    } macros[] = {{"${schema}", "waybill"},
                  {"$__timeFilter(hour)", "hour > now() - interval '7 d'"}};

    while (*sql != '\0') {
        const char *value = NULL;

        for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]) && value == NULL; i++) {
            if (strncmp(sql, macros[i].name, strlen(macros[i].name)) == 0) {
                value = macros[i].value;
                sql += strlen(macros[i].name);
            }
        }
        if (value != NULL)
            (void)buffer_puts(out, value);
        else
            (void)buffer_putc(out, *sql++);
    }
}

START_TEST(each_panel_of_the_dashboard_asks_what_the_views_can_answer)
{
    char *text = support_read_file(WAYBILL_SOURCE_DIR "/conf/waybill-grafana.json");
    struct json_doc *doc = NULL;
    struct error err = {0};
    const struct json_value *panel;
    int panels = 0;

    ck_assert_msg(json_parse(text, strlen(text), &doc, &err), "%s", err.message);
    panel = json_first(json_get(json_root(doc), "panels"));
    for (; panel != NULL; panel = json_next(panel)) {
        const char *sql = json_text(json_at(json_get(panel, "targets"), 0), "rawSql");
        const struct json_value *place = json_get(panel, "gridPos");
        struct buffer filled;
        int64_t x = -1;
        int64_t width = -1;

        ck_assert_ptr_nonnull(json_text(panel, "title"));
        ck_assert_ptr_nonnull(sql);
        ck_assert(json_int(place, "x", &x) && json_int(place, "w", &width) && x + width <= 24);
        buffer_init(&filled, 10000);
        /* As the role that a reporter gets. */
        (void)buffer_puts(&filled, "set role waybill_test_reader; ");
        fill_in(sql, &filled);
        ck_assert_msg(strchr(buffer_text(&filled), '$') == NULL, "%s", buffer_text(&filled));
        support_psql(url, buffer_text(&filled));
        buffer_free(&filled);
        panels++;
    }
    ck_assert_int_ge(panels, 10);
    json_free(doc);
    free(text);
}
END_TEST

static void
setup(void)
{
    char text[SUPPORT_URL_MAX + 512];
    const char *config;

    support_database_create(url);
    /* Roles belong to the server: it may be there from another test. */
    support_psql(url, "do $$ begin create role waybill_test_reader;"
                      " exception when duplicate_object then null; end $$");
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: http://127.0.0.1:1\n  key_env: NONE\n  mode: test\n",
                   url);
    config = support_write_file("waybill.yaml", text, 0600);
    ck_assert_int_eq(support_run((const char *const[]){SUPPORT_WAYBILL, "init", "--grant-reports",
                                                       "waybill_test_reader", "-c", config, NULL},
                                 NULL, NULL, NULL),
                     0);
}

int
main(void)
{
    Suite *suite = suite_create("dashboard");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "dashboard", 60);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, each_panel_of_the_dashboard_asks_what_the_views_can_answer);
    return support_run_suite(suite);
}
