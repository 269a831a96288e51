/* A chat: a person, an agent, and the terminal between them. */
#ifndef BX_CLI_CHAT_H
#define BX_CLI_CHAT_H

#include "cli/agent_person.h"

typedef struct bx_chat {
    bx_agent_cli cli;
    bx_agent_view *view; /* owned, as is the editor */
    bx_line_editor *editor;
    bx_agent_person person;
    bx_agent_result last; /* of the last run; owned */
} bx_chat;

/* ---- chat_command.c: lines that begin with '/' ---- */

typedef struct bx_chat_command {
    const char *name;
    const char *operands; /* for /help; "" */
    const char *help;
    /* rest: what follows, without blanks around it; "" */
    void (*run)(bx_chat *chat, const char *rest);
} bx_chat_command;

extern const bx_chat_command bx_chat_commands[];
extern const size_t bx_chat_commands_count;

/* line: with its '/'. */
void bx_chat_command_run(bx_chat *chat, const char *line);
/* As of bx_line_editor_config: commands, what they take, and @paths. */
json_t *bx_chat_complete(void *context, const char *line, size_t bytes,
                         size_t *ret_from);

/* ---- chat_look.c: commands that only show ---- */

void bx_chat_show_help(bx_chat *chat, const char *rest);
void bx_chat_show_tools(bx_chat *chat, const char *rest);
void bx_chat_show_policy(bx_chat *chat, const char *rest);
void bx_chat_show_cost(bx_chat *chat, const char *rest);
void bx_chat_show_plan(bx_chat *chat, const char *rest);
void bx_chat_show_memory(bx_chat *chat, const char *rest);
void bx_chat_show_skills(bx_chat *chat, const char *rest);
void bx_chat_show_mcp(bx_chat *chat, const char *rest);

/* ---- chat_session.c: commands about sessions ---- */

void bx_chat_list_sessions(bx_chat *chat, const char *rest);
void bx_chat_resume(bx_chat *chat, const char *rest);
void bx_chat_fork(bx_chat *chat, const char *rest);
void bx_chat_clear(bx_chat *chat, const char *rest);
void bx_chat_rename(bx_chat *chat, const char *rest);
void bx_chat_export(bx_chat *chat, const char *rest);
/* The end of what was said in the session that goes on. */
void bx_chat_recall(bx_chat *chat);

/* ---- shared ---- */

/* Say an error where notes go; frees it. */
void bx_chat_say_error(bx_chat *chat, bx_error *error);

#endif
