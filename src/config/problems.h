/*
 * problems — all that is wrong with a file, bounded, shown in the order of the file.
 */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include "base/error.h"
#include "config/config.h"

struct problems_place {
    int line; /* from 1 */
    int column;
};

/* NULL without memory. path is copied. */
struct config_problems *problems_new(const char *path);

/* fmt begins with the key where there is one. Beyond the bound it only counts. */
void problems_add(struct config_problems *problems, struct problems_place place, const char *fmt,
                  ...) PRINTF_LIKE(3, 4);

/* False when a line was lost for lack of memory. */
bool problems_is_complete(const struct config_problems *problems);
void problems_sort(struct config_problems *problems);

#endif
