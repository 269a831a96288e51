/* A hundred sessions of agents in one process, all in the middle of a stream of
 * their model: what each of them holds, and how fast they read together. The
 * models are a server in a process of its own, which sends half of each answer
 * and the rest when it is told to. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/buf.h"
#include "base/file.h"
#include "bench.h"

#define SESSIONS 100
#define FIRST_PIECES 200 /* of each stream, before it waits */
#define REST_PIECES 2000

/* ---- the server ----------------------------------------------------- */

static void send_all(int fd, const bx_buf *text)
{
    if (bx_file_write_all(fd, text->data, text->len) < 0)
        _exit(1);
}

/* The request's body is as long as it says; what is in it does not matter. */
static void read_request(int fd)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const char *end = NULL;
    size_t whole = SIZE_MAX;

    while (text.len < whole) {
        char some[65536];
        ssize_t bytes = read(fd, some, sizeof(some));
        const char *length;

        if (bytes <= 0 ||
            bx_buf_append(&text, some, (size_t)bytes, SIZE_MAX) < 0)
            _exit(1);
        if (end != NULL)
            continue;
        end = strstr(text.data, "\r\n\r\n");
        length = strcasestr(text.data, "content-length:");
        if (end != NULL && length != NULL)
            whole =
                (size_t)(end + 4 - text.data) + strtoul(length + 15, NULL, 10);
    }
}

static void put_pieces(bx_buf *out, int count)
{
    for (int i = 0; i < count; i++)
        bx_buf_puts(out, "event: content_block_delta\n"
                         "data: {\"type\":\"content_block_delta\",\"index\":0,"
                         "\"delta\":{\"type\":\"text_delta\",\"text\":"
                         "\"some words of it \"}}\n\n");
}

_Noreturn static void serve(int listener, int go)
{
    bx_buf first = BX_BUF_INIT;
    bx_buf rest = BX_BUF_INIT;
    int fds[SESSIONS];
    char word;

    bx_buf_puts(&first,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                "connection: close\r\n\r\n"
                "data: {\"type\":\"message_start\",\"message\":{\"model\":"
                "\"m\",\"usage\":{\"input_tokens\":1000}}}\n\n"
                "data: {\"type\":\"content_block_start\",\"index\":0,"
                "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
    put_pieces(&first, FIRST_PIECES);
    put_pieces(&rest, REST_PIECES);
    bx_buf_puts(&rest, "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
                       "data: {\"type\":\"message_delta\",\"delta\":"
                       "{\"stop_reason\":\"end_turn\"},\"usage\":"
                       "{\"output_tokens\":9000}}\n\n"
                       "data: {\"type\":\"message_stop\"}\n\n");
    for (int i = 0; i < SESSIONS; i++) {
        fds[i] = accept(listener, NULL, NULL);
        if (fds[i] < 0)
            _exit(1);
        read_request(fds[i]);
        send_all(fds[i], &first);
    }
    if (read(go, &word, 1) != 1)
        _exit(1);
    for (int i = 0; i < SESSIONS; i++) {
        send_all(fds[i], &rest);
        close(fds[i]);
    }
    _exit(0);
}

static pid_t start_server(unsigned *ret_port, int *ret_go)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int pipes[2];
    pid_t child;

    if (listener < 0 || bind(listener, (struct sockaddr *)&at, bytes) < 0 ||
        listen(listener, SESSIONS) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &bytes) < 0 ||
        pipe2(pipes, O_CLOEXEC) < 0)
        die("the server of streams", NULL);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[1]);
        serve(listener, pipes[0]);
    }
    if (child < 0)
        die("fork", NULL);
    close(listener);
    close(pipes[0]);
    *ret_port = ntohs(at.sin_port);
    *ret_go = pipes[1];
    return child;
}

/* ---- the sessions --------------------------------------------------- */

typedef struct streams {
    const bench_paths *paths;
    bx_models *models;
    const bx_model *model;
    bx_registry *registry;
    bx_session_store *store;
    atomic_size_t bytes; /* of text that came, in all */
    atomic_size_t ended;
    atomic_size_t failed;
    char why[256]; /* of the first failure */
} streams;

static void hear(void *context, const json_t *event)
{
    streams *all = context;
    const char *type = json_string_value(json_object_get(event, "type"));

    if (strcmp(type, "text") == 0)
        atomic_fetch_add(&all->bytes,
                         json_string_length(json_object_get(event, "text")));
}

static void *run_session(void *context)
{
    streams *all = context;
    bx_agent_config config = {
        .registry = all->registry,
        .store = all->store,
        .models = all->models,
        .model = all->model,
        .workspace = all->paths->scratch,
        .kind = "run",
        .mode = BX_MODE_AUTO,
        .events = { .tell = hear, .context = all },
    };
    bx_autoerror bx_error *err = NULL;
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_autoagent bx_agent *agent = bx_agent_new(&config, &err);
    json_t *content =
        json_pack("[{s:s,s:s}]", "type", "text", "text", "Tell me of it.");
    const char *why = NULL;

    if (agent == NULL || bx_agent_run(agent, content, &result, &err) < 0)
        why = bx_error_message(err);
    else if (result.status != BX_AGENT_DONE)
        why = result.reason;
    json_decref(content);
    if (why != NULL && atomic_fetch_add(&all->failed, 1) == 0)
        snprintf(all->why, sizeof(all->why), "%s", why);
    atomic_fetch_add(&all->ended, 1);
    return NULL;
}

static void open_all(streams *all, unsigned port)
{
    bx_registry_config config = { .builtin_dir = all->paths->tools,
                                  .workspace = all->paths->scratch,
                                  .user_dir = all->paths->scratch,
                                  .state_dir = all->paths->scratch };
    bx_error *err = NULL;
    char path[600];
    char text[400];

    snprintf(path, sizeof(path), "%s/models.yaml", all->paths->scratch);
    snprintf(text, sizeof(text),
             "providers:\n  local: { protocol: anthropic, base_url: "
             "\"http://127.0.0.1:%u\" }\n"
             "models:\n  m: { provider: local, context_tokens: 200000, "
             "output_tokens: 8000, has: [tools], price: { input: 1, output: 1 "
             "} }\n",
             port);
    if (bx_file_replace(path, text, strlen(text), 0600, &err) < 0)
        die("models", err);
    all->models = bx_models_load(path, &err);
    if (all->models == NULL)
        die("models", err);
    all->model = bx_models_get(all->models, "m", &err);
    snprintf(path, sizeof(path), "%s/sessions.db", all->paths->scratch);
    all->store = bx_session_store_open(path, &err);
    if (all->store == NULL)
        die("sessions", err);
    all->registry = bx_registry_new(&config, &err);
    if (all->model == NULL || all->registry == NULL)
        die("registry", err);
}

static void close_all(streams *all)
{
    bx_registry_free(all->registry);
    bx_session_store_close(all->store);
    bx_models_free(all->models);
}

static void wait_for(const streams *all, size_t bytes)
{
    const struct timespec pause = { .tv_nsec = 1000000 };

    while (atomic_load(&all->bytes) < bytes && atomic_load(&all->failed) == 0)
        nanosleep(&pause, NULL);
    if (atomic_load(&all->failed) > 0)
        die(all->why, NULL);
}

void bench_streams(const bench_paths *paths)
{
    static const size_t piece = sizeof("some words of it ") - 1;
    static pthread_t threads[SESSIONS];
    static streams all;
    double before, streaming, begin, seconds;
    unsigned port;
    pid_t server;
    int go;

    title("A hundred sessions of agents that stream at once, one process");
    all.paths = paths;
    server = start_server(&port, &go);
    open_all(&all, port);
    before = process_kib(getpid(), "smaps_rollup", "Pss:");
    begin = now_us();
    for (size_t i = 0; i < SESSIONS; i++) {
        if (pthread_create(&threads[i], NULL, run_session, &all) != 0)
            die("pthread_create", NULL);
    }
    wait_for(&all, SESSIONS * FIRST_PIECES * piece);
    note("until all are streaming", (now_us() - begin) / 1e3, "ms");
    streaming = process_kib(getpid(), "smaps_rollup", "Pss:");
    note("memory of each", (streaming - before) / SESSIONS, "KiB");
    note("  of the process", streaming / 1024, "MiB");
    begin = now_us();
    if (write(go, "g", 1) != 1)
        die("the server of streams", NULL);
    wait_for(&all, SESSIONS * (FIRST_PIECES + REST_PIECES) * piece);
    seconds = (now_us() - begin) / 1e6;
    note("pieces a second, all together", SESSIONS * REST_PIECES / seconds, "");
    for (size_t i = 0; i < SESSIONS; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&all.failed) > 0)
        die(all.why, NULL);
    close(go);
    (void)waitpid(server, NULL, 0);
    close_all(&all);
}
