/* What is asked of a sub-agent, held against what its parent may give, and
 * those that were asked for before. The order is a model's. */
#include <string.h>

#include "agent/one_line.h"
#include "agent/settings.h"
#include "agent/subagent_state.h"

static int find_mode(bx_subagent *sub, const bx_subagent_order *order,
                     bx_error **err)
{
    bx_mode parents = sub->crew->agent->mode;

    sub->mode = order->is_apart ? BX_MODE_EDITS : parents;
    if (order->mode != NULL && bx_mode_find(order->mode, &sub->mode) < 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "mode '%s'; expected ask, reads, edits, auto or "
                            "plan",
                            order->mode);
    if (!bx_settings_mode_is_within(sub->mode, parents))
        return bx_error_set(err, BX_ERR_DENIED,
                            "mode %s lets more through than %s, which is this "
                            "agent's; expected the same or a narrower one",
                            bx_mode_name(sub->mode), bx_mode_name(parents));
    return 0;
}

static int copy_order(bx_subagent *sub, const bx_subagent_order *order,
                      bx_error **err)
{
    const char *name = order->name == NULL ? sub->id : order->name;

    sub->index = order->index;
    sub->is_background = order->is_background;
    sub->is_apart = order->is_apart;
    sub->call = strdup(order->call);
    sub->task = strdup(order->task);
    sub->name = bx_one_line(name, strlen(name), BX_SUBAGENT_NAME_MAX, NULL);
    sub->content =
        json_pack("[{s:s, s:s}]", "type", "text", "text", order->task);
    if (order->tools != NULL)
        sub->patterns = json_deep_copy(order->tools);
    if (sub->call == NULL || sub->task == NULL || sub->name == NULL ||
        sub->content == NULL || (order->tools != NULL && sub->patterns == NULL))
        return bx_error_set_nomem(err);
    return find_mode(sub, order, err);
}

static bx_subagent *make(bx_crew *crew, const bx_subagent_order *order,
                         bx_error **err)
{
    bx_subagent *sub = calloc(1, sizeof(*sub));
    int failed;

    if (sub == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    sub->crew = crew;
    sub->phase = BX_SUBAGENT_WORKS;
    sub->cancel = bx_cancel_new();
    if (sub->cancel == NULL) {
        bx_subagent_free(sub);
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_lock(&crew->lock);
    (void)snprintf(sub->id, sizeof(sub->id), "a%u", crew->count + 1);
    failed = copy_order(sub, order, err);
    if (failed == 0)
        failed = bx_subagent_carve(sub, order, err);
    if (failed == 0)
        failed = bx_subagent_pool_take(crew->pool, err);
    if (failed == 0) {
        bx_crew_append(crew, sub);
        crew->working++;
        pthread_cond_broadcast(&crew->changed);
    }
    pthread_mutex_unlock(&crew->lock);
    if (failed == 0)
        return sub;
    bx_subagent_free(sub);
    return NULL;
}

int bx_subagent_go_on(bx_subagent *sub, bx_error **err)
{
    bx_crew *crew = sub->crew;
    bool has_ended = false;
    int failed;

    if (bx_subagent_look(sub, &has_ended, err) < 0)
        return -1;
    if (sub->cancel == NULL)
        sub->cancel = bx_cancel_new();
    if (sub->cancel == NULL)
        return bx_error_set_nomem(err);
    pthread_mutex_lock(&crew->lock);
    failed = has_ended ? 0 : bx_subagent_carve_again(sub, err);
    if (failed == 0)
        failed = bx_subagent_pool_take(crew->pool, err);
    if (failed == 0) {
        sub->phase = BX_SUBAGENT_WORKS;
        crew->working++;
        pthread_cond_broadcast(&crew->changed);
    }
    pthread_mutex_unlock(&crew->lock);
    if (failed < 0)
        return -1;
    if (!has_ended)
        return bx_subagent_start(sub, err);
    bx_subagent_end(sub, sub->status, bx_take(sub->text), bx_take(sub->reason));
    return 0;
}

static bx_subagent *find_order(bx_crew *crew, const bx_subagent_order *order)
{
    bx_subagent *found = NULL;

    pthread_mutex_lock(&crew->lock);
    for (bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next)
        if (strcmp(sub->call, order->call) == 0 && sub->index == order->index)
            found = sub;
    pthread_mutex_unlock(&crew->lock);
    return found;
}

bx_subagent *bx_crew_order(bx_crew *crew, const bx_subagent_order *order,
                           bx_error **err)
{
    bx_subagent *sub = find_order(crew, order);

    if (sub != NULL && sub->is_past && bx_subagent_check(sub, err) < 0)
        return NULL;
    if (sub != NULL)
        return sub->phase == BX_SUBAGENT_LEFT && bx_subagent_go_on(sub, err) < 0
                   ? NULL
                   : sub;
    sub = make(crew, order, err);
    if (sub == NULL)
        return NULL;
    return bx_subagent_start(sub, err) < 0 ? NULL : sub;
}
