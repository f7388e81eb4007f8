/*
 * loop — one thread that claims, sends, reads answers and settles; database and HTTP overlap.
 *
 * Each turn: stop asked? - give finished work to the database - claim for the
 * free slots - start what may leave - wait (curl, the database's socket, the
 * planner, the signal pipe, the next due time) - read what came.
 *
 * The rest of this header is shared by the loop's own files (loop.c, job.c,
 * post.c, ask.c, look.c, events.c); sync.c uses the functions at its end.
 */
#ifndef SYNC_LOOP_H
#define SYNC_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/http.h"
#include "ledger/follow.h"
#include "ledger/work.h"
#include "provider/provider.h"
#include "sync/budget.h"
#include "sync/circuit.h"
#include "sync/hand_over.h"
#include "sync/listing.h"
#include "sync/planner.h"
#include "sync/sync.h"
#include "sync/verdict.h"
#include "json/json.h"

enum job_kind {
    JOB_POST,     /* a claimed submission */
    JOB_LOOK,     /* an unknown submission: list its order */
    JOB_PRECHECK, /* a claimed submission with an unknown attempt before: list, then POST */
    JOB_LIST,     /* an order's fulfillments for its own sake */
    JOB_PROBE,    /* the same, only to see a marker of ours once */
    JOB_ASK,      /* orders' states */
    JOB_UPSTREAM, /* orders by the merchant's number */
    JOB_MODE,     /* any fulfillment: is the key of the mode that we work in? */
    JOB_TRACKING, /* a fulfillment's new tracking */
    JOB_EVENTS,   /* a reading of the feed of events, page by page */
    JOB_CHARGE,   /* what became of a charge */
};

/* One thing that wants an answer of the API. Owns all it points to. */
struct job {
    enum job_kind kind;
    struct job *next; /* in the queue of those that wait to be sent */
    struct clock_mono not_before;
    int failures; /* of a question that is asked again */

    struct work_claim *claim;         /* POST, LOOK, PRECHECK */
    struct circuit *circuit;          /* POST, PRECHECK: that counts it */
    struct clock_boot send_deadline;  /* POST, PRECHECK, TRACKING */
    struct listing *listing;          /* LOOK, PRECHECK, LIST, PROBE */
    char *order_id;                   /* LIST, PROBE */
    struct follow_tracking *tracking; /* TRACKING */
    struct events *events;            /* EVENTS */
    char **ids;                       /* ASK, UPSTREAM; CHARGE: one */
    int ids_count;
    int64_t began_ms; /* of a listing: monotonic */
};

struct loop {
    const struct sync_options *options;
    int stop_fd;
    struct ledger *ledger;
    struct http *http;
    struct provider *provider;
    struct planner *planner;     /* NULL until there is something to plan */
    struct hand_over *hand_over; /* NULL until there is something to hand over */
    int64_t run_id;
    int64_t worker_id;

    struct budget budget;
    struct circuit circuit;
    struct clock_mono probe_again, opened_at; /* while it is open */
    struct work_share share;
    struct clock_boot beat_began;
    struct clock_mono announced_until; /* the others cut their shares with us in mind */
    bool has_beat;
    struct backoff backoff;
    struct provider_request request; /* scratch */

    struct job *first, **last; /* wait to be sent */
    int waiting;               /* how many */
    int waiting_posts;         /* of them, claimed ahead */

    /* finished: one JSON object each, those of the settlement under way first; kept until durable
     */
    char **settlements;
    int settlements_count;
    int settlements_capacity;
    int settling;                /* how many of them are under way */
    struct clock_mono settle_by; /* the first of them has waited long enough for others */
    struct buffer scratch;       /* for writing a settlement before it is copied */
    struct buffer orders;        /* what the API said of orders: a JSON array */
    struct json_writer orders_writer;
    int orders_count;

    bool is_claiming;
    bool is_settling;
    struct ledger *settler;        /* a session for settlements alone; NULL: the loop's own */
    bool has_tried_apart;          /* to get one */
    char token[40];                /* of the claim under way */
    struct clock_boot claim_began; /* before it was issued: the send deadline counts from here */
    struct clock_mono claim_again; /* not before */
    struct clock_mono beat_again;
    struct clock_mono look_again; /* at what is left to do */
    struct clock_mono stop_by;    /* is_stopping: what is in flight then is left to its fate */
    struct clock_mono ends_at;    /* run.max_ms */
    struct clock_mono reap_again;
    struct clock_mono progress_again;
    struct clock_mono forget_again;
    struct clock_mono marker_again;
    struct clock_mono plan_by; /* the planner goes first until then, if it has work */
    bool is_quiet;             /* nothing is due here: this pass only reads the API's events */
    struct work_left left;

    struct planner_state planner_state;
    struct clock_mono pass_began;
    struct follow_left follow_left;
    bool hands_over;      /* it is at it */
    bool hand_over_rests; /* it takes nothing in this pass */
    bool reads_events;    /* a reading is under way, its turn is ours */
    bool tracking_rests;  /* the lanes of what is left are in others' hands */
    bool others_apply;    /* what was read is another session's to take in */

    int64_t posted; /* POSTs started, for posts_max */
    int unreached;  /* requests in a row that did not reach the API */
    bool was_reached;
    char unreached_why[256]; /* of the last of them */
    enum http_distrust unreached_distrust;
    bool was_answered;        /* in this pass, by something that is of use */
    char unanswered_why[256]; /* a question was given up; "": none */
    struct job *unanswered;   /* such questions, until the pass is over */
    int unanswered_count;
    int key_refused; /* in a row */
    char refused_why[256];
    int asked, asked_unknown;

    struct clock_mono pace_began; /* of the window in which POSTs are counted */
    int pace;                     /* POSTs begun in it */
    int pace_before;              /* and in the one before */

    bool has_told_guard; /* run.max_units_per_line, to the ledger */
    bool has_ends_at;
    bool claims_may_be_due;
    bool settled_last;    /* so a claim is next, when both are wanted */
    bool is_shadow;       /* everything but the POST */
    bool mode_is_asked;   /* whether the key is live or test, before the first POST */
    bool mode_is_seen;    /* or was never told: the account has nothing yet */
    int db_failures;      /* in a row, that may pass */
    bool pauses_ledger;   /* it is the other account: nobody goes on before a person looked */
    bool is_stopping;     /* a signal */
    bool is_closing;      /* no more claims: a failure, a guard, or the time is over */
    struct error failure; /* the first one; decides the exit code */
};

/* ---- shared by the loop's files ---- */

struct job *job_new(enum job_kind kind, struct error *err);
void job_free(struct job *job);
void job_free_all(struct job *first);                                /* and those behind it */
void job_wait(struct loop *loop, struct job *job, int64_t delay_ms); /* into the queue */
void job_go_first(struct loop *loop, struct job *job);               /* before all that waits */
/* Build the job's next request and hand it to http. False: err; the job is untouched. */
bool job_send(struct loop *loop, struct job *job, struct error *err);
void job_answered(struct loop *loop, struct job *job, const struct http_answer *answer);

void post_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
bool post_request(struct loop *loop, const struct job *job, struct error *err);
/* The claim goes back unsent: nothing happened. */
void post_give_back(struct loop *loop, struct job *job, const char *why, int64_t delay_ms);
/* Until a submission is claimed again that was claimed and came to no attempt: longer each time. */
int64_t post_vain_delay_ms(struct loop *loop, const struct work_claim *claim);
/* Finish what the loop's session is at, so that a short statement can run now. False: the session
 * is lost. */
bool loop_db_rest(struct loop *loop);
bool loop_db_is_busy(const struct loop *loop); /* the same session */
/* A statement failed. True: the same may succeed soon. */
bool loop_db_may_pass(struct loop *loop, const struct error *err);
void loop_db_turn(struct loop *loop);
bool loop_may_claim(struct loop *loop);
/* How many questions may be asked now: for the free slots, and a few behind what is claimed ahead,
 * which would keep them away as long as a backlog lasts. */
int loop_question_slots(const struct loop *loop);
void loop_note_pace(struct loop *loop); /* a POST begins */
enum { LOOP_PATIENCE_MS = 2000 };       /* what a pass waits for; the rest is left for the next */
enum { LOOP_DB_FAILURES_MAX = 20, LOOP_LEFT_MS = 250, LOOP_CLAIM_AGAIN_MS = 20 };
enum { LOOP_BATCH_BYTES_MAX = 64 * 1024 * 1024 }; /* of settlements or orders, as one text */
int64_t loop_look_delay_ms(const struct loop *loop, int negative_looks);

void look_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
void ask_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
void mode_ask(struct loop *loop);
void mode_answered(struct loop *loop, struct job *job, const struct http_answer *answer);

/* The first failure stops the claiming; later ones are its consequences. */
void loop_fail(struct loop *loop, const struct error *err);
/* Reached, blocked, refused: what any answer says about the API as a whole. True: the job may go
 * on. */
void loop_note_answer(struct loop *loop, const struct http_answer *answer);

/* Questions (ask.c). read: what the answer says of the key, and that there is one; unanswered: it
 * was asked often enough. fails: true, and the pass has failed: nothing was answered at all. */
void loop_note_read(struct loop *loop, const struct provider_answer *how);
void loop_note_unanswered(struct loop *loop, const char *why);
/* Not told to come back later than this pass waits for. */
bool loop_waits_for(const struct provider_answer *how);
bool loop_fails_unanswered(struct loop *loop);
/* ASK, UPSTREAM, LIST: others may ask it in delay_ms, whatever its lease. Frees the job. */
void loop_give_back_question(struct loop *loop, struct job *job, int64_t delay_ms);

void ask_end(struct loop *loop); /* at the end of a pass: what was given up is anybody's */

/* Answers on their way into the ledger (settle.c). A batch is under way at a time. */
void loop_settlement(struct loop *loop, const struct settlement *s);
/* Until a batch is to begin: 0 when there are many, or nothing else is awaited; WORK_NEVER while
 * one is under way or none is in hand. */
int64_t settle_wait_ms(const struct loop *loop);
void settle_begin(struct loop *loop);   /* some are in hand, and none under way */
void settle_look(struct loop *loop);    /* is the batch under way durable? */
void settle_rest(struct loop *loop);    /* wait for it */
int settle_fd(const struct loop *loop); /* of their own session; -1: there is nothing to wait for */
/* The loop's session was lost with answers in hand: get a new one and settle them, they name
 * marker and token. */
void settle_at_last(struct loop *loop);
void settle_close(struct loop *loop); /* their own session; what it is at may be settled again */

/* What all hosts share of the key (key.c). */
bool loop_beat(struct loop *loop, bool is_sending, struct error *err);
bool loop_is_announced(const struct loop *loop); /* so that requests may leave */
void loop_block(struct loop *loop, int64_t ms);
void loop_key_refused(struct loop *loop, const char *why);
void loop_key_works(struct loop *loop);
void loop_fail_refused(struct loop *loop);  /* for every host to see */
void loop_note_answered(struct loop *loop); /* by something that is of use, so the key is taken */
void loop_judge_post(struct loop *loop, const struct provider_result *result);
bool loop_probe_is_due(const struct loop *loop);
void loop_take_probe_post(struct loop *loop);
int64_t loop_probe_wait_ms(const struct loop *loop); /* 0: POSTs may be claimed, or a probe now */
/* True, and the pass has failed: what is due can't leave for longer than it waits. */
bool loop_fails_too_long(struct loop *loop, int64_t patience_ms);

void loop_poke_planner(struct loop *loop, bool collects);
bool loop_take_ids(struct loop *loop, enum job_kind kind, char **ids, int count, struct error *err);

/* An order's life after the POST (events.c). begin: at the start of a pass. turn: what is due,
 * among the housekeeping. */
bool events_begin(struct loop *loop, struct error *err);
bool events_request(struct loop *loop, struct job *job, struct error *err);
void events_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
void events_free(struct events *events); /* NULL is fine */
bool events_turn(struct loop *loop, struct error *err);
void tracking_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
/* It is not sent, and may be by anybody. Frees the job. */
void tracking_give_back(struct loop *loop, struct job *job);
bool tracking_turn(struct loop *loop, struct error *err);
void charges_answered(struct loop *loop, struct job *job, const struct http_answer *answer);
bool charges_turn(struct loop *loop, int64_t pass_age_ms, struct error *err);
void events_stop(struct loop *loop); /* at the end of a pass: gives the turn back */
void events_hand_over_look(struct loop *loop);
bool events_are_done(const struct loop *loop); /* nothing of it keeps the pass */

/* ---- for sync.c ---- */

/* ledger is borrowed. */
bool loop_new(const struct sync_options *options, int stop_fd, struct ledger *ledger,
              int64_t run_id, struct loop **out, struct error *err);
void loop_free(struct loop *loop); /* NULL is fine */

bool loop_was_stopped(const struct loop *loop);  /* by a signal */
bool loop_was_answered(const struct loop *loop); /* by the API, in its last pass */

/* Work until nothing can be done now: everything is delivered or properly waiting. is_quiet:
 * nothing is due but a reading of the API's events; if it brings nothing, nothing else is looked
 * at. */
bool loop_pass(struct loop *loop, bool is_quiet, struct error *err);

#endif
