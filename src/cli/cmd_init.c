/* boxagnts init: set up a workspace by asking little. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/models/model.h"
#include "agent/settings.h"
#include "agent/settings_trust.h"
#include "agent/workspace_file.h"
#include "cli/init_files.h"
#include "cli/init_trust.h"
#include "cli/tool_cli.h"

#define MAX_HOSTS 100
#define MAX_TRIES 3
#define MAX_LINE 4096

typedef struct init_cli {
    bx_init_answers answers;
    const char *host_list[MAX_HOSTS];
    bool has_network; /* it was said, "none" too */
    bool has_model;
    bool is_agreed;
    bool is_forced;
    bool has_agents_md;
    bool is_trust;
    bool is_distrust;
    char *workspace;         /* real path; owned */
    char lines[2][MAX_LINE]; /* answered on the terminal */
    bx_models *models;       /* owned */
    int fd;                  /* of the workspace */
} init_cli;

static void print_help(void)
{
    puts("Set up a folder as a workspace of agents: what they may do here, as "
         "files that\npeople read and change.\n\n"
         "Usage: boxagnts init [DIR] [--can WHAT] [--network HOST]... "
         "[--model NAME]\n"
         "                     [--agents-md] [--force] [--yes]\n"
         "       boxagnts init [DIR] --trust [--yes]\n"
         "       boxagnts init [DIR] --distrust\n\n"
         "Writes .boxagnts/agent.yaml (mode, model, budgets, rules) and "
         "policy.yaml beside\nit (files and network), and approves both as "
         "yours. On a terminal it asks for\nwhat is not given. What is there "
         "is never overwritten.\n\n"
         "  --can WHAT      read   look and plan, change nothing\n"
         "                  edit   change files, each call approved by you "
         "(default)\n"
         "                  auto   change files within the policy, unasked\n"
         "  --network HOST  a host that tools may reach, such as "
         "https://api.example.com;\n"
         "                  none: no network (default)\n"
         "  --model NAME    as 'boxagnts model list' shows it\n"
         "  --agents-md     an AGENTS.md as well, to be filled in\n"
         "  --force         put what is there aside, as NAME.bak, and write "
         "anew\n"
         "  --yes           ask nothing\n"
         "  --trust         approve the files that are there: what a clone "
         "brought only\n"
         "                  narrows before, and its policy is not read\n"
         "  --distrust      forget that they were approved\n\n"
         "Examples:\n"
         "  boxagnts init\n"
         "  boxagnts init --can edit --network https://api.github.com --yes\n"
         "  boxagnts init --trust\n\n"
         "Exit status: 0 done; 1 refused, or files are there; 2 usage.");
}

/* ---- questions ------------------------------------------------------- */

/* A line without its end and the blanks around it; false: no more. */
static bool read_line(const char *question, char line[MAX_LINE])
{
    size_t start;
    size_t bytes;

    fprintf(stderr, "%s ", question);
    if (fgets(line, MAX_LINE, stdin) == NULL)
        return false;
    start = strspn(line, " \t");
    bytes = strlen(line + start);
    memmove(line, line + start, bytes + 1);
    while (bytes > 0 && strchr(" \t\r\n", line[bytes - 1]) != NULL)
        line[--bytes] = '\0';
    return true;
}

static const char *find_can(const char *text)
{
    static const char *const words[][2] = { { "read", "1" },
                                            { "edit", "2" },
                                            { "auto", "3" } };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i][0]) == 0 || strcmp(text, words[i][1]) == 0)
            return words[i][0];
    }
    return NULL;
}

static bool ask_can(init_cli *cli)
{
    char line[MAX_LINE];

    fputs("What may agents do here?\n"
          "  1  read: look and plan, change nothing\n"
          "  2  edit: change files, each call approved by you\n"
          "  3  auto: change files within the policy, unasked\n",
          stderr);
    for (int i = 0; i < MAX_TRIES; i++) {
        if (!read_line("Which? [2]", line))
            return false;
        cli->answers.can = line[0] == '\0' ? "edit" : find_can(line);
        if (cli->answers.can != NULL)
            return true;
        fputs("expected 1, 2 or 3\n", stderr);
    }
    return false;
}

/* Hosts of a list, in place. -1: too many. */
static int take_hosts(init_cli *cli, char *text)
{
    char *rest = NULL;

    for (char *host = strtok_r(text, ", \t", &rest); host != NULL;
         host = strtok_r(NULL, ", \t", &rest)) {
        if (strcmp(host, "none") == 0)
            continue;
        if (cli->answers.hosts_count == MAX_HOSTS)
            return -1;
        cli->host_list[cli->answers.hosts_count++] = host;
    }
    return 0;
}

static bool ask_network(init_cli *cli)
{
    for (int i = 0; i < MAX_TRIES; i++) {
        bx_autobuf bx_buf text = BX_BUF_INIT;
        bx_error *err = NULL;

        if (!read_line("Which hosts may tools reach, such as "
                       "https://api.example.com? [none]",
                       cli->lines[0]))
            return false;
        cli->answers.hosts_count = 0;
        if (take_hosts(cli, cli->lines[0]) == 0 &&
            bx_init_put_policy(&text, &cli->answers, &err) == 0)
            return true;
        (void)bx_cli_fail(0, err);
    }
    return false;
}

static bool ask_model(init_cli *cli)
{
    char question[200];

    (void)snprintf(question, sizeof(question), "Which model? [%.100s]",
                   bx_models_default(cli->models)->name);
    for (int i = 0; i < MAX_TRIES; i++) {
        bx_error *err = NULL;

        if (!read_line(question, cli->lines[1]))
            return false;
        if (cli->lines[1][0] == '\0')
            return true;
        if (bx_models_get(cli->models, cli->lines[1], &err) != NULL) {
            cli->answers.model = cli->lines[1];
            return true;
        }
        (void)bx_cli_fail(0, err);
    }
    return false;
}

static int ask(init_cli *cli)
{
    bool can_ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);

    if (!cli->is_agreed && !can_ask)
        return bx_cli_usage(BX_EXIT_USAGE, "init",
                            "no terminal to ask on; --yes takes the defaults "
                            "for what is not given");
    if (cli->answers.can == NULL && !cli->is_agreed && !ask_can(cli))
        return BX_EXIT_FAILED;
    if (cli->answers.can == NULL)
        cli->answers.can = "edit";
    if (!cli->has_network && !cli->is_agreed && !ask_network(cli))
        return BX_EXIT_FAILED;
    if (!cli->has_model && !cli->is_agreed && !ask_model(cli))
        return BX_EXIT_FAILED;
    return 0;
}

/* ---- writing --------------------------------------------------------- */

typedef struct target {
    const char *folder;
    const char *name;
    const char *text;
    size_t bytes;
    int folder_fd;
    bool is_trusted; /* approved as the user's own */
} target;

/* Before anything is written: is one of them there? */
static int check_absent(const target *targets, size_t count)
{
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        if (!bx_init_has(targets[i].folder_fd, targets[i].name))
            continue;
        fprintf(stderr, "boxagnts: %s%s is there already\n", targets[i].folder,
                targets[i].name);
        status = BX_EXIT_FAILED;
    }
    if (status != 0)
        fputs("Nothing was written. --force puts it aside and writes anew; "
              "--trust approves what is\nthere.\n",
              stderr);
    return status;
}

static int write_one(const init_cli *cli, const target *it, bx_error **err)
{
    bx_autofree char *aside = NULL;

    if (bx_init_has(it->folder_fd, it->name)) {
        aside = bx_init_put_aside(it->folder_fd, it->name, err);
        if (aside == NULL)
            return -1;
        printf("kept   %s%s\n", it->folder, aside);
    }
    if (bx_init_write(it->folder_fd, it->name, it->text, it->bytes, err) < 0 ||
        (it->is_trusted &&
         bx_trust_keep(cli->workspace, it->name, it->text, it->bytes, err) < 0))
        return -1;
    printf("wrote  %s%s\n", it->folder, it->name);
    return 0;
}

static void print_next(const init_cli *cli)
{
    static const char *const can[][2] = {
        { "read", "look and plan; they change nothing" },
        { "edit", "change files; you approve each call" },
        { "auto", "change files within the policy, unasked" },
    };

    for (size_t i = 0; i < sizeof(can) / sizeof(can[0]); i++) {
        if (strcmp(cli->answers.can, can[i][0]) == 0)
            printf("\nAgents here may %s.\n", can[i][1]);
    }
    if (cli->answers.hosts_count == 0)
        puts("Tools reach no network.");
    for (size_t i = 0; i < cli->answers.hosts_count; i++)
        printf("Tools may reach %s.\n", cli->answers.hosts[i]);
    puts("\nNext:\n"
         "  boxagnts settings     what an agent would run with, and why\n"
         "  boxagnts chat         talk to one\n"
         "With git, commit both files: to others they only narrow, until they "
         "approve\nthem.");
}

static int write_all(init_cli *cli, int folder_fd, bx_error **err)
{
    bx_autobuf bx_buf settings = BX_BUF_INIT;
    bx_autobuf bx_buf policy = BX_BUF_INIT;
    target targets[4];
    size_t count = 0;
    int status;

    if (bx_init_put_settings(&settings, &cli->answers, err) < 0 ||
        bx_init_put_policy(&policy, &cli->answers, err) < 0)
        return -1;
    targets[count++] =
        (target){ BX_SETTINGS_FOLDER "/", BX_SETTINGS_FILE, settings.data,
                  settings.len,           folder_fd,        true };
    targets[count++] = (target){ BX_SETTINGS_FOLDER "/",
                                 BX_SETTINGS_POLICY_FILE,
                                 policy.data,
                                 policy.len,
                                 folder_fd,
                                 true };
    if (cli->has_agents_md)
        targets[count++] = (target){
            "",      "AGENTS.md", bx_init_agents_md, strlen(bx_init_agents_md),
            cli->fd, false
        };
    if (!cli->is_forced) {
        status = check_absent(targets, count);
        if (status != 0)
            return status;
    }
    if (bx_init_has(cli->fd, ".git") && !bx_init_has(folder_fd, ".gitignore"))
        targets[count++] = (target){
            BX_SETTINGS_FOLDER "/",    ".gitignore", bx_init_gitignore,
            strlen(bx_init_gitignore), folder_fd,    false
        };
    for (size_t i = 0; i < count; i++) {
        if (write_one(cli, &targets[i], err) < 0)
            return -1;
    }
    print_next(cli);
    return 0;
}

static int set_up(init_cli *cli)
{
    bx_error *err = NULL;
    bx_autobuf bx_buf policy = BX_BUF_INIT;
    bx_autofd int folder_fd = -1;
    int status = ask(cli);

    if (status != 0)
        return status;
    /* What was given with flags is checked before a folder is made. */
    if (cli->answers.model != NULL &&
        bx_models_get(cli->models, cli->answers.model, &err) == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (bx_init_put_policy(&policy, &cli->answers, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    folder_fd = bx_init_open_folder(cli->fd, BX_SETTINGS_FOLDER, &err);
    status = folder_fd < 0 ? -1 : write_all(cli, folder_fd, &err);
    return status < 0 ? bx_cli_fail(BX_EXIT_FAILED, err) : status;
}

/* ---- the command ----------------------------------------------------- */

static const struct option flags[] = {
    { "can", required_argument, NULL, 'c' },
    { "network", required_argument, NULL, 'n' },
    { "model", required_argument, NULL, 'm' },
    { "agents-md", no_argument, NULL, 'a' },
    { "force", no_argument, NULL, 'f' },
    { "yes", no_argument, NULL, 'y' },
    { "trust", no_argument, NULL, 't' },
    { "distrust", no_argument, NULL, 'd' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* 0, or the status to end with. */
static int take_flag(init_cli *cli, int flag)
{
    switch (flag) {
    case 'c':
        cli->answers.can = find_can(optarg);
        return cli->answers.can != NULL
                   ? 0
                   : bx_cli_usage(BX_EXIT_USAGE, "init",
                                  "--can: expected read, edit or auto");
    case 'n':
        cli->has_network = true;
        return take_hosts(cli, optarg) == 0
                   ? 0
                   : bx_cli_usage(BX_EXIT_USAGE, "init",
                                  "--network: at most %d hosts; a policy file "
                                  "takes more",
                                  MAX_HOSTS);
    case 'm':
        cli->has_model = true;
        cli->answers.model = optarg;
        return 0;
    case 'a':
        cli->has_agents_md = true;
        return 0;
    case 'f':
        cli->is_forced = true;
        return 0;
    case 'y':
        cli->is_agreed = true;
        return 0;
    case 't':
        cli->is_trust = true;
        return 0;
    default:
        cli->is_distrust = true;
        return 0;
    }
}

static int open_workspace(init_cli *cli, const char *path)
{
    bx_error *err = NULL;

    cli->workspace = realpath(path, NULL);
    if (cli->workspace == NULL)
        (void)bx_error_set_errno(&err, errno, "workspace '%.300s'", path);
    else
        cli->fd = bx_workspace_open(cli->workspace, &err);
    if (cli->fd >= 0)
        cli->models = bx_models_load(NULL, &err);
    return cli->models == NULL ? bx_cli_fail(BX_EXIT_FAILED, err) : 0;
}

static int run(init_cli *cli, int argc, char **argv)
{
    bx_init_place place;
    int status = 0;
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "init",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        status = take_flag(cli, flag);
        if (status != 0)
            return status;
    }
    if (argc - optind > 1)
        return bx_cli_usage(BX_EXIT_USAGE, "init", "'%s'? expected one folder",
                            argv[optind + 1]);
    if (cli->is_trust && cli->is_distrust)
        return bx_cli_usage(BX_EXIT_USAGE, "init",
                            "--trust and --distrust exclude each other");
    if ((cli->is_trust || cli->is_distrust) &&
        (cli->answers.can != NULL || cli->has_network || cli->has_model ||
         cli->is_forced || cli->has_agents_md))
        return bx_cli_usage(BX_EXIT_USAGE, "init",
                            "--trust and --distrust write nothing: no other "
                            "option but --yes goes with them");
    status = open_workspace(cli, optind < argc ? argv[optind] : ".");
    if (status != 0)
        return status;
    place = (bx_init_place){ cli->workspace, cli->fd, cli->models };
    return cli->is_trust      ? bx_init_trust(&place, cli->is_agreed)
           : cli->is_distrust ? bx_init_distrust(&place)
                              : set_up(cli);
}

int bx_cmd_init(int argc, char **argv)
{
    init_cli *cli = calloc(1, sizeof(*cli));
    int status;

    if (cli == NULL)
        return BX_EXIT_FAILED;
    cli->fd = -1;
    cli->answers.hosts = cli->host_list;
    status = run(cli, argc, argv);
    bx_models_free(cli->models);
    bx_closep(&cli->fd);
    free(cli->workspace);
    free(cli);
    return status;
}
