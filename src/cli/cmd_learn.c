/* boxagnts learn: run a command over an overlay, and write down what it needed.
 */
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/user_dir.h"
#include "cli/learn_report.h"

#define RULES_MAX_BYTES (1u << 20)

static const bx_flag flags[] = {
    { "ask", NULL, "Ask at the terminal; the default when there is one" },
    { "allow-all", NULL, "Allow what the policy allows" },
    { "allow", "GRANT", "Allow what this grant gives, without asking" },
    { "deny", "GRANT",
      "Deny it, before what is allowed; list:DIR is a folder's list alone" },
    { "rules", "FILE", "Lines of 'allow GRANT' and 'deny GRANT'" },
    { "output", "FILE", "Where the manifest goes; stderr without it (or -o)" },
    { "name", "NAME", "The tool's name in the manifest" },
    { "overlay", "NAME", "Keep the command's writes under this name" },
    { "as-policy", NULL, "Write a policy file instead of a manifest" },
    { "check", "FILE", "Do not learn: run with what this manifest gives" },
    { "json", NULL, "Print one JSON object; the command's output to stderr" },
};
#define FLAGS_COUNT (sizeof(flags) / sizeof(flags[0]))

typedef struct learn_state {
    bx_learner learner;
    bool wants_ask;
    bool wants_json;
    bool is_policy;
    bool allows_all;
    const char *output;
    const char *name;
    const char *overlay_name;
    const char *check;
    char *overlay;
    char **command; /* made: the policy's flags are put in */
    int command_count;
} learn_state;

static void print_help(void)
{
    puts(
        "Run a command and write the smallest manifest it needs.\n\n"
        "The command runs over an overlay, so no file is really changed. At "
        "each\ncapability that it is about to use you are asked, or rules "
        "decide; without a\nterminal what no rule allows is denied and "
        "listed. Running the command again\nunder what is written works as "
        "it did.\n\n"
        "Usage: boxagnts learn [options] -- COMMAND\n"
        "       COMMAND is run FILE.wasm ..., bash ..., js ..., python ... or\n"
        "       tool call NAME ..., as boxagnts itself takes it\n\n"
        "Options:");
    bx_options_print_flags(stdout, flags, FLAGS_COUNT);
    puts("\nPolicy: the most that the command may be given. Without any, the "
         "workspace at /\nand every public host.");
    bx_options_print_controls(stdout);
    puts(
        "\nExit status: the command's; 125 when it was not run, 130 when you "
        "stopped it.\n\n"
        "Examples:\n"
        "  boxagnts learn -- bash -c 'grep -rn TODO src > todo.txt'\n"
        "  boxagnts learn --allow-all -o report.tool.yaml -- python report.py\n"
        "  boxagnts learn --allow fs.read:/src --deny network:'*' -- js b.js\n"
        "  boxagnts learn --check report.tool.yaml -- python report.py");
}

/* ---- options --------------------------------------------------------- */

static int add_rule(learn_state *learn, bool is_denying, const char *grant,
                    bx_error **err)
{
    bx_learner *learner = &learn->learner;

    if (is_denying && strncmp(grant, "list:", 5) == 0)
        return bx_learner_deny_list(learner, grant + 5, err);
    return bx_grants_add(is_denying ? learner->deny : learner->allow, grant,
                         "rule", err);
}

/* One line; number counts from 1. */
static int read_rule(learn_state *learn, char *line, unsigned number,
                     bx_error **err)
{
    bool is_denying;
    size_t len;

    line += strspn(line, " \t");
    len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
        line[--len] = '\0';
    if (*line == '\0' || *line == '#')
        return 0;
    is_denying = strncmp(line, "deny ", 5) == 0;
    if (!is_denying && strncmp(line, "allow ", 6) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "line %u: expected 'allow GRANT' or 'deny GRANT', "
                            "such as allow fs.read:/src",
                            number);
    line = strchr(line, ' ');
    line += strspn(line, " \t");
    return add_rule(learn, is_denying, line, err) < 0
               ? bx_error_wrap(err, "line %u", number)
               : 0;
}

static int read_rules(learn_state *learn, const char *path, bx_error **err)
{
    bx_autofree char *text = NULL;
    char *rest;
    size_t bytes;
    unsigned number = 0;

    if (bx_file_read(path, RULES_MAX_BYTES, &text, &bytes, err) < 0)
        return bx_error_wrap(err, "--rules");
    if (memchr(text, '\0', bytes) != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--rules '%s': a NUL byte; expected text", path);
    rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (read_rule(learn, line, ++number, err) < 0)
            return bx_error_wrap(err, "--rules '%s'", path);
    }
    return 0;
}

static int put_option(learn_state *learn, const char *name, const char *value,
                      bx_error **err)
{
    const struct {
        const char *name;
        bool *is_set;
        const char **value;
    } plain[] = {
        { "ask", &learn->wants_ask, NULL },
        { "allow-all", &learn->allows_all, NULL },
        { "output", NULL, &learn->output },
        { "name", NULL, &learn->name },
        { "overlay", NULL, &learn->overlay_name },
        { "as-policy", &learn->is_policy, NULL },
        { "check", NULL, &learn->check },
        { "json", &learn->wants_json, NULL },
    };

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(plain[i].name, name) != 0)
            continue;
        if (plain[i].is_set != NULL)
            *plain[i].is_set = true;
        else
            *plain[i].value = value;
        return 0;
    }
    if (strcmp(name, "rules") == 0)
        return read_rules(learn, value, err);
    return add_rule(learn, strcmp(name, "deny") == 0, value, err) < 0
               ? bx_error_wrap(err, "--%s '%.200s'", name, value)
               : 0;
}

static const bx_flag *find_flag(const char *word, size_t bytes)
{
    for (size_t i = 0; i < FLAGS_COUNT; i++) {
        if (strlen(flags[i].name) == bytes &&
            memcmp(flags[i].name, word, bytes) == 0)
            return &flags[i];
    }
    return NULL;
}

/* Our own options are taken, the policy's kept for the command: argv[1] to
 * argv[end - 1]. ret_kept holds as many. Returns how many are kept, or -1. */
static int sort_options(learn_state *learn, int end, char **argv,
                        char **ret_kept, bx_error **err)
{
    int kept = 0;

    for (int i = 1; i < end; i++) {
        const char *word = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : "";
        size_t bytes = strcspn(word, "=");
        const bx_flag *flag = find_flag(word, bytes);
        const char *value = word[bytes] == '=' ? word + bytes + 1 : NULL;

        if (flag == NULL) {
            ret_kept[kept++] = argv[i];
            continue;
        }
        if (flag->placeholder != NULL && value == NULL && i + 1 < end)
            value = argv[++i];
        if ((flag->placeholder != NULL) != (value != NULL))
            return bx_error_set(err, BX_ERR_INVALID, "--%s %s", flag->name,
                                flag->placeholder != NULL ? "needs a value"
                                                          : "takes no value");
        if (put_option(learn, flag->name, value, err) < 0)
            return -1;
    }
    return kept;
}

static const struct {
    const char *name;
    const char *second; /* word, or NULL */
    int (*run)(int argc, char **argv);
} commands[] = {
    { "run", NULL, bx_cmd_run },     { "bash", NULL, bx_cmd_bash },
    { "js", NULL, bx_cmd_js },       { "python", NULL, bx_cmd_python },
    { "tool", "call", bx_cmd_tool },
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static int find_command(int argc, char **argv, bx_error **err)
{
    for (size_t i = 0; argc > 0 && i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, argv[0]) == 0 &&
            (commands[i].second == NULL ||
             (argc > 1 && strcmp(commands[i].second, argv[1]) == 0)))
            return (int)i;
    }
    return bx_error_set(err, BX_ERR_INVALID,
                        "which command? Expected run, bash, js, python or tool "
                        "call, with what follows it");
}

/* The command's words, with the policy's options behind its name. */
static int make_command(learn_state *learn, int index, int argc, char **argv,
                        char **kept, int kept_count, bx_error **err)
{
    int names = commands[index].second == NULL ? 1 : 2;
    int count = 0;

    learn->command = calloc((size_t)(argc + kept_count) + 1, sizeof(char *));
    if (learn->command == NULL)
        return bx_error_set_nomem(err);
    for (int i = 0; i < names; i++)
        learn->command[count++] = argv[i];
    for (int i = 0; i < kept_count; i++)
        learn->command[count++] = kept[i];
    for (int i = names; i < argc; i++)
        learn->command[count++] = argv[i];
    learn->command_count = count;
    return 0;
}

/* ---- the run --------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int kind,
                      struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static bool is_overlay_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                              "UVWXYZ0123456789-_.");

    return len > 0 && len <= 64 && name[len] == '\0' && name[0] != '.';
}

static int make_overlay(learn_state *learn, bx_error **err)
{
    bx_autofree char *name = NULL;
    bx_autofree char *folder = bx_user_state_path("overlays");
    time_t now = time(NULL);
    struct tm when;
    char date[32] = "";

    if (learn->overlay_name != NULL && !is_overlay_name(learn->overlay_name))
        return bx_error_set(err, BX_ERR_INVALID,
                            "--overlay '%.80s': expected 1 to 64 letters, "
                            "digits, '-', '_' and '.', not beginning with '.'",
                            learn->overlay_name);
    if (gmtime_r(&now, &when) != NULL)
        (void)strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &when);
    if (folder == NULL)
        return bx_user_fail_home("an overlay", "XDG_STATE_HOME", err);
    if ((learn->overlay_name == NULL
             ? asprintf(&name, "overlays/learn-%s-%d", date, (int)getpid())
             : asprintf(&name, "overlays/%s", learn->overlay_name)) < 0) {
        name = NULL;
        return bx_error_set_nomem(err);
    }
    learn->overlay = bx_user_state_path(name);
    if (learn->overlay == NULL)
        return bx_error_set_nomem(err);
    return bx_file_make_dirs(folder, 0700, err);
}

static int open_learner(learn_state *learn, bx_error **err)
{
    bx_learner *learner = &learn->learner;
    bx_automanifest bx_manifest *manifest = NULL;
    bx_autofree char *text = NULL;
    size_t bytes;

    if (learn->check != NULL) {
        if (bx_file_read(learn->check, BX_MANIFEST_MAX_BYTES, &text, &bytes,
                         err) < 0)
            return bx_error_wrap(err, "--check");
        manifest = bx_manifest_parse(text, bytes, learn->check, err);
        if (manifest == NULL)
            return -1;
        learner->check = bx_take(manifest->grants);
    }
    learner->without_rule = learn->allows_all ? BX_LEARN_ALLOW : BX_LEARN_DENY;
    if (!learn->allows_all && learn->check == NULL &&
        (learn->wants_ask || isatty(STDERR_FILENO))) {
        learner->terminal = fopen("/dev/tty", "r+e");
        if (learner->terminal != NULL)
            learner->without_rule = BX_LEARN_ASK;
        else if (learn->wants_ask)
            return bx_error_set(err, BX_ERR_INVALID,
                                "--ask: there is no terminal; expected one, or "
                                "--allow-all, --allow or --rules");
    }
    if (make_overlay(learn, err) < 0)
        return -1;
    learner->overlay = learn->overlay;
    return 0;
}

/* With --json stdout is for one object: what the command prints goes to stderr.
 */
static int run_command(const learn_state *learn, int index)
{
    int kept = -1;
    int status;

    if (learn->wants_json) {
        fflush(stdout);
        kept = dup(STDOUT_FILENO);
        if (kept < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
            return BX_EXIT_NOT_RUN;
    }
    status = commands[index].run(learn->command_count, learn->command);
    if (kept >= 0) {
        fflush(stdout);
        (void)dup2(kept, STDOUT_FILENO);
        close(kept);
    }
    return status;
}

/* Found out before the command runs, which may take long. */
static int check_output(const char *path, bx_error **err)
{
    const char *slash = strrchr(path, '/');
    bx_autofree char *folder = slash == NULL ? strdup(".")
                               : slash == path
                                   ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    struct stat status;

    if (folder == NULL)
        return bx_error_set_nomem(err);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        errno = EISDIR;
    else if (access(path, F_OK) == 0 ? access(path, W_OK) == 0
                                     : access(folder, W_OK) == 0)
        return 0;
    return bx_error_set_errno(err, errno, "--output '%s'", path);
}

/* What a person may do next, beyond the manifest itself. */
static void say_next(const learn_state *learn)
{
    const bx_learner *learner = &learn->learner;

    if (learn->overlay_name != NULL)
        fprintf(stderr,
                "boxagnts: what it wrote is in overlay '%s'; the folders are "
                "as they were\n  boxagnts overlay diff %s\n",
                learn->overlay_name, learn->overlay_name);
    if (learner->refused_count > 0 && learn->check == NULL &&
        learner->without_rule == BX_LEARN_DENY)
        fputs("boxagnts: there was no terminal to ask on, so what no rule "
              "allows was denied; rules are\n--allow GRANT, --allow-all and "
              "--rules FILE\n",
              stderr);
}

static int learn_command(learn_state *learn, int index)
{
    bx_learn_report report;
    bx_error *err = NULL;
    int status;

    if ((learn->output != NULL && learn->check == NULL &&
         check_output(learn->output, &err) < 0) ||
        open_learner(learn, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    status = run_command(learn, index);
    if (learn->overlay_name == NULL)
        (void)nftw(learn->overlay, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (learn->learner.is_stopped) {
        fputs("boxagnts: stopped; nothing is written\n", stderr);
        return BX_EXIT_CANCELLED;
    }
    if (learn->check != NULL || !learn->learner.has_run)
        return status;
    report = (bx_learn_report){ .learner = &learn->learner,
                                .command = learn->command,
                                .command_count = learn->command_count,
                                .exit_status = status,
                                .is_policy = learn->is_policy,
                                .output = learn->output,
                                .name = learn->name,
                                .wants_json = learn->wants_json };
    if (bx_learn_report_write(&report, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    say_next(learn);
    return status;
}

/* -o is the one short option; the command's own are not looked at. */
static void expand_output(int argc, char **argv)
{
    static char output[] = "--output";

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        for (size_t k = 0; k < COMMANDS_COUNT; k++) {
            if (strcmp(argv[i], commands[k].name) == 0)
                return;
        }
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = output;
    }
}

int bx_cmd_learn(int argc, char **argv)
{
    bx_error *err = NULL;
    learn_state learn = { 0 };
    int status = BX_EXIT_NOT_RUN;
    int end;
    char **kept = calloc((size_t)argc + 1, sizeof(*kept));
    int kept_count = -1;
    int begin;
    int index = -1;

    expand_output(argc, argv);
    end = bx_options_end(argc, argv, flags, FLAGS_COUNT, &err);
    begin = end;
    if (argc > 1 &&
        (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        print_help();
        free(kept);
        bx_error_free(err);
        return 0;
    }
    if (end >= 0 && kept != NULL && bx_learner_open(&learn.learner, &err) == 0)
        kept_count = sort_options(&learn, end, argv, kept, &err);
    if (begin >= 0 && begin < argc && strcmp(argv[begin], "--") == 0)
        begin++;
    if (kept_count >= 0)
        index = find_command(argc - begin, argv + begin, &err);
    if (index >= 0 && make_command(&learn, index, argc - begin, argv + begin,
                                   kept, kept_count, &err) == 0)
        status = learn_command(&learn, index);
    else
        status = bx_cli_fail(BX_EXIT_NOT_RUN, err);
    bx_learner_close(&learn.learner);
    free(learn.overlay);
    free((void *)learn.command);
    free((void *)kept);
    return status;
}
