/*
 * verdict — what came back, and what it means for a submission. Pure: no I/O, no clock.
 *
 * One table (verdict.c) says for each event, in the situation that the
 * submission is in, its next state and what goes with it. Two thoughts are
 * behind every row: what may have been applied is asked for before anything
 * else is believed, and a list is believed only after the settle time.
 */
#ifndef SYNC_VERDICT_H
#define SYNC_VERDICT_H

#include <stdbool.h>

#include "provider/provider.h"

/* What happened: first the answers to a POST, then what a look at the order's fulfillments showed.
 */
enum verdict_event {
    VERDICT_POST_ACCEPTED,
    VERDICT_POST_ACCEPTED_MORE, /* more units of a line than were sent */
    VERDICT_POST_ACCEPTED_LESS,
    VERDICT_POST_WRONG_MODE, /* accepted, live where test was meant or the other way round */
    VERDICT_POST_UNKNOWN,
    VERDICT_POST_LATE,      /* our own send deadline had passed: nothing left us */
    VERDICT_POST_UNREACHED, /* resolve, connect or TLS failed: nothing left us */
    VERDICT_POST_BLOCKED,   /* 429 */
    VERDICT_POST_KEY,       /* the key is refused */
    VERDICT_POST_TAKEN,     /* the units are fulfilled or cancelled already, by whomever */
    VERDICT_POST_LATER,     /* refused, may pass later */
    VERDICT_POST_WAITS,     /* refused until the order is accepted */
    VERDICT_POST_REFUSED,   /* for good */
    VERDICT_POST_PAYMENT,   /* for good: the authorization failed */

    VERDICT_LOOK_FOUND,
    VERDICT_LOOK_FOUND_TWICE,
    VERDICT_LOOK_UNREADABLE,   /* no answer, or not every page could be read */
    VERDICT_LOOK_ABSENT_EARLY, /* everything is explained; the settle time or the looks are too few
                                */
    VERDICT_LOOK_UNEXPLAINED_EARLY, /* something is there that could be ours */
    VERDICT_LOOK_ABSENT,            /* settled, all explained, and lists show markers */
    VERDICT_LOOK_UNEXPLAINED,       /* settled */
    VERDICT_LOOK_NEVER_SEEN, /* settled, absent, but no list has ever shown a marker of ours */
    VERDICT_EVENTS,
};

enum verdict_state {
    VERDICT_PLANNED,
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    VERDICT_UNKNOWN,
    VERDICT_HELD,
    VERDICT_SPLIT,
};

/* What a believed absence will mean; with VERDICT_UNKNOWN only. */
enum verdict_then {
    VERDICT_THEN_NONE,
    VERDICT_THEN_REPLAN,
    VERDICT_THEN_REJECT,
    VERDICT_THEN_WAIT
};

enum verdict_held_by {
    VERDICT_HELD_BY_NOBODY,
    VERDICT_HELD_BY_ATTEMPTS,
    VERDICT_HELD_BY_DOUBT,
    VERDICT_HELD_BY_MARKER, /* released by the first marker that a list shows */
};

enum { VERDICT_LOOKS_MIN = 3 }; /* negative ones before an absence is believed */

/* The submission as it was before this event. */
struct verdict_situation {
    int attempts; /* that counted */
    int attempts_max;
    int unknown_attempts; /* that may have been applied */
    int lines;
    bool others_succeed;    /* a POST's failure is the submission's own; looks don't ask */
    enum verdict_then then; /* looks: as it was stored */
    enum provider_outcome
        refused_as;     /* looks with then = reject: provider_code_outcome of the stored code */
    bool is_order_wide; /* a refusal that no split can mend; posts take it from the result */
};

struct verdict {
    enum verdict_state next;
    enum verdict_then then;
    enum verdict_held_by held_by;
    const char *discrepancy_kind; /* to open now, or NULL */
    bool counts_attempt;          /* towards attempts_max, and shown */
    bool counts_unknown;          /* this attempt may have been applied */
    bool uses_backoff;            /* the next attempt or look waits, longer each time */
    bool waits_retry_after; /* of this submission: its next attempt or look waits at least what the
                               API said */
    bool blocks_key;        /* all hosts wait for retry_after_ms */
    bool stops_key;         /* the circuit: no more claims until one request passes */
    bool shuts_gate;        /* the order is asked about again before anything of it is sent */
    bool stops_ledger;      /* pause: it talks to the other mode */
    int split_item;         /* VERDICT_SPLIT: the line that goes alone; -1: halve */
    const char *why;        /* for the log */
};

/* What a look found, in counts and facts. */
struct verdict_look {
    bool is_readable;    /* every page was, and page 1 again at the end */
    int found;           /* fulfillments with our marker */
    bool is_unexplained; /* one that could be ours is nobody's */
    bool is_settled;     /* the look began after the settle time */
    int negative_looks;  /* this one included */
    bool is_marker_seen; /* a list has shown one of our markers before */
    bool repeats_safely; /* the API takes a marker once: sending it again is the surest look */
};

enum verdict_event verdict_of_result(const struct provider_result *result);
enum verdict_event verdict_of_look(const struct verdict_look *look);

void verdict_decide(const struct verdict_situation *situation, enum verdict_event event,
                    struct verdict *out);

/* The two above and, for a POST, the line to split off and the API's Retry-After. */
void verdict_post(const struct verdict_situation *situation, const struct provider_result *result,
                  struct verdict *out);
void verdict_look(const struct verdict_situation *situation, const struct verdict_look *look,
                  struct verdict *out);

/* "planned", "replan", "ambiguous": as the ledger spells them; NULL for none. */
const char *verdict_state_name(enum verdict_state state);
const char *verdict_then_name(enum verdict_then then);
const char *verdict_held_by_name(enum verdict_held_by held_by);

/* ---- the table itself, for tests and model checks ---- */

enum verdict_is { VERDICT_ANY, VERDICT_NO, VERDICT_YES };

struct verdict_rule {
    enum verdict_event event;
    enum verdict_is unknown_before; /* an earlier attempt may have been applied */
    enum verdict_is splits;         /* several lines, and not a refusal of the whole order */
    enum verdict_is exhausted;      /* attempts_max is reached, this one counted */
    enum verdict_then then;         /* VERDICT_THEN_NONE: any */

    enum verdict_state next;
    enum verdict_then next_then;
    const char *kind; /* of the discrepancy to open, or NULL */
    const char *why;
    unsigned flags; /* of verdict.c */
};

int verdict_rules_count(void);
const struct verdict_rule *verdict_rule_at(int index);
/* The index of the first row that matches; every event and situation has one. */
int verdict_rule_for(const struct verdict_situation *situation, enum verdict_event event);

#endif
