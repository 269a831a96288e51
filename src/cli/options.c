#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/control.h"
#include "policy/grant.h"
#include "policy/policy.h"

enum { POLICY_FLAG = 0x1000, HELP_FLAG, CONTROL_FLAG, OWN_FLAG = 0x2000 };

static const bx_flag common_flags[] = {
    { "policy", "FILE", "Read a policy file; flags add to it" },
    { "help", NULL, "Show this help" },
};

/* A control whose value may be left out, as --deterministic. */
static int argument_kind(const char *placeholder)
{
    if (placeholder == NULL)
        return no_argument;
    return placeholder[0] == '[' ? optional_argument : required_argument;
}

static struct option *make_table(const bx_flag *flags, size_t flags_count)
{
    size_t count = 2 + bx_controls_count + flags_count;
    struct option *table = calloc(count + 1, sizeof(*table));
    struct option *row = table;

    if (table == NULL)
        return NULL;
    *row++ = (struct option){ "policy", required_argument, NULL, POLICY_FLAG };
    *row++ = (struct option){ "help", no_argument, NULL, HELP_FLAG };
    for (size_t i = 0; i < bx_controls_count; i++)
        *row++ = (struct option){ bx_controls[i].name,
                                  argument_kind(bx_controls[i].placeholder),
                                  NULL, CONTROL_FLAG + (int)i };
    for (size_t i = 0; i < flags_count; i++)
        *row++ =
            (struct option){ flags[i].name, argument_kind(flags[i].placeholder),
                             NULL, OWN_FLAG + (int)i };
    return table;
}

static int set_control(bx_policy *policy, const bx_control *control,
                       const char *value, bx_error **err)
{
    bx_autofree char *origin = NULL;

    if (asprintf(&origin, value == NULL ? "--%s" : "--%s %s", control->name,
                 value) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_policy_set(policy, control->name, value == NULL ? "" : value,
                         origin, err);
}

int bx_options_protect(bx_policy *policy, const char *path, const char *tail,
                       const char *what, bx_error **err)
{
    bx_autofree char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    bx_autofree char *whole = NULL;

    if (here == NULL)
        return bx_error_set_errno(err, errno, "the current folder");
    if (asprintf(&whole, "%s%s%s%s", here, here[0] == '\0' ? "" : "/", path,
                 tail) < 0) {
        whole = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_policy_protect(policy, whole, what, err);
}

/* The file may lie in a folder it maps: what runs under it does not write what
 * the next run goes by. */
static bx_policy *load_policy(const char *path, bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_load(path, err);

    if (policy == NULL ||
        bx_options_protect(policy, path, "", "the policy's own file", err) < 0)
        return NULL;
    return bx_take(policy);
}

/* One pass over argv: the policy file (is_first), or everything else. letters:
 * as getopt() takes them, with '+' to stop at the first operand. */
static int pass(int argc, char **argv, const char *letters,
                const struct option *table, bool is_first, const bx_flag *flags,
                bx_flag_fn on_flag, void *context, bx_options *options,
                bx_error **err)
{
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        if (flag == ':' || flag == '?') {
            const char *word = argv[optind - 1];

            return bx_error_set(err, BX_ERR_INVALID,
                                flag == ':' ? "%s needs a value"
                                            : "%s is not an option, or is "
                                              "short for several; --help "
                                              "shows them",
                                word);
        }
        if (flag == 'h' || flag == HELP_FLAG) {
            options->wants_help = true;
        } else if (flag == POLICY_FLAG && is_first) {
            if (options->policy != NULL)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "--policy was given twice; expected one "
                                    "file");
            options->policy = load_policy(optarg, err);
            if (options->policy == NULL)
                return -1;
        } else if (flag >= CONTROL_FLAG && flag < OWN_FLAG && !is_first) {
            if (set_control(options->policy, &bx_controls[flag - CONTROL_FLAG],
                            optarg, err) < 0)
                return -1;
        } else if (flag >= OWN_FLAG && !is_first) {
            if (on_flag(context, flags[flag - OWN_FLAG].name, optarg, err) < 0)
                return -1;
        }
    }
    options->operands = argv + optind;
    options->operands_count = argc - optind;
    return 0;
}

/* The file that counts without --policy: it may be missing, not broken. */
static int load_default(const char *path, bx_options *options, bx_error **err)
{
    if (options->policy == NULL && path != NULL && access(path, F_OK) == 0) {
        options->policy = load_policy(path, err);
        if (options->policy == NULL)
            return -1;
    }
    options->has_policy_file = options->policy != NULL;
    if (options->policy == NULL && (options->policy = bx_policy_new()) == NULL)
        return bx_error_set_nomem(err);
    return 0;
}

static int parse(int argc, char **argv, const char *letters,
                 const bx_flag *flags, size_t flags_count, bx_flag_fn on_flag,
                 void *context, const char *default_policy_file,
                 bx_options *ret_options, bx_error **err)
{
    bx_autofree struct option *table = make_table(flags, flags_count);
    bx_options options = { 0 };

    if (table == NULL)
        return bx_error_set_nomem(err);
    if (pass(argc, argv, letters, table, true, flags, on_flag, context,
             &options, err) < 0 ||
        (!options.wants_help &&
         load_default(default_policy_file, &options, err) < 0) ||
        (!options.wants_help && pass(argc, argv, letters, table, false, flags,
                                     on_flag, context, &options, err) < 0)) {
        bx_options_clear(&options);
        return -1;
    }
    *ret_options = options;
    return 0;
}

int bx_options_parse(int argc, char **argv, const bx_flag *flags,
                     size_t flags_count, bx_flag_fn on_flag, void *context,
                     bx_options *ret_options, bx_error **err)
{
    return parse(argc, argv, "+:h", flags, flags_count, on_flag, context, NULL,
                 ret_options, err);
}

int bx_options_parse_over(int argc, char **argv, const bx_flag *flags,
                          size_t flags_count, bx_flag_fn on_flag, void *context,
                          const char *default_policy_file,
                          bx_options *ret_options, bx_error **err)
{
    return parse(argc, argv, "+:h", flags, flags_count, on_flag, context,
                 default_policy_file, ret_options, err);
}

int bx_options_parse_mixed(int argc, char **argv, const bx_flag *flags,
                           size_t flags_count, bx_flag_fn on_flag,
                           void *context, const char *default_policy_file,
                           bx_options *ret_options, bx_error **err)
{
    return parse(argc, argv, ":h", flags, flags_count, on_flag, context,
                 default_policy_file, ret_options, err);
}

static const struct option *find_long(const struct option *table,
                                      const char *name, size_t bytes)
{
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == bytes &&
            memcmp(table->name, name, bytes) == 0)
            return table;
    }
    return NULL;
}

int bx_options_end(int argc, char **argv, const bx_flag *flags,
                   size_t flags_count, bx_error **err)
{
    bx_autofree struct option *table = make_table(flags, flags_count);
    int at = 1;

    if (table == NULL)
        return bx_error_set_nomem(err);
    while (at < argc && strncmp(argv[at], "--", 2) == 0) {
        const char *name = argv[at] + 2;
        size_t bytes = strcspn(name, "=");
        const struct option *option = find_long(table, name, bytes);

        if (option == NULL)
            break;
        if (option->has_arg == required_argument && name[bytes] == '\0')
            at++;
        at++;
    }
    return at < argc ? at : argc;
}

void bx_options_clear(bx_options *options)
{
    bx_policy_free(options->policy);
    *options = (bx_options){ 0 };
}

#define HELP_COLUMN 32
#define HELP_WIDTH (80 - HELP_COLUMN)

/* Words from HELP_COLUMN on, broken where a terminal of 80 columns ends. */
static void print_wrapped(FILE *out, const char *text)
{
    while (strlen(text) > HELP_WIDTH) {
        int bytes = HELP_WIDTH;

        while (bytes > 0 && text[bytes] != ' ')
            bytes--;
        if (bytes == 0)
            break; /* one long word */
        fprintf(out, "%.*s\n%*s", bytes, text, HELP_COLUMN, "");
        text += bytes + 1;
    }
    fprintf(out, "%s\n", text);
}

/* "  --flag VALUE          help", the help on a line of its own when the flag
 * is long. */
static void print_flag(FILE *out, const char *name, const char *placeholder,
                       const char *help)
{
    char left[96];

    if (placeholder == NULL)
        snprintf(left, sizeof(left), "--%s", name);
    else
        snprintf(left, sizeof(left),
                 placeholder[0] == '[' ? "--%s%s" : "--%s %s", name,
                 placeholder);
    if (strlen(left) > HELP_COLUMN - 4)
        fprintf(out, "  %s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(out, "  %-*s", HELP_COLUMN - 2, left);
    print_wrapped(out, help);
}

void bx_options_print_flags(FILE *out, const bx_flag *flags, size_t flags_count)
{
    for (size_t i = 0; i < flags_count; i++)
        print_flag(out, flags[i].name, flags[i].placeholder, flags[i].help);
    for (size_t i = 0; i < sizeof(common_flags) / sizeof(common_flags[0]); i++)
        print_flag(out, common_flags[i].name, common_flags[i].placeholder,
                   common_flags[i].help);
}

void bx_options_print_controls(FILE *out)
{
    for (size_t i = 0; i < bx_controls_count; i++)
        print_flag(out, bx_controls[i].name, bx_controls[i].placeholder,
                   bx_controls[i].help);
}
