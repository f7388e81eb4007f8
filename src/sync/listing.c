#include "sync/listing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"

enum {
    LISTING_PAGES_MAX = 100,
    LISTING_COUNT_MAX = 10000,
    LISTING_JSON_BYTES_MAX = 32 * 1024 * 1024,
};

enum listing_phase { PHASE_PAGES, PHASE_FIRST_AGAIN, PHASE_BY_ID, PHASE_DONE };

struct listing {
    char *order_id;
    enum listing_phase phase;
    int pages;
    int by_id; /* index of the one that is fetched by id */
    struct provider_fulfillment *all;
    int count;
    int capacity;
    char next[256]; /* page */
    char why[256];
};

bool
listing_new(const char *order_id, struct listing **out, struct error *err)
{
    struct listing *listing = calloc(1, sizeof(*listing));

    if (listing != NULL)
        listing->order_id = strdup(order_id);
    if (listing == NULL || listing->order_id == NULL) {
        free(listing);
        return error_set(err, ERROR_NOMEM, "no memory for a listing");
    }
    *out = listing;
    return true;
}

void
listing_free(struct listing *listing)
{
    if (listing == NULL)
        return;
    for (int i = 0; i < listing->count; i++)
        free(listing->all[i].items);
    free(listing->all);
    free(listing->order_id);
    free(listing);
}

bool
listing_next(struct listing *listing, const struct provider *provider, struct provider_request *out,
             struct error *err)
{
    switch (listing->phase) {
    case PHASE_PAGES:
        return provider_list_fulfillments(provider, listing->order_id,
                                          listing->pages > 0 ? listing->next : NULL, out, err);
    case PHASE_FIRST_AGAIN:
        return provider_list_fulfillments(provider, listing->order_id, NULL, out, err);
    case PHASE_BY_ID:
        return provider_get_fulfillment(provider, listing->all[listing->by_id].fulfillment_id, out,
                                        err);
    case PHASE_DONE:
        break;
    }
    return false;
}

bool
listing_is_by_id(const struct listing *listing)
{
    return listing->phase == PHASE_BY_ID;
}

static enum listing_step
listing_unreadable(struct listing *listing, const char *why)
{
    (void)snprintf(listing->why, sizeof(listing->why), "%s", why);
    listing->phase = PHASE_DONE;
    return LISTING_UNREADABLE;
}

static struct provider_fulfillment *
listing_find(const struct listing *listing, const char *id)
{
    for (int i = 0; i < listing->count; i++) {
        if (strcmp(listing->all[i].fulfillment_id, id) == 0)
            return &listing->all[i];
    }
    return NULL;
}

/* Moves *from into the list unless it is there already. */
static bool
listing_add(struct listing *listing, struct provider_fulfillment *from)
{
    if (listing_find(listing, from->fulfillment_id) != NULL)
        return true;
    if (listing->count == listing->capacity) {
        int capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        void *grown = realloc(listing->all, (size_t)capacity * sizeof(*listing->all));

        if (grown == NULL)
            return false;
        listing->all = grown;
        listing->capacity = capacity;
    }
    listing->all[listing->count++] = *from;
    from->items = NULL; /* the listing's now */
    from->items_count = 0;
    return true;
}

/* The next one that showed no metadata, from `first` on; or the end. */
static enum listing_step
listing_seek_by_id(struct listing *listing, int first)
{
    for (int i = first; i < listing->count; i++) {
        if (!listing->all[i].has_metadata) {
            listing->by_id = i;
            listing->phase = PHASE_BY_ID;
            return LISTING_GOES_ON;
        }
    }
    listing->phase = PHASE_DONE;
    return LISTING_COMPLETE;
}

static enum listing_step
listing_take_page(struct listing *listing, struct provider_fulfillments *page)
{
    bool is_again = listing->phase == PHASE_FIRST_AGAIN;

    memcpy(listing->next, page->next, sizeof(listing->next));
    for (int i = 0; i < page->count; i++) {
        if (strcmp(page->list[i].order_id, listing->order_id) != 0)
            return listing_unreadable(listing, "the list holds a fulfillment of another order");
        if (!listing_add(listing, &page->list[i]))
            return listing_unreadable(listing, "no memory for the list");
    }
    if (is_again)
        return listing_seek_by_id(listing, 0);
    listing->pages++;
    if (page->has_more && page->count == 0)
        return listing_unreadable(listing, "an empty page says that there is more");
    if (listing->pages >= LISTING_PAGES_MAX || listing->count > LISTING_COUNT_MAX)
        return listing_unreadable(listing, "more pages than can be believed");
    if (page->has_more)
        return LISTING_GOES_ON;
    /* A single page needs no second reading: nothing could move behind it. */
    if (listing->pages == 1)
        return listing_seek_by_id(listing, 0);
    listing->phase = PHASE_FIRST_AGAIN;
    return LISTING_GOES_ON;
}

enum listing_step
listing_take(struct listing *listing, struct provider_fulfillments *page,
             const struct provider_answer *how)
{
    if (how->read != PROVIDER_READ_OK)
        return listing_unreadable(listing, how->error);
    if (listing->phase == PHASE_BY_ID) {
        struct provider_fulfillment *one = &listing->all[listing->by_id];

        if (page->count != 1 || strcmp(page->list[0].fulfillment_id, one->fulfillment_id) != 0)
            return listing_unreadable(listing, "another fulfillment came back than was asked for");
        (void)snprintf(one->marker, sizeof(one->marker), "%s", page->list[0].marker);
        (void)snprintf(one->instance, sizeof(one->instance), "%s", page->list[0].instance);
        return listing_seek_by_id(listing, listing->by_id + 1);
    }
    return listing_take_page(listing, page);
}

const char *
listing_why(const struct listing *listing)
{
    return listing->why;
}

int
listing_count_marker(const struct listing *listing, const char *marker)
{
    int found = 0;

    for (int i = 0; i < listing->count; i++)
        found += strcasecmp(listing->all[i].marker, marker) == 0;
    return found;
}

bool
listing_is_live_wrong(const struct listing *listing, bool is_live)
{
    for (int i = 0; i < listing->count; i++) {
        if (listing->all[i].has_live_mode && listing->all[i].live_mode != is_live)
            return true;
    }
    return false;
}

char *
listing_json(const struct listing *listing, struct error *err)
{
    struct buffer buf;
    struct json_writer w;
    char *text;

    buffer_init(&buf, LISTING_JSON_BYTES_MAX);
    json_write_init(&w, &buf);
    json_write_array(&w, NULL);
    for (int i = 0; i < listing->count; i++) {
        const struct provider_fulfillment *f = &listing->all[i];

        json_write_object(&w, NULL);
        json_write_text(&w, "id", f->fulfillment_id);
        json_write_text(&w, "marker", f->marker);
        json_write_text(&w, "instance", f->instance);
        json_write_text(&w, "created", f->created_time);
        json_write_array(&w, "items");
        for (int k = 0; k < f->items_count; k++) {
            json_write_object(&w, NULL);
            json_write_text(&w, "item", f->items[k].item_id);
            json_write_int(&w, "shipped", f->items[k].shipped);
            json_write_int(&w, "cancelled", f->items[k].cancelled);
            json_write_end_object(&w);
        }
        json_write_end_array(&w);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    text = buffer_take(&buf);
    if (text == NULL)
        error_set(err, ERROR_NOMEM, "no memory for a listing of %d", listing->count);
    return text;
}
