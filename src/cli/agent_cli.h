/* All that opening an agent from the command line takes, for `agent run` and
 * `chat`: flags and policy, workers, audit, registry, sessions, models,
 * settings, rules, and Ctrl-C.
 *
 *     bx_agent_cli cli = BX_AGENT_CLI_INIT;
 *     bx_agent_cli_parse(argc, argv, &cli, &err)    flags; operands are in
 *                                                   cli.tools.options
 *     bx_agent_cli_open(&cli, &err)                 everything but the agent
 *     cli.config.approve = ...; .ask, .hold, .events   who is there, who looks
 *     bx_agent_cli_start(&cli, &err)                the agent: cli.agent
 *     bx_agent_run(cli.agent, ...)
 *     bx_agent_cli_close(&cli)                      in any state */
#ifndef BX_CLI_AGENT_CLI_H
#define BX_CLI_AGENT_CLI_H

#include "agent/agent.h"
#include "agent/settings.h"
#include "agent/team.h"
#include "cli/tool_cli.h"
#include "mcp/client_hub.h"

typedef struct bx_agent_cli {
    bx_tool_cli tools;       /* workspace, policy, workers, audit, registry, and
                              * the cancel that Ctrl-C triggers */
    const char *kind;        /* of a new session: "run" or "chat"; NULL: run */
    bool waits_for_servers;  /* of MCP, as a kind "run" does: nobody is there
                              * who could wait for them */
    bool may_resume_last;    /* --resume without an ID: the workspace's last
                              * session of this kind */
    bool is_resuming;        /* --resume was given, */
    const char *resume;      /* with this ID; NULL: with none */
    bool is_managed;         /* --managed */
    bx_team_config team;     /* how, then */
    char *team_system;       /* owned */
    const char *mode_origin; /* "--mode" when it was given; NULL */
    bx_settings settings;    /* of files and flags */
    json_t *problems;        /* messages for people, from opening; owned */
    bx_models *models;       /* owned, as are the next ones */
    bx_session_store *store;
    bx_mcp_hub *servers; /* of MCP; their tools join the registry */
    char *workspace;
    char *session;
    bx_agent_config config; /* what the agent is opened with; its strings and
                             * objects are cli's */
    bx_agent *agent;
} bx_agent_cli;

#define BX_AGENT_CLI_INIT                                                      \
    {                                                                          \
        .tools = {.record = BX_RECORD_FILE_INIT }                              \
    }

/* The flags, for --help and completion: they stand before those of policies.
 * That of --resume is for a kind that wants an ID. */
extern const bx_flag bx_agent_flags[];
extern const size_t bx_agent_flags_count;
/* A chat has no more than the first so many. */
extern const size_t bx_agent_flags_of_chat;

/* argv[0] is the command's last word. Flags may follow operands.
 * errors: BX_ERR_INVALID: the flag, and what it expects */
int bx_agent_cli_parse(int argc, char **argv, bx_agent_cli *cli,
                       bx_error **err);
/* Open everything the agent needs and fill cli->config. MCP servers start in
 * the background; a session of kind "run" waits for them, for a while. */
int bx_agent_cli_open(bx_agent_cli *cli, bx_error **err);
/* Open the agent: the session is made, or goes on. */
int bx_agent_cli_start(bx_agent_cli *cli, bx_error **err);
/* Free an agent; a session in which nothing was said does not stay. NULL is
 * fine. */
void bx_agent_cli_leave(bx_agent_cli *cli, bx_agent *agent);
/* Frees everything, and says what lies in an overlay. */
void bx_agent_cli_close(bx_agent_cli *cli);

/* Ctrl-C cancels what the agent does, a second one ends the program. Again
 * before each run of an agent that goes on after a cancel. */
void bx_agent_cli_catch_interrupts(bx_agent_cli *cli);

/* The exit status of a program whose agent has ended so. */
int bx_agent_cli_status(bx_agent_status status);

#endif
