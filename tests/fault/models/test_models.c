/* A turn of a model, of the demo and over HTTP: one allocation or system call
 * fails at a time. The whole reply comes, or none and an error of the host's.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/models/demo.h"
#include "fault/support_fault.h"
#include "models/turn_server.h"

/* ---- a server in a process of its own ------------------------------- */

static pid_t server;
static char url[40];

static void answer(int fd)
{
    char text[8192];
    size_t have = 0;
    char *end = NULL;
    size_t whole = sizeof(text) - 1;

    while (have < whole) {
        ssize_t bytes = read(fd, text + have, sizeof(text) - 1 - have);
        const char *length;

        if (bytes <= 0)
            return;
        have += (size_t)bytes;
        text[have] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "content-length:");
        if (end != NULL && length != NULL)
            whole = (size_t)(end + 4 - text) + strtoul(length + 15, NULL, 10);
    }
    dprintf(fd,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            "request-id: req-7\r\ncontent-length: %zu\r\n\r\n%s",
            strlen(turn_stream), turn_stream);
}

static int start_server(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    fault_use_memory();
    if (bind(fd, (struct sockaddr *)&at, bytes) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &bytes) < 0)
        return -1;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(at.sin_port));
    server = fork();
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int conn = accept(fd, NULL, NULL);

            answer(conn);
            close(conn);
        }
    }
    close(fd);
    return server < 0 ? -1 : 0;
}

static int stop_server(void **state)
{
    (void)state;
    kill(server, SIGKILL);
    return waitpid(server, NULL, 0) == server ? 0 : -1;
}

/* ---- a turn --------------------------------------------------------- */

static void note_text(void *context, const char *text, size_t bytes)
{
    fault_note(context, "piece %.*s", (int)bytes, text);
}

static void note_reply(fault_log *log, const bx_turn_reply *reply)
{
    size_t i;
    json_t *block;

    fault_pause();
    json_array_foreach(bx_message_blocks(reply->message), i, block)
    {
        char *input = json_dumps(json_object_get(block, "input"),
                                 JSON_COMPACT | JSON_ENCODE_ANY);

        fault_note(log, "block %s%s %s", bx_block_text(block, "name"),
                   bx_block_text(block, "text"), input == NULL ? "" : input);
        free(input);
    }
    fault_note(log, "stop %d model %s", (int)reply->stop, reply->model);
    fault_resume();
}

static int make_turn(fault_log *log, const bx_turn_request *request,
                     bx_error **err)
{
    const bx_turn_events events = { .text = note_text, .context = log };
    bx_model_client_config config = { .attempts = 1 };
    bx_model_client *client = bx_model_client_new(&config, err);
    bx_turn_reply reply = { 0 };
    int result = -1;

    if (client != NULL)
        result = bx_model_client_turn(client, request, &events, INT64_MAX,
                                      &reply, err);
    if (result == 0)
        note_reply(log, &reply);
    bx_turn_reply_clear(&reply);
    bx_model_client_free(client);
    return result;
}

/* The host is to blame; but jansson, and libcurl of URLs, do not say why a text
 * was not read. */
static bool may_fail(const bx_error *error)
{
    static const char *const said[] = { "an object of JSON", ": no JSON: ",
                                        "A memory function failed" };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        if (strstr(bx_error_message(error), said[i]) != NULL)
            return true;
    }
    return bx_error_code(error) == BX_ERR_SYSTEM;
}

/* ---- scenarios ------------------------------------------------------ */

static json_t *messages;

static int run_demo(fault_log *log, bx_error **err)
{
    static const bx_provider provider = { .name = "demo", .protocol = "demo" };
    static const bx_model model = { .name = "demo", .provider = &provider };
    json_t *tools;
    bx_turn_request request;
    int result;

    fault_pause();
    tools = json_pack("[{s:s}]", "name", "file-glob");
    request = (bx_turn_request){
        .model = &model, .messages = messages, .tools = tools, .temperature = -1
    };
    fault_resume();
    result = make_turn(log, &request, err);
    fault_pause();
    json_decref(tools);
    fault_resume();
    return result;
}

/* Without an escape in it: where memory ends within one, jansson's own
 * assertion fails (2.14, load.c, lex_scan_string). */
static const char script[] =
    "{'name':'s','steps':[{},[{'when':{'contains':'nope'},'text':'n'},{'take':"
    "{'what':{'step':0,'after':'look '}},'thinking':'hm','text':['I look ',"
    "'${what}: ${task}'],'calls':[{'name':'file-glob','input':{'pattern':"
    "'${what}/*','more':[1,true,null]}}],'usage':{'input':1}}]]}";

static char *write_script(void)
{
    char *path = strdup("/tmp/bx-script-XXXXXX");
    int fd = mkstemp(path);

    for (const char *at = script; *at != '\0'; at++)
        dprintf(fd, "%c", *at == '\'' ? '"' : *at);
    close(fd);
    setenv(BX_DEMO_VARIABLE, path, 1);
    return path;
}

/* jansson, short of memory, may leave out characters of a text it reads: then
 * the name of a value is none. */
static bool may_say(const char *line, const char *expected)
{
    return strstr(line, "${") != NULL || strcmp(line, expected) == 0;
}

static void demo(void **state)
{
    const fault_scenario scenario = { .name = "demo",
                                      .run = run_demo,
                                      .may_say = may_say,
                                      .may_fail = may_fail };

    char *path = write_script();

    (void)state;
    messages = json_pack(
        "[{s:s,s:[{s:s,s:s}]},{s:s,s:[{s:s,s:s}]},{s:s,s:[{s:s,s:s}]}]", "role",
        "user", "content", "type", "text", "text", "What is here?", "role",
        "assistant", "content", "type", "text", "text", "a", "role", "user",
        "content", "type", "text", "text", "look around");
    json_array_append_new(messages, bx_message_new_text("assistant", "b", 1));
    fault_run(&scenario);
    json_decref(messages);
    unlink(path);
    free(path);
}

static int run_http(fault_log *log, bx_error **err)
{
    const bx_provider provider = { .name = "local",
                                   .protocol = "anthropic",
                                   .base_url = url,
                                   .key_env = "BX_TEST_KEY" };
    const bx_model model = { .name = "m", .id = "m", .provider = &provider };
    const bx_turn_request request = { .model = &model,
                                      .messages = messages,
                                      .temperature = -1 };

    return make_turn(log, &request, err);
}

static void http(void **state)
{
    const fault_scenario scenario = { .name = "http",
                                      .run = run_http,
                                      .may_fail = may_fail };
    bx_error *err = NULL;
    fault_log warm = { .is_rehearsal = true };

    (void)state;
    messages = json_pack("[{s:s,s:[{s:s,s:s}]}]", "role", "user", "content",
                         "type", "text", "text", "hi");
    setenv("BX_TEST_KEY", TURN_KEY, 1);
    /* libcurl and what it loads stay. */
    fault_pause();
    assert_int_equal(run_http(&warm, &err), 0);
    bx_buf_clear(&warm.text);
    fault_resume();
    fault_run(&scenario);
    json_decref(messages);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo),
        cmocka_unit_test(http),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
