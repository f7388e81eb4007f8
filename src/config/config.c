#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/number.h"
#include "base/text.h"
#include "config/form.h"
#include "config/keys.h"
#include "config/problems.h"
#include "config/reader.h"

enum { CONFIG_FILE_BYTES_MAX = 1024 * 1024, CONFIG_SHOWN_BYTES = 96, CONFIG_RANGE_BYTES = 160 };

struct config_load_state {
    struct config *config;
    struct reader_file file;
    struct config_problems *problems;
    bool is_nomem;
};

static void *
config_member(struct config *config, const struct keys_key *key)
{
    return (char *)config + key->offset;
}

/* `"abc"`, cut, or `a value` where it must not be seen: keys, URLs with a password, and what looks
 * like either. */
static void
config_show(const struct keys_key *key, const char *text, char *out, size_t out_bytes)
{
    char shown[CONFIG_SHOWN_BYTES];

    if (key->is_secret || strpbrk(text, "@?#") != NULL || strstr(text, "sk_") != NULL ||
        strstr(text, "password") != NULL) {
        (void)snprintf(out, out_bytes, "a value");
        return;
    }
    text_copy_clean(shown, sizeof(shown), text);
    (void)snprintf(out, out_bytes, "\"%s\"%s", shown,
                   strlen(text) >= sizeof(shown) ? " and more" : "");
}

static void
config_refuse(struct config_load_state *state, int index, const char *must)
{
    const struct reader_value *value = &state->file.values[index];
    char shown[CONFIG_SHOWN_BYTES + 16] = "nothing";

    if (value->text != NULL)
        config_show(&KEYS[index], value->text, shown, sizeof(shown));
    problems_add(state->problems, value->place, "%s: must be %s, got %s", KEYS[index].name, must,
                 shown);
}

static bool
config_has_control(const char *text)
{
    size_t left = strlen(text);
    uint32_t code_point;

    while (left > 0) {
        size_t length = text_decode(text, left, &code_point);

        if (length == 0 || text_is_unsafe(code_point))
            return true;
        text += length;
        left -= length;
    }
    return false;
}

/* NULL when the text is right for the key, and then it is in the struct. */
static const char *
config_set_text(struct config_load_state *state, const struct keys_key *key, const char *text,
                const char *range)
{
    char **slot = config_member(state->config, key);
    const char *must = key->form == NULL ? NULL : key->form(text);

    if (text[0] == '\0' || strlen(text) > KEYS_TEXT_BYTES_MAX || config_has_control(text))
        return range;
    if (key->choices != NULL && keys_choice(key->choices, text) < 0)
        return range;
    if (must != NULL)
        return must;
    *slot = strdup(text);
    if (*slot == NULL)
        state->is_nomem = true;
    return NULL;
}

static const char *
config_set(struct config_load_state *state, const struct keys_key *key, const char *text,
           const char *range)
{
    void *member = config_member(state->config, key);
    int64_t number;
    int place;

    switch (key->type) {
    case KEYS_INT:
        /* 010 is eight to some readers of YAML. */
        if (text[0] == '+' || (text[0] == '0' && text[1] != '\0'))
            return range;
        /* The stricter minimum is looked at when base_url is known. */
        if (!number_parse(text, key->is_freer_on_loopback ? key->min_loopback : key->min, key->max,
                          &number))
            return range;
        memcpy(member, &number, sizeof(number));
        return NULL;
    case KEYS_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return range;
        *(bool *)member = text[0] == 't';
        return NULL;
    case KEYS_CHOICE:
        place = keys_choice(key->choices, text);
        if (place < 0)
            return range;
        /* Every enum here is as wide as an int. */
        memcpy(member, &place, sizeof(place));
        return NULL;
    case KEYS_TEXT:
        break;
    }
    return config_set_text(state, key, text, range);
}

/* Is there a good value, the default included? */
static bool
config_apply(struct config_load_state *state, int index, bool is_loopback)
{
    const struct keys_key *key = &KEYS[index];
    const struct reader_value *value = &state->file.values[index];
    char range[CONFIG_RANGE_BYTES];
    const char *must;

    keys_range(key, is_loopback, range, sizeof(range));
    if (!value->is_given) {
        if (key->initial != NULL) {
            must = config_set(state, key, key->initial, range);
            assert(must == NULL);
        }
        return key->initial != NULL;
    }
    if (value->text == NULL) {
        if (value->is_null)
            config_refuse(state, index, range);
        return false;
    }
    must = config_set(state, key, value->text, range);
    if (must != NULL)
        config_refuse(state, index, must);
    return must == NULL;
}

static int
config_index(const char *name)
{
    int index = keys_find(name);

    assert(index >= 0);
    return index;
}

/* At its section, where it should be; at the start of the file when that is missing too. */
static struct problems_place
config_place_of_missing(const struct config_load_state *state, const char *name)
{
    int section = keys_find_section(name, strcspn(name, "."));
    struct problems_place place = state->file.sections[section];

    return place.line == 0 ? (struct problems_place){.line = 1, .column = 1} : place;
}

static void
config_check_missing(struct config_load_state *state)
{
    bool has_file = state->file.values[config_index("api.key_file")].is_given;
    int env = config_index("api.key_env");
    bool has_env = state->file.values[env].is_given;

    for (int i = 0; i < KEYS_COUNT; i++) {
        char range[CONFIG_RANGE_BYTES];

        if (!KEYS[i].is_required || state->file.values[i].is_given)
            continue;
        keys_range(&KEYS[i], false, range, sizeof(range));
        problems_add(state->problems, config_place_of_missing(state, KEYS[i].name),
                     "%s: must be given, %s", KEYS[i].name, range);
    }
    if (!has_file && !has_env)
        problems_add(state->problems, config_place_of_missing(state, "api.key_file"),
                     "api.key_file: must be given, or api.key_env");
    if (has_file && has_env)
        problems_add(state->problems, state->file.values[env].place,
                     "api.key_env: must not be given together with api.key_file");
}

/* base_url decides what else may be. False when nothing is known of it. */
static bool
config_check_url(struct config_load_state *state, bool is_good)
{
    struct config *config = state->config;
    size_t count;

    if (!is_good || config->api.base_url == NULL)
        return false;
    count = strlen(config->api.base_url);
    while (count > 0 && config->api.base_url[count - 1] == '/')
        config->api.base_url[--count] = '\0';
    config->api.is_loopback = form_url_is_loopback(config->api.base_url);
    if (form_url_is_plain(config->api.base_url) && !config->api.is_loopback &&
        !config->api.allow_insecure)
        config_refuse(state, config_index("api.base_url"),
                      "https, or on loopback, or with api.allow_insecure: true");
    return true;
}

static void
config_check_together(struct config_load_state *state, const bool *is_good)
{
    struct config *config = state->config;
    bool is_url_known = config_check_url(state, is_good[config_index("api.base_url")]);
    int first = config_index("retry.first_delay_ms");
    int last = config_index("retry.max_delay_ms");
    char range[CONFIG_RANGE_BYTES];

    for (int i = 0; i < KEYS_COUNT; i++) {
        int64_t number;

        if (!KEYS[i].is_freer_on_loopback || !is_good[i] || !is_url_known ||
            config->api.is_loopback)
            continue;
        memcpy(&number, config_member(config, &KEYS[i]), sizeof(number));
        if (number < KEYS[i].min) {
            keys_range(&KEYS[i], false, range, sizeof(range));
            config_refuse(state, i, range);
        }
    }
    if (is_good[first] && is_good[last] &&
        config->retry.max_delay_ms < config->retry.first_delay_ms)
        problems_add(
            state->problems,
            state->file.values[state->file.values[last].is_given ? last : first].place,
            "retry.max_delay_ms: must be at least retry.first_delay_ms, %lld, got \"%lld\"",
            (long long)config->retry.first_delay_ms, (long long)config->retry.max_delay_ms);
    if (is_good[config_index("warehouse.line_items")] && config->warehouse.line_items != NULL) {
        char schema[FORM_NAME_BYTES];
        char name[FORM_NAME_BYTES];

        form_relation_split(config->warehouse.line_items, schema, name);
        config->warehouse.line_items_name = strdup(name);
        if (schema[0] != '\0')
            config->warehouse.line_items_schema = strdup(schema);
        if (config->warehouse.line_items_name == NULL ||
            (schema[0] != '\0' && config->warehouse.line_items_schema == NULL))
            state->is_nomem = true;
    }
}

/* What the reader can't be given at all. */
static bool
config_check_bytes(const char *bytes, size_t count, struct config_problems *problems)
{
    const struct problems_place start = {.line = 1, .column = 1};
    struct problems_place place = start;
    uint32_t code_point;

    if (count > CONFIG_FILE_BYTES_MAX) {
        problems_add(problems, start, "must be at most %d bytes, got more", CONFIG_FILE_BYTES_MAX);
        return false;
    }
    for (size_t at = 0; at < count;) {
        size_t length = text_decode(bytes + at, count - at, &code_point);

        if (length == 0 || code_point == 0) {
            problems_add(problems, place, "must be text in UTF-8, got %s",
                         length == 0 ? "other bytes" : "a NUL byte");
            return false;
        }
        place.line += code_point == '\n' ? 1 : 0;
        place.column = code_point == '\n' ? 1 : place.column + 1;
        at += length;
    }
    return true;
}

static bool
config_build(struct config_load_state *state, const char *bytes, size_t count, struct error *err)
{
    bool is_good[KEYS_COUNT];
    int url = config_index("api.base_url");
    const char *url_text;
    bool is_loopback;

    if (!config_check_bytes(bytes, count, state->problems))
        return true;
    if (!reader_read(bytes, count, &state->file, state->problems, err))
        return false;
    url_text = state->file.values[url].text;
    is_loopback = url_text != NULL && form_url(url_text) == NULL && form_url_is_loopback(url_text);
    for (int i = 0; i < KEYS_COUNT; i++)
        is_good[i] = config_apply(state, i, is_loopback);
    config_check_together(state, is_good);
    /* What a half-read file lacks is no news. */
    if (state->file.is_whole)
        config_check_missing(state);
    return true;
}

bool
config_parse(const char *bytes, size_t count, const char *path, struct config **out,
             struct config_problems **problems, struct error *err)
{
    bool ok = false;
    struct config_load_state state = {0};
    int found;

    assert(*out == NULL);
    assert(*problems == NULL);

    state.config = calloc(1, sizeof(*state.config));
    state.problems = problems_new(path);
    if (state.config == NULL || state.problems == NULL) {
        (void)error_set(err, ERROR_NOMEM, "no memory for the configuration");
        goto done;
    }
    if (!config_build(&state, bytes, count, err))
        goto done;
    if (state.is_nomem || !problems_is_complete(state.problems)) {
        (void)error_set(err, ERROR_NOMEM, "no memory for the configuration");
        goto done;
    }
    found = config_problems_count(state.problems);
    if (found > 0) {
        problems_sort(state.problems);
        if (found == 1)
            (void)error_set(err, ERROR_CONFIG, "%s", config_problems_line(state.problems, 0));
        else
            (void)error_set(err, ERROR_CONFIG, "%d problems in %s", found, path);
        *problems = state.problems;
        state.problems = NULL;
        goto done;
    }
    *out = state.config;
    state.config = NULL;
    ok = true;

done:
    reader_clear(&state.file);
    config_problems_free(state.problems);
    config_free(state.config);
    return ok;
}

bool
config_load(const char *path, struct config **out, struct config_problems **problems,
            struct error *err)
{
    bool ok = false;
    bool is_read = false;
    int fd = -1;
    char *bytes = NULL;
    size_t used = 0;
    struct stat info;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        (void)error_set(err, ERROR_CONFIG, "cannot open the configuration: %s", strerror(errno));
        goto done;
    }
    if (S_ISDIR(info.st_mode)) {
        (void)error_set(err, ERROR_CONFIG, "the configuration must be a file, got a directory");
        goto done;
    }
    bytes = malloc(CONFIG_FILE_BYTES_MAX + 1); /* one to notice excess */
    if (bytes == NULL) {
        (void)error_set(err, ERROR_NOMEM, "no memory for the configuration");
        goto done;
    }
    while (used < CONFIG_FILE_BYTES_MAX + 1) {
        ssize_t got = read(fd, bytes + used, CONFIG_FILE_BYTES_MAX + 1 - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)error_set(err, ERROR_CONFIG, "cannot read the configuration: %s",
                            strerror(errno));
            goto done;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    is_read = true; /* from here on the messages name the file themselves */
    ok = config_parse(bytes, used, path, out, problems, err);

done:
    if (!is_read)
        error_context(err, "%s", path);
    if (bytes != NULL)
        explicit_bzero(bytes, used); /* database.url may hold a password */
    free(bytes);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

void
config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (int i = 0; i < KEYS_COUNT; i++) {
        char **slot = config_member(config, &KEYS[i]);

        if (KEYS[i].type != KEYS_TEXT || *slot == NULL)
            continue;
        if (KEYS[i].is_secret)
            explicit_bzero(*slot, strlen(*slot));
        free(*slot);
    }
    free(config->warehouse.line_items_schema);
    free(config->warehouse.line_items_name);
    free(config);
}

bool
config_load_key(const struct config *config, struct secret **out, struct error *err)
{
    bool is_file = config->api.key_file != NULL;
    bool ok = is_file ? secret_from_file(config->api.key_file, out, err)
                      : secret_from_env(config->api.key_env, out, err);

    if (!ok) {
        /* The path and the variable's name are values of key_*: somebody may have put the key
         * itself there. */
        err->context[0] = '\0';
        error_context(err, "%s", is_file ? "api.key_file" : "api.key_env");
    }
    return ok;
}

int
config_keys_count(void)
{
    return KEYS_COUNT;
}

void
config_key_describe(int index, struct config_key_text *out)
{
    const struct keys_key *key = &KEYS[index];
    size_t used;

    *out = (struct config_key_text){.name = key->name,
                                    .initial = key->initial,
                                    .help = key->help,
                                    .is_required = key->is_required};
    keys_range(key, false, out->range, sizeof(out->range));
    used = strlen(out->range);
    if (key->is_freer_on_loopback)
        (void)snprintf(out->range + used, sizeof(out->range) - used,
                       ", from %lld with a base_url on loopback", (long long)key->min_loopback);
}
