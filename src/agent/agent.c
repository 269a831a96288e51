#include "agent/agent.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "agent/agent_state.h"
#include "agent/subagent.h"
#include "base/buf.h"
#include "base/run.h"
#include "wasi/overlay.h"

const char *bx_agent_status_name(bx_agent_status status)
{
    static const char *const names[] = {
        [BX_AGENT_DONE] = "done",     [BX_AGENT_CANCELLED] = "cancelled",
        [BX_AGENT_BUDGET] = "budget", [BX_AGENT_REFUSED] = "refused",
        [BX_AGENT_FAILED] = "failed",
    };

    return (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status]
                                                             : "unknown";
}

void bx_agent_result_clear(bx_agent_result *result)
{
    free(result->text);
    free(result->reason);
    *result = (bx_agent_result){ 0 };
}

/* ---- what others call back ---------------------------------------------- */

void bx_agent_lock(bx_agent *agent)
{
    pthread_mutex_lock(&agent->lock);
}

void bx_agent_unlock(bx_agent *agent)
{
    pthread_mutex_unlock(&agent->lock);
}

static void tell(void *context, const json_t *event)
{
    bx_agent *agent = context;

    bx_agent_lock(agent);
    agent->config.events.tell(agent->config.events.context, event);
    bx_agent_unlock(agent);
}

static int store_note(void *context, json_t *note, bx_error **err)
{
    bx_agent *agent = context;
    int result;

    bx_agent_lock(agent);
    result = bx_session_log_add_note(agent->log, note, NULL, err);
    bx_agent_unlock(agent);
    return result;
}

/* Notes are written by the agent itself, past sandboxes and overlays. */
static int allow_write(void *context, const char *path, bx_error **err)
{
    const bx_agent *agent = context;

    if (agent->mode == BX_MODE_EDITS || agent->mode == BX_MODE_PLAN)
        return bx_error_set(err, BX_ERR_DENIED,
                            "in mode %s nothing is changed before a person has "
                            "seen it",
                            bx_mode_name(agent->mode));
    return bx_registry_check_write(agent->config.registry, "memory",
                                   agent->config.grants, path + 1, err);
}

/* The budget's time stands still while a person answers. */
static char *ask_person(void *context, const char *question,
                        const json_t *choices)
{
    bx_agent *agent = context;
    char *answer;

    bx_spending_pause(&agent->spending, bx_now_ns());
    answer = agent->config.ask(agent->config.ask_context, question, choices);
    bx_spending_resume(&agent->spending, bx_now_ns());
    return answer;
}

bool bx_agent_is_cancelled(const bx_agent *agent)
{
    return agent->config.cancel != NULL &&
           atomic_load_explicit(&agent->config.cancel->triggered,
                                memory_order_acquire);
}

bx_spent bx_agent_spent(bx_agent *agent)
{
    const bx_spending *spending = &agent->spending;
    bx_spent spent = { spending->turns,        spending->calls,
                       spending->input_tokens, spending->output_tokens,
                       spending->cost,         spending->is_cost_unknown };

    bx_crew_charge(agent->crew);
    bx_spent_add(&spent, &spending->others);
    return spent;
}

void bx_agent_notice(bx_agent *agent, const char *format, ...)
{
    bx_autofree char *text = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&text, format, args);
    va_end(args);
    if (bytes < 0) {
        text = NULL;
        return;
    }
    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:s}", "type", "notice", "text", text));
}

/* ---- open ---------------------------------------------------------------- */

/* What the session knows of itself: stored once, when it begins. */
static int begin_session(bx_agent *agent, bx_error **err)
{
    time_t now = time(NULL);
    struct tm local;
    json_t *note;
    int result;

    if (localtime_r(&now, &local) == NULL ||
        strftime(agent->date, sizeof(agent->date), "%Y-%m-%d", &local) == 0)
        agent->date[0] = '\0';
    if (bx_envelope_make(&agent->envelope, err) < 0)
        return -1;
    note =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "type", "agent", "boundary",
                  agent->envelope.boundary, "date", agent->date, "model",
                  agent->model->name, "mode", bx_mode_name(agent->mode),
                  "managed", agent->config.team != NULL);
    if (note == NULL)
        return bx_error_set_nomem(err);
    result = bx_session_log_add_note(agent->log, note, NULL, err);
    json_decref(note);
    return result;
}

/* The first note of it counts: the system prompt of every turn named that
 * boundary. */
static bool take_begin(bx_agent *agent, const json_t *note)
{
    const char *boundary = json_string_value(json_object_get(note, "boundary"));
    const char *date = json_string_value(json_object_get(note, "date"));

    if (boundary == NULL ||
        bx_envelope_load(boundary, &agent->envelope, NULL) < 0)
        return false;
    if (date != NULL && strlen(date) < sizeof(agent->date) &&
        strspn(date, "0123456789-") == strlen(date))
        memcpy(agent->date, date, strlen(date) + 1);
    return true;
}

static bool is_note(const json_t *entry, const char *type)
{
    const char *is = json_string_value(
        json_object_get(json_object_get(entry, "note"), "type"));

    return is != NULL && strcmp(is, type) == 0;
}

static int load_begin(bx_agent *agent, const json_t *entries, bx_error **err)
{
    size_t i;
    const json_t *entry;

    json_array_foreach(entries, i, entry)
    {
        if (is_note(entry, "agent") &&
            take_begin(agent, json_object_get(entry, "note")))
            return 0;
    }
    return begin_session(agent, err);
}

static int load_plans(bx_agent *agent, const json_t *entries, bx_error **err)
{
    size_t i;
    const json_t *entry;

    json_array_foreach(entries, i, entry)
    {
        const json_t *note = json_object_get(entry, "note");

        if (note != NULL && bx_context_load_note(agent->context, note, err) < 0)
            return -1;
    }
    return 0;
}

static int open_context(bx_agent *agent, const json_t *entries, bx_error **err)
{
    const bx_agent_config *config = &agent->config;
    const bx_context_config from = {
        .workspace = config->workspace,
        .role = config->role,
        .system = config->system,
        .envelope = agent->envelope,
        .has_person = config->ask != NULL,
        .ask = config->ask == NULL ? NULL : ask_person,
        .ask_context = agent,
        .note = store_note,
        .note_context = agent,
        .events = agent->events,
        .allow_write = allow_write,
        .allow_context = agent,
    };
    json_t *problems = json_array();
    size_t i;
    const json_t *problem;

    agent->toolset = bx_toolset_new(config->registry, err);
    if (agent->toolset != NULL) {
        agent->reads = (bx_tool_filter){ .has_most = true,
                                         .most = BX_LEVEL_READ_ONLY,
                                         .parent = config->only };
        bx_toolset_limit(agent->toolset,
                         config->team == NULL ? config->only : &agent->reads);
        agent->context = bx_context_new(&from, problems, err);
    }
    json_array_foreach(problems, i, problem)
        bx_agent_notice(agent, "%s", json_string_value(problem));
    json_decref(problems);
    if (agent->context == NULL ||
        bx_context_add_tools(agent->context, agent->toolset, err) < 0 ||
        (agent->crew != NULL &&
         (bx_crew_load(agent->crew, entries, err) < 0 ||
          bx_crew_add_tools(agent->crew, agent->toolset, err) < 0)))
        return -1;
    return load_plans(agent, entries, err);
}

static int create_log(bx_agent *agent, bx_error **err)
{
    const bx_agent_config *config = &agent->config;
    const bx_session_new params = {
        .workspace = config->workspace,
        .model = config->model->name,
        .kind = config->kind == NULL ? "run" : config->kind,
        .parent = config->parent,
    };

    agent->log = bx_session_log_create(config->store, &params, err);
    if (agent->log == NULL)
        return -1;
    agent->conversation = bx_conversation_new(err);
    if (agent->conversation == NULL || begin_session(agent, err) < 0)
        return -1;
    return open_context(agent, NULL, err);
}

static int resume_log(bx_agent *agent, bx_error **err)
{
    const bx_agent_config *config = &agent->config;
    json_t *entries;
    int failed;

    agent->log = bx_session_log_open(config->store, config->session, err);
    if (agent->log == NULL)
        return -1;
    agent->is_resumed = agent->has_title = true;
    /* First: the conversation is loaded from what is stored then. */
    if (bx_agent_settle_interrupted(agent, err) < 0)
        return -1;
    entries = bx_session_log_read(agent->log, 1, 0, err);
    if (entries == NULL)
        return -1;
    agent->conversation = bx_conversation_load_entries(entries, err);
    failed = agent->conversation == NULL ||
                     load_begin(agent, entries, err) < 0 ||
                     open_context(agent, entries, err) < 0
                 ? -1
                 : 0;
    json_decref(entries);
    return failed;
}

static void make_locks(bx_agent *agent)
{
    pthread_mutexattr_t recursive;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&agent->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&agent->hold_lock, NULL);
}

static int name_overlay(bx_agent *agent, bx_error **err)
{
    int bytes = agent->config.overlay == NULL
                    ? snprintf(agent->overlay_name, sizeof(agent->overlay_name),
                               "agent-%s", agent->id)
                    : snprintf(agent->overlay_name, sizeof(agent->overlay_name),
                               "%s", agent->config.overlay);

    if (bytes < 0 || (size_t)bytes >= sizeof(agent->overlay_name))
        return bx_error_set(err, BX_ERR_INVALID,
                            "overlay '%s': the name is too long",
                            agent->config.overlay);
    agent->overlay_dir = bx_overlay_path(agent->overlay_name, err);
    return agent->overlay_dir == NULL ? -1 : 0;
}

static int open_agent(bx_agent *agent, bx_error **err)
{
    const bx_agent_config *config = &agent->config;

    agent->always = json_object();
    if (agent->always == NULL)
        return bx_error_set_nomem(err);
    if (config->turn == NULL && !bx_provider_has_key(config->model->provider))
        return bx_error_set(err, BX_ERR_DENIED,
                            "model '%s': there is no key for provider '%s'; "
                            "docs/models.md says where it is looked for",
                            config->model->name, config->model->provider->name);
    if ((config->session == NULL ? create_log(agent, err)
                                 : resume_log(agent, err)) < 0)
        return -1;
    memcpy(agent->id, bx_session_log_id(agent->log), sizeof(agent->id));
    /* A manager has none: it writes nothing. */
    if (!config->has_overlay && config->team == NULL &&
        name_overlay(agent, err) < 0)
        return -1;
    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "session",
                            "id", agent->id, "model", agent->model->name,
                            "workspace", config->workspace, "is_resumed",
                            agent->is_resumed));
    return 0;
}

bx_agent *bx_agent_new(const bx_agent_config *config, bx_error **err)
{
    bx_agent *agent = calloc(1, sizeof(*agent));

    if (agent == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    agent->config = *config;
    agent->model = config->model;
    agent->mode = config->mode;
    make_locks(agent);
    agent->events =
        (bx_event_sink){ config->events.tell == NULL ? NULL : tell, agent };
    if (config->has_subagents && config->depth < BX_SUBAGENT_DEPTH_MAX) {
        agent->crew = bx_crew_new(agent, err);
        if (agent->crew == NULL) {
            bx_agent_free(agent);
            return NULL;
        }
    }
    if (open_agent(agent, err) == 0)
        return agent;
    bx_agent_free(agent);
    return NULL;
}

void bx_agent_free(bx_agent *agent)
{
    if (agent == NULL)
        return;
    bx_crew_free(agent->crew);
    bx_toolset_free(agent->toolset);
    bx_context_free(agent->context);
    bx_conversation_free(agent->conversation);
    bx_model_client_free(agent->client);
    bx_session_log_close(agent->log);
    json_decref(agent->always);
    free(agent->overlay_dir);
    free(agent->system);
    free(agent->last_text);
    free(agent->stop_reason);
    pthread_mutex_destroy(&agent->hold_lock);
    pthread_mutex_destroy(&agent->lock);
    free(agent);
}

/* ---- between runs -------------------------------------------------------- */

const char *bx_agent_session(const bx_agent *agent)
{
    return agent->id;
}

const char *bx_agent_overlay(const bx_agent *agent)
{
    return agent->overlay_dir == NULL ? NULL : agent->overlay_name;
}

bx_toolset *bx_agent_toolset(bx_agent *agent)
{
    return agent->toolset;
}

static int note_change(bx_agent *agent, const char *type, const char *value,
                       bx_error **err)
{
    json_t *note = json_pack("{s:s, s:s}", "type", type, type, value);
    int result =
        note == NULL ? bx_error_set_nomem(err) : store_note(agent, note, err);

    json_decref(note);
    return result;
}

int bx_agent_set_model(bx_agent *agent, const bx_model *model, bx_error **err)
{
    if (agent->config.turn == NULL && !bx_provider_has_key(model->provider))
        return bx_error_set(err, BX_ERR_DENIED,
                            "model '%s': there is no key for provider '%s'",
                            model->name, model->provider->name);
    if (note_change(agent, "model", model->name, err) < 0 ||
        bx_session_log_set(agent->log, "model", model->name, err) < 0)
        return -1;
    agent->model = model;
    return 0;
}

int bx_agent_set_mode(bx_agent *agent, bx_mode mode, bx_error **err)
{
    if (note_change(agent, "mode", bx_mode_name(mode), err) < 0)
        return -1;
    agent->mode = mode;
    free(agent->system);
    agent->system = NULL;
    return 0;
}

int bx_agent_compact(bx_agent *agent, bx_error **err)
{
    bool is_done;

    if (agent->spending.started_ns == 0) /* no run yet */
        bx_spending_begin(&agent->spending, &agent->config.budget, bx_now_ns());
    if (bx_agent_shorten(agent, &is_done, err) < 0)
        return -1;
    return is_done ? 0
                   : bx_error_set(err, BX_ERR_LIMIT,
                                  "there is nothing left to make shorter");
}

uint64_t bx_agent_context_tokens(bx_agent *agent)
{
    bx_autoerror bx_error *err = NULL;

    return bx_agent_estimate(agent, &err);
}
