/* What an agent adds to its model and tools: the turn of a long conversation,
 * and a session that goes on. The model is a function in this program, so that
 * nothing but the agent is measured. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "bench.h"

#define LONG 200      /* messages before the turns that are measured */
#define TURNS 101     /* measured */
#define RESUMED 10000 /* messages */

typedef struct stage {
    bx_registry *registry;
    bx_session_store *store;
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

static void open_stage(stage *it, const bench_paths *paths)
{
    static char path[600];
    const bx_registry_config registry = { .workspace = paths->scratch,
                                          .builtin_dir = paths->tools };
    bx_error *err = NULL;

    *it = (stage){ 0 };
    snprintf(path, sizeof(path), "%s/sessions.db", paths->scratch);
    it->registry = bx_registry_new(&registry, &err);
    it->store = it->registry == NULL ? NULL : bx_session_store_open(path, &err);
    if (it->store == NULL)
        die("an agent's session", err);
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

/* A session of so many messages, by turns; its id is owned. */
static char *write_session(const stage *it, unsigned count)
{
    const bx_session_new params = { .workspace = it->config.workspace,
                                    .model = "bench",
                                    .kind = "run" };
    bx_error *err = NULL;
    bx_session_log *log = bx_session_log_create(it->store, &params, &err);
    char *id = log == NULL ? NULL : strdup(bx_session_log_id(log));

    for (unsigned i = 0; log != NULL && i < count; i++) {
        char text[256];
        int bytes = snprintf(text, sizeof(text),
                             "Message %u, of about the length that people and "
                             "models write to each other when they are brief "
                             "and have little to say about a small change.",
                             i);
        json_t *message = bx_message_new_text(i % 2 == 0 ? "user" : "assistant",
                                              text, (size_t)bytes);

        if (bx_session_log_add_message(log, message, NULL, NULL, &err) < 0)
            die("a session to resume", err);
        json_decref(message);
    }
    bx_session_log_close(log);
    if (id == NULL)
        die("a session to resume", err);
    return id;
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

/* What begins a call is on the disk before the call is: so long this machine's
 * takes just now, which others use too. */
static double time_sync(const bench_paths *paths)
{
    static const char page[4096];
    double values[51];
    char path[600];
    int fd;

    snprintf(path, sizeof(path), "%s/sync", paths->scratch);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t i = 0; i < 51; i++) {
        double begin = now_us();

        if (fd < 0 || write(fd, page, sizeof(page)) < 0 || fdatasync(fd) < 0)
            die("the scratch folder", NULL);
        values[i] = now_us() - begin;
    }
    close(fd);
    return median(values, 51);
}

static void bench_turn(stage *it)
{
    json_t *content =
        json_pack("[{s:s, s:s}]", "type", "text", "text", "Go on.");
    bx_agent_result result = { 0 };
    bx_error *err = NULL;
    double ignored;
    bx_agent *agent;
    char *id = write_session(it, LONG);
    double us;

    it->config.session = id;
    agent = resume(it, &ignored);
    if (bx_toolset_add(bx_agent_toolset(agent), &nothing, NULL, &err) < 0 ||
        bx_agent_run(agent, content, &result, &err) < 0)
        die("a run", err);
    us = median(it->own, TURNS);
    row("a turn with one call, at 200 messages", us, "us", 1000, "target, us",
        us / 1000, "<= 1 ms", us <= 1000);
    bx_agent_result_clear(&result);
    bx_agent_free(agent);
    json_decref(content);
    free(id);
}

static void bench_resume(stage *it)
{
    char *id = write_session(it, RESUMED);
    double us;

    it->config.session = id;
    bx_agent_free(resume(it, &us));
    row("resume of 10,000 messages", us / 1000, "ms", 200, "target, ms",
        us / 200000, "<= 200 ms", us <= 200000);
    free(id);
}

void bench_agent(const bench_paths *paths)
{
    stage *it = malloc(sizeof(*it));

    if (it == NULL)
        exit(1);
    title("An agent, without what its model and tools take");
    open_stage(it, paths);
    bench_turn(it);
    note("  of these, one write to the disk", time_sync(paths), "us");
    bench_resume(it);
    close_stage(it);
    free(it);
}
