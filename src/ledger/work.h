/*
 * work — claims, settlements, looks, questions: what the loop takes from the ledger and gives back.
 *
 * A claim is committed before its rows are handed out (work_claim_finish is
 * true only then), so that no transaction is open while HTTP is in flight.
 * Names in JSON are those of the SQL functions.
 */
#ifndef LEDGER_WORK_H
#define LEDGER_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "json/json.h"

struct work_item {
    char *item_id;
    char *shipment_item_id; /* NULL for none */
    int64_t shipped;
    int64_t cancelled;
};

/* A claimed submission, or an unknown one to look up (then without items). Owns its strings. */
struct work_claim {
    int64_t submission_id;
    char marker[40];
    char token[40]; /* "" for a look */
    char *order_id;
    char *shipment_ref;
    char *shipment_id, *tracking_company, *tracking_number, *tracking_url; /* NULL for none */
    char *first_sent_at; /* the server's text; NULL: never */
    int tries, attempts, unknown_attempts, lines;
    int looks, negative_looks; /* a look: how many before it; of them those that saw a whole list */
    bool others_succeed;       /* a claim: since its last one failed, if one did */
    bool is_settled;           /* a look: "not found" may be believed by time */
    char unknown_then[8];      /* a look: replan, reject, wait */
    char *error_code;          /* a look: of the last attempt; NULL for none */
    char *error_message;
    struct work_item *items;
    int items_count;
};

void work_claim_free(struct work_claim *claim); /* NULL is fine */

/* A new claim token: 128 random bits as UUID text. */
bool work_token(char out[40], struct error *err);

/* Asynchronous: start, wait for ledger_pg's socket until pg_is_ready, finish. */
bool work_claim_start(struct ledger *ledger, int64_t worker_id, int64_t run_id, const char *token,
                      int slots, int64_t send_within_ms, const char *only_order, struct error *err);
/* The caller owns the list and its claims. */
bool work_claim_finish(struct ledger *ledger, const char *token, struct work_claim ***out,
                       int *count, struct error *err);

/* The claim begins anew, so that it may be sent for another send_within_ms. Not *stands: it must
 * not be sent. */
bool work_claim_renew(struct ledger *ledger, int64_t worker_id, const struct work_claim *claim,
                      int64_t send_within_ms, bool *stands, struct error *err);

/* answers: a JSON array of settlements (settlement_write). Safe to repeat. */
bool work_settle_start(struct ledger *ledger, int64_t worker_id, int64_t run_id,
                       const char *answers, struct error *err);
bool work_settle_finish(struct ledger *ledger, int64_t *settled, struct error *err);
bool work_settle(struct ledger *ledger, int64_t worker_id, int64_t run_id, const char *answers,
                 int64_t *settled, struct error *err);

/* One settlement as an object of the array. Texts NULL or "" are left out. */
struct settlement {
    bool is_look;
    const struct work_claim *claim;
    const char *token; /* NULL for a look */
    int tries;         /* look: POSTs of it when the look began, 0: whatever came since */
    const char *next;  /* a state's name */
    const char *outcome;
    bool is_sent;
    int64_t duration_ms;
    int http_status; /* 0: none */
    const char *error_code, *error_message, *request_id, *fulfillment_id;
    const char *unknown_then, *held_by;
    bool counts;      /* as an attempt */
    bool is_possible; /* may have been applied */
    bool waits_for_gate, shuts_gate;
    int64_t delay_ms;  /* until the next attempt or look */
    int64_t settle_ms; /* timeout_ms + settle_ms, from the claim's deadline */
    const char *discrepancy, *detail;
    const char *alone_item; /* split: the line that goes alone; NULL: halve */
};
void settlement_write(struct json_writer *w, const struct settlement *s);

bool work_reap(struct ledger *ledger, int64_t run_id, int64_t timeout_ms, int64_t settle_ms,
               int64_t *reaped, struct error *err);
/* Orders whose authorization ends soon are claimed before the others. */
bool work_note_expiring(struct ledger *ledger, struct error *err);

bool work_take_looks(struct ledger *ledger, int most, int64_t lease_ms, const char *only_order,
                     struct work_claim ***out, int *count, struct error *err);

enum { WORK_IDS_BYTES = 512 };

/* What an order's listing says about one marker. listing: JSON array
 * [{"id","marker","created","items":[...]}]. */
struct work_evidence {
    char found_id[512];  /* "" when the marker isn't there */
    int64_t unexplained; /* fulfillments that could be ours and that nobody explains */
    char unexplained_ids[WORK_IDS_BYTES];
    bool marker_was_seen; /* a list has once shown a marker of ours */
    /* accepted before, and not in the list, so that it can't be whole; "" for none */
    char lacking_ids[WORK_IDS_BYTES];
};
bool work_read_listing(struct ledger *ledger, int64_t run_id, const char *order_id,
                       const char *listing, const char *marker, const char *sent_after,
                       struct work_evidence *out, struct error *err);
/* A listing for the order's own sake: what nobody explains is booked as foreign. lacking: like
 * lacking_ids, and not "" when the listing was not taken for that. */
bool work_record_listing(struct ledger *ledger, int64_t run_id, const char *order_id,
                         const char *listing, char lacking[WORK_IDS_BYTES], struct error *err);

/* Lists of ids; *out is a NULL-terminated array that the caller frees with work_ids_free. */
bool work_take_asks(struct ledger *ledger, int most, int64_t lease_ms, const char *only_order,
                    char ***out, int *count, struct error *err);
bool work_take_lists(struct ledger *ledger, int most, int64_t lease_ms, int64_t settle_ms,
                     const char *only_order, char ***out, int *count, struct error *err);
bool work_take_upstreams(struct ledger *ledger, int most, int64_t lease_ms, char ***out, int *count,
                         struct error *err);
void work_ids_free(char **ids, int count);
/* For statements of other files that give ids in their first column. */
struct pg_stmt;
bool work_take_ids(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
                   char ***out, int *count, struct error *err);

/* An accepted order to list while no marker of ours was ever seen; "" when there is no need. The
 * caller frees it. */
bool work_take_marker_probe(struct ledger *ledger, char **order_id, struct error *err);

/* The ledger stops itself; a person resumes it. */
bool work_pause(struct ledger *ledger, const char *why, struct error *err);

/* Orders to be looked at; why: a word for the record. */
bool work_enqueue(struct ledger *ledger, const char *const *order_ids, int count, const char *why,
                  struct error *err);

/* ask_most_ms: longest pause before a waiting order is asked for again; follow_after_ms: until an
 * order is expected to be complete. */
bool work_record_orders(struct ledger *ledger, const char *answers, int64_t ask_most_ms,
                        int64_t follow_after_ms, struct error *err);
bool work_record_unknown(struct ledger *ledger, const char *const *order_ids, int count,
                         int64_t ask_most_ms, struct error *err);
/* An order whose answer can't be read, though it was asked for alone. */
bool work_record_unread(struct ledger *ledger, int64_t run_id, const char *order_id,
                        const char *why, int64_t ask_most_ms, struct error *err);
/* An order whose list of fulfillments can't be read; it is not asked for again before delay_ms. */
bool work_record_unlisted(struct ledger *ledger, int64_t run_id, const char *order_id,
                          const char *why, int64_t delay_ms, struct error *err);
/* Of the orders that were ever asked for, does the API know more than it doesn't? */
bool work_knows_more_orders(struct ledger *ledger, bool *knows_more, struct error *err);
bool work_record_upstreams(struct ledger *ledger, int64_t run_id, const char *const *asked,
                           int count, const char *found, int64_t grace_ms, struct error *err);

/* Workers and the key. */
bool work_begin(struct ledger *ledger, int64_t run_id, int64_t *worker_id, struct error *err);
bool work_end(struct ledger *ledger, int64_t worker_id, struct error *err);

struct work_share {
    double per_second; /* of the key's rate, for this worker */
    int workers;       /* that send now */
    int64_t blocked_ms;
    char blocked_why[256];
    bool is_failing;  /* POSTs fail one after the other: nothing leaves but probes */
    int64_t probe_ms; /* until the next one may */
    bool is_refused;  /* the API took the key no more, as somebody was told */
};
/* passed_ms: since this worker's last beat, by a clock that nobody sets; negative: the first. A
 * server's clock that went further was set, and what waits for it waits on. */
bool work_beat(struct ledger *ledger, int64_t worker_id, bool is_sending, int requests_per_second,
               int64_t passed_ms, struct work_share *out, struct error *err);
bool work_block_key(struct ledger *ledger, int64_t ms, const char *why, struct error *err);
bool work_key_refused(struct ledger *ledger, const char *why, struct error *err);
bool work_key_taken(struct ledger *ledger, struct error *err);

/* The circuit of the key, for all hosts. fails: *probe_ms until one POST may try; probe: that one
 * is ours for lease_ms. */
bool work_key_fails(struct ledger *ledger, const char *why, bool was_probe, int64_t first_ms,
                    int64_t most_ms, int64_t *probe_ms, struct error *err);
bool work_key_probe(struct ledger *ledger, int64_t lease_ms, bool *is_ours, struct error *err);
bool work_key_works(struct ledger *ledger, struct error *err);

/* Questions that were taken and got no answer: others may ask them in delay_ms. kind: "ask", "list"
 * or "upstream". */
bool work_give_back_questions(struct ledger *ledger, const char *kind, const char *const *ids,
                              int count, int64_t delay_ms, struct error *err);

/* Milliseconds until the next thing of each kind; negative: due; WORK_NEVER: nothing. */
#define WORK_NEVER INT64_MAX
struct work_left {
    int64_t post_ms, ask_ms, look_ms, list_ms, upstream_ms;
    bool is_queued;
};
bool work_left(struct ledger *ledger, const char *only_order, struct work_left *out,
               struct error *err);

#endif
