#include "agent/effect.h"

#include <string.h>

#include "base/buf.h"
#include "overlay/commit.h"
#include "overlay/diff.h"
#include "wasi/overlay.h"

#define ID_TAIL 12 /* of a call's id: unique enough within a session */

static const char wants_network[] =
    "(not shown: the call wants the network, which it gets once it is "
    "approved)\n";

/* "agent-SESSION-CALL"; owned, NULL without memory. */
static char *name_of(const bx_agent *agent, const char *call_id)
{
    size_t bytes = strlen(call_id);
    const char *tail = bytes > ID_TAIL ? call_id + bytes - ID_TAIL : call_id;
    char *name = NULL;

    return asprintf(&name, "agent-%s-%s", bx_session_log_id(agent->log), tail) <
                   0
               ? NULL
               : name;
}

static void drop(const char *name)
{
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(name, BX_OVERLAY_END, NULL);

    if (store != NULL)
        (void)bx_overlay_store_drop(store, NULL);
}

void bx_effect_forget(const bx_agent *agent, const char *call_id)
{
    bx_autofree char *name = name_of(agent, call_id);

    if (name != NULL && bx_overlay_check_name(name, NULL) == 0)
        drop(name);
}

void bx_effect_clear(bx_agent *agent, bx_effect *effect)
{
    if (effect->name != NULL) {
        bx_autofree char *dir = bx_overlay_path(effect->name, NULL);

        if (dir != NULL)
            (void)bx_registry_release_overlay(agent->config.registry, dir,
                                              NULL);
        drop(effect->name);
    }
    bx_tool_result_free(effect->result);
    free(effect->name);
    free(effect->text);
    *effect = (bx_effect){ 0 };
}

/* ---- trying ----------------------------------------------------------------
 */

/* What leaves the machine cannot be taken back. */
static bool on_need(void *context, const bx_need_event *event)
{
    atomic_bool *wants = context;

    if (strcmp(event->kind, "network") != 0)
        return true;
    atomic_store(wants, true);
    return false;
}

static int add_rows(const bx_agent *agent, const char *call_id,
                    const bx_deltas *deltas, bx_buf *text, bx_error **err)
{
    size_t left = 0;

    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];
        bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };
        bx_autobuf bx_buf path = BX_BUF_INIT;

        if (row->what == BX_DELTA_NONE)
            continue;
        if (bx_buf_puts(&path, "/") < 0 ||
            bx_buf_put_escaped(&path, row->path, strlen(row->path), 1024) < 0)
            return bx_error_set_nomem(err);
        bx_event_tell(&agent->events,
                      json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "effect",
                                "id", call_id, "call", "overlay", "target",
                                path.data, "detail", bx_delta_word(row->what)));
        if (text->len >= BX_EFFECT_MAX_BYTES) {
            left++;
            continue;
        }
        if (bx_diff_make(deltas, row, &diff, err) < 0)
            return -1;
        if (bx_buf_append(text, diff.text.data, diff.text.len,
                          BX_EFFECT_MAX_BYTES) < 0 &&
            bx_buf_printf(text, "%s %s (too long to be shown)\n",
                          bx_delta_word(row->what), path.data) < 0)
            return bx_error_set_nomem(err);
    }
    if (left > 0 && bx_buf_printf(text, "(%zu more changes)\n", left) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int show(const bx_agent *agent, const char *call_id, bx_effect *effect,
                bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoerror bx_error *why = NULL;

    if (effect->result->is_error &&
        bx_buf_puts(&text, "(the tool reports an error)\n") < 0)
        return bx_error_set_nomem(err);
    store = bx_overlay_store_open(effect->name, BX_OVERLAY_LOOK, &why);
    if (store != NULL && (bx_deltas_find(store, &deltas, err) < 0 ||
                          add_rows(agent, call_id, &deltas, &text, err) < 0))
        return -1;
    if (text.len == 0 && bx_buf_puts(&text, "(no file is changed)\n") < 0)
        return bx_error_set_nomem(err);
    effect->text = bx_buf_take(&text);
    return 0;
}

int bx_effect_try(bx_agent *agent, const char *call_id, bx_tool_call *params,
                  bx_effect *ret_effect, bx_error **err)
{
    bx_effect effect = { .name = name_of(agent, call_id) };
    bx_autofree char *dir = NULL;
    atomic_bool wants = false;
    int result = effect.name == NULL ? bx_error_set_nomem(err) : 0;

    if (result == 0)
        dir = bx_overlay_path(effect.name, err);
    if (dir == NULL) {
        free(effect.name);
        return -1;
    }
    params->overlay_dir = dir;
    params->need = on_need;
    params->need_context = &wants;
    result =
        bx_registry_call(agent->config.registry, params, &effect.result, err);
    params->overlay_dir = NULL;
    params->need = NULL;
    if (result == 0 && atomic_load(&wants)) {
        bx_effect_clear(agent, &effect);
        effect.text = strdup(wants_network);
    } else if (result == 0) {
        result = show(agent, call_id, &effect, err);
    }
    if (result == 0)
        *ret_effect = effect;
    else
        bx_effect_clear(agent, &effect);
    return result;
}

/* ---- committing ------------------------------------------------------------
 */

int bx_effect_commit(bx_agent *agent, bx_effect *effect, size_t *ret_left,
                     bx_error **err)
{
    const bx_commit_options options = { 0 };
    bx_autofree char *dir = bx_overlay_path(effect->name, err);
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { 0 };
    bx_autoerror bx_error *why = NULL;
    bx_commit_result result = { 0 };

    *ret_left = 0;
    if (dir == NULL ||
        bx_registry_release_overlay(agent->config.registry, dir, err) < 0)
        return -1;
    store = bx_overlay_store_open(effect->name, BX_OVERLAY_ALONE, &why);
    if (store == NULL && (bx_error_code(why) == BX_ERR_NOT_FOUND))
        return 0; /* it wrote nothing */
    if (store == NULL) {
        if (err != NULL)
            *err = bx_take(why);
        return -1;
    }
    if (bx_deltas_find(store, &deltas, err) < 0 ||
        bx_commit_make_plan(&deltas, &options, &plan, err) < 0 ||
        bx_overlay_commit(store, &deltas, &plan, &options, &result, err) < 0)
        return -1;
    *ret_left = result.left;
    return 0;
}
