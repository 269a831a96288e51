#include "agent/subagent.h"

#include <string.h>
#include <time.h>

#include "agent/subagent_state.h"
#include "base/run.h"

#define WATCH_NS (10 * 1000000) /* how soon a cancel is handed on */

/* ---- making and freeing ---------------------------------------------------
 */

void bx_subagent_free(bx_subagent *sub)
{
    if (sub == NULL)
        return;
    bx_grants_free(sub->grants);
    bx_cancel_free(sub->cancel);
    json_decref(sub->patterns);
    json_decref(sub->content);
    free(sub->name);
    free(sub->call);
    free(sub->task);
    free(sub->text);
    free(sub->reason);
    free(sub);
}

static void init_changed(pthread_cond_t *changed)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bx_crew *bx_crew_new(bx_agent *agent, bx_error **err)
{
    bx_crew *crew = calloc(1, sizeof(*crew));

    if (crew == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    crew->agent = agent;
    crew->self = agent->config.self;
    crew->pool = crew->self == NULL ? bx_subagent_pool_new(agent, err)
                                    : crew->self->crew->pool;
    if (crew->pool == NULL) {
        free(crew);
        return NULL;
    }
    pthread_mutex_init(&crew->lock, NULL);
    init_changed(&crew->changed);
    return crew;
}

void bx_crew_free(bx_crew *crew)
{
    if (crew == NULL)
        return;
    bx_crew_stop(crew);
    pthread_mutex_lock(&crew->lock);
    crew->is_closing = true;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    if (crew->has_watcher)
        (void)pthread_join(crew->watcher, NULL);
    while (crew->subs != NULL) {
        bx_subagent *next = crew->subs->next;

        bx_subagent_free(crew->subs);
        crew->subs = next;
    }
    if (crew->self == NULL)
        bx_subagent_pool_free(crew->pool);
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

/* The lock is held. */
void bx_crew_append(bx_crew *crew, bx_subagent *sub)
{
    bx_subagent **end = &crew->subs;

    while (*end != NULL)
        end = &(*end)->next;
    *end = sub;
    crew->count++;
}

/* ---- waiting and cancelling -----------------------------------------------
 */

/* The lock is held. */
static void wait_until(bx_crew *crew, int64_t until_ns)
{
    const struct timespec until = { until_ns / 1000000000,
                                    until_ns % 1000000000 };

    (void)pthread_cond_timedwait(&crew->changed, &crew->lock, &until);
}

static bool is_triggered(const bx_cancel *cancel)
{
    return cancel != NULL &&
           atomic_load_explicit(&cancel->triggered, memory_order_acquire);
}

static void cancel_all(bx_crew *crew)
{
    for (bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next)
        if (sub->phase == BX_SUBAGENT_WORKS)
            bx_cancel_trigger(sub->cancel);
}

static void *watch(void *context)
{
    bx_crew *crew = context;

    pthread_mutex_lock(&crew->lock);
    while (!crew->is_closing) {
        if (crew->working == 0) {
            pthread_cond_wait(&crew->changed, &crew->lock);
            continue;
        }
        if (bx_agent_is_cancelled(crew->agent))
            cancel_all(crew);
        wait_until(crew, bx_now_ns() + WATCH_NS);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static bool have_ended(bx_subagent *const *subs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (subs[i]->phase == BX_SUBAGENT_WORKS)
            return false;
    return true;
}

bool bx_crew_wait(bx_crew *crew, bx_subagent *const *subs, size_t count,
                  const bx_cancel *cancel, int64_t until_ns)
{
    bool is_done;

    pthread_mutex_lock(&crew->lock);
    while (!(is_done = have_ended(subs, count)) && !is_triggered(cancel)) {
        int64_t now_ns = bx_now_ns();

        if (now_ns >= until_ns)
            break;
        wait_until(crew,
                   until_ns - now_ns < WATCH_NS ? until_ns : now_ns + WATCH_NS);
    }
    pthread_mutex_unlock(&crew->lock);
    return is_done;
}

void bx_crew_await(bx_crew *crew)
{
    if (crew == NULL)
        return;
    pthread_mutex_lock(&crew->lock);
    while (crew->working > 0 && !bx_agent_is_cancelled(crew->agent))
        wait_until(crew, bx_now_ns() + WATCH_NS);
    pthread_mutex_unlock(&crew->lock);
}

void bx_crew_stop(bx_crew *crew)
{
    if (crew == NULL)
        return;
    pthread_mutex_lock(&crew->lock);
    while (crew->working > 0) {
        cancel_all(crew);
        wait_until(crew, bx_now_ns() + WATCH_NS);
    }
    pthread_mutex_unlock(&crew->lock);
    for (bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next) {
        if (!sub->has_thread)
            continue;
        (void)pthread_join(sub->thread, NULL);
        sub->has_thread = false;
    }
}

/* ---- work -----------------------------------------------------------------
 */

void bx_subagent_end(bx_subagent *sub, bx_agent_status status, char *text,
                     char *reason)
{
    bx_crew *crew = sub->crew;

    pthread_mutex_lock(&crew->lock);
    sub->status = status;
    free(sub->text);
    free(sub->reason);
    sub->text = text;
    sub->reason = reason;
    pthread_mutex_unlock(&crew->lock);
    /* Where the disk is full the parent meets that too; who waits is told. */
    (void)bx_subagent_note_end(sub, NULL);
    bx_subagent_pool_give(crew->pool);
    pthread_mutex_lock(&crew->lock);
    sub->phase = BX_SUBAGENT_ENDED;
    crew->working--;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static void end_failed(bx_subagent *sub, bx_agent_status status,
                       const char *why)
{
    bx_subagent_end(sub, status, strdup(""), strdup(why));
}

static void take_result(bx_subagent *sub, const bx_agent_result *result)
{
    const char *overlay = bx_agent_overlay(sub->agent);

    sub->usage = result->usage;
    sub->cost = result->cost;
    if (sub->is_apart ||
        (sub->mode == BX_MODE_EDITS &&
         sub->crew->agent->mode != BX_MODE_EDITS && overlay != NULL))
        (void)snprintf(sub->overlay, sizeof(sub->overlay), "%s",
                       overlay == NULL ? "" : overlay);
}

static void *work(void *context)
{
    bx_subagent *sub = context;
    bx_autoagentresult bx_agent_result result = { .status = BX_AGENT_FAILED };
    bx_autoerror bx_error *err = NULL;
    int failed = bx_agent_run(sub->agent, sub->content, &result, &err);

    sub->used = bx_agent_spent(sub->agent);
    bx_spent_add(&sub->used, &sub->before);
    take_result(sub, &result);
    bx_agent_free(sub->agent);
    sub->agent = NULL;
    if (failed < 0)
        end_failed(sub, BX_AGENT_FAILED, bx_error_message(err));
    else
        bx_subagent_end(sub, result.status, bx_take(result.text),
                        bx_take(result.reason));
    return NULL;
}

void bx_subagent_name_overlay(bx_subagent *sub)
{
    if (sub->is_apart)
        (void)snprintf(sub->overlay, sizeof(sub->overlay), "agent-%s",
                       sub->session);
}

/* ---- starting -------------------------------------------------------------
 */

/* What it may use is fixed when it begins: tools that come later it has not,
 * by name or from within another. */
static int narrow_tools(bx_subagent *sub, bx_error **err)
{
    const bx_agent_config *parent = &sub->crew->agent->config;
    bx_tool **tools = NULL;
    bx_autofree const char **names = NULL;
    size_t count = 0, kept = 0;

    sub->filter =
        (bx_tool_filter){ .patterns = sub->patterns, .parent = parent->only };
    if (sub->patterns == NULL)
        return 0; /* what the parent was given holds */
    if (bx_registry_list(parent->registry, &tools, &count, err) < 0)
        return -1;
    names = calloc(count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < count; i++)
        if (bx_tool_filter_has(&sub->filter, tools[i]))
            names[kept++] = tools[i]->name;
    if (names == NULL)
        (void)bx_error_set_nomem(err);
    else if (kept == 0)
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "none of this agent's tools has a name that is in "
                           "'tools'");
    else
        sub->grants = bx_grants_with_tools(parent->grants, names, kept,
                                           "tools of the sub-agent", err);
    bx_registry_list_free(tools, count);
    return sub->grants == NULL ? -1 : 0;
}

static bx_agent_config config_of(bx_subagent *sub,
                                 const bx_agent_budget *budget)
{
    bx_agent *parent = sub->crew->agent;
    bx_agent_config config = parent->config;

    config.model = parent->model;
    config.role = sub->name;
    config.parent = parent->id;
    config.session = sub->session[0] == '\0' ? NULL : sub->session;
    config.kind = "agent";
    if (sub->grants != NULL)
        config.grants = sub->grants;
    config.only = &sub->filter;
    config.mode = sub->mode;
    config.budget = *budget;
    config.cancel = sub->cancel;
    config.depth = parent->config.depth + 1;
    config.self = sub;
    config.team = NULL;
    config.overlay = NULL;
    if (!sub->is_apart && parent->mode == BX_MODE_EDITS)
        config.overlay = bx_agent_overlay(parent);
    bx_subagent_connect(sub, &config);
    return config;
}

static int need_watcher(bx_crew *crew, bx_error **err)
{
    bool has;

    pthread_mutex_lock(&crew->lock);
    if (!crew->has_watcher)
        crew->has_watcher =
            pthread_create(&crew->watcher, NULL, watch, crew) == 0;
    has = crew->has_watcher;
    pthread_mutex_unlock(&crew->lock);
    return has ? 0 : bx_error_set(err, BX_ERR_SYSTEM, "no thread to be had");
}

static int open_agent(bx_subagent *sub, bx_error **err)
{
    bool is_new = sub->session[0] == '\0';
    bx_agent_budget budget;
    bx_agent_config config;

    if (!bx_subagent_left(sub, &budget))
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the budget of the sub-agent is used up");
    if (narrow_tools(sub, err) < 0)
        return -1;
    config = config_of(sub, &budget);
    sub->agent = bx_agent_new(&config, err);
    if (sub->agent == NULL)
        return -1;
    memcpy(sub->session, bx_agent_session(sub->agent), sizeof(sub->session));
    bx_subagent_name_overlay(sub);
    return is_new ? bx_subagent_note_begin(sub, err) : 0;
}

/* It counts as working already. */
int bx_subagent_start(bx_subagent *sub, bx_error **err)
{
    bx_error *why = NULL;

    if (need_watcher(sub->crew, &why) == 0 && open_agent(sub, &why) == 0) {
        if (pthread_create(&sub->thread, NULL, work, sub) == 0) {
            sub->has_thread = true;
            return 0;
        }
        (void)bx_error_set(&why, BX_ERR_SYSTEM, "no thread to be had");
    }
    bx_agent_free(sub->agent);
    sub->agent = NULL;
    sub->used = sub->before;
    end_failed(sub,
               bx_error_code(why) == BX_ERR_LIMIT ? BX_AGENT_BUDGET
                                                  : BX_AGENT_FAILED,
               bx_error_message(why));
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

/* ---- of a run -------------------------------------------------------------
 */

int bx_crew_begin(bx_crew *crew, bx_error **err)
{
    (void)err;
    if (crew == NULL)
        return 0;
    if (crew->self == NULL)
        bx_subagent_pool_begin(crew->pool);
    for (bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next) {
        bx_autoerror bx_error *why = NULL;

        if (sub->phase == BX_SUBAGENT_ENDED)
            sub->is_past = true;
        else if (sub->phase == BX_SUBAGENT_LEFT && sub->is_background &&
                 bx_subagent_go_on(sub, &why) < 0)
            bx_agent_notice(crew->agent, "sub-agent %s cannot go on: %s",
                            sub->id, bx_error_message(why));
    }
    return 0;
}

void bx_crew_add_usage(bx_crew *crew, bx_usage *usage, double *cost)
{
    if (crew == NULL)
        return;
    pthread_mutex_lock(&crew->lock);
    for (const bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next) {
        if (sub->phase != BX_SUBAGENT_ENDED || sub->is_past)
            continue;
        bx_usage_add(usage, &sub->usage);
        *cost = *cost >= 0 && sub->cost >= 0 ? *cost + sub->cost : -1;
    }
    pthread_mutex_unlock(&crew->lock);
}

/* ---- looking --------------------------------------------------------------
 */

bx_subagent *bx_crew_find(bx_crew *crew, const char *id)
{
    bx_subagent *found = NULL;

    pthread_mutex_lock(&crew->lock);
    for (bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next)
        if (strcmp(sub->id, id) == 0)
            found = sub;
    pthread_mutex_unlock(&crew->lock);
    return found;
}

bx_subagent *bx_crew_at(bx_crew *crew, size_t i)
{
    bx_subagent *sub;

    pthread_mutex_lock(&crew->lock);
    for (sub = crew->subs; sub != NULL && i > 0; i--)
        sub = sub->next;
    pthread_mutex_unlock(&crew->lock);
    return sub;
}

const char *bx_subagent_id(const bx_subagent *sub)
{
    return sub->id;
}

const char *bx_subagent_name(const bx_subagent *sub)
{
    return sub->name;
}

const char *bx_subagent_session(const bx_subagent *sub)
{
    return sub->session;
}

bool bx_subagent_is_background(const bx_subagent *sub)
{
    return sub->is_background;
}

bool bx_subagent_has_ended(bx_subagent *sub)
{
    bool has;

    pthread_mutex_lock(&sub->crew->lock);
    has = sub->phase == BX_SUBAGENT_ENDED;
    pthread_mutex_unlock(&sub->crew->lock);
    return has;
}

bool bx_subagent_is_told(bx_subagent *sub)
{
    bool is;

    pthread_mutex_lock(&sub->crew->lock);
    is = sub->is_told || sub->is_shown;
    pthread_mutex_unlock(&sub->crew->lock);
    return is;
}

bx_agent_status bx_subagent_status(const bx_subagent *sub)
{
    return sub->status;
}

const char *bx_subagent_text(const bx_subagent *sub)
{
    return sub->text == NULL ? "" : sub->text;
}

void bx_subagent_cancel(bx_subagent *sub)
{
    pthread_mutex_lock(&sub->crew->lock);
    if (sub->phase == BX_SUBAGENT_WORKS && sub->cancel != NULL)
        bx_cancel_trigger(sub->cancel);
    pthread_mutex_unlock(&sub->crew->lock);
}
