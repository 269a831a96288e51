#include "agent/budget.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json_text.h"

#define NS_PER_MS 1000000

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void bx_spent_add(bx_spent *to, const bx_spent *more)
{
    to->turns = sum(to->turns, more->turns);
    to->calls = sum(to->calls, more->calls);
    to->input_tokens = sum(to->input_tokens, more->input_tokens);
    to->output_tokens = sum(to->output_tokens, more->output_tokens);
    to->cost += more->cost;
    to->is_cost_unknown |= more->is_cost_unknown;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

void bx_spending_begin(bx_spending *spending, const bx_agent_budget *budget,
                       int64_t now_ns)
{
    *spending = (bx_spending){
        .budget = {
            .turns = or_default(budget->turns, 100),
            .calls = or_default(budget->calls, 500),
            .input_tokens = or_default(budget->input_tokens, UINT64_MAX),
            .output_tokens = or_default(budget->output_tokens, UINT64_MAX),
            /* What is no amount is none to spend, not one without end. */
            .cost = budget->cost == 0 || budget->cost > 0 ? budget->cost : -1,
            .time_ms = or_default(budget->time_ms, 3600000),
            .failures = or_default(budget->failures, 8),
            .repeats = or_default(budget->repeats, 3),
        },
        .started_ns = now_ns,
    };
}

void bx_spending_pause(bx_spending *spending, int64_t now_ns)
{
    if (spending->pause_ns == 0)
        spending->pause_ns = now_ns;
}

void bx_spending_resume(bx_spending *spending, int64_t now_ns)
{
    if (spending->pause_ns != 0 && now_ns > spending->pause_ns)
        spending->paused_ns += now_ns - spending->pause_ns;
    spending->pause_ns = 0;
}

int64_t bx_spending_deadline_ns(const bx_spending *spending)
{
    int64_t from = spending->started_ns + spending->paused_ns;
    uint64_t most = (uint64_t)(INT64_MAX - from) / NS_PER_MS;

    if (spending->budget.time_ms > most || spending->pause_ns != 0)
        return INT64_MAX;
    return from + (int64_t)spending->budget.time_ms * NS_PER_MS;
}

static uint64_t left_of(uint64_t most, uint64_t used)
{
    if (most == UINT64_MAX)
        return UINT64_MAX;
    return used < most ? most - used : 0;
}

uint64_t bx_spending_output_left(const bx_spending *spending)
{
    return left_of(
        spending->budget.output_tokens,
        sum(spending->output_tokens, spending->others.output_tokens));
}

bx_agent_budget bx_spending_left(const bx_spending *spending, int64_t now_ns,
                                 bool *ret_is_empty)
{
    const bx_agent_budget *budget = &spending->budget;
    const bx_spent *others = &spending->others;
    int64_t deadline_ns = bx_spending_deadline_ns(spending);
    bx_agent_budget left = *budget;

    left.turns = left_of(budget->turns, sum(spending->turns, others->turns));
    left.calls = left_of(budget->calls, sum(spending->calls, others->calls));
    left.input_tokens =
        left_of(budget->input_tokens,
                sum(spending->input_tokens, others->input_tokens));
    left.output_tokens = bx_spending_output_left(spending);
    if (deadline_ns == INT64_MAX)
        left.time_ms = UINT64_MAX;
    else
        left.time_ms = now_ns < deadline_ns
                           ? (uint64_t)(deadline_ns - now_ns) / NS_PER_MS
                           : 0;
    if (budget->cost != 0)
        left.cost = budget->cost - spending->cost - others->cost;
    *ret_is_empty =
        left.turns == 0 || left.calls == 0 || left.input_tokens == 0 ||
        left.output_tokens == 0 || left.time_ms == 0 ||
        (budget->cost != 0 && (!(left.cost > 0) || spending->is_cost_unknown ||
                               others->is_cost_unknown));
    return left;
}

/* Which number of things is used up, as a reason; NULL: it is not. */
static const char *used_up(bx_spending *spending, const char *name,
                           uint64_t used, uint64_t most)
{
    if (most == UINT64_MAX || used < most)
        return NULL;
    (void)snprintf(spending->reason, sizeof(spending->reason),
                   "the budget of %" PRIu64 " %s is used up (%" PRIu64 ")",
                   most, name, used);
    return spending->reason;
}

/* What ends calls and turns alike. */
const char *bx_spending_refuse_any(bx_spending *spending, int64_t now_ns)
{
    const bx_agent_budget *budget = &spending->budget;

    if (now_ns >= bx_spending_deadline_ns(spending)) {
        (void)snprintf(spending->reason, sizeof(spending->reason),
                       "the time budget of %" PRIu64 " ms is used up",
                       budget->time_ms);
        return spending->reason;
    }
    if (budget->failures != UINT64_MAX &&
        spending->failures >= budget->failures) {
        (void)snprintf(spending->reason, sizeof(spending->reason),
                       "%" PRIu64 " calls in a row failed, the most that the "
                       "budget of failures has",
                       spending->failures);
        return spending->reason;
    }
    if (budget->repeats != UINT64_MAX && spending->repeats >= budget->repeats) {
        (void)snprintf(spending->reason, sizeof(spending->reason),
                       "the same call had the same result %" PRIu64 " times in "
                       "a row, the most that the budget of repeats has",
                       spending->repeats);
        return spending->reason;
    }
    return NULL;
}

static const char *refuse_cost(bx_spending *spending, double cost)
{
    double most = spending->budget.cost;
    double used = spending->cost + spending->others.cost;

    if (most == 0)
        return NULL;
    if (spending->is_cost_unknown || spending->others.is_cost_unknown ||
        !(cost >= 0)) {
        (void)snprintf(spending->reason, sizeof(spending->reason),
                       "the cost budget cannot hold: the model has no prices; "
                       "add them to models.yaml or take another model");
        return spending->reason;
    }
    if (used + cost <= most && used < most)
        return NULL;
    (void)snprintf(spending->reason, sizeof(spending->reason),
                   "the cost budget of $%.4f is used up: $%.4f, and the next "
                   "turn takes about $%.4f",
                   fmax(most, 0), used, cost);
    return spending->reason;
}

const char *bx_spending_refuse_turn(bx_spending *spending,
                                    uint64_t input_tokens, double cost,
                                    int64_t now_ns)
{
    const bx_agent_budget *budget = &spending->budget;
    const bx_spent *others = &spending->others;
    uint64_t used = sum(spending->input_tokens, others->input_tokens);
    uint64_t input = sum(used, input_tokens);
    const char *why = bx_spending_refuse_any(spending, now_ns);

    if (why == NULL)
        why = used_up(spending, "turns", sum(spending->turns, others->turns),
                      budget->turns);
    if (why == NULL)
        why = used_up(spending, "output tokens",
                      sum(spending->output_tokens, others->output_tokens),
                      budget->output_tokens);
    if (why == NULL)
        why = used_up(spending, "input tokens", used, budget->input_tokens);
    if (why == NULL && budget->input_tokens != UINT64_MAX &&
        input > budget->input_tokens) {
        (void)snprintf(spending->reason, sizeof(spending->reason),
                       "the budget of %" PRIu64 " input tokens is used up: "
                       "%" PRIu64 ", and the next turn takes about %" PRIu64,
                       budget->input_tokens, used, input_tokens);
        why = spending->reason;
    }
    return why != NULL ? why : refuse_cost(spending, cost);
}

const char *bx_spending_refuse_call(bx_spending *spending, int64_t now_ns)
{
    const char *why = bx_spending_refuse_any(spending, now_ns);

    return why != NULL ? why
                       : used_up(spending, "calls",
                                 sum(spending->calls, spending->others.calls),
                                 spending->budget.calls);
}

void bx_spending_add_turn(bx_spending *spending, const bx_usage *usage,
                          double cost)
{
    uint64_t cached = sum(usage->cache_read_tokens, usage->cache_write_tokens);

    spending->turns = sum(spending->turns, 1);
    spending->input_tokens =
        sum(spending->input_tokens, sum(usage->input_tokens, cached));
    spending->output_tokens =
        sum(spending->output_tokens, usage->output_tokens);
    if (cost >= 0)
        spending->cost += cost;
    else
        spending->is_cost_unknown = true;
}

/* Each part behind its length, so that no two calls have the same bytes. */
static void add_part(bx_sha256_parts *parts, const char *text)
{
    uint64_t bytes = strlen(text);

    bx_sha256_add(parts, &bytes, sizeof(bytes));
    bx_sha256_add(parts, text, bytes);
}

int bx_spending_add_call(bx_spending *spending, const char *name,
                         const json_t *input, bool is_error,
                         const json_t *content, bx_error **err)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY;
    bx_autofree char *given = bx_json_text(input, flags);
    bx_autofree char *got = bx_json_text(content, flags);
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts parts;

    spending->calls = sum(spending->calls, 1);
    spending->failures = is_error ? sum(spending->failures, 1) : 0;
    if (given == NULL || got == NULL) {
        spending->repeats = sum(spending->repeats, 1);
        return bx_error_set_nomem(err);
    }
    bx_sha256_begin(&parts);
    add_part(&parts, name);
    add_part(&parts, given);
    add_part(&parts, is_error ? "error" : "");
    add_part(&parts, got);
    bx_sha256_end(&parts, digest);
    if (spending->repeats > 0 && bx_digest_equals(digest, spending->last))
        spending->repeats = sum(spending->repeats, 1);
    else
        spending->repeats = 1;
    memcpy(spending->last, digest, sizeof(digest));
    return 0;
}
