/* Commands that only show something. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/memory.h"
#include "agent/skill.h"
#include "agent/workspace_file.h"
#include "base/buf.h"
#include "cli/chat.h"
#include "cli/view_sums.h"
#include "cli/view_call.h"
#include "policy/host_pattern.h"
#include "policy/policy.h"

#define NOTE_LINES 200u

static void put_cells(bx_screen *out, const char *text, unsigned cells)
{
    unsigned used =
        bx_screen_put_line(out, BX_LOOK_BOLD, text, strlen(text), cells);

    fprintf(out->out, "%*s", (int)(cells - used) + 1, "");
}

static void put_rest(bx_screen *out, const char *text, unsigned used)
{
    bx_screen_put_line(out, 0, text, strlen(text), out->columns - used - 1);
    putc('\n', out->out);
}

void bx_chat_show_help(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);

    (void)rest;
    for (size_t i = 0; i < bx_chat_commands_count; i++) {
        const bx_chat_command *command = &bx_chat_commands[i];
        char name[40];

        (void)snprintf(name, sizeof(name), "/%s %s", command->name,
                       command->operands);
        put_cells(out, name, 19);
        put_rest(out, command->help, 20);
    }
    fputs("\nEnter sends; a backslash before it or Alt-Enter begins another "
          "line. Tab\ncompletes commands and @paths. Ctrl-C stops the model, "
          "a second one leaves.\nCtrl-R searches what you wrote before; a line "
          "that begins with a space is not\nremembered.\n",
          out->out);
}

/* ---- tools ---- */

static bool has_word(const char *text, const char *word)
{
    return word[0] == '\0' || (text != NULL && strcasestr(text, word) != NULL);
}

void bx_chat_show_tools(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_tool **tools = NULL;
    size_t count = 0;
    size_t shown = 0;

    if (bx_registry_list(chat->cli.tools.registry, &tools, &count, &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const bx_tool *tool = tools[i];
        bool is_ready = tool->status == BX_TOOL_READY;
        const char *text = is_ready ? tool->manifest->description : tool->why;

        if (!has_word(tool->name, rest) && !has_word(text, rest))
            continue;
        put_cells(out, tool->name, 20);
        put_cells(out,
                  is_ready ? bx_level_name(tool->manifest->level)
                           : bx_tool_status_name(tool->status),
                  10);
        put_rest(out, text == NULL ? "" : text, 32);
        shown++;
    }
    bx_registry_list_free(tools, count);
    if (shown == 0)
        fputs("no tool has that word in its name or description\n", out->out);
}

/* MCP servers' tools are registry tools by the name mcp-SERVER-TOOL. */
/* Why a server's tools are not there; a word is enough where they are. */
static void show_server(bx_chat *chat, const char *name)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_client_state state;

    if (!bx_mcp_hub_state(chat->cli.servers, name, &state))
        return; /* disabled */
    put_cells(out, name, 30);
    if (state.phase == BX_CLIENT_READY)
        put_rest(out, "runs", 31);
    else if (state.phase == BX_CLIENT_STARTING)
        put_rest(out, "is starting", 31);
    else
        put_rest(out, state.why, 31);
}

static void show_servers(bx_chat *chat)
{
    const bx_remote_servers *servers;

    if (chat->cli.servers == NULL)
        return;
    servers = bx_mcp_hub_servers(chat->cli.servers);
    for (size_t i = 0; i < servers->count; i++)
        show_server(chat, servers->items[i]->name);
}

void bx_chat_show_mcp(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_tool **tools = NULL;
    size_t count = 0;
    size_t shown = 0;

    (void)rest;
    show_servers(chat);
    if (bx_registry_list(chat->cli.tools.registry, &tools, &count, &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const bx_tool *tool = tools[i];

        if (strncmp(tool->name, "mcp-", 4) != 0)
            continue;
        put_cells(out, tool->name, 30);
        put_rest(out, bx_tool_status_name(tool->status), 31);
        shown++;
    }
    bx_registry_list_free(tools, count);
    if (shown == 0)
        fputs("no MCP server gave tools to this session\n", out->out);
}

/* ---- the policy ---- */

static void show_folders(bx_screen *out, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];

        put_cells(out, i == 0 ? "folders" : "", 10);
        bx_screen_put(out, 0, mount->host_dir, strlen(mount->host_dir));
        fputs(" as ", out->out);
        bx_screen_put(out, 0, mount->guest_dir, strlen(mount->guest_dir));
        putc('\n', out->out);
    }
    if (policy->mounts_count == 0)
        fputs("folders    none\n", out->out);
    if (policy->overlay_dir != NULL)
        fputs("           (writes go to an overlay)\n", out->out);
}

void bx_chat_show_policy(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const bx_policy *policy = chat->cli.tools.options.policy;
    bx_error *err = NULL;
    bx_autofree char *text = NULL;

    if (*rest != '\0') {
        text = bx_registry_explain(chat->cli.tools.registry, rest, NULL, false,
                                   &err);
        if (text == NULL)
            bx_chat_say_error(chat, err);
        else
            bx_screen_put(out, 0, text, strlen(text));
        return;
    }
    show_folders(out, policy);
    put_cells(out, "network", 10);
    if (policy->allowed_hosts_count == 0)
        fputs("none\n", out->out);
    else
        fprintf(out->out, "%zu allowed host pattern%s\n",
                policy->allowed_hosts_count,
                policy->allowed_hosts_count == 1 ? "" : "s");
    put_cells(out, "variables", 10);
    fprintf(out->out, "%zu\n", policy->env_count);
    put_cells(out, "level", 10);
    fprintf(out->out, "at most %s\n", bx_level_name(policy->max_level));
    put_cells(out, "mode", 10);
    fprintf(out->out, "%s\n", bx_mode_name(chat->cli.config.mode));
    fputs("/policy TOOL shows what one tool gets of it, and why\n", out->out);
}

/* ---- what it cost ---- */

void bx_chat_show_cost(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const bx_usage *usage = &chat->last.usage;
    bx_session_info info = { 0 };
    bx_error *err = NULL;

    (void)rest;
    if (bx_session_store_info(chat->cli.store,
                              bx_agent_session(chat->cli.agent), &info,
                              &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    fprintf(out->out, "this session:  %llu tokens in, %llu out",
            (unsigned long long)info.input_tokens,
            (unsigned long long)info.output_tokens);
    if (info.cost >= 0)
        fprintf(out->out, ", $%.4f\n", info.cost);
    else
        fputs(", price not known\n", out->out);
    fprintf(
        out->out,
        "this chat:     %llu tokens in, %llu from the cache, %llu out; turns: "
        "%llu, calls: %llu\n",
        (unsigned long long)(usage->input_tokens + usage->cache_write_tokens),
        (unsigned long long)usage->cache_read_tokens,
        (unsigned long long)usage->output_tokens,
        (unsigned long long)chat->last.turns,
        (unsigned long long)chat->last.calls);
    fprintf(out->out, "next request:  about %llu tokens",
            (unsigned long long)bx_agent_context_tokens(chat->cli.agent));
    if (chat->cli.config.model->context_tokens > 0)
        fprintf(out->out, " of %llu",
                (unsigned long long)chat->cli.config.model->context_tokens);
    putc('\n', out->out);
    bx_session_info_clear(&info);
}

void bx_chat_show_plan(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const json_t *plan = bx_agent_view_plan(chat->view);

    (void)rest;
    if (json_array_size(plan) == 0)
        fputs("the model has made no plan since this began\n", out->out);
    else
        bx_view_put_plan(out, 0, plan);
}

/* ---- what the workspace has for the model ---- */

static void show_notes(bx_chat *chat, int workspace_fd)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    json_t *notes = bx_memory_list(workspace_fd, NULL, &err);
    size_t i;
    json_t *note;

    if (notes == NULL)
        bx_chat_say_error(chat, err);
    else if (json_array_size(notes) == 0)
        fputs("no notes in " BX_MEMORY_FOLDER "\n", out->out);
    json_array_foreach(notes, i, note)
    {
        const char *name = json_string_value(json_object_get(note, "name"));
        const char *title = json_string_value(json_object_get(note, "title"));

        put_cells(out, name == NULL ? "?" : name, 20);
        put_rest(out, title == NULL ? "" : title, 21);
    }
    json_decref(notes);
}

void bx_chat_show_memory(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_autofree char *text = NULL;
    bx_autofd int fd = bx_workspace_open(chat->cli.workspace, &err);

    if (fd < 0 || (*rest != '\0' && bx_memory_read(fd, rest, &text, &err) < 0))
        bx_chat_say_error(chat, err);
    else if (*rest == '\0')
        show_notes(chat, fd);
    else
        bx_view_put_quoted_whole(out, 0, text, strlen(text), NOTE_LINES);
}

void bx_chat_show_skills(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_autofd int fd = bx_workspace_open(chat->cli.workspace, &err);
    bx_autofd int user_fd = -1;
    bx_autoskills bx_skills *skills = NULL;

    (void)rest;
    if (fd < 0 || bx_workspace_open_user(&user_fd, &err) < 0 ||
        (skills = bx_skills_find(fd, user_fd, NULL, &err)) == NULL) {
        bx_chat_say_error(chat, err);
        return;
    }
    for (size_t i = 0; i < bx_skills_count(skills); i++) {
        const bx_skill *skill = bx_skills_at(skills, i);

        put_cells(out, skill->name, 20);
        put_rest(out, skill->description, 21);
    }
    if (bx_skills_count(skills) == 0)
        fputs("no skills here; docs/skills.md says where they lie\n", out->out);
}
