/*
 * form — what a text in the file must look like.
 *
 * Each form_* returns NULL when the value is right, else what it must be.
 */
#ifndef CONFIG_FORM_H
#define CONFIG_FORM_H

#include <stdbool.h>

#define FORM_SCHEMA                                                                                \
    "a plain identifier of up to 63 letters a-z, digits, _ and $, not beginning with pg_"
#define FORM_RELATION "name or schema.name, in double quotes where SQL needs them"
#define FORM_VARIABLE "the name of an environment variable: letters, digits and _"
#define FORM_VERSION  "a date like 2021-12-13"
#define FORM_URL      "https://host[:port][/path] without user, password, query and fragment"

enum { FORM_NAME_BYTES = 64 };

const char *form_schema(const char *value);
const char *form_relation(const char *value);
const char *form_variable(const char *value);
const char *form_version(const char *value);
const char *form_url(
    const char *value); /* http:// passes here: whether it may be is another rule */

/* The parts of a relation that passed form_relation: without quotes, and what had none in lower
 * case, as the server does. schema is "" when none is given. */
void form_relation_split(const char *value, char schema[FORM_NAME_BYTES],
                         char name[FORM_NAME_BYTES]);

/* Of a URL that passed form_url. Loopback: 127.0.0.0/8, ::1, localhost. */
bool form_url_is_loopback(const char *url);
bool form_url_is_plain(const char *url);

#endif
