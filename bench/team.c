/* How soon an agent with sub-agents at work has ended once it is cancelled. The
 * model is the demo's script, which waits like a model that thinks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/models/demo.h"
#include "bench.h"

#define TEAM 7 /* sub-agents: with their parent, eight */
#define ROUNDS 9

typedef struct team_stage {
    bx_cancel *cancel;
    unsigned waiting; /* turns that began, of sub-agents */
    pthread_mutex_t lock;
    double cancelled_us;
} team_stage;

static void on_event(void *context, const json_t *event)
{
    team_stage *it = context;
    const char *type = json_string_value(
        json_object_get(json_object_get(event, "event"), "type"));

    if (type == NULL || strcmp(type, "turn") != 0)
        return;
    pthread_mutex_lock(&it->lock);
    it->waiting++;
    pthread_mutex_unlock(&it->lock);
}

/* Once all of them wait for the model. */
static void *cancel_later(void *context)
{
    team_stage *it = context;
    unsigned waiting = 0;

    while (waiting < TEAM) {
        usleep(1000);
        pthread_mutex_lock(&it->lock);
        waiting = it->waiting;
        pthread_mutex_unlock(&it->lock);
    }
    usleep(20000);
    it->cancelled_us = now_us();
    bx_cancel_trigger(it->cancel);
    return NULL;
}

static void write_script(const bench_paths *paths)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof(path), "%s/team.json", paths->scratch);
    file = fopen(path, "w");
    if (file == NULL)
        die("a script", NULL);
    fputs("[{\"name\": \"main\", \"words\": [\"main\"], \"steps\": [{\"calls\":"
          " [",
          file);
    for (unsigned i = 0; i < TEAM; i++)
        fprintf(file,
                "%s{\"name\": \"agent\", \"input\": {\"task\": \"wait\", "
                "\"background\": %s}}",
                i == 0 ? "" : ", ", i < TEAM - 1 ? "true" : "false");
    fputs("]}]}, {\"name\": \"wait\", \"words\": [\"wait\"], \"steps\": "
          "[{\"delay_ms\": 60000, \"text\": \"never\"}]}]",
          file);
    fclose(file);
    setenv(BX_DEMO_VARIABLE, path, 1);
}

/* From the cancel until the run has returned, us. */
static double time_cancel(bx_agent_config *config)
{
    team_stage it = { .cancel = bx_cancel_new() };
    json_t *content = json_pack("[{s:s, s:s}]", "type", "text", "text", "main");
    bx_agent_result result = { 0 };
    bx_error *err = NULL;
    bx_agent *agent;
    pthread_t thread;
    double us;

    pthread_mutex_init(&it.lock, NULL);
    config->cancel = it.cancel;
    config->events = (bx_event_sink){ on_event, &it };
    agent = bx_agent_new(config, &err);
    if (agent == NULL || pthread_create(&thread, NULL, cancel_later, &it) != 0)
        die("an agent", err);
    if (bx_agent_run(agent, content, &result, &err) < 0)
        die("a run", err);
    us = now_us() - it.cancelled_us;
    pthread_join(thread, NULL);
    bx_agent_result_clear(&result);
    bx_agent_free(agent);
    json_decref(content);
    bx_cancel_free(it.cancel);
    pthread_mutex_destroy(&it.lock);
    return us;
}

void bench_team(const bench_paths *paths)
{
    const bx_registry_config registry = { .workspace = paths->scratch,
                                          .builtin_dir = paths->tools };
    char path[600];
    double values[ROUNDS];
    bx_error *err = NULL;
    bx_agent_config config = {
        .registry = bx_registry_new(&registry, &err),
        .models = bx_models_load(NULL, &err),
        .workspace = paths->scratch,
        .mode = BX_MODE_AUTO,
        .has_subagents = true,
    };
    double us;

    title("An agent with sub-agents");
    snprintf(path, sizeof(path), "%s/team.db", paths->scratch);
    if (config.registry != NULL && config.models != NULL)
        config.store = bx_session_store_open(path, &err);
    if (config.store != NULL)
        config.model = bx_models_get(config.models, "demo", &err);
    if (config.model == NULL)
        die("an agent's model", err);
    write_script(paths);
    for (size_t i = 0; i < ROUNDS; i++)
        values[i] = time_cancel(&config);
    us = median(values, ROUNDS);
    row("a cancel, with 7 sub-agents at work", us / 1000, "ms", 100,
        "target, ms", us / 100000, "<= 100 ms", us <= 100000);
    unsetenv(BX_DEMO_VARIABLE);
    bx_session_store_close(config.store);
    bx_models_free((bx_models *)config.models);
    bx_registry_free(config.registry);
}
