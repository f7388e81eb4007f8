#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/form.h"
#include "config/keys.h"

/* The smallest good file, with a place for more below api. */
#define GOOD                                                                                       \
    "database: {url: \"postgresql:///wms\"}\n"                                                     \
    "warehouse: {line_items: wms.items}\n"                                                         \
    "api:\n"                                                                                       \
    "  base_url: https://api.example.com\n"                                                        \
    "  key_file: /k\n"                                                                             \
    "  mode: test\n"

#define GOOD_BUT_URL                                                                               \
    "database: {url: \"postgresql:///wms\"}\n"                                                     \
    "warehouse: {line_items: wms.items}\n"                                                         \
    "api:\n"                                                                                       \
    "  key_file: /k\n"                                                                             \
    "  mode: test\n"

static struct config *config;
static struct config_problems *problems;
static struct error err;

static void
setup(void)
{
    config = NULL;
    problems = NULL;
    error_clear(&err);
}

static void
teardown(void)
{
    config_free(config);
    config_problems_free(problems);
    setup();
}

static void
load_bytes(const char *bytes, size_t count)
{
    /* A copy without a NUL behind it, so that the sanitizer sees every step too far. */
    char *copy = malloc(count == 0 ? 1 : count);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, count);
    teardown();
    (void)config_parse(copy, count, "w.yaml", &config, &problems, &err);
    free(copy);
}

static void
load_text(const char *text)
{
    load_bytes(text, strlen(text));
}

static void
must_load(const char *text)
{
    load_text(text);
    ck_assert_msg(config != NULL, "refused: %s", err.message);
    ck_assert_int_eq(err.code, ERROR_NONE);
    ck_assert_ptr_null(problems);
}

/* The text has exactly this one problem. */
static void
must_refuse(const char *text, const char *line)
{
    load_text(text);
    ck_assert_msg(config == NULL, "accepted, but should be: %s", line);
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_str_eq(err.message, line);
    ck_assert_int_eq(config_problems_count(problems), 1);
    ck_assert_str_eq(config_problems_line(problems, 0), line);
}

START_TEST(the_smallest_file_gets_all_defaults)
{
    must_load(GOOD);
    ck_assert_str_eq(config->database.url, "postgresql:///wms");
    ck_assert_str_eq(config->database.schema, "waybill");
    ck_assert_str_eq(config->warehouse.line_items_schema, "wms");
    ck_assert_str_eq(config->warehouse.line_items_name, "items");
    ck_assert_int_eq(config->warehouse.change_feed, CONFIG_FEED_QUEUE);
    ck_assert_int_eq(config->warehouse.sweep_interval_ms, 86400000);
    ck_assert_int_eq(config->api.mode, CONFIG_MODE_TEST);
    ck_assert(!config->api.is_loopback);
    ck_assert(!config->api.allow_insecure);
    ck_assert(config->api.order_gate);
    ck_assert_ptr_null(config->api.key_env);
    ck_assert_ptr_null(config->api.ca_file);
    ck_assert_int_eq(config->api.settle_ms, 900000);
    ck_assert_int_eq(config->retry.max_attempts, 20);
    ck_assert_int_eq(config->run.overlap, CONFIG_OVERLAP_JOIN);
    ck_assert_int_eq(config->run.grace_ms, 70000);
    ck_assert_int_eq(config->watch.interval_ms, 1000);
    ck_assert(config->follow.events);
    ck_assert_int_eq(config->follow.interval_ms, 60000);
    ck_assert_ptr_null(config->warehouse.order_state_function);
    ck_assert_int_eq(config->log.level, LOG_INFO);
    ck_assert_int_eq(config->log.format, LOG_FORMAT_LOGFMT);
}
END_TEST

START_TEST(every_kind_of_value_is_taken)
{
    must_load(GOOD "  order_gate: false\n  second_marker: shipment_id\n"
                   "  max_in_flight: '256'\n  ca_file: \"/c a.pem\"\n"
                   "run: {overlap: skip}\nlog: {level: trace, format: json}\nwatch:\n");
    ck_assert(!config->api.order_gate);
    ck_assert_int_eq(config->api.second_marker, CONFIG_MARKER_SHIPMENT_ID);
    ck_assert_int_eq(config->api.max_in_flight, 256);
    ck_assert_str_eq(config->api.ca_file, "/c a.pem");
    ck_assert_int_eq(config->run.overlap, CONFIG_OVERLAP_SKIP);
    ck_assert_int_eq(config->log.level, LOG_TRACE);
    ck_assert_int_eq(config->log.format, LOG_FORMAT_JSON);
}
END_TEST

static const struct {
    const char *text;
    const char *line;
} REFUSED[] = {
    {GOOD "  timeout_ms: abc\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got \"abc\""},
    {GOOD "  timeout_ms: 99\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got \"99\""},
    {GOOD "  timeout_ms: 600001\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got \"600001\""},
    {GOOD "  timeout_ms: 99999999999999999999\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got "
     "\"99999999999999999999\""},
    {GOOD "  timeout_ms: 0200\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got \"0200\""},
    {GOOD "  timeout_ms: 5s\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got \"5s\""},
    {GOOD "  timeout_ms:\n",
     "w.yaml:7:14: api.timeout_ms: must be a whole number 100..600000, got nothing"},
    {GOOD "  timeout_ms: [1, [2]]\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got a list"},
    {GOOD "  timeout_ms: {a: {b: c}}\n",
     "w.yaml:7:15: api.timeout_ms: must be a whole number 100..600000, got a section"},
    {GOOD "  order_gate: yes\n", "w.yaml:7:15: api.order_gate: must be true or false, got \"yes\""},
    {GOOD "log: {level: loud}\n",
     "w.yaml:7:14: log.level: must be error, warn, info, debug or trace, got \"loud\""},
    {GOOD "  provider: other\n", "w.yaml:7:13: api.provider: must be digitalriver, got \"other\""},
    {GOOD "  version: 2021\n",
     "w.yaml:7:12: api.version: must be a date like 2021-12-13, got \"2021\""},
    {GOOD "  ca_file: ''\n", "w.yaml:7:12: api.ca_file: must be the path of a file, got \"\""},
    {GOOD "  ca_file: \"/a\\x1b[2J\"\n",
     "w.yaml:7:12: api.ca_file: must be the path of a file, got \"/a\xef\xbf\xbd[2J\""},
    {GOOD "  mode: live\n", "w.yaml:7:3: api.mode: given twice, first in line 6"},
    {GOOD "api: {order_gate: true}\n", "w.yaml:7:1: api: given twice, first in line 3"},
    {GOOD "metrics_file: a\nmetrics_file: b\n",
     "w.yaml:8:1: metrics_file: given twice, first in line 7"},
    {GOOD "metrics_file: {a: b}\n",
     "w.yaml:7:15: metrics_file: must be the path of a file, got a section"},
    {GOOD "metrics_fil: a\n", "w.yaml:7:1: metrics_fil: unknown key, did you mean metrics_file?"},
    {GOOD "log: {metrics_file: a}\n",
     "w.yaml:7:7: log.metrics_file: unknown key, did you mean metrics_file?"},
    {GOOD "  base_ulr: x\n", "w.yaml:7:3: api.base_ulr: unknown key, did you mean api.base_url?"},
    {GOOD "  max_posts: 5\n",
     "w.yaml:7:3: api.max_posts: unknown key, did you mean run.max_posts?"},
    {GOOD "batch_rows: 5\n", "w.yaml:7:1: batch_rows: unknown key, did you mean run.batch_rows?"},
    {GOOD "wacth: {interval_ms: 5}\n", "w.yaml:7:1: wacth: unknown key, did you mean watch?"},
    {GOOD "  zzz: {a: [b, c]}\n", "w.yaml:7:3: api.zzz: unknown key"},
    {GOOD "<<: {a: b}\n", "w.yaml:7:1: unknown key, its name is no plain word"},
    {GOOD "? [a, b]\n: c\n", "w.yaml:7:3: must be the name of a key, got a list"},
    {GOOD "  ? {a: b}\n  : c\n", "w.yaml:7:5: must be the name of a key, got a section"},
    {GOOD "run: 5\n", "w.yaml:7:6: run: must be a section with keys below it, got a value"},
    {GOOD "run: [a]\n", "w.yaml:7:6: run: must be a section with keys below it, got a list"},
    {GOOD "run: &r {max_ms: 5}\n", "w.yaml:7:6: run: must be without an anchor (&)"},
    {GOOD "run: {max_ms: &m 5}\n", "w.yaml:7:15: run.max_ms: must be without an anchor (&)"},
    {GOOD "run: {max_ms: !!int 5}\n", "w.yaml:7:15: run.max_ms: must be without a tag (!)"},
    {GOOD "run: {&k max_ms: 5}\n", "w.yaml:7:7: must be without an anchor (&)"},
    {GOOD "run: {max_ms: *m}\n",
     "w.yaml:7:15: run.max_ms: must be a whole number 0..86400000, got an alias (*)"},
    {GOOD "---\nrun: {max_ms: 5}\n", "w.yaml:7:1: must be one YAML document, got a second one"},
    {GOOD "\trun: 5\n", "w.yaml:7:1: not YAML: a tab, where YAML wants spaces"},
    {GOOD "run:\n \tmax_ms: 5\n", "w.yaml:8:2: not YAML: a tab, where YAML wants spaces"},
    {GOOD "run: {max_ms: 5\n", "w.yaml:8:1: not YAML: did not find expected ',' or '}'"},
    {"", "w.yaml:1:1: the file has no keys"},
    {"# nothing\n\n", "w.yaml:1:1: the file has no keys"},
    {"just words\n", "w.yaml:1:1: must be sections with keys below them, got a value"},
    {"- a\n- [b]\n", "w.yaml:1:1: must be sections with keys below them, got a list"},
    {GOOD "retry: {first_delay_ms: 600, max_delay_ms: 500}\n",
     "w.yaml:7:44: retry.max_delay_ms: must be at least retry.first_delay_ms, 600, got \"500\""},
    {GOOD "  settle_ms: 59999\n",
     "w.yaml:7:14: api.settle_ms: must be a whole number 60000..86400000, got \"59999\""},
    {GOOD "  send_within_ms: 999\n",
     "w.yaml:7:19: api.send_within_ms: must be a whole number 1000..600000, got \"999\""},
    {GOOD "  key_env: KEY\n",
     "w.yaml:7:12: api.key_env: must not be given together with api.key_file"},
    {GOOD_BUT_URL "  base_url: http://api.example.com\n",
     "w.yaml:6:13: api.base_url: must be https, or on loopback, or with api.allow_insecure: true, "
     "got \"http://api.example.com\""},
    {GOOD_BUT_URL "  base_url: ftp://api.example.com\n",
     "w.yaml:6:13: api.base_url: must be https://host[:port][/path] without user, password, query "
     "and fragment, got \"ftp://api.example.com\""},
};

START_TEST(one_mistake_is_one_exact_line)
{
    must_refuse(REFUSED[_i].text, REFUSED[_i].line);
}
END_TEST

START_TEST(all_problems_come_at_once_in_the_order_of_the_file)
{
    static const char *const LINES[] = {
        "w.yaml:1:1: api.base_url: must be given, https://host[:port][/path] without user, "
        "password, query and fragment",
        "w.yaml:1:1: api.mode: must be given, live or test",
        "w.yaml:1:1: api.key_file: must be given, or api.key_env",
        "w.yaml:1:1: database.url: must be given, a libpq URI or key=value text",
        "w.yaml:2:11: database.schema: must be a plain identifier of up to 63 letters a-z, digits, "
        "_ and $, not beginning with pg_, got \"pg_x\"",
        "w.yaml:3:3: database.urll: unknown key, did you mean database.url?",
        "w.yaml:5:3: warehouse.change_fed: unknown key, did you mean warehouse.change_feed?",
        "w.yaml:6:15: warehouse.line_items: must be name or schema.name, in double quotes where "
        "SQL needs them, got \"a.b.c\"",
    };

    load_text("database:\n  schema: pg_x\n  urll: y\nwarehouse:\n  change_fed: scan\n"
              "  line_items: a.b.c\n");
    ck_assert_ptr_null(config);
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "8 problems in w.yaml");
    ck_assert_int_eq(config_problems_count(problems), 8);
    for (int i = 0; i < 8; i++) {
        bool is_there = false;

        for (int j = 0; j < 8; j++)
            is_there = is_there || strcmp(config_problems_line(problems, j), LINES[i]) == 0;
        ck_assert_msg(is_there, "missing: %s", LINES[i]);
    }
    ck_assert_str_eq(config_problems_line(problems, 7), LINES[7]);
    ck_assert_str_eq(config_problems_line(problems, 6), LINES[6]);
}
END_TEST

START_TEST(problems_are_bounded)
{
    char text[8192] = GOOD;
    size_t used = strlen(text);

    for (int i = 0; i < 300; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  no_such_key: %d\n", i);
    load_text(text);
    ck_assert_int_eq(config_problems_count(problems), 100);
    ck_assert_ptr_nonnull(
        strstr(config_problems_line(problems, 99), "more problems follow, mend the ones above"));
}
END_TEST

/* Each holds "hunter2" where it was put by mistake or by right. */
static const char *const SECRETS[] = {
    GOOD "database: {url: [\"postgresql://u:hunter2@h/db\"]}\n",
    "database: postgresql://u:hunter2@h/db\n",
    "database: {url: \"postgresql://u:hunter2@h/db\\x01\"}\n",
    "database: {urls: \"postgresql://u:hunter2@h/db\"}\n",
    "database: {url: a, url: \"postgresql://u:hunter2@h/db\"}\n",
    "database: {schema: \"postgresql://u:hunter2@h/db\"}\n",
    "database: {schema: \"password=hunter2\"}\n",
    "database: {\"postgresql://u:hunter2@h/db\": }\n",
    "database:\n  url: 'x\n  postgresql://u:hunter2@h/db: :\n",
    "api: {key_env: \"hunter2 \"}\n",
    "api: {key_file: \"hunter2\\n\"}\n",
    "api: {key: hunter2}\n",
    "api: {mode: sk_test_hunter2}\n",
    "api: {sk_test_hunter2}\n",
    "api: hunter2\n",
    "api: {base_url: \"https://u:hunter2@api.example.com\"}\n",
    "api: {base_url: \"http://api.example.com?key=hunter2\"}\n",
    "hunter2\n",
    "hunter2: {\n",
};

START_TEST(no_message_shows_a_secret)
{
    /* The last one is a key's name, which alone may be shown. */
    load_text(SECRETS[_i]);
    ck_assert_ptr_null(config);
    ck_assert_int_gt(config_problems_count(problems), 0);
    if (strncmp(SECRETS[_i], "hunter2:", 8) == 0)
        return;
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    for (int i = 0; i < config_problems_count(problems); i++)
        ck_assert_msg(strstr(config_problems_line(problems, i), "hunter2") == NULL, "%s",
                      config_problems_line(problems, i));
}
END_TEST

START_TEST(a_secret_value_is_called_a_value)
{
    must_refuse("database: {url: a}\nwarehouse: {line_items: b}\n"
                "api: {base_url: https://h, mode: live, key_env: 1X}\n",
                "w.yaml:3:49: api.key_env: must be the name of an environment variable: letters, "
                "digits and _, got a value");
}
END_TEST

START_TEST(loopback_frees_the_small_times_and_plain_http)
{
    must_load(GOOD_BUT_URL "  base_url: http://127.0.0.1:8080/\n  settle_ms: 0\n"
                           "  send_within_ms: 1\n");
    ck_assert(config->api.is_loopback);
    ck_assert_str_eq(config->api.base_url, "http://127.0.0.1:8080");
    ck_assert_int_eq(config->api.settle_ms, 0);
    ck_assert_int_eq(config->api.send_within_ms, 1);

    must_refuse(GOOD_BUT_URL "  base_url: http://localhost\n  send_within_ms: 0\n",
                "w.yaml:7:19: api.send_within_ms: must be a whole number 1..600000, got \"0\"");
}
END_TEST

START_TEST(plain_http_elsewhere_needs_permission_and_frees_no_small_times)
{
    must_load(GOOD_BUT_URL "  base_url: http://api.example.com/v1//\n  allow_insecure: true\n");
    ck_assert_str_eq(config->api.base_url, "http://api.example.com/v1");
    ck_assert(!config->api.is_loopback);
    must_refuse(GOOD_BUT_URL "  base_url: http://a.b\n  allow_insecure: true\n  settle_ms: 1\n",
                "w.yaml:8:14: api.settle_ms: must be a whole number 60000..86400000, got \"1\"");
}
END_TEST

static const struct {
    const char *url;
    bool is_good, is_loopback;
} URLS[] = {
    {"https://api.example.com", true, false},
    {"https://api.example.com:8443/v1/", true, false},
    {"http://127.9.8.7", true, true},
    {"http://[::1]:80", true, true},
    {"https://LocalHost/x", true, true},
    {"http://127.0.0.1.evil.com", true, false},
    {"http://localhost.evil.com", true, false},
    {"http://[::2]", true, false},
    {"http://[::ffff:127.0.0.1]", true, false},
    {"http://127.1", true, false},
    {"http://128.0.0.1", true, false},
    {"http://localhost@evil.com", false, false},
    {"http://127.0.0.1\\@evil.com", false, false},
    {"http://127.0.0.1#@evil.com", false, false},
    {"http://127.0.0.1?x", false, false},
    {"http://127.0.0.1:", false, false},
    {"http://127.0.0.1:0", false, false},
    {"http://127.0.0.1:65536", false, false},
    {"http://127.0.0.1:80x", false, false},
    {"http://[::1", false, false},
    {"http://[]", false, false},
    {"http://[127.0.0.1]", false, false},
    {"http://", false, false},
    {"http:///x", false, false},
    {"http://a b", false, false},
    {"http://a/b c", false, false},
    {"http://%31", false, false},
    {"HTTP://a", false, false},
    {"file:///etc/passwd", false, false},
    {"api.example.com", false, false},
    {"", false, false},
};

START_TEST(a_url_is_read_strictly)
{
    const char *url = URLS[_i].url;

    ck_assert_msg((form_url(url) == NULL) == URLS[_i].is_good, "%s", url);
    if (URLS[_i].is_good)
        ck_assert_msg(form_url_is_loopback(url) == URLS[_i].is_loopback, "%s", url);
}
END_TEST

#define SIXTY "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh"

static const struct {
    const char *text;
    const char *schema, *name; /* NULL name: refused */
} RELATIONS[] = {
    {"items", "", "items"},
    {"wms.items", "wms", "items"},
    {"WMS.Items_2$", "wms", "items_2$"},
    {"\"WMS\".\"Line Items\"", "WMS", "Line Items"},
    {"\"a.b\".c", "a.b", "c"},
    {"\"say \"\"hi\"\"\"", "", "say \"hi\""},
    {"\xc3\xa4hm.x", "\xc3\xa4hm", "x"},
    {SIXTY "xyz", "", SIXTY "xyz"},
    {SIXTY "xyzz", NULL, NULL},
    {"a.b.c", NULL, NULL},
    {".a", NULL, NULL},
    {"a.", NULL, NULL},
    {"", NULL, NULL},
    {"\"\"", NULL, NULL},
    {"\"a", NULL, NULL},
    {"\"a\"b", NULL, NULL},
    {"a b", NULL, NULL},
    {"1a", NULL, NULL},
    {"a;drop table b", NULL, NULL},
    {"f(text[])", NULL, NULL},
};

START_TEST(a_relation_is_split_as_the_server_would)
{
    char schema[FORM_NAME_BYTES];
    char name[FORM_NAME_BYTES];

    ck_assert_msg((form_relation(RELATIONS[_i].text) == NULL) == (RELATIONS[_i].name != NULL), "%s",
                  RELATIONS[_i].text);
    if (RELATIONS[_i].name == NULL)
        return;
    form_relation_split(RELATIONS[_i].text, schema, name);
    ck_assert_str_eq(schema, RELATIONS[_i].schema);
    ck_assert_str_eq(name, RELATIONS[_i].name);
}
END_TEST

START_TEST(a_schema_is_a_plain_identifier)
{
    static const char *const BAD[] = {"",    "1a", "Wms",        "a-b",     "pg_x",
                                      "a b", "$a", SIXTY "abcd", "\xc3\xa4"};

    ck_assert_ptr_null(form_schema("waybill"));
    ck_assert_ptr_null(form_schema("_w1$"));
    ck_assert_ptr_null(form_schema(SIXTY "abc"));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        ck_assert_msg(form_schema(BAD[i]) != NULL, "%s", BAD[i]);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
    static const char NUL[] = "database:\n  url: a\0b\n";

    ck_assert(!config_parse(NUL, sizeof(NUL) - 1, "w.yaml", &config, &problems, &err));
    ck_assert_str_eq(err.message, "w.yaml:2:9: must be text in UTF-8, got a NUL byte");
    teardown();
    must_refuse("\xc3\xa4: 1\n \xc3\xa4\xff: b\n",
                "w.yaml:2:3: must be text in UTF-8, got other bytes");
    must_refuse(GOOD "run: {max_ms: \"\x01\"}\n",
                "w.yaml:7:16: not YAML: control characters are not allowed");
    must_refuse(GOOD "  ca_file: \"a\\0b\"\n",
                "w.yaml:7:12: api.ca_file: must be without NUL characters");
}
END_TEST

#define MARK "\xef\xbb\xbf"

START_TEST(a_mark_before_the_text_is_no_part_of_it)
{
    load_bytes(MARK GOOD, strlen(MARK GOOD));
    ck_assert_ptr_nonnull(config);
    load_bytes(MARK "zzz: 1\n" GOOD, strlen(MARK "zzz: 1\n" GOOD));
    ck_assert_ptr_null(config);
    ck_assert_str_eq(config_problems_line(problems, 0), "w.yaml:1:1: zzz: unknown key");
    load_bytes(MARK, strlen(MARK));
    ck_assert_str_eq(config_problems_line(problems, 0), "w.yaml:1:1: the file has no keys");
    load_bytes(MARK MARK GOOD, strlen(MARK MARK GOOD));
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(deep_and_wide_yaml_is_an_error_and_no_crash)
{
    size_t count = 1000000;
    char *text = malloc(count + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, '[', count);
    text[count] = '\0';
    load_text(text);
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    for (size_t i = 0; i < count; i += 2)
        memcpy(text + i, "a\n", 2);
    memcpy(text, "a:\n", 3);
    load_text(text);
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    for (size_t i = 0; i < count; i += 4)
        memcpy(text + i, "- a\n", 4);
    memcpy(text, "a:\n\n", 4);
    load_text(text);
    ck_assert_ptr_nonnull(strstr(err.message, "problems in w.yaml"));
    ck_assert_ptr_nonnull(strstr(config_problems_line(problems, 1), "more than 20000 YAML nodes"));
    free(text);
}
END_TEST

static void
load_file(const char *path)
{
    teardown();
    (void)config_load(path, &config, &problems, &err);
}

START_TEST(a_file_that_cannot_be_read_is_named)
{
    char path[] = "/tmp/waybill-config-XXXXXX";
    static char page[65536];
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    memset(page, '#', sizeof(page));
    for (int i = 0; i < 17; i++)
        ck_assert_int_eq(write(fd, page, sizeof(page)), (ssize_t)sizeof(page));
    load_file(path);
    ck_assert_ptr_nonnull(strstr(err.message, ":1:1: must be at most 1048576 bytes, got more"));
    ck_assert_str_eq(err.context, "");
    close(fd);
    unlink(path);

    load_file(path);
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "cannot open the configuration: No such file or directory");
    ck_assert_str_eq(err.context, path);
    ck_assert_ptr_null(problems);

    load_file("/tmp");
    ck_assert_str_eq(err.message, "the configuration must be a file, got a directory");
    ck_assert_str_eq(err.context, "/tmp");
}
END_TEST

START_TEST(the_minimal_file_has_the_required_keys_only)
{
    load_file(WAYBILL_SOURCE_DIR "/conf/waybill-minimal.yaml");
    ck_assert_msg(config != NULL, "%s", err.message);
    ck_assert_str_eq(config->api.base_url, "https://api.digitalriver.com");
    ck_assert_int_eq(config->api.mode, CONFIG_MODE_LIVE);
}
END_TEST

static char *
slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
    (void)fclose(file);
    return text;
}

/* "  name: value" below "section:" of the full file, or behind a # where there is no default. */
static bool
full_file_has(const char *text, const struct config_key_text *key)
{
    const char *dot = strchr(key->name, '.');
    char wanted[256];
    const char *section;
    const char *section_end;
    const char *found;

    if (dot == NULL) {
        (void)snprintf(wanted, sizeof(wanted), "\n# %s: ", key->name);
        return strstr(text, wanted) != NULL;
    }
    (void)snprintf(wanted, sizeof(wanted), "\n%.*s:\n", (int)(dot - key->name), key->name);
    section = strstr(text, wanted);
    if (section == NULL)
        return false;
    section_end = strstr(section, "\n\n");
    if (key->initial != NULL && strcmp(key->name, "api.version") == 0)
        (void)snprintf(wanted, sizeof(wanted), "\n  %s: \"%s\"\n", dot + 1, key->initial);
    else if (key->initial != NULL)
        (void)snprintf(wanted, sizeof(wanted), "\n  %s: %s\n", dot + 1, key->initial);
    else
        (void)snprintf(wanted, sizeof(wanted), "\n  %s: ", dot + 1);
    found = strstr(section, wanted);
    if (found == NULL && key->initial == NULL) {
        (void)snprintf(wanted, sizeof(wanted), "\n  # %s: ", dot + 1);
        found = strstr(section, wanted);
    }
    return found != NULL && (section_end == NULL || found < section_end);
}

START_TEST(the_full_file_shows_every_key_with_its_default_and_range)
{
    char *text = slurp(WAYBILL_SOURCE_DIR "/conf/waybill.yaml");

    load_file(WAYBILL_SOURCE_DIR "/conf/waybill.yaml");
    ck_assert_msg(config != NULL, "%s", err.message);
    for (int i = 0; i < config_keys_count(); i++) {
        struct config_key_text key;
        const char *range;

        config_key_describe(i, &key);
        ck_assert_msg(full_file_has(text, &key), "%s is not in the file with its default",
                      key.name);
        ck_assert_ptr_nonnull(key.help);
        range = strncmp(key.range, "a whole number ", 15) == 0 ? key.range + 15 : key.range;
        /* A sentence begins with a capital. */
        ck_assert_msg(strstr(text, range) != NULL || strstr(text, range + 1) != NULL ||
                          strcmp(range, "the path of a file") == 0 ||
                          strcmp(key.name, "api.key_env") == 0,
                      "%s: %s is not in the file", key.name, range);
    }
    free(text);
}
END_TEST

START_TEST(a_key_outside_all_sections_is_read)
{
    must_load("metrics_file: /var/m.prom\n" GOOD);
    ck_assert_str_eq(config->metrics_file, "/var/m.prom");
}
END_TEST

START_TEST(the_table_describes_itself)
{
    struct config_key_text key;

    ck_assert_int_eq(config_keys_count(), KEYS_COUNT);
    for (int i = 0; i < KEYS_COUNT; i++) {
        config_key_describe(i, &key);
        ck_assert_ptr_nonnull(key.name); /* a row was forgotten when the count was raised */
        ck_assert_int_eq(keys_find(key.name), i);
        if (strchr(key.name, '.') != NULL)
            ck_assert_int_ge(keys_find_section(key.name, strcspn(key.name, ".")), 0);
        ck_assert(!key.is_required || key.initial == NULL);
    }
    config_key_describe(keys_find("api.settle_ms"), &key);
    ck_assert_str_eq(key.range,
                     "a whole number 60000..86400000, from 0 with a base_url on loopback");
    ck_assert_str_eq(key.initial, "900000");
    config_key_describe(keys_find("api.mode"), &key);
    ck_assert_str_eq(key.range, "live or test");
    ck_assert(key.is_required);
}
END_TEST

START_TEST(the_key_comes_from_its_file_or_variable_and_errors_do_not_say_which)
{
    struct secret *secret = NULL;

    must_load("database: {url: a}\nwarehouse: {line_items: b}\n"
              "api: {base_url: https://h, mode: live, key_env: WAYBILL_TEST_KEY}\n");
    ck_assert_int_eq(setenv("WAYBILL_TEST_KEY", " sk_1 ", 1), 0);
    ck_assert(config_load_key(config, &secret, &err));
    ck_assert_str_eq(secret_reveal(secret), "sk_1");
    secret_free(secret);
    secret = NULL;
    ck_assert_int_eq(unsetenv("WAYBILL_TEST_KEY"), 0);
    ck_assert(!config_load_key(config, &secret, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "the environment variable is not set");
    ck_assert_str_eq(err.context, "api.key_env");

    must_load("database: {url: a}\nwarehouse: {line_items: b}\n"
              "api: {base_url: https://h, mode: live, key_file: /nowhere/hunter2}\n");
    ck_assert(!config_load_key(config, &secret, &err));
    ck_assert_str_eq(err.message, "cannot open the key file: No such file or directory");
    ck_assert_str_eq(err.context, "api.key_file");
}
END_TEST

START_TEST(every_prefix_of_a_good_file_ends_well)
{
    char *text = slurp(WAYBILL_SOURCE_DIR "/conf/waybill.yaml");
    size_t count = strlen(text);

    for (size_t i = 0; i < count; i += 7) {
        load_bytes(text, i);
        ck_assert((config != NULL) == (config_problems_count(problems) == 0));
    }
    free(text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_smallest_file_gets_all_defaults);
    tcase_add_test(tests, every_kind_of_value_is_taken);
    tcase_add_loop_test(tests, one_mistake_is_one_exact_line, 0,
                        (int)(sizeof(REFUSED) / sizeof(REFUSED[0])));
    tcase_add_test(tests, all_problems_come_at_once_in_the_order_of_the_file);
    tcase_add_test(tests, problems_are_bounded);
    tcase_add_loop_test(tests, no_message_shows_a_secret, 0,
                        (int)(sizeof(SECRETS) / sizeof(SECRETS[0])));
    tcase_add_test(tests, a_secret_value_is_called_a_value);
    tcase_add_test(tests, loopback_frees_the_small_times_and_plain_http);
    tcase_add_test(tests, plain_http_elsewhere_needs_permission_and_frees_no_small_times);
    tcase_add_loop_test(tests, a_url_is_read_strictly, 0, (int)(sizeof(URLS) / sizeof(URLS[0])));
    tcase_add_loop_test(tests, a_relation_is_split_as_the_server_would, 0,
                        (int)(sizeof(RELATIONS) / sizeof(RELATIONS[0])));
    tcase_add_test(tests, a_schema_is_a_plain_identifier);
    tcase_add_test(tests, bytes_that_are_no_text_are_refused);
    tcase_add_test(tests, a_mark_before_the_text_is_no_part_of_it);
    tcase_add_test(tests, deep_and_wide_yaml_is_an_error_and_no_crash);
    tcase_add_test(tests, a_file_that_cannot_be_read_is_named);
    tcase_add_test(tests, the_minimal_file_has_the_required_keys_only);
    tcase_add_test(tests, the_full_file_shows_every_key_with_its_default_and_range);
    tcase_add_test(tests, the_table_describes_itself);
    tcase_add_test(tests, a_key_outside_all_sections_is_read);
    tcase_add_test(tests, the_key_comes_from_its_file_or_variable_and_errors_do_not_say_which);
    tcase_add_test(tests, every_prefix_of_a_good_file_ends_well);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
