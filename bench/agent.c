/* What an agent adds to its model and tools: the turn of a long conversation,
 * and a session that goes on. The model is a function in this program, so that
 * nothing but the agent is measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "bench.h"
#include "talk.h"

#define LONG 200      /* messages before the turns that are measured */
#define TURNS 101     /* measured */
#define RESUMED 10000 /* messages */
#define RUNS 5

typedef struct stage {
    bx_registry *registry;
    bx_session_store *store;
    char path[600]; /* of the sessions */
    bx_model model;
    bx_agent_config config;
    double away_us; /* in the model and in tools */
    unsigned turns;
    double left_us;    /* when the last turn's reply was given */
    double own[TURNS]; /* of the agent, a turn each */
} stage;

static int on_turn(void *context, const bx_turn_request *request,
                   bx_turn_reply *ret_reply, bx_error **err)
{
    stage *it = context;
    double begin = now_us();
    char id[32];

    (void)request;
    (void)err;
    if (it->turns > 0)
        it->own[it->turns - 1] = begin - it->left_us;
    ret_reply->message = bx_message_new_text("assistant", "One more.", 9);
    if (it->turns < TURNS) {
        snprintf(id, sizeof(id), "call_%u", it->turns);
        bx_message_add_call(ret_reply->message, id, "nothing",
                            json_pack("{s:i}", "n", (int)it->turns));
        ret_reply->stop = BX_STOP_CALLS;
    }
    ret_reply->usage = (bx_usage){ .input_tokens = 1000, .output_tokens = 10 };
    it->turns++;
    it->left_us = now_us();
    return 0;
}

static int run_nothing(void *context, const bx_own_call *call,
                       json_t **ret_content, bx_error **err)
{
    (void)context;
    (void)err;
    *ret_content = json_pack("[{s:s, s:o}]", "type", "text", "text",
                             json_string_nocheck(call->id));
    return 0;
}

static const bx_own_tool nothing = {
    "nothing", "Does nothing.", "{\"type\": \"object\"}", false,
    NULL,      run_nothing
};

static void open_store(stage *it)
{
    bx_error *err = NULL;

    it->store = bx_session_store_open(it->path, &err);
    if (it->store == NULL)
        die("sessions", err);
    it->config.store = it->store;
}

static void open_stage(stage *it, const bench_paths *paths)
{
    const bx_registry_config registry = { .workspace = paths->scratch,
                                          .builtin_dir = paths->tools };
    bx_error *err = NULL;

    *it = (stage){ 0 };
    snprintf(it->path, sizeof(it->path), "%s/sessions.db", paths->scratch);
    it->registry = bx_registry_new(&registry, &err);
    if (it->registry == NULL)
        die("a registry", err);
    open_store(it);
    it->model = (bx_model){ .name = "bench",
                            .id = "bench",
                            .abilities = BX_MODEL_TOOLS };
    it->config = (bx_agent_config){
        .registry = it->registry,
        .store = it->store,
        .model = &it->model,
        .workspace = paths->scratch,
        .mode = BX_MODE_AUTO,
        .turn = on_turn,
        .turn_context = it,
        .budget = { .turns = UINT64_MAX,
                    .calls = UINT64_MAX,
                    .repeats = UINT64_MAX },
    };
}

static void close_stage(stage *it)
{
    bx_session_store_close(it->store);
    bx_registry_free(it->registry);
}

static bx_agent *resume(stage *it, double *ret_us)
{
    bx_error *err = NULL;
    double begin = now_us();
    bx_agent *agent = bx_agent_new(&it->config, &err);

    if (agent == NULL)
        die("an agent", err);
    *ret_us = now_us() - begin;
    return agent;
}

static void bench_turn(stage *it)
{
    json_t *content =
        json_pack("[{s:s, s:s}]", "type", "text", "text", "Go on.");
    bx_agent_result result = { 0 };
    bx_error *err = NULL;
    double ignored;
    bx_agent *agent;
    char *id = talk_write(it->store, it->config.workspace, TALK_CALLS, LONG);
    double us, disk;
    unsigned syncs;

    it->config.session = id;
    agent = resume(it, &ignored);
    if (bx_toolset_add(bx_agent_toolset(agent), &nothing, NULL, &err) < 0)
        die("a tool", err);
    disk = disk_us();
    syncs = disk_syncs();
    if (bx_agent_run(agent, content, &result, &err) < 0)
        die("a run", err);
    disk = disk_us() - disk;
    syncs = disk_syncs() - syncs;
    us = median(it->own, TURNS);
    note("a turn with a call, at 200 messages", us, "us");
    note("  writes to the disk, each turn", syncs / (double)TURNS, "");
    note("  one of them takes", disk / syncs, "us");
    bx_agent_result_clear(&result);
    bx_agent_free(agent);
    json_decref(content);
    free(id);
}

/* As after a pause: by a connection of its own, of a file that is at rest. */
static void bench_resume(stage *it, talk_kind kind, const char *name)
{
    char *id = talk_write(it->store, it->config.workspace, kind, RESUMED);
    double times[RUNS];
    double us;

    it->config.session = id;
    for (size_t i = 0; i < RUNS; i++) {
        double opened;

        bx_session_store_close(it->store);
        opened = now_us();
        open_store(it);
        opened = now_us() - opened;
        bx_agent_free(resume(it, &times[i]));
        times[i] += opened;
    }
    us = median(times, RUNS);
    row(name, us / 1000, "ms", 200, "target, ms", us / 200000, "<= 200 ms",
        us <= 200000);
    free(id);
}

void bench_agent(const bench_paths *paths)
{
    stage *it = malloc(sizeof(*it));

    if (it == NULL)
        exit(1);
    title("An agent, with a function in place of its model");
    open_stage(it, paths);
    bench_turn(it);
    bench_resume(it, TALK_TEXT, "resume of 10,000 messages of text");
    bench_resume(it, TALK_CALLS, "the same of calls and results");
    close_stage(it);
    free(it);
}
