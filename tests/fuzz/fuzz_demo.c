/* A script of the demo, and behind the first NUL the result that it looks into:
 * the text of a tool. The script is a memory file, since a file is where the
 * demo has them from. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/models/demo.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const conversation =
    "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"fix a "
    "test\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_call\","
    "\"id\":\"c\",\"name\":\"bash\",\"input\":{}}]},{\"role\":\"user\","
    "\"content\":[{\"type\":\"tool_result\",\"id\":\"c\",\"name\":\"bash\","
    "\"is_error\":false,\"content\":[]}]}]";

static void play(json_t *messages)
{
    static const bx_provider provider = { .name = "demo", .protocol = "demo" };
    static const bx_model model = { .name = "demo", .provider = &provider };
    json_t *tools = json_pack("[{s:s}]", "name", "bash");
    bx_turn_request request = {
        .model = &model, .messages = messages, .tools = tools, .temperature = -1
    };
    bx_run run = { .deadline_ns = bx_now_ns() + 1000000 };
    bx_reply *reply = bx_reply_new("demo", NULL, NULL);
    bx_turn_reply got = { 0 };

    if (bx_demo_play(&request, &run, 1, reply, NULL) == 0 &&
        bx_reply_failure_of(reply) == NULL &&
        (bx_reply_take(reply, &got, NULL) < 0 ||
         bx_message_check(got.message, NULL) < 0))
        abort(); /* what was played is always whole */
    bx_turn_reply_clear(&got);
    bx_reply_free(reply);
    json_decref(tools);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    size_t script = nul == NULL ? size : (size_t)(nul - data);
    json_t *messages = json_loads(conversation, 0, NULL);
    json_t *content = json_object_get(
        json_array_get(json_object_get(json_array_get(messages, 2), "content"),
                       0),
        "content");
    int fd = memfd_create("script", 0);
    char path[40];

    if (nul != NULL) {
        json_t *said = bx_message_new_text("user", (const char *)nul + 1,
                                           size - script - 1);

        json_array_extend(content, bx_message_blocks(said));
        json_decref(said);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || bx_file_write_all(fd, data, script) < 0 ||
        setenv(BX_DEMO_VARIABLE, path, 1) < 0)
        abort();
    play(messages);
    close(fd);
    json_decref(messages);
    return 0;
}
