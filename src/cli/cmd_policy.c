/* boxagnts policy: is a policy file right, what does it give, and why. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "net/url.h"
#include "policy/control.h"
#include "policy/layer.h"
#include "policy/policy.h"
#include "policy/secret.h"

static void print_help(void)
{
    puts("Check a policy file, or ask it a question.\n\n"
         "Usage: boxagnts policy check FILE [--json]\n"
         "       boxagnts policy explain FILE QUESTION [--json]\n\n"
         "check says what is wrong with a file, or prints what it gives: "
         "folders,\nvariables, hosts, limits, and warnings such as a folder "
         "that does not exist.\nValues of variables are not shown.\n\n"
         "explain answers yes or no, with the reason and the line that "
         "decides. QUESTION\nis one of\n"
         "  fs.read:PATH, read:PATH      may the guest read PATH?\n"
         "  fs.write:PATH, write:PATH    may it write, create or delete "
         "there?\n"
         "  env:NAME                     does it see the variable?\n"
         "  exec:NAME                    may it run the program?\n"
         "  tool:NAME                    may it call the tool?\n"
         "  secret:NAME                  is there such a secret?\n"
         "  network:URL, or a bare URL   may it fetch the URL?\n\n"
         "Exit status: 0 valid, or yes; 1 no; 2 a bad file, or usage.\n\n"
         "Examples:\n"
         "  boxagnts policy check ci.yaml\n"
         "  boxagnts policy explain ci.yaml fs.write:/data/out.csv\n"
         "  boxagnts policy explain ci.yaml https://api.example.com/v1\n"
         "  boxagnts policy explain ci.yaml http://169.254.169.254/ --json");
}

/* ---- tables of three columns ---- */

#define COLUMNS 3

typedef struct table {
    bx_buf cells; /* NUL-terminated one after the other, row by row */
    size_t count; /* of cells */
    size_t widths[COLUMNS];
    bool has_failed; /* no memory */
} table;

/* Characters, not bytes, as far as UTF-8 goes. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80)
            width++;
    }
    return width;
}

/* Names come from a file: what a terminal would act on is escaped. */
static void put_cell(table *rows, const char *text)
{
    size_t start = rows->cells.len;
    size_t column = rows->count++ % COLUMNS;
    size_t width;

    if (bx_buf_put_escaped(&rows->cells, text, strlen(text), SIZE_MAX) < 0 ||
        bx_buf_append(&rows->cells, "", 1, SIZE_MAX) < 0) {
        rows->has_failed = true;
        return;
    }
    width = text_width(rows->cells.data + start);
    if (width > rows->widths[column])
        rows->widths[column] = width;
}

static void put_row(table *rows, const char *a, const char *b, const char *c)
{
    put_cell(rows, a);
    put_cell(rows, b);
    put_cell(rows, c);
}

static const char *style(const char *code)
{
    return bx_cli_has_colour(stdout) ? code : "";
}

#define BOLD style("\033[1m")
#define DIM style("\033[2m")
#define RED style("\033[31m")
#define GREEN style("\033[32m")
#define YELLOW style("\033[33m")
#define PLAIN style("\033[0m")

/* The last column is where an entry comes from, and dim. Frees the rows. */
static int print_table(const char *title, table *rows)
{
    const char *cell = rows->cells.data;
    int status = rows->has_failed ? -1 : 0;

    if (status == 0 && rows->count > 0)
        printf("\n%s%s%s\n", BOLD, title, PLAIN);
    for (size_t i = 0; status == 0 && i < rows->count; i++) {
        size_t column = i % COLUMNS;
        size_t width = text_width(cell);

        if (column == COLUMNS - 1)
            printf("  %s%s%s\n", DIM, cell, PLAIN);
        else
            printf("  %s%*s", cell, (int)(rows->widths[column] - width), "");
        cell += strlen(cell) + 1;
    }
    bx_buf_clear(&rows->cells);
    return status;
}

/* "line 7" of "ci.yaml:7: map-dir ...", or all of it. */
static const char *short_origin(const char *origin, char text[32])
{
    for (const char *at = strchr(origin, ':'); at != NULL;
         at = strchr(at + 1, ':')) {
        size_t digits = strspn(at + 1, "0123456789");

        if (digits > 0 && digits < 10 &&
            strncmp(at + 1 + digits, ": ", 2) == 0) {
            (void)snprintf(text, 32, "line %.*s", (int)digits, at + 1);
            return text;
        }
    }
    return origin;
}

/* ---- warnings ---- */

static void warn(json_t *warnings, const char *origin, const char *format, ...)
    BX_PRINTF(3, 4);

static void warn(json_t *warnings, const char *origin, const char *format, ...)
{
    bx_autofree char *what = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&what, format, args);
    va_end(args);
    if (bytes < 0) {
        what = NULL;
        return;
    }
    (void)json_array_append_new(warnings, json_sprintf("%s: %s", origin, what));
}

/* Does some grant give something inside the mapping? */
static bool is_used(const bx_policy *policy, const bx_mount *mount)
{
    if (policy->fs_grants_count == 0)
        return true;
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const char *path = policy->fs_grants[i].guest_path;

        if (bx_guest_path_is_beneath(path, mount->guest_dir) ||
            bx_guest_path_is_beneath(mount->guest_dir, path))
            return true;
    }
    return false;
}

static void warn_about_mount(json_t *warnings, const bx_policy *policy,
                             const bx_mount *mount)
{
    struct stat st;

    if (stat(mount->host_dir, &st) < 0)
        warn(warnings, mount->origin, "host folder '%s': %s", mount->host_dir,
             strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        warn(warnings, mount->origin, "host folder '%s' is not a folder",
             mount->host_dir);
    if (!is_used(policy, mount))
        warn(warnings, mount->origin,
             "no grant gives anything in this folder, so it is out of reach");
}

static void warn_about_grant(json_t *warnings, const bx_policy *policy,
                             const bx_fs_grant *grant)
{
    bx_verdict verdict =
        bx_policy_check_fs(policy, grant->guest_path, grant->access);

    if (verdict.is_allowed)
        return;
    /* A grant above a mapping still reaches into it. */
    for (size_t i = 0; i < policy->mounts_count; i++) {
        if (bx_guest_path_is_beneath(policy->mounts[i].guest_dir,
                                     grant->guest_path) &&
            (policy->mounts[i].access & grant->access) != 0)
            return;
    }
    warn(warnings, grant->origin, "gives nothing: %s", verdict.reason);
}

static json_t *find_warnings(const bx_policy *policy)
{
    json_t *warnings = json_array();

    for (size_t i = 0; i < policy->mounts_count; i++)
        warn_about_mount(warnings, policy, &policy->mounts[i]);
    for (size_t i = 0; i < policy->fs_grants_count; i++)
        warn_about_grant(warnings, policy, &policy->fs_grants[i]);
    if (policy->allowed_hosts_count == 0 && policy->blocked_urls_count > 0)
        warn(warnings, policy->blocked_urls[0].origin,
             "has nothing to block: no outbound host is allowed");
    if (policy->allowed_hosts_count == 0 && policy->blocked_networks_count > 0)
        warn(warnings, policy->blocked_networks[0].origin,
             "has nothing to block: no outbound host is allowed");
    return warnings;
}

/* ---- check ---- */

static int print_files(const bx_policy *policy)
{
    table mounts = { 0 };
    table grants = { 0 };
    char line[32];

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];
        bx_autofree char *what = NULL;

        if (asprintf(&what, "%s  %s",
                     (mount->access & BX_ACCESS_WRITE) != 0 ? "read-write"
                                                            : "read-only ",
                     mount->host_dir) < 0) {
            what = NULL;
            mounts.has_failed = true;
        } else {
            put_row(&mounts, mount->guest_dir, what,
                    short_origin(mount->origin, line));
        }
    }
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];

        put_row(&grants, grant->guest_path,
                grant->access == BX_ACCESS_READ ? "reading" : "writing",
                short_origin(grant->origin, line));
    }
    if (print_table("Folders", &mounts) < 0) {
        bx_buf_clear(&grants.cells);
        return -1;
    }
    return print_table("Granted in them, and nothing else", &grants);
}

static int print_secrets(const bx_policy *policy)
{
    table rows = { 0 };
    char line[32];

    for (size_t i = 0; i < policy->secrets_count; i++) {
        const bx_secret *secret = &policy->secrets[i];

        put_row(&rows, secret->name,
                secret->host == NULL ? "where a tool asks for it"
                                     : bx_host_pattern_text(secret->host),
                short_origin(secret->origin, line));
    }
    return print_table("Secrets", &rows);
}

static int print_tools(const bx_policy *policy)
{
    table rows = { 0 };
    const bx_grants *names = policy->names;
    char line[32];

    for (size_t i = 0; names != NULL && i < names->rules_count; i++)
        put_row(
            &rows, names->rules[i].kind == BX_GRANT_EXEC ? "program" : "tool",
            names->rules[i].text, short_origin(names->rules[i].origin, line));
    put_row(&rows, "permission-level", bx_level_name(policy->max_level),
            short_origin(bx_policy_origin(policy, "permission-level"), line));
    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];
        bx_autofree char *what = NULL;

        if (asprintf(&what, "%s=%s", row->pattern, bx_level_name(row->level)) <
            0) {
            what = NULL;
            rows.has_failed = true;
        } else {
            put_row(&rows, "tool-level", what, short_origin(row->origin, line));
        }
    }
    return print_table("Programs and tools", &rows);
}

static int print_env(const bx_policy *policy)
{
    table rows = { 0 };
    char line[32];

    for (size_t i = 0; i < policy->env_count; i++)
        put_row(&rows, policy->env[i].name, "",
                short_origin(policy->env[i].origin, line));
    return print_table("Environment", &rows);
}

static int print_network(const bx_policy *policy)
{
    table rows = { 0 };
    char line[32];
    char network[50];

    for (size_t i = 0; i < policy->allowed_hosts_count; i++)
        put_row(&rows, "allow host",
                bx_host_pattern_text(policy->allowed_hosts[i].pattern),
                short_origin(policy->allowed_hosts[i].origin, line));
    for (size_t i = 0; i < policy->blocked_urls_count; i++)
        put_row(&rows, "block URL",
                bx_url_pattern_text(policy->blocked_urls[i].pattern),
                short_origin(policy->blocked_urls[i].origin, line));
    for (size_t i = 0; i < policy->blocked_networks_count; i++) {
        bx_network_format(&policy->blocked_networks[i].network, network);
        put_row(&rows, "block network", network,
                short_origin(policy->blocked_networks[i].origin, line));
    }
    return print_table("Network", &rows);
}

static int print_limits(const bx_policy *policy)
{
    table rows = { 0 };
    char line[32];
    char value[32];

    for (size_t i = 0; i < bx_controls_count; i++) {
        const bx_control *control = &bx_controls[i];
        uint64_t amount;

        if (!bx_control_is_limit(control))
            continue;
        amount = bx_limits_get(&policy->limits, control->index);
        put_row(&rows, control->name,
                amount == 0 && strcmp(control->name, "wasm-fuel") == 0
                    ? "not metered"
                    : bx_unit_format(amount, control->unit, value),
                short_origin(bx_policy_origin(policy, control->name), line));
    }
    put_row(&rows, "wasm-cache-dir",
            policy->cache_dir == NULL      ? "per user"
            : policy->cache_dir[0] == '\0' ? "off"
                                           : policy->cache_dir,
            short_origin(bx_policy_origin(policy, "wasm-cache-dir"), line));
    (void)snprintf(value, sizeof(value), "seed %llu",
                   (unsigned long long)policy->seed);
    put_row(&rows, "deterministic", policy->is_deterministic ? value : "off",
            short_origin(bx_policy_origin(policy, "deterministic"), line));
    return print_table("Limits and modes", &rows);
}

static void print_nothing_granted(const bx_policy *policy)
{
    static const char *const what[] = { "files", "environment", "network" };
    const bool is_empty[] = {
        policy->mounts_count == 0,
        policy->env_count == 0,
        policy->allowed_hosts_count == 0,
    };
    const char *before = "\nNot granted: ";

    for (size_t i = 0; i < 3; i++) {
        if (is_empty[i]) {
            printf("%s%s", before, what[i]);
            before = ", ";
        }
    }
    if (before[0] == ',')
        putchar('\n');
}

static int print_check(const char *path, const bx_policy *policy,
                       const json_t *warnings)
{
    table rows = { 0 };
    size_t index;
    const json_t *warning;

    put_row(&rows, path, "", "");
    if (rows.has_failed)
        return -1;
    printf("%s: %svalid%s", rows.cells.data, GREEN, PLAIN);
    bx_buf_clear(&rows.cells);
    if (json_array_size(warnings) > 0)
        printf(", %s%zu warning%s%s", YELLOW, json_array_size(warnings),
               json_array_size(warnings) == 1 ? "" : "s", PLAIN);
    putchar('\n');
    if (print_files(policy) < 0 || print_env(policy) < 0 ||
        print_network(policy) < 0 || print_secrets(policy) < 0 ||
        print_tools(policy) < 0 || print_limits(policy) < 0)
        return -1;
    print_nothing_granted(policy);
    if (json_array_size(warnings) > 0)
        printf("\n%sWarnings%s\n", BOLD, PLAIN);
    json_array_foreach(warnings, index, warning)
    {
        bx_autobuf bx_buf text = BX_BUF_INIT;

        if (bx_buf_put_escaped(&text, json_string_value(warning),
                               json_string_length(warning), SIZE_MAX) < 0)
            return -1;
        printf("  %s\n", text.data);
    }
    return 0;
}

static int print_json(const json_t *root)
{
    if (root == NULL || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
        return -1;
    putchar('\n');
    return 0;
}

static int print_check_json(const char *path, const bx_policy *policy,
                            json_t *warnings)
{
    bx_autofree char *text = bx_policy_format(policy, true, NULL);
    json_t *root = text != NULL ? json_loads(text, 0, NULL) : NULL;
    json_t *check;
    size_t index;
    json_t *env;
    int status;

    /* The values may be secrets, and this ends up in logs. */
    json_array_foreach(json_object_get(root, "env"), index, env)(void)
        json_object_del(env, "value");
    check = json_pack("{s:s, s:o, s:O}", "file", path, "policy", root,
                      "warnings", warnings);
    status = print_json(check);
    json_decref(check);
    return status;
}

static int fail_nomem(void)
{
    bx_error *err = NULL;

    (void)bx_error_set_nomem(&err);
    return bx_cli_fail(BX_EXIT_USAGE, err);
}

static int check(const char *path, bool is_json)
{
    bx_error *err = NULL;
    bx_autopolicy bx_policy *policy = bx_policy_load(path, &err);
    json_t *warnings;
    int status;

    if (policy == NULL)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    warnings = find_warnings(policy);
    status = is_json ? print_check_json(path, policy, warnings)
                     : print_check(path, policy, warnings);
    json_decref(warnings);
    return status < 0 ? fail_nomem() : 0;
}

/* ---- explain ---- */

/* ret_asked: the question in canonical form, owned by the caller. */
typedef int question_fn(const bx_policy *policy, const char *text,
                        unsigned access, bx_verdict *ret_verdict,
                        char **ret_asked, bx_error **err);

static int make_asked(const char *prefix, const char *subject, char **ret_asked,
                      bx_error **err)
{
    if (asprintf(ret_asked, "%s%s", prefix, subject) >= 0)
        return 0;
    *ret_asked = NULL;
    return bx_error_set_nomem(err);
}

static int ask_fs(const bx_policy *policy, const char *text, unsigned access,
                  bx_verdict *ret_verdict, char **ret_asked, bx_error **err)
{
    bx_autofree char *path = bx_guest_path_parse(text, err);

    if (path == NULL)
        return -1;
    *ret_verdict = bx_policy_check_fs(policy, path, access);
    return make_asked(access == BX_ACCESS_READ ? "fs.read:" : "fs.write:", path,
                      ret_asked, err);
}

static int ask_env(const bx_policy *policy, const char *text, unsigned access,
                   bx_verdict *ret_verdict, char **ret_asked, bx_error **err)
{
    (void)access;
    if (text[0] == '\0' || strchr(text, '=') != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'env:%s' names no variable; expected env:NAME",
                            text);
    if (make_asked("env:", text, ret_asked, err) < 0)
        return -1;
    *ret_verdict = bx_policy_check_env(policy, text);
    return 0;
}

/* access: 0 a program, 1 a tool */
static int ask_name(const bx_policy *policy, const char *text, unsigned access,
                    bx_verdict *ret_verdict, char **ret_asked, bx_error **err)
{
    if (text[0] == '\0' || strchr(text, '*') != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' names no %s; expected one name, such as "
                            "%s",
                            text, access == 0 ? "program" : "tool",
                            access == 0 ? "exec:python3" : "tool:file-read");
    if (make_asked(access == 0 ? "exec:" : "tool:", text, ret_asked, err) < 0)
        return -1;
    *ret_verdict = access == 0 ? bx_policy_check_exec(policy, text)
                               : bx_policy_check_tool(policy, text);
    return 0;
}

static int ask_secret(const bx_policy *policy, const char *text,
                      unsigned access, bx_verdict *ret_verdict,
                      char **ret_asked, bx_error **err)
{
    (void)access;
    if (text[0] == '\0' || strpbrk(text, "=@*") != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'secret:' is followed by no secret's name; "
                            "expected secret:NAME");
    if (make_asked("secret:", text, ret_asked, err) < 0)
        return -1;
    *ret_verdict = bx_policy_check_secret(policy, text);
    return 0;
}

static int ask_url(const bx_policy *policy, const char *text, unsigned access,
                   bx_verdict *ret_verdict, char **ret_asked, bx_error **err)
{
    bx_autourl bx_url *url = bx_url_parse(text, strlen(text), NULL, err);

    (void)access;
    if (url == NULL)
        return -1;
    if (make_asked("", url->text, ret_asked, err) < 0)
        return -1;
    *ret_verdict = bx_policy_check_url(policy, url);
    return 0;
}

typedef struct question {
    const char *prefix;
    question_fn *ask;
    unsigned access;
    size_t skipped; /* bytes of the prefix that are not part of the subject */
} question;

static const question questions[] = {
    { "fs.read:", ask_fs, BX_ACCESS_READ, 8 },
    { "read:", ask_fs, BX_ACCESS_READ, 5 },
    { "fs.write:", ask_fs, BX_ACCESS_WRITE, 9 },
    { "write:", ask_fs, BX_ACCESS_WRITE, 6 },
    { "env:", ask_env, 0, 4 },
    { "exec:", ask_name, 0, 5 },
    { "tool:", ask_name, 1, 5 },
    { "secret:", ask_secret, 0, 7 },
    { "network:", ask_url, 0, 8 },
    { "fetch:", ask_url, 0, 6 },
    { "http://", ask_url, 0, 0 },
    { "https://", ask_url, 0, 0 },
};

static const question *find_question(const char *text)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (strncasecmp(text, questions[i].prefix,
                        strlen(questions[i].prefix)) == 0)
            return &questions[i];
    }
    return NULL;
}

static int print_verdict(const char *asked, bx_verdict verdict, bool is_url)
{
    table rows = { 0 };

    put_row(&rows, asked, verdict.reason, verdict.rule);
    if (rows.has_failed) {
        bx_buf_clear(&rows.cells);
        return -1;
    }
    asked = rows.cells.data;
    printf("%s%s%s  %s\n", verdict.is_allowed ? GREEN : RED,
           verdict.is_allowed ? "yes" : "no ", PLAIN, asked);
    asked += strlen(asked) + 1;
    printf("     %s\n", asked);
    asked += strlen(asked) + 1;
    printf("     %s%s%s\n", DIM, asked, PLAIN);
    if (verdict.is_allowed && is_url)
        puts("     each address it resolves to is checked again when dialled");
    bx_buf_clear(&rows.cells);
    return 0;
}

static int explain(const char *path, const char *text, bool is_json)
{
    const question *found = find_question(text);
    bx_error *err = NULL;
    bx_autopolicy bx_policy *policy = NULL;
    bx_autofree char *asked = NULL;
    bx_verdict verdict;
    int status;

    if (found == NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "policy",
                            "'%s' is no question; expected fs.read:PATH, "
                            "fs.write:PATH, env:NAME, exec:NAME, tool:NAME, "
                            "secret:NAME, "
                            "network:URL or a URL",
                            text);
    policy = bx_policy_load(path, &err);
    if (policy == NULL || found->ask(policy, text + found->skipped,
                                     found->access, &verdict, &asked, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (is_json) {
        json_t *root =
            json_pack("{s:s, s:s, s:b, s:s, s:s}", "question", text, "asked",
                      asked, "allowed", (int)verdict.is_allowed, "reason",
                      verdict.reason, "rule", verdict.rule);

        status = print_json(root);
        json_decref(root);
    } else {
        status = print_verdict(asked, verdict, found->ask == ask_url);
    }
    if (status < 0)
        return fail_nomem();
    return verdict.is_allowed ? 0 : BX_EXIT_FAILED;
}

/* ---- the command ---- */

int bx_cmd_policy(int argc, char **argv)
{
    static const struct option flags[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool is_json = false;
    int operands;
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag != 'j')
            return bx_cli_usage(BX_EXIT_USAGE, "policy",
                                "%s is not an option; expected --json or "
                                "--help",
                                argv[optind - 1]);
        is_json = true;
    }
    operands = argc - optind;
    argv += optind;
    if (operands == 2 && strcmp(argv[0], "check") == 0)
        return check(argv[1], is_json);
    if (operands == 3 && strcmp(argv[0], "explain") == 0)
        return explain(argv[1], argv[2], is_json);
    return bx_cli_usage(BX_EXIT_USAGE, "policy",
                        "expected 'check FILE' or 'explain FILE QUESTION'");
}
