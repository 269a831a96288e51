#include "tool/call_live.h"

#include <string.h>

#include "base/json_text.h"

#define SESSION_POLL_NS 2000000 /* how often a waiting call looks */

struct bx_live {
    char *name;
    bx_box *box;                /* keeps what runs it */
    bx_runner_session *session; /* NULL: its first call opens it */
    pthread_mutex_t mutex;      /* one call at a time */
    unsigned users;             /* under the registry's mutex */
    bool is_over;               /* under that too: nobody finds it any more */
    struct bx_live *next;       /* most recently used first */
};

const char *bx_live_name(const bx_tool *tool, const json_t *input,
                         const char *asked)
{
    const json_t *schema = tool->manifest->input_schema;
    const char *given;

    if (asked != NULL && asked[0] != '\0')
        return asked;
    if (json_object_get(json_object_get(schema, "properties"), "session") ==
        NULL)
        return NULL;
    given = json_string_value(json_object_get(input, "session"));
    return given == NULL || given[0] == '\0' ? NULL : given;
}

static void free_live(bx_live *live)
{
    if (live == NULL)
        return;
    bx_runner_session_close(live->session);
    bx_box_unref(live->box);
    pthread_mutex_destroy(&live->mutex);
    free(live->name);
    free(live);
}

void bx_live_free_all(bx_registry *registry)
{
    while (registry->live != NULL) {
        bx_live *live = registry->live;

        registry->live = live->next;
        free_live(live);
    }
}

static bx_live *make(bx_box *box, const char *name, bx_error **err)
{
    bx_live *live = calloc(1, sizeof(*live));

    if (live == NULL || (live->name = strdup(name)) == NULL) {
        free(live);
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&live->mutex, NULL);
    live->box = bx_box_ref(box);
    return live;
}

/* Take it out of the list. */
static void unlink_live(bx_registry *registry, const bx_live *live)
{
    bx_live **at = &registry->live;

    while (*at != NULL && *at != live)
        at = &(*at)->next;
    if (*at != NULL)
        *at = live->next;
}

static bx_live *find(bx_registry *registry, const bx_box *box, const char *name)
{
    bx_live *live = registry->live;

    while (live != NULL && (live->box != box || strcmp(live->name, name) != 0))
        live = live->next;
    return live;
}

/* Room for one more: the least recent that nobody uses is taken out, for the
 * caller to end outside the lock. False: all are in use. */
static bool make_room(bx_registry *registry, bx_live **ret_old)
{
    bx_live *idle = NULL;
    size_t count = 0;

    *ret_old = NULL;
    for (bx_live *live = registry->live; live != NULL; live = live->next) {
        count++;
        if (live->users == 0)
            idle = live;
    }
    if (count < BX_LIVE_MAX)
        return true;
    if (idle != NULL)
        unlink_live(registry, idle);
    *ret_old = idle;
    return idle != NULL;
}

/* The session, with one more user. */
static bx_live *take(bx_call_state *state, const char *name, bx_error **err)
{
    bx_registry *registry = state->registry;
    bx_box *box = (bx_box *)state->box;
    bx_live *old = NULL;
    bx_live *live;
    bool has_room = true;

    pthread_mutex_lock(&registry->mutex);
    live = find(registry, box, name);
    if (live != NULL)
        unlink_live(registry, live);
    else if ((has_room = make_room(registry, &old)))
        live = make(box, name, err);
    if (live != NULL) {
        live->users++;
        live->next = registry->live;
        registry->live = live;
    }
    pthread_mutex_unlock(&registry->mutex);
    free_live(old);
    if (!has_room)
        bx_error_set(err, BX_ERR_LIMIT,
                     "session '%s': %d sessions are in use, which is the most",
                     name, BX_LIVE_MAX);
    return live;
}

/* A session that ended is forgotten: the next call of that name begins anew. */
static void give_back(bx_registry *registry, bx_live *live, bool is_over)
{
    bool is_last;

    pthread_mutex_lock(&registry->mutex);
    if (is_over && !live->is_over)
        unlink_live(registry, live);
    live->is_over |= is_over;
    is_last = --live->users == 0 && live->is_over;
    pthread_mutex_unlock(&registry->mutex);
    if (is_last)
        free_live(live);
}

/* Wait for calls before this one, no longer than this one may take in all:
 * until ret_deadline_ns. */
static int wait_for(bx_live *live, const bx_run_options *options,
                    int64_t *ret_deadline_ns, bx_error **err)
{
    uint64_t most_ms = live->box->policy->limits.timeout_ms;
    bx_run run = { .cancel = options->cancel };
    int64_t now_ns = bx_now_ns();

    if (options->timeout_ms != 0 && options->timeout_ms < most_ms)
        most_ms = options->timeout_ms;
    run.deadline_ns = now_ns + (int64_t)most_ms * 1000000;
    while (pthread_mutex_trylock(&live->mutex) != 0) {
        if (bx_run_is_over(&run))
            return bx_error_set(
                err,
                bx_run_is_cancelled(&run) ? BX_ERR_CANCELLED : BX_ERR_TIMEOUT,
                "session '%s': calls before this one are using it", live->name);
        now_ns = bx_now_ns();
        (void)bx_run_poll(&run, NULL, 0, now_ns + SESSION_POLL_NS);
    }
    *ret_deadline_ns = run.deadline_ns;
    return 0;
}

/* With its mutex. Not the registry's: a worker may take its time, and others
 * call meanwhile. */
static int invoke(bx_registry *registry, bx_live *live, const char *args,
                  bx_run_options *options, int64_t deadline_ns,
                  bx_result **ret_result, bx_error **err)
{
    bx_wait wait = { .until_ns = deadline_ns, .cancel = options->cancel };
    int64_t now_ns;

    if (live->session == NULL)
        live->session = bx_runner_session_open(live->box->ready,
                                               &registry->services, &wait, err);
    if (live->session == NULL)
        return -1;
    now_ns = bx_now_ns();
    options->timeout_ms = now_ns >= deadline_ns
                              ? 1
                              : (uint64_t)(deadline_ns - now_ns) / 1000000 + 1;
    return bx_runner_session_invoke(live->session, BX_LIVE_FUNCTION, args,
                                    options, ret_result, err);
}

int bx_live_call(bx_call_state *state, const char *name, const char *input,
                 size_t input_bytes, const bx_run_options *options,
                 bx_result **ret_result, bx_error **err)
{
    bx_autofree char *args = NULL;
    bx_run_options complete = *options;
    int64_t deadline_ns = 0;
    json_t *list;
    bx_live *live;
    bool is_over = false;
    int result;

    if (strlen(name) > BX_LIVE_NAME_MAX)
        return bx_error_set(err, BX_ERR_INVALID,
                            "session: a name of %zu bytes; at most %d are "
                            "accepted",
                            strlen(name), BX_LIVE_NAME_MAX);
    list = json_pack("[s%]", input, input_bytes);
    args = list == NULL ? NULL : bx_json_text(list, JSON_COMPACT);
    json_decref(list);
    if (args == NULL)
        return bx_error_set_nomem(err);
    live = take(state, name, err);
    if (live == NULL)
        return -1;
    result = wait_for(live, options, &deadline_ns, err);
    if (result == 0) {
        result = invoke(state->registry, live, args, &complete, deadline_ns,
                        ret_result, err);
        is_over =
            live->session == NULL || !bx_runner_session_is_alive(live->session);
        pthread_mutex_unlock(&live->mutex);
    }
    give_back(state->registry, live, is_over);
    return result;
}
