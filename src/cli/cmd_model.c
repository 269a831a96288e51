/* boxagnts model: the models there are, what is known of each, and whether one
 * answers. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/model_cli.h"

#define TIMEOUT_MAX_S 3600

static const char help[] =
    "The models that agents can work with: what they are, where their keys "
    "come from,\nand whether they answer. docs/models.md tells how to add "
    "others.\n\n"
    "Usage: boxagnts model list [--all] [--json]\n"
    "       boxagnts model show [NAME] [--json]\n"
    "       boxagnts model test [NAME] [--timeout SECONDS] [--json]\n\n"
    "  list   those of the table; --all: also the providers that serve any\n"
    "         model, as PROVIDER/ID\n"
    "  show   everything known of one, and where its key comes from\n"
    "  test   ask one for a tool call: time, tokens, cost, and whether it\n"
    "         came\n\n"
    "NAME is a name of the table or PROVIDER/ID, such as ollama/qwen3; "
    "without it,\nthe model that agents take when nobody names one.\n\n"
    "  --all              providers without a model in the table as well\n"
    "  --timeout SECONDS  how long a test may take, 1 to 3600 (default 60)\n"
    "  --json             JSON for programs\n"
    "  --help             this text\n\n"
    "test ends with 0 when the tool call came, with 1 when it did not or the\n"
    "provider refused, with 124 when the time was over. It costs what one "
    "short\nturn costs.\n\n"
    "Examples:\n"
    "  boxagnts model list\n"
    "  boxagnts model show claude-sonnet-5-5\n"
    "  GEMINI_API_KEY=... boxagnts model test gemini-3.5-flash\n"
    "  boxagnts model test ollama/qwen3 --timeout 300";

static const struct verb {
    const char *name;
    const char *flags; /* letters of those that it takes */
    bool takes_name;
    int (*run)(const bx_model_cli *cli);
} verbs[] = {
    { "list", "aj", false, bx_model_list_run },
    { "show", "j", true, bx_model_show_run },
    { "test", "jt", true, bx_model_test_run },
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

const bx_model *bx_model_cli_get(const bx_model_cli *cli, bx_error **err)
{
    return cli->name == NULL ? bx_models_default(cli->models)
                             : bx_models_get(cli->models, cli->name, err);
}

bool bx_provider_is_open(const bx_provider *provider)
{
    return provider->key_env == NULL && provider->key_file == NULL &&
           provider->key_command == NULL;
}

void bx_model_print_field(const char *name, const char *text)
{
    printf("%-12s ", name);
    bx_cli_print_safe(stdout, text, strlen(text));
    putchar('\n');
}

int bx_model_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return 0;
}

static int parse_timeout(const char *text, unsigned *ret_seconds)
{
    char *end = NULL;
    unsigned long seconds = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || seconds < 1 ||
        seconds > TIMEOUT_MAX_S)
        return -1;
    *ret_seconds = (unsigned)seconds;
    return 0;
}

/* Reads flags into cli; given gets their letters. Returns an exit status, -1:
 * go on. */
static int parse_flags(int argc, char **argv, bx_model_cli *cli, char given[8])
{
    static const struct option table[] = {
        { "all", no_argument, NULL, 'a' },
        { "json", no_argument, NULL, 'j' },
        { "timeout", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (flag == 'h') {
            puts(help);
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "model",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        if (flag == 't' && parse_timeout(optarg, &cli->timeout_s) < 0)
            return bx_cli_usage(BX_EXIT_USAGE, "model",
                                "--timeout: expected seconds, 1 to %d",
                                TIMEOUT_MAX_S);
        cli->wants_all |= flag == 'a';
        cli->wants_json |= flag == 'j';
        if (strchr(given, flag) == NULL)
            given[strlen(given)] = (char)flag;
    }
    return -1;
}

int bx_cmd_model(int argc, char **argv)
{
    bx_model_cli cli = { .timeout_s = BX_MODEL_TEST_TIMEOUT_S };
    bx_automodels bx_models *models = NULL;
    const struct verb *verb;
    bx_error *err = NULL;
    char given[8] = "";
    int status = parse_flags(argc, argv, &cli, given);

    if (status >= 0)
        return status;
    verb = optind < argc ? find_verb(argv[optind]) : NULL;
    if (verb == NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "model",
                            "expected list, show or test");
    if (argc - optind > (verb->takes_name ? 2 : 1))
        return bx_cli_usage(BX_EXIT_USAGE, "model", "'%s': %s takes %s",
                            argv[argc - 1], verb->name,
                            verb->takes_name ? "one NAME" : "no operand");
    if (given[strspn(given, verb->flags)] != '\0')
        return bx_cli_usage(BX_EXIT_USAGE, "model", "%s has no such option",
                            verb->name);
    cli.name = argc - optind == 2 ? argv[optind + 1] : NULL;
    models = bx_models_load(NULL, &err);
    if (models == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    cli.models = models;
    return verb->run(&cli);
}
