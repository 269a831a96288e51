/* A process that is killed at each step of the loop, one after another: the
 * next one goes on, loses nothing and makes nothing twice. A step is an event,
 * the begin of a turn, and the two sides of what a tool does. */
#include "agent/support_agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define STEPS_MAX 200

static const reply_plan replies[] = {
    { .text = "two at once",
      .calls = "[[\"write\", {\"letter\": \"a\"}],"
               " [\"write\", {\"letter\": \"b\"}]]" },
    { .calls = "[[\"write\", {\"letter\": \"c\"}]]" },
    { .text = "that was it" },
};

typedef struct work {
    stage at;
    unsigned step;
    unsigned killed_at; /* 0: never */
    bx_event_fn tell;   /* of the stage */
} work;

static work now;

static void step(void)
{
    if (++now.step == now.killed_at)
        (void)kill(getpid(), SIGKILL);
}

static void on_event(void *context, const json_t *event)
{
    step();
    now.tell(context, event);
}

static int run_write(void *context, const bx_own_call *call,
                     json_t **ret_content, bx_error **err)
{
    const char *letter =
        json_string_value(json_object_get(call->input, "letter"));
    char path[160];
    int fd;

    (void)context;
    (void)err;
    step();
    snprintf(path, sizeof(path), "%s/written", now.at.at.path);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(bx_file_write_all(fd, letter, 1), 0);
    close(fd);
    step();
    *ret_content = json_pack("[{s:s, s:s}]", "type", "text", "text", letter);
    return 0;
}

static bx_level level_write(const json_t *input)
{
    (void)input;
    return BX_LEVEL_WRITE;
}

static const bx_own_tool tools[] = {
    { "write", "Writes.", "{\"type\": \"object\", \"required\": [\"letter\"]}",
      false, level_write, run_write },
    { .name = NULL },
};

/* Which reply comes next is told by the conversation, as a model would. */
static int on_turn(void *context, const bx_turn_request *request,
                   bx_turn_reply *ret_reply, bx_error **err)
{
    stage *it = context;
    size_t i, made = 0;
    const json_t *message;

    step();
    json_array_foreach(request->messages, i, message) made +=
        strcmp(bx_message_role(message), "assistant") == 0;
    assert_in_range(made, 0, 2);
    it->replies = replies + made;
    it->count = 0;
    return stage_turn(it, request, ret_reply, err);
}

static void begin(const char *home)
{
    stage_begin_at(&now.at, home);
    now.tell = now.at.config.events.tell;
    now.at.config.events.tell = on_event;
    now.at.config.turn = on_turn;
}

/* In a process of its own; 0: it came to its end. Its session goes on when
 * there is one. */
static int live(const char *home, unsigned killed_at)
{
    bx_autosessionlist bx_session_list list = { 0 };
    const bx_session_query query = { 0 };
    json_t *content =
        json_pack("[{s:s, s:s}]", "type", "text", "text", "write them");
    bx_agent_result result = { 0 };
    bool has_task = false;
    json_t *entries;
    size_t i;
    const json_t *entry;

    now.killed_at = killed_at;
    begin(home);
    if (bx_session_store_list(now.at.store, &query, &list, NULL) < 0)
        return 1;
    if (list.count > 0) {
        now.at.config.session = strdup(list.items[0].id);
        entries =
            bx_session_store_read(now.at.store, list.items[0].id, 1, 0, NULL);
        json_array_foreach(entries, i, entry) has_task =
            has_task || json_object_get(entry, "message") != NULL;
        json_decref(entries);
    }
    stage_open(&now.at, tools, NULL);
    if (bx_agent_run(now.at.agent, has_task ? NULL : content, &result, NULL) <
        0)
        return 2;
    return result.status == BX_AGENT_DONE &&
                   strcmp(result.text, "that was it") == 0
               ? 0
               : 3;
}

static int live_in_child(const char *home, unsigned killed_at)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(live(home, killed_at));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static size_t count_letter(const char *text, char letter)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == letter;
    return count;
}

/* What the session has of the calls: each has one result; how many of them are
 * of unknown effect. */
static size_t count_unknown(const char *home)
{
    bx_autosessionlist bx_session_list list = { 0 };
    const bx_session_query query = { 0 };
    bx_session_store *store;
    json_t *entries;
    size_t i, done = 0, unknown = 0;
    const json_t *entry;

    setenv("HOME", home, 1);
    store = bx_session_store_open(NULL, NULL);
    assert_int_equal(bx_session_store_list(store, &query, &list, NULL), 0);
    assert_int_equal(list.count, 1);
    entries = bx_session_store_read(store, list.items[0].id, 1, 0, NULL);
    json_array_foreach(entries, i, entry)
    {
        const json_t *blocks =
            bx_message_blocks(json_object_get(entry, "block"));

        if (strcmp(bx_block_text(entry, "state"), "done") != 0)
            continue;
        done++;
        unknown += strncmp(bx_block_text(json_array_get(blocks, 0), "text"),
                           "Interrupted", 11) == 0;
    }
    json_decref(entries);
    bx_session_store_close(store);
    assert_int_equal(done, 3);
    return unknown;
}

static void killed_at_each_step(void **state)
{
    unsigned at;

    (void)state;
    for (at = 1; at < STEPS_MAX; at++) {
        folder home;
        bx_autofree char *written = NULL;
        int first;
        size_t missing = 0;

        folder_make(&home);
        first = live_in_child(home.path, at);
        if (first == 0) {
            folder_remove(&home);
            break;
        }
        assert_int_equal(first, -SIGKILL);
        assert_int_equal(live_in_child(home.path, 0), 0);
        written = folder_get(&home, "written");
        assert_non_null(written);
        for (const char *letter = "abc"; *letter != '\0'; letter++) {
            if (count_letter(written, *letter) > 1)
                fail_msg("step %u: '%s'", at, written);
            missing += count_letter(written, *letter) == 0;
        }
        /* Whatever is not there was under way, and is told to be unknown. */
        if (missing > count_unknown(home.path))
            fail_msg("step %u: '%s' is lost", at, written);
        assert_in_range(missing, 0, 1);
        folder_remove(&home);
    }
    /* Two turns of calls and one of text are no fewer steps than these. */
    assert_in_range(at, 30, STEPS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
