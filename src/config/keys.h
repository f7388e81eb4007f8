/*
 * keys — the table of all keys: a new key is one row here and one member of struct config.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum keys_type {
    KEYS_INT,    /* int64_t */
    KEYS_BOOL,   /* bool */
    KEYS_CHOICE, /* an enum whose values are the places in choices */
    KEYS_TEXT,   /* char *, owned */
};

struct keys_key {
    const char *name; /* "section.key", or "key" outside all sections */
    enum keys_type type;
    size_t offset; /* in struct config */
    int64_t min, max;
    bool is_freer_on_loopback; /* with a base_url there, min_loopback counts */
    int64_t min_loopback;
    const char *choices;                    /* "live|test"; of a text too */
    const char *what;                       /* of a text: what it must be */
    const char *(*form)(const char *value); /* of a text: NULL, or what it must be and isn't */
    const char *initial;                    /* the default as it would be written; NULL: none */
    bool is_required;
    bool is_secret; /* its value is in no message */
    const char *help;
};

enum { KEYS_COUNT = 40, KEYS_SECTIONS_COUNT = 8, KEYS_TEXT_BYTES_MAX = 8192 };

/* What api.provider may be, as "a|b": apart, so that another program can know other ones. */
extern const char CONFIG_PROVIDERS[];

extern const struct keys_key KEYS[KEYS_COUNT];
extern const char *const KEYS_SECTIONS[KEYS_SECTIONS_COUNT];

/* -1 when there is none. */
int keys_find(const char *name);
int keys_find_section(const char *name, size_t name_bytes);

/* The name that was most likely meant, a section's or a key's; NULL when nothing is near. */
const char *keys_nearest(const char *name);

/* The place of a value in "a|b|c"; -1 when it isn't there. */
int keys_choice(const char *choices, const char *value);

/* "a whole number 1..256", "live or test". is_loopback picks the minimum. */
void keys_range(const struct keys_key *key, bool is_loopback, char *out, size_t out_bytes);

#endif
