/*
 * life — a warehouse of one table whose function keeps a diary of what it is told, a ledger, a
 * sandbox and the built program: for tests of what becomes of orders after their POST.
 *
 * One of each at a time. The function t.tell(...) writes to the fed table, and fails as t.trouble
 * says.
 */
#ifndef SUPPORT_LIFE_H
#define SUPPORT_LIFE_H

#include <stdint.h>

#include "support/support.h"

#define LIFE_RUN_MS     120000
#define LIFE_SETTLED_MS 60000

extern char life_url[SUPPORT_URL_MAX];
extern struct support_sandbox life_sandbox;
extern char life_said[65536]; /* by all commands of a test, on both channels */

/* Fixtures: the ledger is made, its baseline is nothing, t.lines is fed. */
void life_begin(void);
void life_end(void);

/* more: further sections. */
void life_write_config(const char *more);
int life_command(const char *command, const char *a, const char *b); /* the exit code */
void life_must(int expected, const char *command, const char *a, const char *b);

/* To the sandbox's own paths: switches, faults, orders, orders/ID. */
void life_post(const char *path, const char *body);
void life_move_order(const char *order_id, const char *body);
/* Orders o-FIRST ... o-LAST of two units of one item, known to the shop and to the warehouse. more:
 * of each order at the API. */
void life_make_orders(int first, int last, const char *more, int shipped);

char *life_api_order(int i);              /* what GET /orders/{id} says; the caller frees it */
int64_t life_api_number(const char *key); /* of the sandbox's statistics */
void life_api_state(int i, char out[32]);
void life_wait_api(int order, const char *state);

/* Runs until the ledger, the warehouse and the API say the same of the first so many orders. */
void life_run_until_states_agree(int orders);
/* Nothing twice, nothing backwards, nothing that was not recorded, and the last word is the last.
 */
void life_told_once_and_in_order(void);

#endif
