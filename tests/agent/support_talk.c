#include "agent/support_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* err: read after the call that status is of. */
static void want(int status, bx_error *const *err)
{
    if (status < 0)
        fail_msg("%s", bx_error_message(*err));
}

void talk_begin(talk *it)
{
    const bx_session_new params = { .workspace = "/home/me/here",
                                    .model = "demo",
                                    .kind = "chat" };
    char path[128];

    folder_make(&it->at);
    (void)snprintf(path, sizeof(path), "%s/sessions.db", it->at.path);
    it->store = bx_session_store_open(path, NULL);
    assert_non_null(it->store);
    it->log = bx_session_log_create(it->store, &params, NULL);
    assert_non_null(it->log);
    it->conversation = bx_conversation_new(NULL);
    assert_non_null(it->conversation);
}

void talk_end(talk *it)
{
    bx_conversation_free(it->conversation);
    bx_session_log_close(it->log);
    bx_session_store_close(it->store);
    folder_remove(&it->at);
}

void talk_add(talk *it, json_t *message)
{
    bx_error *err = NULL;
    uint64_t entry = 0;

    assert_non_null(message);
    want(bx_session_log_add_message(it->log, message, NULL, &entry, &err),
         &err);
    want(bx_conversation_add(it->conversation, message, entry, &err), &err);
    json_decref(message);
}

void talk_user(talk *it, const char *text)
{
    talk_add(it, bx_message_new_text("user", text, strlen(text)));
}

void talk_assistant(talk *it, const char *text)
{
    talk_add(it, bx_message_new_text("assistant", text, strlen(text)));
}

void talk_calls(talk *it, const char *const *ids)
{
    json_t *message = bx_message_new_text("assistant", "I look.", 7);

    for (; *ids != NULL; ids++)
        assert_non_null(bx_message_add_call(
            message, *ids, "read", json_pack("{s:s}", "path", "/a.txt")));
    talk_add(it, message);
}

void talk_call(talk *it, const char *id)
{
    const char *const ids[] = { id, NULL };

    talk_calls(it, ids);
}

json_t *result_block(const char *id, const char *text)
{
    json_t *block = json_pack(
        "{s:s, s:s, s:s, s:b, s:[{s:s, s:s}]}", "type", "tool_result", "id", id,
        "name", "read", "is_error", 0, "content", "type", "text", "text", text);

    assert_non_null(block);
    return block;
}

void talk_result(talk *it, const char *id, const char *text)
{
    json_t *block = result_block(id, text);
    bx_error *err = NULL;

    want(bx_session_log_begin_call(it->log, id, &err), &err);
    want(bx_session_log_end_call(it->log, id, block, NULL, &err), &err);
    want(bx_conversation_add_result(it->conversation, block, &err), &err);
    json_decref(block);
}

void talk_long_result(talk *it, const char *id, size_t bytes)
{
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    memset(text, 'r', bytes);
    text[bytes] = '\0';
    talk_result(it, id, text);
    free(text);
}

void talk_work(talk *it, const char *id, size_t bytes)
{
    talk_call(it, id);
    talk_long_result(it, id, bytes);
}

void talk_note(talk *it, const json_t *note)
{
    bx_error *err = NULL;

    want(bx_session_log_add_note(it->log, note, NULL, &err), &err);
}

static char *dump(bx_conversation *conversation)
{
    bx_error *err = NULL;
    const json_t *messages = bx_conversation_messages(conversation, &err);
    char *text;

    if (messages == NULL)
        fail_msg("%s", bx_error_message(err));
    want(bx_messages_check(messages, &err), &err);
    text = json_dumps(messages, JSON_COMPACT);
    assert_non_null(text);
    return text;
}

char *talk_sent(talk *it)
{
    return dump(it->conversation);
}

void talk_check_resumed(talk *it)
{
    bx_error *err = NULL;
    bx_conversation *again = bx_conversation_load(it->log, &err);
    char *before = dump(it->conversation);
    char *after;

    if (again == NULL)
        fail_msg("%s", bx_error_message(err));
    after = dump(again);
    assert_string_equal(before, after);
    assert_int_equal(bx_conversation_tokens(again, 0),
                     bx_conversation_tokens(it->conversation, 0));
    free(before);
    free(after);
    bx_conversation_free(again);
}

void check_error(bx_error **err, bx_code code, const char *word)
{
    assert_non_null(*err);
    if (bx_error_code(*err) != code ||
        strstr(bx_error_message(*err), word) == NULL)
        fail_msg("%d, not %d with '%s': %s", bx_error_code(*err), code, word,
                 bx_error_message(*err));
    bx_error_free(*err);
    *err = NULL;
}
