/*
 * reader — YAML to one text for each key of the table, and what is wrong with its shape.
 *
 * Owns libyaml. Anchors, aliases, tags and several documents are refused: a
 * configuration should read the same to a person and to us.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/keys.h"
#include "config/problems.h"

struct reader_value {
    bool is_given;
    bool is_null; /* nothing, ~ or null without quotes */
    char *text;   /* owned; NULL when is_null, or not one text (that is a problem already) */
    struct problems_place place;
};

struct reader_file {
    struct reader_value values[KEYS_COUNT];
    struct problems_place sections[KEYS_SECTIONS_COUNT]; /* line 0: not given */
    bool is_whole;                                       /* read to its end */
};

/* What is wrong with the file goes to problems; false only for lack of memory. file is zeroed by
 * the caller, and cleared by it in any case. */
bool reader_read(const char *bytes, size_t count, struct reader_file *file,
                 struct config_problems *problems, struct error *err);
void reader_clear(struct reader_file *file);

#endif
