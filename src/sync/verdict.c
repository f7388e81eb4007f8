#include "sync/verdict.h"

#include <assert.h>
#include <stddef.h>

enum {
    COUNTS = 1u << 0, /* an attempt */
    COUNTS_MAYBE =
        1u
        << 1, /* an attempt while others succeed: an outage must not end in a thousand held ones */
    POSSIBLE = 1u << 2, /* may have been applied */
    BACKOFF = 1u << 3,
    RETRY_AFTER = 1u << 4, /* its own next step waits for what the API said */
    BLOCK_KEY = 1u << 5,
    STOP_KEY = 1u << 6,
    SHUT_GATE = 1u << 7,
    STOP_LEDGER = 1u << 8,
    KEEP_THEN = 1u << 9,        /* `then` stays what it was */
    KIND_OF_REFUSAL = 1u << 10, /* rejected, payment or foreign, as refused_as says */
    HELD_ATTEMPTS = 1u << 11,
    HELD_DOUBT = 1u << 12,
    HELD_MARKER = 1u << 13,
};

/* clang-format off */

#define ANY     VERDICT_ANY
#define NO      VERDICT_NO
#define YES     VERDICT_YES
#define NONE     VERDICT_THEN_NONE
#define REPLAN  VERDICT_THEN_REPLAN
#define REJECT  VERDICT_THEN_REJECT
#define WAIT    VERDICT_THEN_WAIT
#define POST(e) VERDICT_POST_##e
#define LOOK(e) VERDICT_LOOK_##e
#define TO(s)   VERDICT_##s

/* The first row that matches counts. The first five columns are asked, the rest is the answer. */
static const struct verdict_rule verdict_rules[] = {
/*  event                 unknown splits exh. then  next          then    discrepancy
 *   why, what goes with it */

/* 201. Evidence that it was applied wins in every situation. */
{POST(ACCEPTED),           ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   NULL,
     "accepted", COUNTS},
{POST(ACCEPTED_MORE),      ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   "extra",
     "accepted, with more units than were sent", COUNTS},
{POST(ACCEPTED_LESS),      ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   "missing",
     "accepted, with fewer units than were sent", COUNTS},
{POST(WRONG_MODE),         ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   "ledger",
     "accepted, but in the other mode", COUNTS | STOP_LEDGER},

/* Nobody knows: list before anything is sent again. */
{POST(UNKNOWN),            ANY, ANY, ANY, NONE,   TO(UNKNOWN),  REPLAN, NULL,
     "may have been applied", COUNTS_MAYBE | POSSIBLE | RETRY_AFTER},

/* Nothing happened, and it says nothing about the submission. What was unknown before was looked up
 * directly before this POST and is looked up again before the next: these need no settling. */
{POST(LATE),               YES, ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "not sent: the claim was too old after the look", BACKOFF},
{POST(LATE),               NO,  ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "not sent: the claim was too old", 0},
{POST(UNREACHED),          ANY, ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "not sent: the API can't be reached", BACKOFF},
{POST(BLOCKED),            ANY, ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "too many requests for this key", BLOCK_KEY},
{POST(KEY),                ANY, ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "the key is refused", STOP_KEY},

/* The units are gone already: perhaps by an attempt of ours that no list shows yet. */
{POST(TAKEN),              ANY, ANY, ANY, NONE,   TO(UNKNOWN),  REJECT, NULL,
     "fulfilled or cancelled already", COUNTS},

/* Refused, after an attempt that may have been applied: the refusal says nothing about that one. */
{POST(LATER),              YES, ANY, ANY, NONE,   TO(UNKNOWN),  REPLAN, NULL,
     "refused for now, but an earlier attempt is open", COUNTS_MAYBE | RETRY_AFTER},
{POST(WAITS),              YES, ANY, ANY, NONE,   TO(UNKNOWN),  WAIT,   NULL,
     "the order waits, but an earlier attempt is open", SHUT_GATE},
{POST(REFUSED),            YES, ANY, ANY, NONE,   TO(UNKNOWN),  REJECT, NULL,
     "refused, but an earlier attempt is open", COUNTS},
{POST(PAYMENT),            YES, ANY, ANY, NONE,   TO(UNKNOWN),  REJECT, NULL,
     "not authorized, but an earlier attempt is open", COUNTS},

/* Refused, and nothing else is open: it means what it says. */
{POST(LATER),              NO,  ANY, YES, NONE,   TO(HELD),     NONE,   "attempts",
     "refused for now, too often", COUNTS_MAYBE | HELD_ATTEMPTS},
{POST(LATER),              NO,  ANY, NO,  NONE,   TO(PLANNED),  NONE,   NULL,
     "refused for now", COUNTS_MAYBE | BACKOFF | RETRY_AFTER},
{POST(WAITS),              NO,  ANY, ANY, NONE,   TO(PLANNED),  NONE,   NULL,
     "the order waits", SHUT_GATE},
{POST(REFUSED),            NO,  YES, ANY, NONE,   TO(SPLIT),    NONE,   NULL,
     "refused: so that the innocent lines go on", COUNTS},
{POST(REFUSED),            NO,  NO,  ANY, NONE,   TO(REJECTED), NONE,   "rejected",
     "refused", COUNTS},
{POST(PAYMENT),            NO,  ANY, ANY, NONE,   TO(REJECTED), NONE,   "payment",
     "not authorized", COUNTS},

/* Looks. Found is found, whatever else there is. */
{LOOK(FOUND),              ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   NULL,
     "found by its marker", 0},
{LOOK(FOUND_TWICE),        ANY, ANY, ANY, NONE,   TO(ACCEPTED), NONE,   "double",
     "found twice by its marker", 0},

/* Too early or too little to say. */
{LOOK(UNREADABLE),         ANY, ANY, ANY, NONE,   TO(UNKNOWN),  NONE,   NULL,
     "the list could not be read", KEEP_THEN | BACKOFF | RETRY_AFTER},
{LOOK(ABSENT_EARLY),       ANY, ANY, ANY, NONE,   TO(UNKNOWN),  NONE,   NULL,
     "not there yet", KEEP_THEN | BACKOFF},
{LOOK(UNEXPLAINED_EARLY),  ANY, ANY, ANY, NONE,   TO(UNKNOWN),  NONE,   NULL,
     "something unexplained is there; not settled yet", KEEP_THEN | BACKOFF},

/* Settled, no attempt of ours was ever open, and the API said that the units are gone: then
 * somebody else has them. */
{LOOK(UNEXPLAINED),        NO,  YES, ANY, REJECT, TO(SPLIT),    NONE,   NULL,
     "others have it: so that the innocent lines go on", 0},
{LOOK(UNEXPLAINED),        NO,  NO,  ANY, REJECT, TO(REJECTED), NONE,   NULL,
     "others have it", KIND_OF_REFUSAL},
{LOOK(NEVER_SEEN),         NO,  YES, ANY, REJECT, TO(SPLIT),    NONE,   NULL,
     "not ours: so that the innocent lines go on", 0},
{LOOK(NEVER_SEEN),         NO,  NO,  ANY, REJECT, TO(REJECTED), NONE,   NULL,
     "not ours", KIND_OF_REFUSAL},

/* Settled, and still in doubt: a person decides, never another POST. */
{LOOK(UNEXPLAINED),        ANY, ANY, ANY, NONE,   TO(HELD),     NONE,   "ambiguous",
     "something unexplained could be ours", HELD_DOUBT},
{LOOK(NEVER_SEEN),         ANY, ANY, ANY, NONE,   TO(HELD),     NONE,   "ambiguous",
     "absent, but no list has ever shown a marker", HELD_MARKER},

/* Surely not there. */
{LOOK(ABSENT),             ANY, YES, ANY, REJECT, TO(SPLIT),    NONE,   NULL,
     "not there: so that the innocent lines go on", 0},
{LOOK(ABSENT),             ANY, NO,  ANY, REJECT, TO(REJECTED), NONE,   NULL,
     "not there, and refused", KIND_OF_REFUSAL},
{LOOK(ABSENT),             ANY, ANY, ANY, WAIT,   TO(PLANNED),  NONE,   NULL,
     "not there, and the order waits", SHUT_GATE},
{LOOK(ABSENT),             ANY, ANY, YES, REPLAN, TO(HELD),     NONE,   "attempts",
     "not there, too often", HELD_ATTEMPTS},
{LOOK(ABSENT),             ANY, ANY, NO,  REPLAN, TO(PLANNED),  NONE,   NULL,
     "not there", 0},
};

#undef ANY
#undef NO
#undef YES
#undef NONE
#undef REPLAN
#undef REJECT
#undef WAIT
#undef POST
#undef LOOK
#undef TO
/* clang-format on */

int
verdict_rules_count(void)
{
    return (int)(sizeof(verdict_rules) / sizeof(verdict_rules[0]));
}

const struct verdict_rule *
verdict_rule_at(int index)
{
    assert(index >= 0 && index < verdict_rules_count());
    return &verdict_rules[index];
}

enum verdict_event
verdict_of_result(const struct provider_result *result)
{
    switch (result->outcome) {
    case PROVIDER_ACCEPTED:
        if (result->is_live_wrong)
            return VERDICT_POST_WRONG_MODE;
        if (result->applied_more)
            return VERDICT_POST_ACCEPTED_MORE;
        return result->applied_less ? VERDICT_POST_ACCEPTED_LESS : VERDICT_POST_ACCEPTED;
    case PROVIDER_REFUSED_LATER:
        return VERDICT_POST_LATER;
    case PROVIDER_NOT_NOW:
        if (result->http_status != 0)
            return VERDICT_POST_BLOCKED;
        return result->is_late ? VERDICT_POST_LATE : VERDICT_POST_UNREACHED;
    case PROVIDER_REFUSED_KEY:
        return VERDICT_POST_KEY;
    case PROVIDER_ORDER_WAITS:
        return VERDICT_POST_WAITS;
    case PROVIDER_REFUSED:
        return VERDICT_POST_REFUSED;
    case PROVIDER_PAYMENT:
        return VERDICT_POST_PAYMENT;
    case PROVIDER_TAKEN:
        return VERDICT_POST_TAKEN;
    case PROVIDER_UNKNOWN:
        return VERDICT_POST_UNKNOWN;
    }
    assert(false);
    return VERDICT_POST_UNKNOWN;
}

enum verdict_event
verdict_of_look(const struct verdict_look *look)
{
    bool is_settled = look->is_settled && look->negative_looks >= VERDICT_LOOKS_MIN;

    if (look->found > 0)
        return look->found == 1 ? VERDICT_LOOK_FOUND : VERDICT_LOOK_FOUND_TWICE;
    if (!look->is_readable)
        return VERDICT_LOOK_UNREADABLE;
    if (look->repeats_safely && look->is_settled) /* however often it was looked */
        return VERDICT_LOOK_ABSENT;
    if (look->is_unexplained)
        return is_settled ? VERDICT_LOOK_UNEXPLAINED : VERDICT_LOOK_UNEXPLAINED_EARLY;
    if (!is_settled)
        return VERDICT_LOOK_ABSENT_EARLY;
    return look->is_marker_seen ? VERDICT_LOOK_ABSENT : VERDICT_LOOK_NEVER_SEEN;
}

static bool
verdict_matches(enum verdict_is wanted, bool is)
{
    return wanted == VERDICT_ANY || (wanted == VERDICT_YES) == is;
}

static bool
verdict_is_look(enum verdict_event event)
{
    return event >= VERDICT_LOOK_FOUND;
}

int
verdict_rule_for(const struct verdict_situation *situation, enum verdict_event event)
{
    bool unknown_before = situation->unknown_attempts > 0;
    bool splits = situation->lines > 1 && !situation->is_order_wide &&
                  !(verdict_is_look(event) && situation->refused_as == PROVIDER_PAYMENT);
    /* A look is no attempt; a POST that failed while others succeed is one more. */
    int attempts = situation->attempts + (!verdict_is_look(event) && situation->others_succeed);
    bool exhausted = attempts >= situation->attempts_max;

    for (int i = 0; i < verdict_rules_count(); i++) {
        const struct verdict_rule *rule = &verdict_rules[i];

        if (rule->event == event && verdict_matches(rule->unknown_before, unknown_before) &&
            verdict_matches(rule->splits, splits) && verdict_matches(rule->exhausted, exhausted) &&
            (rule->then == VERDICT_THEN_NONE || rule->then == situation->then))
            return i;
    }
    assert(false); /* a test walks all situations */
    return -1;
}

static const char *
verdict_kind_of(enum provider_outcome refused_as)
{
    if (refused_as == PROVIDER_TAKEN)
        return "foreign";
    return refused_as == PROVIDER_PAYMENT ? "payment" : "rejected";
}

void
verdict_decide(const struct verdict_situation *situation, enum verdict_event event,
               struct verdict *out)
{
    const struct verdict_rule *rule;
    unsigned flags;

    assert(!verdict_is_look(event) || situation->then != VERDICT_THEN_NONE);
    rule = &verdict_rules[verdict_rule_for(situation, event)];
    flags = rule->flags;
    *out = (struct verdict){
        .next = rule->next,
        .then = flags & KEEP_THEN ? situation->then : rule->next_then,
        .discrepancy_kind =
            flags & KIND_OF_REFUSAL ? verdict_kind_of(situation->refused_as) : rule->kind,
        .counts_attempt = flags & COUNTS || (flags & COUNTS_MAYBE && situation->others_succeed),
        .counts_unknown = flags & POSSIBLE,
        .uses_backoff = flags & BACKOFF,
        .waits_retry_after = flags & RETRY_AFTER,
        .blocks_key = flags & BLOCK_KEY,
        .stops_key = flags & STOP_KEY,
        .shuts_gate = flags & SHUT_GATE,
        .stops_ledger = flags & STOP_LEDGER,
        .split_item = -1,
        .why = rule->why,
    };
    if (flags & HELD_ATTEMPTS)
        out->held_by = VERDICT_HELD_BY_ATTEMPTS;
    else if (flags & HELD_DOUBT)
        out->held_by = VERDICT_HELD_BY_DOUBT;
    else if (flags & HELD_MARKER)
        out->held_by = VERDICT_HELD_BY_MARKER;
}

void
verdict_post(const struct verdict_situation *situation, const struct provider_result *result,
             struct verdict *out)
{
    verdict_decide(situation, verdict_of_result(result), out);
    out->waits_retry_after = out->waits_retry_after && result->has_retry_after;
    if (out->next == VERDICT_SPLIT && result->refused_item < situation->lines)
        out->split_item = result->refused_item;
}

void
verdict_look(const struct verdict_situation *situation, const struct verdict_look *look,
             struct verdict *out)
{
    verdict_decide(situation, verdict_of_look(look), out);
}

const char *
verdict_state_name(enum verdict_state state)
{
    static const char *const names[] = {
        [VERDICT_PLANNED] = "planned",   [VERDICT_ACCEPTED] = "accepted",
        [VERDICT_REJECTED] = "rejected", [VERDICT_UNKNOWN] = "unknown",
        [VERDICT_HELD] = "held",         [VERDICT_SPLIT] = "split",
    };

    return names[state];
}

const char *
verdict_then_name(enum verdict_then then)
{
    static const char *const names[] = {
        [VERDICT_THEN_NONE] = NULL,
        [VERDICT_THEN_REPLAN] = "replan",
        [VERDICT_THEN_REJECT] = "reject",
        [VERDICT_THEN_WAIT] = "wait",
    };

    return names[then];
}

const char *
verdict_held_by_name(enum verdict_held_by held_by)
{
    static const char *const names[] = {
        [VERDICT_HELD_BY_NOBODY] = NULL,
        [VERDICT_HELD_BY_ATTEMPTS] = "attempts",
        [VERDICT_HELD_BY_DOUBT] = "ambiguous",
        [VERDICT_HELD_BY_MARKER] = "marker",
    };

    return names[held_by];
}
