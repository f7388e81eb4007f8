#include "config/form.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

enum { FORM_HOST_BYTES = 254, FORM_URL_BYTES_MAX = 1024 };

static const char FORM_LOWER[] = "abcdefghijklmnopqrstuvwxyz";
static const char FORM_UPPER[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char FORM_DIGITS[] = "0123456789";

static bool
form_is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

const char *
form_schema(const char *value)
{
    size_t count = strlen(value);

    if (count == 0 || count >= FORM_NAME_BYTES || strncmp(value, "pg_", 3) == 0)
        return FORM_SCHEMA;
    for (size_t i = 0; i < count; i++) {
        bool is_letter = form_is_one_of(value[i], FORM_LOWER) || value[i] == '_';

        if (!is_letter && (i == 0 || !(form_is_one_of(value[i], FORM_DIGITS) || value[i] == '$')))
            return FORM_SCHEMA;
    }
    return NULL;
}

/* One identifier at *at, written to out; false when it is none or too long. */
static bool
form_identifier(const char **at, char out[FORM_NAME_BYTES])
{
    const char *in = *at;
    bool is_quoted = *in == '"';
    size_t used = 0;

    if (is_quoted)
        in++;
    for (; *in != '\0'; in++) {
        char c = *in;
        bool is_letter = form_is_one_of(c, FORM_LOWER) || form_is_one_of(c, FORM_UPPER) ||
                         c == '_' || (unsigned char)c >= 0x80;

        if (is_quoted && c == '"') {
            if (in[1] != '"')
                break;
            in++; /* a doubled quote is one quote of the name */
        } else if (!is_quoted && !is_letter &&
                   (used == 0 || !(form_is_one_of(c, FORM_DIGITS) || c == '$'))) {
            break;
        }
        if (used + 1 >= FORM_NAME_BYTES)
            return false;
        if (!is_quoted && form_is_one_of(c, FORM_UPPER))
            c = (char)(c - 'A' + 'a');
        out[used++] = c;
    }
    out[used] = '\0';
    if (is_quoted) {
        if (*in != '"')
            return false;
        in++;
    }
    *at = in;
    return used > 0;
}

static bool
form_relation_parts(const char *value, char schema[FORM_NAME_BYTES], char name[FORM_NAME_BYTES])
{
    schema[0] = '\0';
    if (!form_identifier(&value, name))
        return false;
    if (*value == '.') {
        value++;
        memcpy(schema, name, FORM_NAME_BYTES);
        if (!form_identifier(&value, name))
            return false;
    }
    return *value == '\0';
}

const char *
form_relation(const char *value)
{
    char schema[FORM_NAME_BYTES] = "";
    char name[FORM_NAME_BYTES] = "";

    return form_relation_parts(value, schema, name) ? NULL : FORM_RELATION;
}

void
form_relation_split(const char *value, char schema[FORM_NAME_BYTES], char name[FORM_NAME_BYTES])
{
    bool ok;

    memset(name, 0, FORM_NAME_BYTES);
    ok = form_relation_parts(value, schema, name);
    assert(ok);
    (void)ok;
}

const char *
form_variable(const char *value)
{
    if (value[0] == '\0' || form_is_one_of(value[0], FORM_DIGITS))
        return FORM_VARIABLE;
    for (; *value != '\0'; value++) {
        if (!form_is_one_of(*value, FORM_LOWER) && !form_is_one_of(*value, FORM_UPPER) &&
            !form_is_one_of(*value, FORM_DIGITS) && *value != '_')
            return FORM_VARIABLE;
    }
    return NULL;
}

const char *
form_version(const char *value)
{
    static const char SHAPE[] = "0000-00-00";

    if (strlen(value) != strlen(SHAPE))
        return FORM_VERSION;
    for (size_t i = 0; SHAPE[i] != '\0'; i++) {
        if (SHAPE[i] == '0' ? !form_is_one_of(value[i], FORM_DIGITS) : value[i] != SHAPE[i])
            return FORM_VERSION;
    }
    return NULL;
}

/* The host into out, without brackets; the result is what follows it, NULL when it is none. Strict,
 * because curl must not find another host in the same text than we do. */
static const char *
form_url_host(const char *url, char out[FORM_HOST_BYTES])
{
    const char *at = strstr(url, "://");
    struct in6_addr address;
    size_t length;

    if (at == NULL)
        return NULL;
    at += 3;
    if (*at == '[') {
        at++;
        length = strcspn(at, "]");
        if (at[length] != ']' || length >= FORM_HOST_BYTES)
            return NULL;
        memcpy(out, at, length);
        out[length] = '\0';
        return inet_pton(AF_INET6, out, &address) == 1 ? at + length + 1 : NULL;
    }
    for (length = 0;
         form_is_one_of(at[length], FORM_LOWER) || form_is_one_of(at[length], FORM_UPPER) ||
         form_is_one_of(at[length], FORM_DIGITS) || at[length] == '.' || at[length] == '-' ||
         at[length] == '_';
         length++) {
        if (length + 1 >= FORM_HOST_BYTES)
            return NULL;
    }
    if (length == 0 || at[0] == '.' || at[0] == '-')
        return NULL;
    memcpy(out, at, length);
    out[length] = '\0';
    return at + length;
}

const char *
form_url(const char *value)
{
    char host[FORM_HOST_BYTES];
    char port[6];
    int64_t number;
    const char *rest;

    if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0)
        return FORM_URL;
    if (strlen(value) > FORM_URL_BYTES_MAX)
        return FORM_URL;
    rest = form_url_host(value, host);
    if (rest == NULL)
        return FORM_URL;
    if (*rest == ':') {
        size_t length = strspn(rest + 1, FORM_DIGITS);

        if (length == 0 || length >= sizeof(port))
            return FORM_URL;
        memcpy(port, rest + 1, length);
        port[length] = '\0';
        if (!number_parse(port, 1, 65535, &number))
            return FORM_URL;
        rest += 1 + length;
    }
    if (*rest != '\0' && *rest != '/')
        return FORM_URL;
    for (; *rest != '\0'; rest++) {
        if (*rest <= ' ' || *rest > '~' || form_is_one_of(*rest, "?#@\\\"<>^`{|}"))
            return FORM_URL;
    }
    return NULL;
}

bool
form_url_is_loopback(const char *url)
{
    char host[FORM_HOST_BYTES];
    struct in_addr four;
    struct in6_addr six;

    if (form_url_host(url, host) == NULL)
        return false;
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return (ntohl(four.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool
form_url_is_plain(const char *url)
{
    return strncmp(url, "http://", 7) == 0;
}
