#include "json/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "json/scan.h"

/* Neighbouring integers are different doubles only below this. */
#define JSON_INT_LIMIT 9007199254740991.0

enum { JSON_SHOWN_BYTES = 48 };

/* Both opaque types are cJSON's own nodes: a document is its root. */
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
    cJSON *root = NULL;
    const char *end = NULL;

    assert(*out == NULL);

    if (count == 0)
        return error_set(err, ERROR_PARSE, "not JSON: empty");
    if (!json_scan(bytes, count, err))
        return false;

    root = cJSON_ParseWithLengthOpts(bytes, count, &end, 0);
    if (root == NULL) {
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
    *out = (struct json_doc *)root;
    root = NULL;
    ok = true;

done:
    cJSON_Delete(root);
    return ok;
}

void
json_free(struct json_doc *doc)
{
    cJSON_Delete((cJSON *)doc);
}

const struct json_value *
json_root(const struct json_doc *doc)
{
    return (const struct json_value *)doc;
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
