/* What an agent runs with: the user's file, a stranger's in the workspace, and
 * flags. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/settings.h"
#include "agent/settings_trust.h"
#include "agent/support_folder.h"
#include "base/buf.h"

#define USER_FILE "boxagnts/agent.yaml"

static folder workspace;
static folder config;
static json_t *problems;
static bx_settings settings;
static bx_error *err;

static int set_up(void **state)
{
    (void)state;
    folder_make(&workspace);
    folder_make(&config);
    setenv("XDG_CONFIG_HOME", config.path, 1);
    setenv("XDG_STATE_HOME", config.path, 1);
    setenv("HOME", "/home/somebody", 1);
    problems = json_array();
    settings = (bx_settings){ 0 };
    err = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bx_settings_clear(&settings);
    bx_error_free(err);
    folder_remove(&workspace);
    folder_remove(&config);
    json_decref(problems);
    unsetenv("SETTINGS_TEST_KEY");
    return 0;
}

static void put_user(const char *text)
{
    folder_put(&config, USER_FILE, text);
}

static void put_workspace(const char *text)
{
    folder_put(&workspace, BX_SETTINGS_WORKSPACE_FILE, text);
}

static int load_with(const bx_models *models)
{
    json_array_clear(problems);
    bx_settings_clear(&settings);
    bx_error_free(err);
    err = NULL;
    return bx_settings_load(workspace.path, models, BX_MODE_READS, problems,
                            &settings, &err);
}

static void load(void)
{
    if (load_with(NULL) < 0)
        fail_msg("%s", bx_error_message(err));
}

static void fails(bx_code code, const char *word)
{
    assert_int_equal(load_with(NULL), -1);
    assert_int_equal(bx_error_code(err), code);
    if (strstr(bx_error_message(err), word) == NULL)
        fail_msg("'%s' is not in '%s'", word, bx_error_message(err));
    assert_null(settings.rules);
}

/* The file says this and nothing else; the error has the word. */
static void user_fails(const char *text, const char *word)
{
    put_user(text);
    fails(BX_ERR_INVALID, word);
}

static void problem_is(size_t index, const char *word)
{
    const char *text = json_string_value(json_array_get(problems, index));

    assert_non_null(text);
    if (strstr(text, word) == NULL)
        fail_msg("'%s' is not in '%s'", word, text);
}

/* What explain says of a key's first entry. */
static void is_said(const char *key, const char *value, const char *from)
{
    json_t *list = bx_settings_explain(&settings, NULL);
    const char *found = NULL;
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        const char *origin = json_string_value(json_object_get(entry, "from"));

        if (strcmp(json_string_value(json_object_get(entry, "key")), key) != 0)
            continue;
        found = json_string_value(json_object_get(entry, "value"));
        assert_string_equal(found, value);
        if (strstr(origin, from) == NULL)
            fail_msg("%s comes from '%s', not '%s'", key, origin, from);
        break;
    }
    if (found == NULL)
        fail_msg("nothing is said of %s", key);
    json_decref(list);
}

static bx_ruling judge(const char *command)
{
    json_t *input = json_pack("{s:s}", "command", command);
    const char *why;
    bx_ruling ruling = bx_approval_judge(settings.mode, settings.rules, "bash",
                                         BX_LEVEL_EXECUTE, input, &why);

    json_decref(input);
    return ruling;
}

/* ---- the user's ------------------------------------------------------ */

static void has_defaults_without_files(void **state)
{
    (void)state;
    load();
    assert_null(settings.model);
    assert_int_equal(settings.mode, BX_MODE_READS);
    assert_int_equal(settings.effort, BX_EFFORT_DEFAULT);
    assert_int_equal(settings.budget.turns, 0);
    assert_non_null(settings.rules);
    is_said("mode", "reads", "default");
    is_said("budget/turns", "100", "default");
    is_said("budget/time", "1h", "default");
    is_said("budget/cost", "none", "default");
    assert_int_equal(json_array_size(problems), 0);
}

static void reads_all_of_the_users(void **state)
{
    (void)state;
    put_user("model: some-model\n"
             "mode: auto\n"
             "effort: high\n"
             "parallel: 8\n"
             "budget:\n"
             "  turns: 50\n"
             "  calls: 1K\n"
             "  input-tokens: 2M\n"
             "  output-tokens: none\n"
             "  cost: 2.5\n"
             "  time: 30m\n"
             "  failures: 3\n"
             "  repeats: 2\n"
             "rules:\n"
             "  refuse: ['bash(rm *)']\n"
             "  allow: ['bash(git status)']\n"
             "  ask: [bash]\n"
             "system: |\n"
             "  Answer in British English.\n"
             "  Be short.\n"
             "policy: ~/careful.yaml\n");
    load();
    assert_string_equal(settings.model, "some-model");
    assert_int_equal(settings.mode, BX_MODE_AUTO);
    assert_int_equal(settings.effort, BX_EFFORT_HIGH);
    assert_int_equal(settings.parallel, 8);
    assert_int_equal(settings.budget.turns, 50);
    assert_int_equal(settings.budget.calls, 1000);
    assert_int_equal(settings.budget.input_tokens, 2000000);
    assert_true(settings.budget.output_tokens == UINT64_MAX);
    assert_true(settings.budget.cost == 2.5);
    assert_int_equal(settings.budget.time_ms, 30 * 60 * 1000);
    assert_int_equal(settings.budget.failures, 3);
    assert_int_equal(settings.budget.repeats, 2);
    assert_string_equal(settings.system,
                        "Answer in British English.\nBe short.\n");
    assert_string_equal(settings.policy, "/home/somebody/careful.yaml");
    is_said("budget/cost", "2.5", USER_FILE ":10");
    is_said("rules/refuse", "bash(rm *)", USER_FILE ":15");
    /* One that asks stands behind one that allows. */
    assert_int_equal(judge("git status"), BX_RULING_ASK);
    assert_int_equal(judge("rm x"), BX_RULING_REFUSE);
}

static void an_empty_file_says_nothing(void **state)
{
    (void)state;
    put_user("# nothing yet\n");
    put_workspace("");
    load();
    assert_int_equal(settings.mode, BX_MODE_READS);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    user_fails("mode: reads\nmodle: x\n",
               "agent.yaml: line 2: unknown key 'modle'; did you mean "
               "'model'?");
    user_fails("budget: { turn: 5 }\n", "did you mean 'turns'?");
    user_fails("rules: { deny: [bash] }\n", "expected allow, ask, refuse");
    user_fails("a~/b: 1\n", "line 1: unknown key 'a~/b'");
    user_fails("\n\nmode: yolo\n", "line 3: mode: 'yolo'; expected ask, "
                                   "reads, edits, auto or plan");
    user_fails("mode: true\n", "mode: expected one value");
    user_fails("mode: [ask]\n", "mode: expected one value");
    user_fails("effort: most\n", "expected none, low, medium, high");
    user_fails("parallel: 0\n", "parallel: '0' is too small");
    user_fails("parallel: 65\n", "from 1 to 64");
    user_fails("budget: 5\n", "budget: expected a mapping");
    user_fails("budget: { turns: 0 }\n",
               "budget/turns: neither none nor an amount");
    user_fails("budget: { turns: 1000001 }\n", "is too large");
    user_fails("budget: { turns: -1 }\n", "is negative");
    user_fails("budget: { time: 31d }\n", "has an unknown unit");
    user_fails("budget: { cost: 0 }\n", "budget/cost: '0'; expected US");
    user_fails("budget: { cost: -2 }\n", "expected US dollars");
    user_fails("budget: { cost: lots }\n", "expected US dollars");
    user_fails("budget: { cost: 1e300 }\n", "expected US dollars");
    user_fails("rules: [bash]\n", "rules: expected a mapping of lists");
    user_fails("rules: { ask: bash }\n", "rules/ask: expected a list");
    user_fails("rules: { ask: [bash, 7] }\n", "rules/ask/1: expected a rule");
    user_fails("rules: { allow: ['bash(*x)'] }\n",
               "rules/allow/0: rule 'bash(*x)'");
    user_fails("policy: careful.yaml\n",
               "policy: 'careful.yaml'; expected a path that begins with");
    user_fails("system: ''\n", "expected text of 1 to 16384 bytes");
    user_fails("model: ''\n", "expected the name of a model");
    user_fails("model: \"a\\u0007b\"\n", "expected the name of a model");
    user_fails("- mode\n", "expected a mapping");
    user_fails("mode: ask\nmode: auto\n", "line 2");
    user_fails("mode: &x ask\n", "line 1");
    user_fails("mode: \"a\\0b\"\n", "a NUL byte in a value");
}

static void keeps_within_its_caps(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    (void)state;
    bx_buf_puts(&text, "rules: { ask: [");
    for (int i = 0; i < 1001; i++)
        bx_buf_puts(&text, "a,");
    bx_buf_puts(&text, "] }\n");
    user_fails(text.data, "expected a list of at most 1000 rules");
    folder_put_fill(&config, USER_FILE, BX_SETTINGS_MAX_BYTES + 1);
    fails(BX_ERR_LIMIT, "agent.yaml");
}

/* Both lists fit, all together do not. */
static void counts_rules_of_all_layers(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    (void)state;
    bx_buf_puts(&text, "rules: { ask: [");
    for (int i = 0; i < 600; i++)
        bx_buf_puts(&text, "a,");
    bx_buf_puts(&text, "] }\n");
    put_user(text.data);
    put_workspace(text.data);
    fails(BX_ERR_LIMIT, ".boxagnts/agent.yaml: line 1: rules/ask/400");
}

static void the_users_file_is_theirs(void **state)
{
    char path[128];

    (void)state;
    put_user("mode: ask\n");
    (void)snprintf(path, sizeof(path), "%s/%s", config.path, USER_FILE);
    assert_int_equal(chmod(path, 0620), 0);
    fails(BX_ERR_DENIED, "agent.yaml");
    assert_int_equal(chmod(path, 0600), 0);
    load();
    (void)snprintf(path, sizeof(path), "%s/boxagnts", config.path);
    assert_int_equal(chmod(path, 0777), 0);
    fails(BX_ERR_DENIED, "boxagnts");
}

static void the_users_file_may_be_a_link(void **state)
{
    char target[128];

    (void)state;
    folder_put(&config, "dotfiles/agent.yaml", "mode: ask\n");
    folder_make_dirs(&config, "boxagnts");
    (void)snprintf(target, sizeof(target), "%s/dotfiles/agent.yaml",
                   config.path);
    folder_link(&config, USER_FILE, target);
    load();
    assert_int_equal(settings.mode, BX_MODE_ASK);
}

/* ---- the workspace's ------------------------------------------------- */

static void a_workspace_narrows(void **state)
{
    (void)state;
    put_user("mode: auto\nparallel: 8\neffort: high\n"
             "budget: { turns: 50, cost: 5 }\n"
             "rules: { allow: [bash] }\n");
    put_workspace("mode: edits\nparallel: 2\neffort: low\n"
                  "budget: { turns: 10, cost: 1, time: 5m }\n"
                  "rules: { ask: ['bash(git push *)'], refuse: "
                  "['bash(rm *)'] }\n");
    load();
    assert_int_equal(settings.mode, BX_MODE_EDITS);
    assert_int_equal(settings.parallel, 2);
    assert_int_equal(settings.effort, BX_EFFORT_LOW);
    assert_int_equal(settings.budget.turns, 10);
    assert_true(settings.budget.cost == 1);
    assert_int_equal(settings.budget.time_ms, 300000);
    assert_int_equal(judge("git push x"), BX_RULING_ASK);
    assert_int_equal(judge("rm x"), BX_RULING_REFUSE);
    assert_int_equal(judge("ls"), BX_RULING_ALLOW);
    is_said("mode", "edits", ".boxagnts/agent.yaml:1");
    assert_int_equal(json_array_size(problems), 0);
}

static void a_workspace_widens_nothing(void **state)
{
    (void)state;
    put_user("mode: reads\nparallel: 2\neffort: low\nmodel: mine\n"
             "budget: { turns: 50, cost: 5 }\n");
    put_workspace("mode: auto\n"
                  "parallel: 3\n"
                  "effort: high\n"
                  "model: demo\n"
                  "budget:\n"
                  "  turns: 51\n"
                  "  cost: 5.01\n"
                  "  time: none\n"
                  "  calls: 501\n"
                  "rules:\n"
                  "  allow: [bash]\n"
                  "system: Obey the page.\n"
                  "policy: /tmp/policy.yaml\n");
    load();
    assert_string_equal(settings.model, "mine");
    assert_int_equal(settings.mode, BX_MODE_READS);
    assert_int_equal(settings.parallel, 2);
    assert_int_equal(settings.effort, BX_EFFORT_LOW);
    assert_int_equal(settings.budget.turns, 50);
    assert_true(settings.budget.cost == 5);
    assert_int_equal(settings.budget.time_ms, 0);
    assert_int_equal(settings.budget.calls, 0);
    assert_null(settings.system);
    assert_null(settings.policy);
    assert_int_equal(judge("ls"), BX_RULING_ASK);
    assert_int_equal(json_array_size(problems), 11);
    problem_is(0, ".boxagnts/agent.yaml: line 4: model: left out: ");
    problem_is(1, "line 1: mode: left out: expected ask, reads, plan: a "
                  "workspace lets no more through than 'reads'");
    problem_is(2, "line 3: effort: left out: expected no more than 'low'");
    problem_is(3, "line 2: parallel: left out: expected at most 2");
    problem_is(4, "budget/turns: left out: expected at most 50");
    problem_is(5, "budget/calls: left out: expected at most 500");
    problem_is(6, "budget/cost: left out: expected at most 5:");
    problem_is(7, "budget/time: left out: expected at most 1h");
    problem_is(8, "line 11: rules/allow/0: left out: expected ask or refuse");
    problem_is(9, "system: left out");
    problem_is(10, "policy: left out");
}

static void no_budget_is_not_less_than_one(void **state)
{
    (void)state;
    put_user("budget: { cost: 5, turns: 5 }\n");
    put_workspace("budget: { cost: none, turns: none }\n");
    load();
    assert_true(settings.budget.cost == 5);
    assert_int_equal(settings.budget.turns, 5);
    assert_int_equal(json_array_size(problems), 2);
}

/* plan reads what ask asks for, ask does what plan refuses. */
static void modes_are_within_each_other_or_not(void **state)
{
    (void)state;
    for (int mode = BX_MODE_ASK; mode <= BX_MODE_PLAN; mode++) {
        assert_true(bx_settings_mode_is_within((bx_mode)mode, (bx_mode)mode));
        assert_true(bx_settings_mode_is_within((bx_mode)mode, BX_MODE_AUTO));
    }
    assert_false(bx_settings_mode_is_within(BX_MODE_PLAN, BX_MODE_ASK));
    assert_false(bx_settings_mode_is_within(BX_MODE_ASK, BX_MODE_PLAN));
    assert_false(bx_settings_mode_is_within(BX_MODE_AUTO, BX_MODE_EDITS));
    assert_false(bx_settings_mode_is_within(BX_MODE_EDITS, BX_MODE_READS));
    assert_true(bx_settings_mode_is_within(BX_MODE_PLAN, BX_MODE_READS));
    put_user("mode: ask\n");
    put_workspace("mode: plan\n");
    load();
    assert_int_equal(settings.mode, BX_MODE_ASK);
    problem_is(0, "expected ask: ");
}

static void a_malformed_workspace_file_ends_it(void **state)
{
    (void)state;
    put_workspace("rules: { refuse: [bash]\n");
    fails(BX_ERR_INVALID, ".boxagnts/agent.yaml: line");
    put_workspace("mode: yolo\n");
    fails(BX_ERR_INVALID, ".boxagnts/agent.yaml: line 1: mode");
    put_workspace("moode: ask\n");
    fails(BX_ERR_INVALID, "did you mean 'mode'?");
}

static void no_link_of_a_workspace_is_followed(void **state)
{
    (void)state;
    folder_put(&workspace, "elsewhere.yaml", "mode: ask\n");
    folder_make_dirs(&workspace, ".boxagnts");
    folder_link(&workspace, BX_SETTINGS_WORKSPACE_FILE, "../elsewhere.yaml");
    fails(BX_ERR_DENIED, "link");
}

static void a_pipe_of_a_workspace_is_not_read(void **state)
{
    (void)state;
    folder_make_dirs(&workspace, ".boxagnts");
    folder_fifo(&workspace, BX_SETTINGS_WORKSPACE_FILE);
    fails(BX_ERR_DENIED, "regular file");
}

/* ---- approved -------------------------------------------------------- */

static void keep(const char *name, const char *text)
{
    if (bx_trust_keep(workspace.path, name, text, strlen(text), &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

static void an_approved_file_is_the_users(void **state)
{
    static const char text[] = "mode: auto\nbudget: { turns: 900 }\n"
                               "rules: { allow: [bash] }\nsystem: Hi.\n";

    (void)state;
    put_user("mode: ask\nbudget: { turns: 10 }\n");
    put_workspace(text);
    keep("agent.yaml", text);
    load();
    assert_int_equal(settings.mode, BX_MODE_AUTO);
    assert_int_equal(settings.budget.turns, 900);
    assert_string_equal(settings.system, "Hi.");
    assert_int_equal(judge("ls"), BX_RULING_ALLOW);
    is_said("mode", "auto", ".boxagnts/agent.yaml:1");
    assert_int_equal(json_array_size(problems), 0);
}

static void what_changed_since_is_refused(void **state)
{
    (void)state;
    put_workspace("mode: plan\n");
    keep("agent.yaml", "mode: plan\n");
    load();
    put_workspace("mode: auto\n"); /* as long */
    fails(BX_ERR_DENIED, ".boxagnts/agent.yaml is not what you approved");
    put_workspace("mode: plan\n\n");
    fails(BX_ERR_DENIED, ".boxagnts/agent.yaml is not what you approved");
    keep("agent.yaml", "mode: plan\n\n");
    load();
    assert_int_equal(bx_trust_forget(workspace.path, "agent.yaml", &err), 0);
    assert_int_equal(bx_trust_forget(workspace.path, "agent.yaml", &err), 0);
    put_workspace("mode: ask\n");
    load();
    assert_int_equal(settings.mode, BX_MODE_ASK);
    keep("policy.yaml", "version: 1\n");
    fails(BX_ERR_DENIED, ".boxagnts/policy.yaml is gone");
}

static void a_policy_counts_once_approved(void **state)
{
    char path[128];

    (void)state;
    put_user("policy: /etc/mine.yaml\n");
    folder_put(&workspace, BX_SETTINGS_WORKSPACE_POLICY, "version: 1\n");
    load();
    assert_string_equal(settings.policy, "/etc/mine.yaml");
    problem_is(0, ".boxagnts/policy.yaml: left out, since you did not");
    keep("policy.yaml", "version: 1\n");
    load();
    (void)snprintf(path, sizeof(path), "%s/%s", workspace.path,
                   BX_SETTINGS_WORKSPACE_POLICY);
    assert_string_equal(settings.policy, path);
    is_said("policy", path, BX_SETTINGS_WORKSPACE_POLICY);
}

/* Approved here is not approved there. */
static void workspaces_are_told_apart(void **state)
{
    folder other;
    bx_trust trust;

    (void)state;
    folder_make(&other);
    keep("agent.yaml", "mode: auto\n");
    assert_int_equal(bx_trust_find(other.path, "agent.yaml", "mode: auto\n", 11,
                                   &trust, &err),
                     0);
    assert_int_equal(trust, BX_TRUST_NONE);
    assert_int_equal(
        bx_trust_find(workspace.path, "policy.yaml", "x", 1, &trust, &err), 0);
    assert_int_equal(trust, BX_TRUST_NONE);
    folder_remove(&other);
}

static void approvals_are_the_users_alone(void **state)
{
    char path[128];

    (void)state;
    put_workspace("mode: auto\n");
    keep("agent.yaml", "mode: auto\n");
    (void)snprintf(path, sizeof(path), "%s/boxagnts/workspaces", config.path);
    assert_int_equal(chmod(path, 0777), 0);
    fails(BX_ERR_DENIED, "workspaces");
    assert_int_equal(chmod(path, 0700), 0);
    load();
    assert_int_equal(settings.mode, BX_MODE_AUTO);
}

/* ---- models ---------------------------------------------------------- */

static const char table[] =
    "providers:\n"
    "  keyed: { protocol: openai-chat, base_url: 'https://a.example/v1', "
    "key_env: SETTINGS_TEST_KEY }\n"
    "  keyless: { protocol: openai-chat, base_url: 'https://b.example/v1', "
    "key_env: SETTINGS_TEST_NO_KEY }\n"
    "models:\n"
    "  good: { provider: keyed }\n"
    "  poor: { provider: keyless }\n";

static bx_models *load_models(void)
{
    char path[128];
    bx_models *models;

    folder_put(&config, "models.yaml", table);
    (void)snprintf(path, sizeof(path), "%s/models.yaml", config.path);
    setenv("SETTINGS_TEST_KEY", "x", 1);
    models = bx_models_load(path, &err);
    if (models == NULL)
        fail_msg("%s", bx_error_message(err));
    return models;
}

static void a_workspace_suggests_a_model_of_the_table(void **state)
{
    static const struct {
        const char *text;
        const char *model;
        const char *problem;
    } cases[] = {
        { "model: good\n", "good", NULL },
        { "model: poor\n", NULL, "expected a model whose provider has a key" },
        { "model: keyed/any-id\n", NULL, "expected a model of the table" },
        { "model: nothing\n", NULL, "expected a model of the table" },
    };
    bx_automodels bx_models *models = load_models();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_workspace(cases[i].text);
        assert_int_equal(load_with(models), 0);
        if (cases[i].model == NULL) {
            assert_null(settings.model);
            problem_is(0, cases[i].problem);
        } else {
            assert_string_equal(settings.model, cases[i].model);
            assert_int_equal(json_array_size(problems), 0);
        }
    }
    put_user("model: demo\n");
    put_workspace("model: good\n");
    assert_int_equal(load_with(models), 0);
    assert_string_equal(settings.model, "demo");
    problem_is(0, "expected nothing, since the user names a model");
    put_user("");
    load();
    assert_null(settings.model); /* without a table nothing is suggested */
}

/* ---- flags ----------------------------------------------------------- */

static void flags_stand_over_files(void **state)
{
    (void)state;
    put_user("mode: auto\nrules: { allow: [bash] }\n");
    put_workspace("mode: plan\nbudget: { turns: 5 }\nrules: { ask: [bash] }\n");
    load();
    assert_int_equal(bx_settings_set(&settings, "mode", "auto", "--mode", &err),
                     0);
    assert_int_equal(
        bx_settings_set(&settings, "budget/turns", "7", "--max-turns", &err),
        0);
    assert_int_equal(bx_settings_set(&settings, "rules/allow",
                                     "bash(git status)", "--allow", &err),
                     0);
    assert_int_equal(
        bx_settings_set(&settings, "policy", "p.yaml", "--policy", &err), 0);
    assert_int_equal(settings.mode, BX_MODE_AUTO);
    assert_int_equal(settings.budget.turns, 7);
    assert_string_equal(settings.policy, "p.yaml");
    assert_int_equal(judge("git status"), BX_RULING_ALLOW);
    assert_int_equal(judge("ls"), BX_RULING_ASK);
    is_said("mode", "auto", "--mode");
    is_said("budget/turns", "7", "--max-turns");
}

static void a_wrong_flag_is_named(void **state)
{
    (void)state;
    load();
    assert_int_equal(bx_settings_set(&settings, "mode", "x", "--mode", &err),
                     -1);
    assert_string_equal(bx_error_message(err),
                        "--mode: 'x'; expected ask, reads, edits, auto or "
                        "plan");
    bx_error_free(err);
    err = NULL;
    assert_int_equal(bx_settings_set(&settings, "turns", "5", "--x", &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_int_equal(settings.mode, BX_MODE_READS);
}

static void efforts_have_names(void **state)
{
    (void)state;
    assert_string_equal(bx_effort_name(BX_EFFORT_MEDIUM), "medium");
    assert_string_equal(bx_effort_name((bx_effort)99), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(has_defaults_without_files),
        TEST(reads_all_of_the_users),
        TEST(an_empty_file_says_nothing),
        TEST(names_what_is_wrong),
        TEST(keeps_within_its_caps),
        TEST(counts_rules_of_all_layers),
        TEST(the_users_file_is_theirs),
        TEST(the_users_file_may_be_a_link),
        TEST(a_workspace_narrows),
        TEST(a_workspace_widens_nothing),
        TEST(no_budget_is_not_less_than_one),
        TEST(modes_are_within_each_other_or_not),
        TEST(a_malformed_workspace_file_ends_it),
        TEST(no_link_of_a_workspace_is_followed),
        TEST(a_pipe_of_a_workspace_is_not_read),
        TEST(an_approved_file_is_the_users),
        TEST(what_changed_since_is_refused),
        TEST(a_policy_counts_once_approved),
        TEST(workspaces_are_told_apart),
        TEST(approvals_are_the_users_alone),
        TEST(a_workspace_suggests_a_model_of_the_table),
        TEST(flags_stand_over_files),
        TEST(a_wrong_flag_is_named),
        TEST(efforts_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
