/* boxagnts mcp install: write the server into the settings of an MCP client. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/client_config.h"
#include "cli/mcp_cli.h"
#include "cli/options.h"

#define CONFIG_MAX_BYTES (64u << 20) /* claude-code keeps its history there */

typedef struct bx_client {
    const char *name;
    const char *title;
    const char *path; /* below the home folder, or with '$' the config folder */
    const char *section;
    bool is_toml;
    bool has_type;    /* "type": "stdio" is part of an entry */
    const char *next; /* what a person does afterwards */
} bx_client;

static const bx_client clients[] = {
    { "claude-desktop", "Claude Desktop", "$Claude/claude_desktop_config.json",
      "mcpServers", false, false, "Quit Claude Desktop and start it again." },
    { "claude-code", "Claude Code", ".claude.json", "mcpServers", false, true,
      "Start a new session; /mcp shows the server." },
    { "cursor", "Cursor", ".cursor/mcp.json", "mcpServers", false, true,
      "Restart Cursor and switch the server on in its settings." },
    { "vscode", "Visual Studio Code", "$Code/User/mcp.json", "servers", false,
      true, "Run 'MCP: List Servers' and start it." },
    { "windsurf", "Windsurf", ".codeium/windsurf/mcp_config.json", "mcpServers",
      false, false, "Refresh the servers in its settings." },
    { "zed", "Zed", "$zed/settings.json", "context_servers", false, false,
      "Zed reads its settings again by itself." },
    { "codex", "Codex", ".codex/config.toml", "mcp_servers", true, false,
      "Start Codex again; /mcp shows the server." },
    { "gemini", "Gemini CLI", ".gemini/settings.json", "mcpServers", false,
      false, "Start Gemini again; /mcp shows the server." },
};
static const size_t clients_count = sizeof(clients) / sizeof(clients[0]);

typedef struct bx_install {
    const char *workspace;
    const char *name;
    const char *policy;
    const char *tools;
    bool is_print;
} bx_install;

static const bx_flag flags[] = {
    { "workspace", "DIR", "The workspace; the current folder without it" },
    { "name", "NAME", "What the client calls the server; boxagnts without it" },
    { "tools", "A,B", "Only these tools" },
    { "print", NULL, "Show what would be written, change nothing" },
};
static const size_t flags_count = sizeof(flags) / sizeof(flags[0]);

/* ---- where ----------------------------------------------------------- */

static char *config_path(const bx_client *client, bx_error **err)
{
    const char *home = getenv("HOME");
    const char *config = getenv("XDG_CONFIG_HOME");
    bx_autobuf bx_buf path = BX_BUF_INIT;
    int failed;

    if (home == NULL || home[0] != '/') {
        bx_error_set(err, BX_ERR_NOT_FOUND, "no home folder: set HOME");
        return NULL;
    }
    if (client->path[0] != '$')
        failed = bx_buf_printf(&path, "%s/%s", home, client->path);
    else if (config != NULL && config[0] == '/')
        failed = bx_buf_printf(&path, "%s/%s", config, client->path + 1);
    else
        failed = bx_buf_printf(&path, "%s/.config/%s", home, client->path + 1);
    if (failed < 0)
        bx_error_set_nomem(err);
    return failed < 0 ? NULL : bx_buf_take(&path);
}

/* The program itself, so that a client needs no PATH. */
static char *own_path(bx_error **err)
{
    char path[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (bytes < 0) {
        bx_error_set_errno(err, errno, "/proc/self/exe");
        return NULL;
    }
    path[bytes] = '\0';
    return strdup(path);
}

static char *real_path(const char *path, const char *what, bx_error **err)
{
    char *real = realpath(path, NULL);

    if (real == NULL)
        bx_error_set_errno(err, errno, "%s '%s'", what, path);
    return real;
}

/* ---- what ------------------------------------------------------------ */

static int add_args(json_t *args, const bx_install *install, bx_error **err)
{
    bx_autofree char *workspace =
        real_path(install->workspace == NULL ? "." : install->workspace,
                  "workspace", err);
    bx_autofree char *policy = NULL;

    if (workspace == NULL)
        return -1;
    json_array_append_new(args, json_string("mcp"));
    json_array_append_new(args, json_string("--workspace"));
    if (json_array_append_new(args, json_string(workspace)) < 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "workspace '%s': the path is not UTF-8", workspace);
    if (install->policy != NULL) {
        policy = real_path(install->policy, "policy", err);
        if (policy == NULL)
            return -1;
        json_array_append_new(args, json_string("--policy"));
        json_array_append_new(args, json_string(policy));
    }
    if (install->tools != NULL) {
        json_array_append_new(args, json_string("--tools"));
        json_array_append_new(args, json_string(install->tools));
    }
    return 0;
}

static json_t *make_entry(const bx_client *client, const bx_install *install,
                          bx_error **err)
{
    bx_autofree char *program = own_path(err);
    json_t *args = json_array();
    json_t *entry;

    if (program == NULL || add_args(args, install, err) < 0) {
        json_decref(args);
        return NULL;
    }
    entry = json_object();
    if (client->has_type)
        json_object_set_new(entry, "type", json_string("stdio"));
    json_object_set_new(entry, "command", json_string(program));
    json_object_set_new(entry, "args", args);
    return entry;
}

/* ---- writing --------------------------------------------------------- */

/* A missing file is an empty one. */
static int read_config(const char *path, char **ret_text, size_t *ret_bytes,
                       bool *ret_is_there, bx_error **err)
{
    struct stat stat;

    *ret_is_there = lstat(path, &stat) == 0;
    if (*ret_is_there)
        return bx_file_read(path, CONFIG_MAX_BYTES, ret_text, ret_bytes, err);
    if (errno != ENOENT && errno != ENOTDIR)
        return bx_error_set_errno(err, errno, "'%s'", path);
    *ret_bytes = 0;
    *ret_text = strdup("");
    return *ret_text == NULL ? bx_error_set_nomem(err) : 0;
}

static int make_text(const bx_client *client, const bx_install *install,
                     const char *text, size_t bytes, bx_buf *ret_text,
                     bx_error **err)
{
    json_t *entry = make_entry(client, install, err);
    int result;

    if (entry == NULL)
        return -1;
    result = (client->is_toml ? bx_client_config_put_toml
                              : bx_client_config_put_json)(
        text, bytes, client->section, install->name, entry, ret_text, err);
    json_decref(entry);
    return result;
}

/* A link to where the settings are kept stays one: its target is replaced. */
static int write_config(const char *path, const char *old, size_t old_bytes,
                        bool is_there, const bx_buf *text, bx_error **err)
{
    bx_autofree char *target = is_there ? realpath(path, NULL) : strdup(path);
    bx_autofree char *folder = target == NULL ? NULL : strdup(target);
    bx_autobuf bx_buf backup = BX_BUF_INIT;
    struct stat stat_now = { .st_mode = 0600 };

    if (target == NULL || folder == NULL)
        return bx_error_set_errno(err, errno, "'%s'", path);
    *strrchr(folder, '/') = '\0';
    if (bx_file_make_dirs(folder, 0700, err) < 0)
        return -1;
    if (is_there && stat(target, &stat_now) < 0)
        return bx_error_set_errno(err, errno, "'%s'", target);
    if (bx_buf_printf(&backup, "%s.boxagnts-backup", target) < 0)
        return bx_error_set_nomem(err);
    if (is_there && bx_file_replace(backup.data, old, old_bytes,
                                    stat_now.st_mode & 0777, err) < 0)
        return -1;
    return bx_file_replace(target, text->data, text->len,
                           stat_now.st_mode & 0777, err);
}

static int install_into(const bx_client *client, const bx_install *install,
                        bx_error **err)
{
    bx_autofree char *path = config_path(client, err);
    bx_autofree char *old = NULL;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t old_bytes = 0;
    bool is_there;

    if (path == NULL || read_config(path, &old, &old_bytes, &is_there, err) < 0)
        return -1;
    if (make_text(client, install, old, old_bytes, &text, err) < 0)
        return bx_error_wrap(err, "'%s'", path);
    if (install->is_print) {
        fwrite(text.data, 1, text.len, stdout);
        return 0;
    }
    if (is_there && text.len == old_bytes &&
        memcmp(text.data, old, old_bytes) == 0) {
        printf("%s: '%s' has the server already\n", client->title, path);
        return 0;
    }
    if (write_config(path, old, old_bytes, is_there, &text, err) < 0)
        return -1;
    printf("%s: wrote server '%s' to '%s'%s\n%s\n", client->title,
           install->name, path,
           is_there ? "; what it was is beside it, .boxagnts-backup" : "",
           client->next);
    return 0;
}

/* ---- the command ----------------------------------------------------- */

/* Found: its settings, or the folder they are in. */
static bool is_found(const char *path)
{
    const char *home = getenv("HOME");
    bx_autofree char *folder = strdup(path);

    if (home == NULL || folder == NULL)
        return false;
    *strrchr(folder, '/') = '\0';
    if (access(path, F_OK) == 0)
        return true;
    return strcmp(folder, home) != 0 && access(folder, F_OK) == 0;
}

static int list_clients(bx_error **err)
{
    for (size_t i = 0; i < clients_count; i++) {
        bx_autofree char *path = config_path(&clients[i], err);

        if (path == NULL)
            return -1;
        printf("%-15s %-19s %-9s %s\n", clients[i].name, clients[i].title,
               is_found(path) ? "found" : "-", path);
    }
    return 0;
}

static void print_help(FILE *out)
{
    fputs("Write the server into the settings of an MCP client. Everything "
          "else in the file\nstays as it is; what it was is kept beside it. "
          "Without NAME, list the clients.\n\n"
          "Usage: boxagnts mcp install [NAME] [options]\n\nNames:",
          out);
    for (size_t i = 0; i < clients_count; i++)
        fprintf(out, " %s", clients[i].name);
    fputs("\n\nOptions:\n", out);
    bx_options_print_flags(out, flags, flags_count);
    fputs("  --policy FILE is passed on to the server.\n\n"
          "  boxagnts mcp install\n"
          "  boxagnts mcp install claude-code --workspace ~/project\n"
          "  boxagnts mcp install codex --print\n",
          out);
}

/* A key that needs no quotes in TOML, and no thought in JSON. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && strlen(name) <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-") == strlen(name);
}

static int take_flag(bx_install *install, const char *flag, const char *value,
                     bx_error **err)
{
    if (strcmp(flag, "--workspace") == 0)
        install->workspace = value;
    else if (strcmp(flag, "--policy") == 0)
        install->policy = value;
    else if (strcmp(flag, "--tools") == 0)
        install->tools = value;
    else if (strcmp(flag, "--name") == 0)
        install->name = value;
    else
        return bx_error_set(err, BX_ERR_INVALID, "no option '%s'", flag);
    return is_plain_name(install->name)
               ? 0
               : bx_error_set(err, BX_ERR_INVALID,
                              "--name '%s': expected letters, digits, '-' and "
                              "'_', at most 64",
                              install->name);
}

static int take_arguments(bx_install *install, int argc, char **argv,
                          const char **ret_client, bool *ret_wants_help,
                          bx_error **err)
{
    for (int i = 1; i < argc; i++) {
        bx_autofree char *flag = strdup(argv[i]);
        char *equals = flag == NULL ? NULL : strchr(flag, '=');
        const char *value;

        if (flag == NULL)
            return bx_error_set_nomem(err);
        if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            *ret_wants_help = true;
        } else if (strcmp(flag, "--print") == 0) {
            install->is_print = true;
        } else if (flag[0] != '-') {
            if (*ret_client != NULL)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "one client at a time, not '%s' as well",
                                    flag);
            *ret_client = argv[i];
        } else {
            if (equals != NULL) {
                *equals = '\0';
                value = argv[i] + (equals - flag) + 1;
            } else if (++i < argc) {
                value = argv[i];
            } else {
                return bx_error_set(err, BX_ERR_INVALID,
                                    "option '%s' takes a value", flag);
            }
            if (take_flag(install, flag, value, err) < 0)
                return -1;
        }
    }
    return 0;
}

static const bx_client *find_client(const char *name)
{
    for (size_t i = 0; i < clients_count; i++) {
        if (strcmp(clients[i].name, name) == 0)
            return &clients[i];
    }
    return NULL;
}

int bx_mcp_install_run(int argc, char **argv)
{
    bx_install install = { .name = "boxagnts" };
    const bx_client *client;
    const char *name = NULL;
    bool wants_help = false;
    bx_error *err = NULL;

    if (take_arguments(&install, argc, argv, &name, &wants_help, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (wants_help) {
        print_help(stdout);
        return 0;
    }
    if (name == NULL)
        return list_clients(&err) < 0 ? bx_cli_fail(BX_EXIT_FAILED, err) : 0;
    client = find_client(name);
    if (client == NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "mcp install",
                            "no client '%s'; `boxagnts mcp install` lists them",
                            name);
    return install_into(client, &install, &err) < 0
               ? bx_cli_fail(BX_EXIT_FAILED, err)
               : 0;
}
