/* boxagnts completion: made from the tables of commands and controls, so it
 * cannot fall behind them. */
#include <string.h>

#include "cli/agent_cli.h"
#include "policy/control.h"

static const char *const run_flags[] = {
    "policy",           "stats",         "json",   "quiet",      "program-name",
    "require-lockdown", "hold-requests", "record", "record-max", "overlay",
    "invoke",           "help"
};
#define RUN_FLAGS_COUNT (sizeof(run_flags) / sizeof(run_flags[0]))

#define OVERLAY_VERBS "list diff commit drop"
#define SESSION_VERBS "list search show resume export import rename fork rm"
#define MODEL_VERBS "list show test"

static void print_words(const char *prefix)
{
    for (size_t i = 0; i < bx_controls_count; i++)
        printf(" %s%s", prefix, bx_controls[i].name);
    for (size_t i = 0; i < RUN_FLAGS_COUNT; i++)
        printf(" %s%s", prefix, run_flags[i]);
}

static void print_tool_commands(void)
{
    for (size_t i = 0; i < bx_tool_commands_count; i++)
        printf("%s%s", i == 0 ? "" : " ", bx_tool_commands[i].name);
}

/* Flags of `tool` and its shortcuts, the controls included. */
static void print_tool_flags(const char *prefix)
{
    for (size_t i = 0; i < bx_tool_flags_count; i++)
        printf(" %s%s", prefix, bx_tool_flags[i].name);
    for (size_t i = 0; i < bx_controls_count; i++)
        printf(" %s%s", prefix, bx_controls[i].name);
    printf(" %spolicy %shelp", prefix, prefix);
}

/* The same of `agent run`, and of `chat`, which has no --json. */
static void print_agent_flags(const char *prefix, bool is_chat)
{
    for (size_t i = 0; i < bx_agent_flags_count; i++)
        if (!is_chat || strcmp(bx_agent_flags[i].name, "json") != 0)
            printf(" %s%s", prefix, bx_agent_flags[i].name);
    for (size_t i = 0; i < bx_controls_count; i++)
        printf(" %s%s", prefix, bx_controls[i].name);
    printf(" %spolicy %shelp", prefix, prefix);
}

static void print_bash_tool(void)
{
    fputs("    agent:-*) COMPREPLY=($(compgen -W \"", stdout);
    print_agent_flags("--", false);
    fputs("\" -- \"$word\")) ;;\n"
          "    agent:*)\n"
          "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "            COMPREPLY=($(compgen -W run -- \"$word\"))\n"
          "        else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n"
          "    chat:-*) COMPREPLY=($(compgen -W \"--prompt",
          stdout);
    print_agent_flags("--", true);
    fputs("\" -- \"$word\")) ;;\n", stdout);
    fputs("    tool:-*|bash:-*|js:-*|python:-*) COMPREPLY=($(compgen -W \"",
          stdout);
    print_tool_flags("--");
    fputs("\" -- \"$word\")) ;;\n"
          "    tool:*)\n"
          "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "            COMPREPLY=($(compgen -W \"",
          stdout);
    print_tool_commands();
    fputs("\" -- \"$word\"))\n"
          "        else case ${COMP_WORDS[2]} in\n"
          "            show|explain|call|approve|remove)\n"
          "                COMPREPLY=($(compgen -W \"$(boxagnts tool list "
          "2>/dev/null | awk 'NR > 1 { print $1 }')\" -- \"$word\")) ;;\n"
          "            *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
          "        esac fi ;;\n",
          stdout);
}

/* What stands behind a flag of agents. */
static void print_bash_values(void)
{
    fputs("    case ${COMP_WORDS[1]}:${COMP_WORDS[COMP_CWORD - 1]} in\n"
          "    agent:--model|chat:--model|init:--model)\n"
          "        COMPREPLY=($(compgen -W \"$(boxagnts model list "
          "2>/dev/null | awk 'NR > 1 { print $1 }')\" -- \"$word\"))\n"
          "        return ;;\n"
          "    agent:--mode|chat:--mode)\n"
          "        COMPREPLY=($(compgen -W \"ask reads edits auto plan\" -- "
          "\"$word\"))\n"
          "        return ;;\n"
          "    agent:--effort|chat:--effort)\n"
          "        COMPREPLY=($(compgen -W \"none low medium high\" -- "
          "\"$word\"))\n"
          "        return ;;\n"
          "    agent:--resume)\n"
          "        COMPREPLY=($(compgen -W \"$(boxagnts session list "
          "2>/dev/null | awk 'NR > 1 { print $1 }')\" -- \"$word\"))\n"
          "        return ;;\n"
          "    esac\n",
          stdout);
}

static void print_bash(void)
{
    fputs("# bash completion for boxagnts\n"
          "_boxagnts() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]}\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    for (size_t i = 0; i < bx_commands_count; i++)
        printf("%s%s", i == 0 ? "" : " ", bx_commands[i].name);
    fputs(" --help --version\" -- \"$word\"))\n"
          "        return\n"
          "    fi\n",
          stdout);
    print_bash_values();
    fputs("    case ${COMP_WORDS[1]}:$word in\n"
          "    run:-*|compile:-*) COMPREPLY=($(compgen -W \"",
          stdout);
    print_words("--");
    fputs("\" -- \"$word\")) ;;\n", stdout);
    print_bash_tool();
    fputs("    overlay:-*) COMPREPLY=($(compgen -W \"--only --force --keep "
          "--yes --stat --json --help\" -- \"$word\")) ;;\n"
          "    overlay:*)\n"
          "        case $COMP_CWORD in\n"
          "            2) COMPREPLY=($(compgen -W \"" OVERLAY_VERBS
          "\" -- \"$word\")) ;;\n"
          "            3) COMPREPLY=($(compgen -W \"$(boxagnts overlay list "
          "2>/dev/null | awk '{ print $1 }')\" -- \"$word\")) ;;\n"
          "            *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
          "        esac ;;\n",
          stdout);
    fputs(
        "    learn:-*) COMPREPLY=($(compgen -W \"-- --ask --allow-all --allow "
        "--deny --rules --output --name --overlay --as-policy --check --json "
        "--policy --help\" -- \"$word\")) ;;\n"
        "    learn:*) COMPREPLY=($(compgen -f -W \"run bash js python tool\" "
        "-- \"$word\")) ;;\n"
        "    init:-*) COMPREPLY=($(compgen -W \"--can --network --model "
        "--agents-md --force --yes --trust --distrust --help\" -- "
        "\"$word\")) ;;\n"
        "    settings:-*) COMPREPLY=($(compgen -W \"--json --help\" -- "
        "\"$word\")) ;;\n"
        "    session:-*) COMPREPLY=($(compgen -W \"--all --workspace --limit "
        "--format --output --at --yes --json --help\" -- \"$word\")) ;;\n"
        "    session:*)\n"
        "        case $COMP_CWORD:${COMP_WORDS[2]} in\n"
        "            2:*) COMPREPLY=($(compgen -W \"" SESSION_VERBS
        "\" -- \"$word\")) ;;\n"
        "            3:import) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
        "            3:*) COMPREPLY=($(compgen -W \"$(boxagnts session list "
        "2>/dev/null | awk 'NR > 1 { print $1 }')\" -- \"$word\")) ;;\n"
        "            *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
        "        esac ;;\n"
        "    cache:*) COMPREPLY=($(compgen -W \"list clear "
        "--wasm-cache-dir --json --help\" -- \"$word\")) ;;\n"
        "    policy:*) COMPREPLY=($(compgen -f -W \"check explain --json "
        "--help\" -- \"$word\")) ;;\n"
        "    audit:*) COMPREPLY=($(compgen -f -W \"show tail verify head "
        "--file --last --tool --decision --since --follow --expect "
        "--no-head --json --help\" -- \"$word\")) ;;\n"
        "    replay:*) COMPREPLY=($(compgen -f -W \"--module --policy --json "
        "--quiet --help\" -- \"$word\")) ;;\n"
        "    model:-*) COMPREPLY=($(compgen -W \"--all --timeout --json "
        "--help\" -- \"$word\")) ;;\n"
        "    model:*)\n"
        "        case $COMP_CWORD in\n"
        "            2) COMPREPLY=($(compgen -W \"" MODEL_VERBS
        "\" -- \"$word\")) ;;\n"
        "            *) COMPREPLY=($(compgen -W \"$(boxagnts model list "
        "2>/dev/null | awk 'NR > 1 { print $1 }')\" -- \"$word\")) ;;\n"
        "        esac ;;\n"
        "    mcp:-*) COMPREPLY=($(compgen -W \"--workspace --yes --json "
        "--tools --policy --help\" -- \"$word\")) ;;\n"
        "    mcp:*)\n"
        "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
        "            COMPREPLY=($(compgen -W \"install add list approve test "
        "remove login logout\" -- \"$word\"))\n"
        "        else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n"
        "    completion:*) COMPREPLY=($(compgen -W \"bash zsh fish\" -- "
        "\"$word\")) ;;\n"
        "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
        "    esac\n"
        "}\n"
        "complete -o filenames -F _boxagnts boxagnts\n",
        stdout);
}

/* Brackets and colons of a help text have a meaning in zsh's specs. */
static void print_zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("[]:'\\", *text) != NULL)
            putchar(' ');
        else
            putchar(*text);
    }
}

static void print_zsh(void)
{
    fputs("#compdef boxagnts\n"
          "_boxagnts() {\n"
          "    local -a commands\n"
          "    commands=(\n",
          stdout);
    for (size_t i = 0; i < bx_commands_count; i++) {
        printf("        '%s:", bx_commands[i].name);
        print_zsh_text(bx_commands[i].summary);
        puts("'");
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    case $words[2] in\n"
          "    run|compile) _arguments \\\n",
          stdout);
    for (size_t i = 0; i < bx_controls_count; i++) {
        printf("        '%s--%s[", bx_controls[i].is_list ? "*" : "",
               bx_controls[i].name);
        print_zsh_text(bx_controls[i].help);
        puts("]:value:_files' \\");
    }
    fputs("        '--policy[policy file]:file:_files' "
          "'--stats[statistics]' '--json[JSON]' '--quiet[no refusals]' "
          "'--hold-requests[ask before changes]' "
          "'*:file:_files' ;;\n"
          "    cache) _values command list clear ;;\n"
          "    policy) _arguments '2:command:(check explain)' "
          "'*:file:_files' ;;\n"
          "    audit) _arguments '2:command:(show tail verify head)' "
          "'*:file:_files' ;;\n"
          "    overlay) _arguments '2:command:(" OVERLAY_VERBS
          ")' '*:file:_files' ;;\n"
          "    session) _arguments '2:command:(" SESSION_VERBS
          ")' '*:file:_files' ;;\n"
          "    model) _arguments '2:command:(" MODEL_VERBS ")' ;;\n"
          "    agent) _arguments '2:command:(run)' '*:file:_files' ;;\n"
          "    tool) _arguments '2:command:(",
          stdout);
    print_tool_commands();
    fputs(")' '*:file:_files' ;;\n"
          "    mcp) _arguments '2:command:(install add list approve test "
          "remove login logout)' '*:file:_files' ;;\n"
          "    completion) _values shell bash zsh fish ;;\n"
          "    *) _files ;;\n"
          "    esac\n"
          "}\n"
          "_boxagnts \"$@\"\n",
          stdout);
}

static void print_fish(void)
{
    puts("# fish completion for boxagnts");
    for (size_t i = 0; i < bx_commands_count; i++)
        printf("complete -c boxagnts -n __fish_use_subcommand -a %s -d '%s'\n",
               bx_commands[i].name, bx_commands[i].summary);
    for (size_t i = 0; i < bx_controls_count; i++) {
        printf("complete -c boxagnts -n '__fish_seen_subcommand_from run "
               "compile' -l %s -r -d '",
               bx_controls[i].name);
        print_zsh_text(bx_controls[i].help);
        puts("'");
    }
    for (size_t i = 0; i < RUN_FLAGS_COUNT; i++)
        printf("complete -c boxagnts -n '__fish_seen_subcommand_from run' -l "
               "%s\n",
               run_flags[i]);
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from cache' -a "
         "'list clear'");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from policy' -a "
         "'check explain'");
    fputs("complete -c boxagnts -n '__fish_seen_subcommand_from tool' -a '",
          stdout);
    print_tool_commands();
    puts("'");
    for (size_t i = 0; i < bx_tool_flags_count; i++)
        printf("complete -c boxagnts -n '__fish_seen_subcommand_from tool bash "
               "js python' -l %s\n",
               bx_tool_flags[i].name);
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from agent' -a run");
    for (size_t i = 0; i < bx_agent_flags_count; i++)
        printf("complete -c boxagnts -n '__fish_seen_subcommand_from agent' "
               "-l %s\n",
               bx_agent_flags[i].name);
    for (size_t i = 0; i < bx_agent_flags_count; i++)
        if (strcmp(bx_agent_flags[i].name, "json") != 0)
            printf("complete -c boxagnts -n '__fish_seen_subcommand_from "
                   "chat' -l %s\n",
                   bx_agent_flags[i].name);
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from chat' -l "
         "prompt");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from model' -a "
         "'" MODEL_VERBS "'");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from audit' -a "
         "'show tail verify head'");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from overlay' -a "
         "'" OVERLAY_VERBS "'");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from session' -a "
         "'" SESSION_VERBS "'");
    puts("complete -c boxagnts -n '__fish_seen_subcommand_from completion' -a "
         "'bash zsh fish'");
}

int bx_cmd_completion(int argc, char **argv)
{
    const char *shell = argc == 2 ? argv[1] : "";

    if (strcmp(shell, "--help") == 0 || strcmp(shell, "-h") == 0) {
        puts("Print completion for a shell.\n\n"
             "Usage: boxagnts completion bash|zsh|fish\n\n"
             "  source <(boxagnts completion bash)\n"
             "  boxagnts completion zsh > \"${fpath[1]}/_boxagnts\"\n"
             "  boxagnts completion fish > "
             "~/.config/fish/completions/boxagnts.fish");
        return 0;
    }
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else if (strcmp(shell, "fish") == 0)
        print_fish();
    else
        return bx_cli_usage(BX_EXIT_USAGE, "completion",
                            "expected bash, zsh or fish");
    return 0;
}
