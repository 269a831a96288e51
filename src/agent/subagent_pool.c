/* What all sub-agents share: how many there may be, and one person, who is
 * asked one question at a time while nobody else is told anything. */
#include <string.h>

#include "agent/subagent_state.h"
#include "base/run.h"

/* ---- the first agent's, from now on with the person's lock ----------------
 */

static void on_first_event(void *context, const json_t *event)
{
    bx_subagent_pool *pool = context;

    pthread_mutex_lock(&pool->person);
    pool->events.tell(pool->events.context, event);
    pthread_mutex_unlock(&pool->person);
}

static bx_answer on_first_approve(void *context, const bx_approval_ask *ask,
                                  char **ret_reason)
{
    bx_subagent_pool *pool = context;
    bx_answer answer;

    pthread_mutex_lock(&pool->person);
    answer = pool->approve(pool->approve_context, ask, ret_reason);
    pthread_mutex_unlock(&pool->person);
    return answer;
}

static char *on_first_ask(void *context, const char *question,
                          const json_t *choices)
{
    bx_subagent_pool *pool = context;
    char *answer;

    pthread_mutex_lock(&pool->person);
    answer = pool->ask(pool->ask_context, question, choices);
    pthread_mutex_unlock(&pool->person);
    return answer;
}

static bool on_first_hold(void *context, const bx_hold_event *event)
{
    bx_subagent_pool *pool = context;
    bool is_agreed;

    pthread_mutex_lock(&pool->person);
    is_agreed = pool->hold(pool->hold_context, event);
    pthread_mutex_unlock(&pool->person);
    return is_agreed;
}

static void take_over(bx_subagent_pool *pool, bx_agent_config *config)
{
    pool->events = config->events;
    pool->approve = config->approve;
    pool->approve_context = config->approve_context;
    pool->ask = config->ask;
    pool->ask_context = config->ask_context;
    pool->hold = config->hold;
    pool->hold_context = config->hold_context;
    if (pool->events.tell != NULL)
        config->events = (bx_event_sink){ on_first_event, pool };
    if (pool->approve != NULL) {
        config->approve = on_first_approve;
        config->approve_context = pool;
    }
    if (pool->ask != NULL) {
        config->ask = on_first_ask;
        config->ask_context = pool;
    }
    if (pool->hold != NULL) {
        config->hold = on_first_hold;
        config->hold_context = pool;
    }
}

bx_subagent_pool *bx_subagent_pool_new(bx_agent *first, bx_error **err)
{
    bx_subagent_pool *pool = calloc(1, sizeof(*pool));
    pthread_mutexattr_t recursive;

    if (pool == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&pool->person, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&pool->lock, NULL);
    take_over(pool, &first->config);
    return pool;
}

void bx_subagent_pool_free(bx_subagent_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_destroy(&pool->person);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* ---- how many -------------------------------------------------------------
 */

int bx_subagent_pool_take(bx_subagent_pool *pool, bx_error **err)
{
    int result = 0;

    pthread_mutex_lock(&pool->lock);
    if (pool->begun >= BX_SUBAGENTS_IN_ALL)
        result = bx_error_set(err, BX_ERR_LIMIT,
                              "there were %u sub-agents in this run, the most "
                              "that there may be; do the rest yourself",
                              pool->begun);
    else if (pool->working >= BX_SUBAGENTS_AT_ONCE)
        result = bx_error_set(err, BX_ERR_LIMIT,
                              "%u sub-agents work already, the most at once; "
                              "wait for one of them",
                              pool->working);
    if (result == 0) {
        pool->begun++;
        pool->working++;
    }
    pthread_mutex_unlock(&pool->lock);
    return result;
}

void bx_subagent_pool_give(bx_subagent_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->working--;
    pthread_mutex_unlock(&pool->lock);
}

void bx_subagent_pool_begin(bx_subagent_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->begun = pool->working;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- a sub-agent's --------------------------------------------------------
 */

static void on_event(void *context, const json_t *event)
{
    const bx_subagent *sub = context;

    bx_event_tell(&sub->crew->agent->events,
                  json_pack("{s:s, s:s, s:s, s:O}", "type", "agent", "id",
                            sub->id, "name", sub->name, "event",
                            (json_t *)event));
}

/* Time stands still for those that wait for the one that asks, too. */
static void add_held(const bx_subagent *sub, int64_t ns)
{
    for (; sub != NULL && !sub->is_background; sub = sub->crew->self) {
        bx_agent_lock(sub->crew->agent);
        sub->crew->agent->held_ns += ns;
        bx_agent_unlock(sub->crew->agent);
    }
}

static bool is_over(const bx_subagent *sub)
{
    return atomic_load_explicit(&sub->cancel->triggered, memory_order_acquire);
}

static bx_answer on_approve(void *context, const bx_approval_ask *ask,
                            char **ret_reason)
{
    const bx_subagent *sub = context;
    bx_subagent_pool *pool = sub->crew->pool;
    bx_approval_ask named = *ask;
    int64_t begin_ns = bx_now_ns();
    bx_answer answer = BX_ANSWER_NO;

    named.agent = sub->name;
    pthread_mutex_lock(&pool->person);
    if (!is_over(sub))
        answer = pool->approve(pool->approve_context, &named, ret_reason);
    pthread_mutex_unlock(&pool->person);
    add_held(sub, bx_now_ns() - begin_ns);
    return answer;
}

static char *on_ask(void *context, const char *question, const json_t *choices)
{
    const bx_subagent *sub = context;
    bx_subagent_pool *pool = sub->crew->pool;
    int64_t begin_ns = bx_now_ns();
    char *named = NULL;
    char *answer = NULL;

    if (asprintf(&named, "[sub-agent %s] %s", sub->name, question) < 0)
        return NULL;
    pthread_mutex_lock(&pool->person);
    if (!is_over(sub))
        answer = pool->ask(pool->ask_context, named, choices);
    pthread_mutex_unlock(&pool->person);
    add_held(sub, bx_now_ns() - begin_ns);
    free(named);
    return answer;
}

static bool on_hold(void *context, const bx_hold_event *event)
{
    const bx_subagent *sub = context;
    bx_subagent_pool *pool = sub->crew->pool;
    int64_t begin_ns = bx_now_ns();
    bool is_agreed = false;

    pthread_mutex_lock(&pool->person);
    if (!is_over(sub))
        is_agreed = pool->hold(pool->hold_context, event);
    pthread_mutex_unlock(&pool->person);
    add_held(sub, bx_now_ns() - begin_ns);
    return is_agreed;
}

void bx_subagent_connect(bx_subagent *sub, bx_agent_config *config)
{
    const bx_subagent_pool *pool = sub->crew->pool;

    config->events = (bx_event_sink){ NULL, NULL };
    if (pool->events.tell != NULL)
        config->events = (bx_event_sink){ on_event, sub };
    config->approve = pool->approve == NULL ? NULL : on_approve;
    config->approve_context = sub;
    config->ask = pool->ask == NULL ? NULL : on_ask;
    config->ask_context = sub;
    config->hold = pool->hold == NULL ? NULL : on_hold;
    config->hold_context = sub;
}
