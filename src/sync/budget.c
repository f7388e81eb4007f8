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

void
budget_init(struct budget *budget, double per_second)
{
    *budget =
        (struct budget){.per_second = per_second, .tokens = 1.0, .filled_at = clock_mono_now()};
}

void
budget_set_rate(struct budget *budget, double per_second)
{
    budget_fill(budget);
    budget->per_second = per_second;
    if (budget->tokens > budget_burst(budget))
        budget->tokens = budget_burst(budget);
}

void
budget_block(struct budget *budget, int64_t ms)
{
    if (ms <= budget_blocked_ms(budget))
        return;
    budget->is_blocked = true;
    budget->blocked_until = clock_mono_add(clock_mono_now(), ms);
}

int64_t
budget_blocked_ms(const struct budget *budget)
{
    return budget->is_blocked ? clock_mono_left_ms(budget->blocked_until) : 0;
}

int
budget_available(struct budget *budget)
{
    if (budget_blocked_ms(budget) > 0)
        return 0;
    budget_fill(budget);
    return (int)budget->tokens;
}

bool
budget_take(struct budget *budget)
{
    if (budget_available(budget) < 1)
        return false;
    budget->tokens -= 1.0;
    return true;
}

int64_t
budget_wait_ms(struct budget *budget)
{
    int64_t blocked_ms = budget_blocked_ms(budget);

    if (blocked_ms > 0)
        return blocked_ms;
    budget_fill(budget);
    if (budget->tokens >= 1.0)
        return 0;
    return (int64_t)ceil((1.0 - budget->tokens) * 1000.0 / budget->per_second);
}
