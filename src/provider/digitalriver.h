/*
 * digitalriver — the Fulfillments API of Digital River, version 2021-12-13.
 *
 * Private to the room. digitalriver.c builds requests, digitalriver_read.c
 * judges the answer to a POST, digitalriver_pages.c reads what a GET shows,
 * digitalriver_events.c asks for events and reads them.
 *
 * How surely a fact is known stands beside it in brackets: [documented] by the
 * vendor, [seen in its connectors], [inferred], or [unknown], where either
 * answer must be safe.
 */
#ifndef PROVIDER_DIGITALRIVER_H
#define PROVIDER_DIGITALRIVER_H

#include "provider/methods.h"
#include "json/json.h"

#define DIGITALRIVER_MARKER_KEY   "waybill_submission"
#define DIGITALRIVER_INSTANCE_KEY "waybill_instance"

enum {
    DIGITALRIVER_PAGE_MAX = 100, /* [documented] limit 1..100, default 10 */
    DIGITALRIVER_ASK_ORDERS_MAX =
        20, /* [seen] the vendor's shop connector asks for 20 ids at most */
    DIGITALRIVER_ASK_BYTES_MAX = 4096,  /* [inferred] what a gateway takes in one request line */
    DIGITALRIVER_LINES_MAX = 100,       /* of one submission; the API's own limit is [unknown] */
    DIGITALRIVER_READ_ITEMS_MAX = 10000 /* of one page; a bound of ours */
};

/* The API's own error body. */
struct digitalriver_error {
    bool is_envelope; /* errors[0].code, or a type of its own, is there */
    const char *code; /* NULL when not given; all live as long as the document */
    const char *parameter;
    const char *message;             /* of POST errors also `description` */
    const struct json_value *errors; /* the whole array or NULL */
};

void digitalriver_read_error(const struct json_value *root, struct digitalriver_error *out);

void digitalriver_read_post(const struct provider *p, const struct provider_submission *s,
                            const struct http_answer *answer, struct provider_result *out);
enum provider_outcome digitalriver_code_outcome(const char *error_code);
bool digitalriver_is_order_wide(const char *error_code);

void digitalriver_read_fulfillments(const struct provider *p, const struct http_answer *answer,
                                    struct provider_fulfillments *out, struct provider_answer *how);
void digitalriver_read_fulfillment(const struct provider *p, const struct http_answer *answer,
                                   struct provider_fulfillments *out, struct provider_answer *how);
void digitalriver_read_orders(const struct provider *p, const struct http_answer *answer,
                              struct provider_orders *out, struct provider_answer *how);
/* Shared by the files that read: the parts of an answer to a GET. */
void digitalriver_begin_read(
    const struct http_answer *answer, struct provider_answer *how,
    struct json_doc **doc); /* *doc stays NULL unless it is a readable 200 */
void digitalriver_unreadable(struct provider_answer *how, const char *what);
const char *digitalriver_page_problem(const struct json_value *root, const struct json_value *data,
                                      bool *has_more);
/* False when it is longer than its field: an id that was cut is another id. NULL is "". */
bool digitalriver_copy_id(char *out, size_t out_bytes, const char *id);

/* And by those that build: after provider_begin and the body, its headers. */
bool digitalriver_end(const struct provider *p, const char *marker, struct provider_request *out,
                      struct error *err);

bool digitalriver_list_events(const struct provider *p, const char *since, const char *after,
                              int most, struct provider_request *out, struct error *err);
void digitalriver_read_events(const struct provider *p, const struct http_answer *answer,
                              const char *cursor, struct provider_events *out,
                              struct provider_answer *how);
bool digitalriver_get_charge(const struct provider *p, const char *charge_id,
                             struct provider_request *out, struct error *err);
void digitalriver_read_charge(const struct provider *p, const struct http_answer *answer,
                              struct provider_charge *out, struct provider_answer *how);
void digitalriver_read_charge_ids(const struct json_value *order, struct provider_order *out);
void digitalriver_read_plain(const struct provider *p, const struct http_answer *answer,
                             struct provider_answer *how);

#endif
