#include "sandbox/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/ident.h"

struct table_slot {
    uint64_t hash;
    const char *key; /* NULL: free */
    void *value;
};

struct table {
    struct table_slot *slots;
    size_t slots_count; /* a power of two */
    size_t used;
};

static struct table_slot *
table_find(struct table_slot *slots, size_t count, uint64_t hash, const char *key)
{
    size_t i = (size_t)hash & (count - 1);

    /* Ends: the table is never more than half full. */
    while (slots[i].key != NULL && (slots[i].hash != hash || strcmp(slots[i].key, key) != 0))
        i = (i + 1) & (count - 1);
    return &slots[i];
}

struct table *
table_new(void)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->slots_count = 1024;
    table->slots = calloc(table->slots_count, sizeof(*table->slots));
    if (table->slots == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void
table_free(struct table *table)
{
    if (table == NULL)
        return;
    free(table->slots);
    free(table);
}

void *
table_get(const struct table *table, const char *key)
{
    struct table_slot *slot = table_find(table->slots, table->slots_count, ident_hash(key), key);

    return slot->key == NULL ? NULL : slot->value;
}

static bool
table_grow(struct table *table)
{
    size_t count = table->slots_count * 2;
    struct table_slot *slots = calloc(count, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < table->slots_count; i++) {
        struct table_slot *old = &table->slots[i];

        if (old->key != NULL)
            *table_find(slots, count, old->hash, old->key) = *old;
    }
    free(table->slots);
    table->slots = slots;
    table->slots_count = count;
    return true;
}

bool
table_reserve(struct table *table)
{
    return table->used * 2 < table->slots_count || table_grow(table);
}

bool
table_put(struct table *table, const char *key, void *value)
{
    struct table_slot *slot;
    uint64_t hash = ident_hash(key);

    if (!table_reserve(table))
        return false;
    slot = table_find(table->slots, table->slots_count, hash, key);
    if (slot->key == NULL) {
        slot->key = key;
        slot->hash = hash;
        table->used++;
    }
    slot->value = value;
    return true;
}
