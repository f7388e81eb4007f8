#include "json/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "json/scan.h"

/* Neighbouring integers are different doubles only below this. */
#define JSON_INT_LIMIT 9007199254740991.0

enum { JSON_SHOWN_BYTES = 48 };

/* A document is one piece of memory: cJSON asks for two or three an entry, and would give back each
 * on its own. */
struct json_doc {
    cJSON *root; /* in bytes */
    size_t used, capacity;
    alignas(max_align_t) char bytes[];
};

static _Thread_local struct json_doc *json_filled; /* by cJSON at the moment */

static void *
json_take(size_t bytes)
{
    struct json_doc *doc = json_filled;
    void *taken;

    if (doc == NULL)
        return malloc(bytes);
    if (bytes > doc->capacity - doc->used)
        return NULL;
    taken = doc->bytes + doc->used;
    bytes = (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    doc->used += bytes < doc->capacity - doc->used ? bytes : doc->capacity - doc->used;
    return taken;
}

/* What a reading that failed gives back goes with its document. */
static void
json_give(void *taken)
{
    if (json_filled == NULL)
        free(taken);
}

static void
json_set_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = json_take, .free_fn = json_give};

    cJSON_InitHooks(&hooks);
}

/* Room for so many values, a key and a text with each of them, and for all bytes of the texts:
 * cJSON takes what stands between the quotes and two bytes more, which were the quotes. */
static struct json_doc *
json_doc_new(int values, size_t count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t room = sizeof(cJSON) + 3 * alignof(max_align_t);
    size_t capacity = (size_t)values * room + count;
    struct json_doc *doc;

    (void)pthread_once(&once, json_set_hooks);
    doc = malloc(sizeof(*doc) + capacity);
    if (doc != NULL)
        *doc = (struct json_doc){.capacity = capacity};
    return doc;
}

/* A value is cJSON's own node. */
static const cJSON *
json_node(const struct json_value *value)
{
    return (const cJSON *)value;
}

static const struct json_value *
json_wrap(const cJSON *node)
{
    return (const struct json_value *)node;
}

bool
json_parse(const char *bytes, size_t count, struct json_doc **out, struct error *err)
{
    bool ok = false;
    struct json_doc *doc = NULL;
    const char *end = NULL;
    int values = 0;

    assert(*out == NULL);

    if (count == 0)
        return error_set(err, ERROR_PARSE, "not JSON: empty");
    if (!json_scan(bytes, count, &values, err))
        return false;
    doc = json_doc_new(values, count);
    if (doc == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for JSON of %zu bytes", count);

    json_filled = doc;
    doc->root = cJSON_ParseWithLengthOpts(bytes, count, &end, 0);
    json_filled = NULL;
    if (doc->root == NULL) {
        (void)error_set(err, ERROR_PARSE, "not JSON: cannot be read at byte %zu of %zu",
                        end == NULL ? 1 : (size_t)(end - bytes) + 1, count);
        goto done;
    }
    while (end < bytes + count && (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n'))
        end++;
    if (end < bytes + count) {
        (void)error_set(err, ERROR_PARSE, "not JSON: more text after its end at byte %zu of %zu",
                        (size_t)(end - bytes) + 1, count);
        goto done;
    }
    *out = doc;
    doc = NULL;
    ok = true;

done:
    json_free(doc);
    return ok;
}

bool
json_parse_mended(const char *bytes, size_t count, struct json_doc **out, struct error *err)
{
    char *copy = NULL;
    bool ok = json_parse(bytes, count, out, err);

    if (ok || err->code != ERROR_PARSE || count == 0)
        return ok;
    copy = malloc(count);
    if (copy == NULL)
        return false;
    memcpy(copy, bytes, count);
    if (json_scan_mend(copy, count)) {
        error_clear(err);
        ok = json_parse(copy, count, out, err);
    }
    free(copy);
    return ok;
}

void
json_free(struct json_doc *doc)
{
    free(doc);
}

const struct json_value *
json_root(const struct json_doc *doc)
{
    return doc == NULL ? NULL : json_wrap(doc->root);
}

bool
json_is_object(const struct json_value *value)
{
    return cJSON_IsObject(json_node(value));
}

bool
json_is_array(const struct json_value *value)
{
    return cJSON_IsArray(json_node(value));
}

int
json_count(const struct json_value *array)
{
    return json_is_array(array) ? cJSON_GetArraySize(json_node(array)) : 0;
}

const struct json_value *
json_at(const struct json_value *array, int index)
{
    return json_is_array(array) ? json_wrap(cJSON_GetArrayItem(json_node(array), index)) : NULL;
}

const struct json_value *
json_first(const struct json_value *array)
{
    return json_is_array(array) || json_is_object(array) ? json_wrap(json_node(array)->child)
                                                         : NULL;
}

const struct json_value *
json_next(const struct json_value *value)
{
    return value == NULL ? NULL : json_wrap(json_node(value)->next);
}

const char *
json_key(const struct json_value *member)
{
    return member == NULL ? NULL : json_node(member)->string;
}

/* JSON null included. */
static const cJSON *
json_member(const struct json_value *object, const char *key)
{
    return json_is_object(object) ? cJSON_GetObjectItemCaseSensitive(json_node(object), key) : NULL;
}

const struct json_value *
json_get(const struct json_value *object, const char *key)
{
    const cJSON *node = json_member(object, key);

    return cJSON_IsNull(node) ? NULL : json_wrap(node);
}

const char *
json_as_text(const struct json_value *value)
{
    return cJSON_IsString(json_node(value)) ? json_node(value)->valuestring : NULL;
}

const char *
json_text(const struct json_value *object, const char *key)
{
    return json_as_text(json_get(object, key));
}

static bool
json_as_int(const cJSON *node, int64_t *out)
{
    /* valueint saturates; the double is what was read. */
    if (cJSON_IsNumber(node)) {
        double value = node->valuedouble;

        if (!(fabs(value) <= JSON_INT_LIMIT) || trunc(value) != value)
            return false;
        *out = (int64_t)value;
        return true;
    }
    if (cJSON_IsString(node))
        return number_parse(node->valuestring, -(int64_t)JSON_INT_LIMIT, (int64_t)JSON_INT_LIMIT,
                            out);
    return false;
}

bool
json_int(const struct json_value *object, const char *key, int64_t *out)
{
    return json_as_int(json_member(object, key), out);
}

bool
json_bool(const struct json_value *object, const char *key, bool *out)
{
    const cJSON *node = json_member(object, key);

    if (!cJSON_IsBool(node))
        return false;
    *out = cJSON_IsTrue(node);
    return true;
}

bool
json_number(const struct json_value *object, const char *key, double *out)
{
    const cJSON *node = json_member(object, key);

    if (!cJSON_IsNumber(node) || !isfinite(node->valuedouble))
        return false;
    *out = node->valuedouble;
    return true;
}

const char *
json_kind(const struct json_value *value)
{
    const cJSON *node = json_node(value);

    if (node == NULL)
        return "nothing";
    if (cJSON_IsObject(node))
        return "object";
    if (cJSON_IsArray(node))
        return "array";
    if (cJSON_IsString(node))
        return "text";
    if (cJSON_IsNumber(node))
        return "number";
    return cJSON_IsBool(node) ? "boolean" : "null";
}

/* The value itself only where it is short and was asked for by name: bodies are never shown. */
static bool
json_refuse(const struct json_value *object, const char *path, const char *key, const char *wanted,
            struct error *err)
{
    const char *shown_path = path == NULL ? "" : path;
    const char *dot = shown_path[0] == '\0' ? "" : ".";
    const struct json_value *found = json_wrap(json_member(object, key));
    char shown[JSON_SHOWN_BYTES];

    if (!json_is_object(object))
        return error_set(err, ERROR_PARSE, "%s%s%s: must be %s, but what should hold it is %s",
                         shown_path, dot, key, wanted, json_kind(object));
    if (json_as_text(found) != NULL) {
        text_copy_clean(shown, sizeof(shown), json_as_text(found));
        return error_set(err, ERROR_PARSE, "%s%s%s: must be %s, got text \"%s\"", shown_path, dot,
                         key, wanted, shown);
    }
    if (cJSON_IsNumber(json_node(found)))
        return error_set(err, ERROR_PARSE, "%s%s%s: must be %s, got number %.17g", shown_path, dot,
                         key, wanted, json_node(found)->valuedouble);
    return error_set(err, ERROR_PARSE, "%s%s%s: must be %s, got %s", shown_path, dot, key, wanted,
                     json_kind(found));
}

bool
json_need_text(const struct json_value *object, const char *path, const char *key, const char **out,
               struct error *err)
{
    const char *text = json_text(object, key);

    if (text == NULL)
        return json_refuse(object, path, key, "text", err);
    *out = text;
    return true;
}

bool
json_need_int(const struct json_value *object, const char *path, const char *key, int64_t *out,
              struct error *err)
{
    if (!json_int(object, key, out))
        return json_refuse(object, path, key, "a whole number below 2^53", err);
    return true;
}

const char *
json_library_version(void)
{
    return cJSON_Version();
}
