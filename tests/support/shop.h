/*
 * shop — a small warehouse of one table, an API that knows its orders, and the built program.
 *
 * shop.lines is the relation itself, so that a test writes what it means:
 * orders o1 .. oN with the items a and b, ten of each ordered. Everything fails
 * the running Check test when it goes wrong.
 */
#ifndef SUPPORT_SHOP_H
#define SUPPORT_SHOP_H

#include "support/support.h"

struct shop {
    char url[SUPPORT_URL_MAX];
    struct support_sandbox sandbox;
    const char *config; /* of the ledger that the commands work on */
    char *out;          /* of the last command */
    char *errors;
};

/* orders 0: an empty database, for a test with a warehouse of its own. */
void shop_begin(struct shop *shop, int orders);
void shop_end(struct shop *shop);

/* What the API hears of orders: the rows of a relation of one column. */
void shop_tell_api(struct shop *shop, const char *relation);

/* A configuration for a ledger in a schema; commands work on it from now on. more: lines of it, may
 * be NULL. */
void shop_use(struct shop *shop, const char *schema, const char *line_items, const char *more);

/* A command with its arguments, ended by NULL; the exit code. */
int shop_waybill(struct shop *shop, const char *const arguments[]);
void shop_spawn(struct shop *shop, struct support_process *process, const char *const arguments[]);
#define shop_must(shop, code, ...)                                                                 \
    shop_must_end((shop), (code), (const char *const[]){__VA_ARGS__, NULL})
void shop_must_end(struct shop *shop, int code, const char *const arguments[]);
void shop_said(const struct shop *shop, const char *text);   /* on stdout */
void shop_warned(const struct shop *shop, const char *text); /* on stderr */

/* A file of SQL. */
void shop_file(struct shop *shop, const char *path);

/* Rows of shop.lines: "('o1', 'a', '', 3, 0), ..." as order, item, parcel, shipped, cancelled; a
 * row that is there is replaced. */
void shop_ships(struct shop *shop, const char *rows);

/* Somebody else posts units of one line; the fulfillment's id goes to id when that is not NULL. */
void shop_other_posts(struct shop *shop, const char *order, const char *item, int shipped,
                      int cancelled, char id[256]);

/* Of the sandbox's statistics. */
int64_t shop_applied(struct shop *shop); /* fulfillments */
int64_t shop_posts(struct shop *shop);   /* POST requests for new ones that it answered with 201 */

#endif
