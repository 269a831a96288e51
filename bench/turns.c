/* What an agent adds to its model and tools, measured from the model's side:
 * between the last byte of its reply and the first byte of the next request lie
 * the reply's end, the stored message, the call with its stored begin and end,
 * and the whole conversation written anew. The models are a stand-in in this
 * program (mock.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/models/protocol.h"
#include "base/file.h"
#include "base/json_text.h"
#include "bench.h"
#include "mock.h"
#include "talk.h"

#define MESSAGES 200 /* before the turns that are measured */
#define TURNS 51
#define RUNS 21 /* of a part alone */

typedef struct turns {
    const bench_paths *paths;
    const char *protocol;
    bx_registry *registry;
    bx_session_store *store;
    bx_models *models;
    const bx_model *model;
    double disk_us; /* when the last call was made */
    double cpu_us;
    double disk[TURNS]; /* of a turn each, from call to call, us */
    double cpu[TURNS];
    unsigned count;
} turns;

static int run_nothing(void *context, const bx_own_call *call,
                       json_t **ret_content, bx_error **err)
{
    turns *it = context;
    double disk = disk_us();
    double cpu = cpu_us();

    (void)call;
    (void)err;
    if (it->count < TURNS) {
        it->disk[it->count] = disk - it->disk_us;
        it->cpu[it->count++] = cpu - it->cpu_us;
    }
    it->disk_us = disk;
    it->cpu_us = cpu;
    *ret_content = talk_result(it->count, 200);
    return 0;
}

static const bx_own_tool nothing = {
    "nothing", "Does nothing.", "{\"type\": \"object\"}", false,
    NULL,      run_nothing
};

static void load_model(turns *it, unsigned port)
{
    bx_error *err = NULL;
    char path[600];
    char text[500];

    snprintf(path, sizeof(path), "%s/models.yaml", it->paths->scratch);
    snprintf(text, sizeof(text),
             "providers:\n  local: { protocol: %s, base_url: "
             "\"http://127.0.0.1:%u\" }\n"
             "models:\n  m: { provider: local, context_tokens: 1000000, "
             "output_tokens: 8000, has: [tools, cache], price: { input: 1, "
             "output: 1 } }\n",
             it->protocol, port);
    if (bx_file_replace(path, text, strlen(text), 0600, &err) < 0)
        die("models", err);
    it->models = bx_models_load(path, &err);
    it->model =
        it->models == NULL ? NULL : bx_models_get(it->models, "m", &err);
    if (it->model == NULL)
        die("models", err);
}

static bx_agent *open_agent(turns *it, const char *session)
{
    bx_error *err = NULL;
    const bx_agent_config config = {
        .registry = it->registry,
        .store = it->store,
        .models = it->models,
        .model = it->model,
        .workspace = it->paths->scratch,
        .session = session,
        .kind = "run",
        .mode = BX_MODE_AUTO,
        .budget = { .turns = UINT64_MAX,
                    .calls = UINT64_MAX,
                    .repeats = UINT64_MAX },
    };
    bx_agent *agent = bx_agent_new(&config, &err);

    if (agent == NULL ||
        bx_toolset_add(bx_agent_toolset(agent), &nothing, it, &err) < 0)
        die("an agent", err);
    return agent;
}

static void run_agent(bx_agent *agent)
{
    json_t *content =
        json_pack("[{s:s, s:s}]", "type", "text", "text", "Go on.");
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_error *err = NULL;

    if (bx_agent_run(agent, content, &result, &err) < 0)
        die("a run", err);
    if (result.status != BX_AGENT_DONE)
        die(result.reason, NULL);
    json_decref(content);
}

/* ---- parts ----------------------------------------------------------------
 */

typedef struct part_times {
    double write[RUNS];
    double text[RUNS];
    double tools[RUNS];
} part_times;

static void time_request(const turns *it, const bx_turn_request *request,
                         double *ret_write, double *ret_text)
{
    const bx_protocol *protocol = bx_protocol_find(it->protocol);
    bx_autoprotocolrequest bx_protocol_request http = { 0 };
    bx_error *err = NULL;
    double begin = cpu_us();
    double written;

    if (protocol->write(request, &http, &err) < 0)
        die(it->protocol, err);
    written = cpu_us();
    free(bx_json_text(http.body, JSON_COMPACT));
    *ret_text = cpu_us() - written;
    *ret_write = written - begin;
}

/* The same conversation, its parts one by one. */
static void note_parts(turns *it, const char *session)
{
    static part_times times;
    bx_error *err = NULL;
    bx_agent *agent = open_agent(it, session);
    json_t *entries = bx_session_store_read(it->store, session, 1, 0, &err);
    bx_conversation *conversation =
        entries == NULL ? NULL : bx_conversation_load_entries(entries, &err);
    bx_turn_request request = { .model = it->model,
                                .are_checked = true,
                                .system = "A short one.",
                                .temperature = -1 };

    if (conversation == NULL)
        die("a conversation", err);
    request.messages = bx_conversation_messages(conversation, &err);
    for (size_t i = 0; i < RUNS; i++) {
        double begin = cpu_us();
        json_t *tools = bx_toolset_definitions(bx_agent_toolset(agent), &err);

        times.tools[i] = cpu_us() - begin;
        request.tools = tools;
        time_request(it, &request, &times.write[i], &times.text[i]);
        json_decref(tools);
    }
    note("    the tools' definitions", median(times.tools, RUNS), "us");
    note("    the conversation as a request", median(times.write, RUNS), "us");
    note("    the request as text", median(times.text, RUNS), "us");
    bx_conversation_free(conversation);
    json_decref(entries);
    bx_agent_free(agent);
}

/* What is stored of a turn, as the agent does it. */
static void store_turn(bx_session_log *log, unsigned number)
{
    bx_error *err = NULL;
    json_t *message = bx_message_new_text("assistant", "One more.", 9);
    json_t *block;
    char id[32];

    snprintf(id, sizeof(id), "own_%u", number);
    bx_message_add_call(message, id, "nothing",
                        json_pack("{s:i}", "n", (int)number));
    block = json_pack("{s:s, s:s, s:s, s:b, s:o}", "type", "tool_result", "id",
                      id, "name", "nothing", "is_error", 0, "content",
                      talk_result(number, 200));
    if (bx_session_log_add_message(log, message, NULL, NULL, &err) < 0 ||
        bx_session_log_add_usage(log, 1000, 10, 0.1, &err) < 0 ||
        bx_session_log_begin_call(log, id, &err) < 0 ||
        bx_session_log_end_call(log, id, block, NULL, &err) < 0)
        die("a turn's entries", err);
    json_decref(message);
    json_decref(block);
}

static void note_store(turns *it, const char *session)
{
    bx_error *err = NULL;
    bx_session_log *log = bx_session_log_open(it->store, session, &err);
    double own[RUNS];
    unsigned syncs = disk_syncs();

    if (log == NULL)
        die("a session", err);
    for (unsigned i = 0; i < RUNS; i++) {
        double begin = cpu_us();

        store_turn(log, i);
        own[i] = cpu_us() - begin;
    }
    note("    what is stored", median(own, RUNS), "us");
    note("  writes to the disk, each turn",
         (disk_syncs() - syncs) / (double)RUNS, "");
    bx_session_log_close(log);
}

/* ---- one protocol ---------------------------------------------------------
 */

static void bench_protocol(turns *it)
{
    double gaps[TURNS], own[TURNS];
    char name[64];
    size_t bytes = 0;
    mock *model = mock_start(it->protocol, TURNS + 1);
    char *session =
        talk_write(it->store, it->paths->scratch, TALK_CALLS, MESSAGES);
    bx_agent *agent;
    double us, disk;

    load_model(it, mock_port(model));
    agent = open_agent(it, session);
    it->count = 0;
    it->disk_us = disk_us();
    it->cpu_us = cpu_us();
    run_agent(agent);
    mock_stop(model, gaps, &bytes);
    bx_agent_free(agent);
    for (size_t i = 0; i < TURNS; i++)
        own[i] = gaps[i] - it->disk[i];
    disk = median(it->disk, TURNS);
    us = median(gaps, TURNS);
    snprintf(name, sizeof(name), "a turn with a call, %s", it->protocol);
    row(name, us, "us", 1000, "target, us", us / 1000, "<= 1 ms", us <= 1000);
    note("  of these, waiting for the disk", disk, "us");
    note("  without the disk", median(own, TURNS), "us");
    note("  processor time of the agent", median(it->cpu, TURNS), "us");
    note_parts(it, session);
    note_store(it, session);
    note("  bytes of the last request", (double)bytes / 1024, "KiB");
    bx_models_free(it->models);
    free(session);
}

void bench_turns(const bench_paths *paths)
{
    static const char *const protocols[] = { "anthropic", "openai-chat",
                                             "openai-responses", "gemini" };
    const bx_registry_config registry = { .workspace = paths->scratch,
                                          .builtin_dir = paths->tools };
    static turns it;
    bx_error *err = NULL;
    char path[600];

    title("An agent at 200 messages, from reply to request; the models are a "
          "stand-in on the loopback");
    it = (turns){ .paths = paths };
    snprintf(path, sizeof(path), "%s/turns.db", paths->scratch);
    it.registry = bx_registry_new(&registry, &err);
    it.store = it.registry == NULL ? NULL : bx_session_store_open(path, &err);
    if (it.store == NULL)
        die("an agent's session", err);
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        it.protocol = protocols[i];
        bench_protocol(&it);
    }
    bx_session_store_close(it.store);
    bx_registry_free(it.registry);
}
