/* Commands about sessions. Titles and what was said are hostile. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/models/message.h"
#include "base/buf.h"
#include "cli/chat.h"
#include "cli/view_call.h"

#define SESSIONS_SHOWN 15u
#define RECALL_ENTRIES 60u
#define RECALL_LINES 12u

/* What was said in another workspace is not for the tools and servers of this
 * one, and what was planned there is not made here. */
static int check_workspace(bx_chat *chat, const char *id, bx_error **err)
{
    bx_session_info info = { 0 };
    int result = 0;

    if (bx_session_store_info(chat->cli.store, id, &info, err) < 0)
        return -1;
    if (info.workspace != NULL && info.workspace[0] != '\0' &&
        strcmp(info.workspace, chat->cli.workspace) != 0)
        result = bx_error_set(err, BX_ERR_INVALID,
                              "session %s is of the workspace '%s'; begin a "
                              "chat there",
                              info.id, info.workspace);
    bx_session_info_clear(&info);
    return result;
}

/* Go on with another session, or a new one (NULL). The one that is open stays
 * when that one cannot be opened. */
static bool reopen(bx_chat *chat, const char *id)
{
    bx_error *err = NULL;
    bx_agent *old = chat->cli.agent;
    bx_autofree char *session = id == NULL ? NULL : strdup(id);

    if (id != NULL && session == NULL)
        return false;
    chat->cli.config.session = session;
    if ((id != NULL && check_workspace(chat, id, &err) < 0) ||
        bx_agent_cli_start(&chat->cli, &err) < 0) {
        chat->cli.agent = old;
        chat->cli.config.session = chat->cli.session;
        bx_chat_say_error(chat, err);
        return false;
    }
    bx_agent_cli_leave(&chat->cli, old);
    free(chat->cli.session);
    chat->cli.session = bx_take(session);
    bx_agent_result_clear(&chat->last);
    chat->last = (bx_agent_result){ 0 };
    return true;
}

static void print_row(bx_screen *out, const bx_session_info *info,
                      const char *current)
{
    char when[32] = "";
    time_t seconds = (time_t)(info->updated_ms / 1000);
    struct tm local;

    if (localtime_r(&seconds, &local) != NULL)
        (void)strftime(when, sizeof(when), "%b %d %H:%M", &local);
    fprintf(out->out, "%c %s  %s  ", strcmp(info->id, current) == 0 ? '*' : ' ',
            info->id, when);
    if (info->title == NULL || info->title[0] == '\0')
        bx_screen_print(out, BX_LOOK_DIM, "(no title)");
    else
        bx_screen_put_line(out, 0, info->title, strlen(info->title),
                           out->columns - 46);
    putc('\n', out->out);
}

void bx_chat_list_sessions(bx_chat *chat, const char *rest)
{
    const bx_session_query query = { .workspace = chat->cli.workspace,
                                     .text = *rest == '\0' ? NULL : rest,
                                     .limit = SESSIONS_SHOWN };
    bx_autosessionlist bx_session_list list = { 0 };
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;

    if (bx_session_store_list(chat->cli.store, &query, &list, &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        print_row(out, &list.items[i], bx_agent_session(chat->cli.agent));
    if (list.count == 0)
        fputs("no session of this workspace has these words\n", out->out);
    else
        bx_view_put_wrapped(out, 0, 0, "",
                            "/resume ID goes on with one; `boxagnts session "
                            "list --all` shows those of every workspace");
}

/* The last session of the workspace that is not this one. Owned. */
static char *find_other(bx_chat *chat, bx_error **err)
{
    const bx_session_query query = { .workspace = chat->cli.workspace,
                                     .limit = SESSIONS_SHOWN };
    bx_autosessionlist bx_session_list list = { 0 };

    if (bx_session_store_list(chat->cli.store, &query, &list, err) < 0)
        return NULL;
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.items[i].id, bx_agent_session(chat->cli.agent)) != 0)
            return strdup(list.items[i].id);
    }
    (void)bx_error_set(err, BX_ERR_NOT_FOUND,
                       "there is no other session of this workspace");
    return NULL;
}

void bx_chat_resume(bx_chat *chat, const char *rest)
{
    bx_error *err = NULL;
    bx_autofree char *id =
        *rest == '\0' ? find_other(chat, &err) : strdup(rest);

    if (id == NULL)
        bx_chat_say_error(chat, err);
    else if (strcmp(id, bx_agent_session(chat->cli.agent)) == 0)
        fputs("that is this session\n", bx_agent_view_notes(chat->view)->out);
    else if (reopen(chat, id))
        bx_chat_recall(chat);
}

void bx_chat_fork(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_session_log *log = bx_session_log_fork(
        chat->cli.store, bx_agent_session(chat->cli.agent), 0, &err);
    bx_autofree char *id = NULL;

    (void)rest;
    if (log == NULL) {
        bx_chat_say_error(chat, err);
        return;
    }
    id = strdup(bx_session_log_id(log));
    bx_session_log_close(log);
    if (id != NULL && reopen(chat, id))
        fprintf(out->out,
                "this is session %s now; the one before stays as it is\n", id);
}

void bx_chat_clear(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_autofree char *before = strdup(bx_agent_session(chat->cli.agent));

    (void)rest;
    if (reopen(chat, NULL))
        fprintf(out->out, "a new session; /resume %.26s goes back\n",
                before == NULL ? "" : before);
}

void bx_chat_rename(bx_chat *chat, const char *rest)
{
    bx_error *err = NULL;

    if (*rest == '\0')
        fputs("which title? /rename TITLE\n",
              bx_agent_view_notes(chat->view)->out);
    else if (bx_session_store_rename(chat->cli.store,
                                     bx_agent_session(chat->cli.agent), rest,
                                     &err) < 0)
        bx_chat_say_error(chat, err);
}

void bx_chat_export(bx_chat *chat, const char *rest)
{
    char name[64];
    char *argv[7] = { (char *)"session",  (char *)"export", NULL,
                      (char *)"--format", (char *)"md",     (char *)"--output",
                      (char *)rest };
    size_t bytes = strlen(rest);

    (void)snprintf(name, sizeof(name), "%s", bx_agent_session(chat->cli.agent));
    argv[2] = name;
    if (bytes > 5 && strcmp(rest + bytes - 5, ".json") == 0)
        argv[4] = (char *)"json";
    fflush(stdout);
    (void)bx_cmd_session(bytes == 0 ? 5 : 7, argv);
    fflush(stdout);
}

/* ---- what was said ---- */

static void recall_message(bx_screen *out, const json_t *message)
{
    bx_autofree char *text = bx_message_text(message);
    bool is_user = strcmp(bx_message_role(message), "user") == 0;

    if (text == NULL || text[0] == '\0')
        return;
    putc('\n', out->out);
    bx_screen_print(out, BX_LOOK_BOLD, is_user ? "you\n" : "model\n");
    bx_view_put_quoted_whole(out, 0, text, strlen(text), RECALL_LINES);
}

void bx_chat_recall(bx_chat *chat)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const char *id = bx_agent_session(chat->cli.agent);
    bx_session_info info = { 0 };
    bx_error *err = NULL;
    json_t *entries = NULL;
    size_t i;
    json_t *entry;

    if (bx_session_store_info(chat->cli.store, id, &info, &err) == 0)
        entries = bx_session_store_read(chat->cli.store, id,
                                        info.entries > RECALL_ENTRIES
                                            ? info.entries - RECALL_ENTRIES + 1
                                            : 1,
                                        0, &err);
    if (entries == NULL) {
        bx_session_info_clear(&info);
        bx_chat_say_error(chat, err);
        return;
    }
    fprintf(out->out, "session %s", id);
    if (info.title != NULL && info.title[0] != '\0') {
        fputs(": ", out->out);
        bx_screen_put_line(out, 0, info.title, strlen(info.title), 60);
    }
    if (info.entries > RECALL_ENTRIES)
        fprintf(out->out, " (the last %u of %llu entries)", RECALL_ENTRIES,
                (unsigned long long)info.entries);
    putc('\n', out->out);
    json_array_foreach(entries, i, entry)
    {
        const json_t *message = json_object_get(entry, "message");

        if (message != NULL)
            recall_message(out, message);
    }
    json_decref(entries);
    bx_session_info_clear(&info);
}
