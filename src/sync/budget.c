#include "sync/budget.h"

#include <math.h>

static double
budget_burst(const struct budget *budget)
{
    double burst = budget->per_second * 0.25;

    return burst < 1.0 ? 1.0 : burst;
}

static void
budget_fill(struct budget *budget)
{
    int64_t passed_ms = clock_mono_since_ms(budget->filled_at);

    if (passed_ms <= 0)
        return;
    budget->filled_at = clock_mono_now();
    budget->tokens += budget->per_second * (double)passed_ms / 1000.0;
    if (budget->tokens > budget_burst(budget))
        budget->tokens = budget_burst(budget);
}

/* Requests of one second, at most. */
static int
budget_most(const struct budget *budget)
{
    return budget->per_second < 1.0 ? 1 : (int)budget->per_second;
}

/* Requests that may leave before this second has all that the rate allows. */
static int
budget_room(struct budget *budget)
{
    int most = budget_most(budget);

    while (budget->recent_count > 0 &&
           clock_mono_since_ms(budget->recent[budget->recent_first]) >= BUDGET_RECENT_MS) {
        budget->recent_first = (budget->recent_first + 1) % BUDGET_RECENT_MAX;
        budget->recent_count--;
    }
    if (most > BUDGET_RECENT_MAX)
        return most;
    return budget->recent_count < most ? most - budget->recent_count : 0;
}

/* The oldest that still counts goes after the rest of its second; with a smaller share more than
 * one has to. */
static int64_t
budget_room_wait_ms(struct budget *budget)
{
    int at;

    if (budget_room(budget) > 0)
        return 0;
    at = (budget->recent_first + budget->recent_count - budget_most(budget)) % BUDGET_RECENT_MAX;
    return BUDGET_RECENT_MS - clock_mono_since_ms(budget->recent[at]);
}

static void
budget_note(struct budget *budget)
{
    int at = (budget->recent_first + budget->recent_count) % BUDGET_RECENT_MAX;

    budget->recent[at] = clock_mono_now();
    if (budget->recent_count < BUDGET_RECENT_MAX)
        budget->recent_count++;
    else
        budget->recent_first = (budget->recent_first + 1) % BUDGET_RECENT_MAX;
}

void
budget_init(struct budget *budget, double per_second)
{
    *budget =
        (struct budget){.per_second = per_second, .tokens = 1.0, .filled_at = clock_mono_now()};
}

void
budget_block(struct budget *budget, int64_t ms)
{
    if (ms <= budget_blocked_ms(budget))
        return;
    budget->is_blocked = true;
    budget->blocked_until = clock_mono_add(clock_mono_now(), ms);
}

/* A block may be short, and there may be no end of them. */
bool
budget_note_answer(struct budget *budget, bool is_429, int64_t most_ms, const char *hint,
                   struct error *err)
{
    int64_t since_ms;

    if (is_429 && !budget->is_refused)
        budget->refused_since = clock_mono_now();
    budget->is_refused = is_429;
    since_ms = is_429 ? clock_mono_since_ms(budget->refused_since) : 0;
    if (since_ms < most_ms)
        return true;
    error_set(err, ERROR_API, "the API has answered nothing but 429 for %lld s",
              (long long)(since_ms / 1000));
    error_hint(err, "%s", hint);
    return false;
}

void
budget_share(struct budget *budget, double per_second, int64_t blocked_ms, bool joins)
{
    budget_fill(budget);
    budget->per_second = per_second;
    if (budget->tokens > budget_burst(budget))
        budget->tokens = budget_burst(budget);
    budget_block(budget, blocked_ms);
    /* The others go on with their old shares until their next beat. */
    if (joins)
        budget_block(budget, BUDGET_JOIN_MS);
}

int64_t
budget_blocked_ms(const struct budget *budget)
{
    return budget->is_blocked ? clock_mono_left_ms(budget->blocked_until) : 0;
}

int
budget_available(struct budget *budget)
{
    int room;

    if (budget_blocked_ms(budget) > 0)
        return 0;
    budget_fill(budget);
    room = budget_room(budget);
    return budget->tokens < room ? (int)budget->tokens : room;
}

bool
budget_take(struct budget *budget)
{
    if (budget_available(budget) < 1)
        return false;
    budget->tokens -= 1.0;
    budget_note(budget);
    return true;
}

int64_t
budget_wait_ms(struct budget *budget)
{
    int64_t blocked_ms = budget_blocked_ms(budget);
    int64_t room_ms;
    int64_t token_ms = 0;

    if (blocked_ms > 0)
        return blocked_ms;
    budget_fill(budget);
    room_ms = budget_room_wait_ms(budget);
    if (budget->tokens < 1.0)
        token_ms = (int64_t)ceil((1.0 - budget->tokens) * 1000.0 / budget->per_second);
    return room_ms > token_ms ? room_ms : token_ms;
}
