#include "cli/init_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "policy/yaml_text.h"

#define MAX_BACKUPS 100

const char bx_init_agents_md[] =
    "# Notes for agents\n"
    "\n"
    "What whoever works here should know, people too. Keep it short.\n"
    "\n"
    "- What this is:\n"
    "- How to build it:\n"
    "- How to test it:\n"
    "- What to leave alone:\n";

const char bx_init_gitignore[] = "# Long results of tools, kept while their "
                                 "session is.\n"
                                 "results/\n";

/* ---- texts ----------------------------------------------------------- */

/* The checks of a policy, before anything is written. */
static int check_hosts(const bx_init_answers *answers, bx_error **err)
{
    bx_policy *policy = bx_policy_new();
    int result = policy == NULL ? bx_error_set_nomem(err) : 0;

    for (size_t i = 0; result == 0 && i < answers->hosts_count; i++)
        result = bx_policy_set(policy, "allowed-outbound-host",
                               answers->hosts[i], "--network", err);
    bx_policy_free(policy);
    return result;
}

int bx_init_put_policy(bx_buf *out, const bx_init_answers *answers,
                       bx_error **err)
{
    bool may_write = strcmp(answers->can, "read") != 0;

    if (check_hosts(answers, err) < 0)
        return -1;
    if (bx_buf_puts(out, "# What tools may touch here. Whatever an agent is "
                         "allowed to do, it stays\n# within this; "
                         "'boxagnts policy check .boxagnts/policy.yaml' shows "
                         "it.\nversion: 1\n") < 0 ||
        bx_buf_puts(
            out, may_write
                     ? "work-dir: ..          # the workspace, to read and "
                       "write\n"
                     : "map-dir: [\"..::/::ro\"]  # the workspace, to read\n") <
            0 ||
        bx_buf_puts(out, "grant: [\"exec:*\", \"tool:*\"]\n") < 0)
        return bx_error_set_nomem(err);
    if (answers->hosts_count == 0)
        return bx_buf_puts(out, "# allowed-outbound-host: "
                                "[https://api.example.com]\n") < 0
                   ? bx_error_set_nomem(err)
                   : 0;
    if (bx_buf_puts(out, "allowed-outbound-host:\n") < 0)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < answers->hosts_count; i++) {
        if (bx_buf_puts(out, "  - ") < 0 ||
            bx_yaml_put_quoted(out, answers->hosts[i]) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

int bx_init_put_settings(bx_buf *out, const bx_init_answers *answers,
                         bx_error **err)
{
    const char *mode = strcmp(answers->can, "read") == 0   ? "plan"
                       : strcmp(answers->can, "edit") == 0 ? "reads"
                                                           : "auto";

    if (bx_buf_printf(out,
                      "# What agents run with here. Others who have this file "
                      "get what of it narrows\n# their own settings, all of it "
                      "once they approve it (boxagnts init --trust).\n"
                      "mode: %s  # ask, reads, edits, auto or plan\n",
                      mode) < 0)
        return bx_error_set_nomem(err);
    if (answers->model != NULL) {
        if (bx_buf_puts(out, "model: ") < 0 ||
            bx_yaml_put_quoted(out, answers->model) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return bx_error_set_nomem(err);
    }
    if (bx_buf_puts(out, "# budget: { turns: 100, cost: 2.5, time: 1h }\n"
                         "# rules:\n"
                         "#   allow: [\"bash(git status)\"]\n"
                         "#   ask: [web-fetch]\n"
                         "#   refuse: [\"file-write(*.env)\"]\n") < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* ---- files ----------------------------------------------------------- */

int bx_init_open_folder(int workspace_fd, const char *name, bx_error **err)
{
    int fd;

    if (mkdirat(workspace_fd, name, 0755) < 0 && errno != EEXIST)
        return bx_error_set_errno(err, errno, "'%s'", name);
    fd = openat(workspace_fd, name,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' is a link or a file; expected a folder of "
                            "the workspace",
                            name);
    return fd < 0 ? bx_error_set_errno(err, errno, "'%s'", name) : fd;
}

bool bx_init_has(int folder_fd, const char *name)
{
    struct stat st;

    return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
           errno != ENOENT;
}

char *bx_init_put_aside(int folder_fd, const char *name, bx_error **err)
{
    for (int i = 1; i <= MAX_BACKUPS; i++) {
        bx_autofree char *aside = NULL;
        int bytes = i == 1 ? asprintf(&aside, "%s.bak", name)
                           : asprintf(&aside, "%s.bak.%d", name, i);

        if (bytes < 0) {
            aside = NULL;
            (void)bx_error_set_nomem(err);
            return NULL;
        }
        if (renameat2(folder_fd, name, folder_fd, aside, RENAME_NOREPLACE) == 0)
            return bx_take(aside);
        if (errno != EEXIST) {
            (void)bx_error_set_errno(err, errno, "'%s'", name);
            return NULL;
        }
    }
    (void)bx_error_set(err, BX_ERR_LIMIT,
                       "'%s' has %d backups; remove some of them", name,
                       MAX_BACKUPS);
    return NULL;
}

int bx_init_write(int folder_fd, const char *name, const char *text,
                  size_t bytes, bx_error **err)
{
    bx_autofd int fd =
        openat(folder_fd, name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0 || bx_file_write_all(fd, text, bytes) < 0)
        return bx_error_set_errno(err, errno, "'%s'", name);
    return 0;
}
