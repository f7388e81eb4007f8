/*
 * table — text to pointer, for hundreds of thousands of keys; nothing is ever removed.
 */
#ifndef SANDBOX_TABLE_H
#define SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

struct table *table_new(void); /* NULL without memory */
void table_free(struct table *table);

/* NULL when absent. */
void *table_get(const struct table *table, const char *key);

/* Makes room for one more key, so that the next table_put can't fail. */
bool table_reserve(struct table *table);

/* The key is borrowed and must outlive the table; an existing value is replaced. False without
 * memory. */
bool table_put(struct table *table, const char *key, void *value);

#endif
