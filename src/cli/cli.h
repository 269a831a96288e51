/* What the commands share. Only src/cli prints and exits. */
#ifndef BX_CLI_CLI_H
#define BX_CLI_CLI_H

#include <stdio.h>

#include "base/error.h"

/* Exit statuses of boxagnts itself. `run` ends with the guest's own status, or
 * with one of these; other commands with 0, 1 or 2. */
enum {
    BX_EXIT_FAILED = 1,
    BX_EXIT_USAGE = 2,
    BX_EXIT_REFUSED = 3,   /* of an agent: by the model, or by a person */
    BX_EXIT_BUDGET = 4,    /* of an agent: it has used up what it may */
    BX_EXIT_TIMEOUT = 124, /* as timeout(1) */
    BX_EXIT_NOT_RUN = 125, /* usage, policy, module, output: our own failure */
    BX_EXIT_CANCELLED = 130, /* 128 + SIGINT */
    BX_EXIT_TRAP = 134,      /* 128 + SIGABRT */
    BX_EXIT_MEMORY = 137,    /* 128 + SIGKILL, as the kernel's OOM killer */
    BX_EXIT_STACK = 139,     /* 128 + SIGSEGV */
    BX_EXIT_FUEL = 152,      /* 128 + SIGXCPU */
};

/* One command; argv[0] is its name. Returns the exit status. */
typedef struct bx_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} bx_command;

extern const bx_command bx_commands[];
extern const size_t bx_commands_count;

int bx_cmd_run(int argc, char **argv);
int bx_cmd_inspect(int argc, char **argv);
int bx_cmd_compile(int argc, char **argv);
int bx_cmd_cache(int argc, char **argv);
int bx_cmd_policy(int argc, char **argv);
int bx_cmd_audit(int argc, char **argv);
int bx_cmd_bash(int argc, char **argv);
int bx_cmd_js(int argc, char **argv);
int bx_cmd_python(int argc, char **argv);
int bx_cmd_tool(int argc, char **argv);
int bx_cmd_model(int argc, char **argv);
int bx_cmd_replay(int argc, char **argv);
int bx_cmd_agent(int argc, char **argv);
int bx_cmd_chat(int argc, char **argv);
int bx_cmd_mcp(int argc, char **argv);
int bx_cmd_overlay(int argc, char **argv);
int bx_cmd_learn(int argc, char **argv);
int bx_cmd_init(int argc, char **argv);
int bx_cmd_settings(int argc, char **argv);
int bx_cmd_session(int argc, char **argv);
int bx_cmd_doctor(int argc, char **argv);
int bx_cmd_completion(int argc, char **argv);

/* Text that others wrote: what a terminal would act on, or not show, is
 * escaped; lines and tabs stay. */
void bx_cli_print_safe(FILE *out, const char *text, size_t bytes);

/* Put a question on stderr and read one line from stdin, without its end. What
 * was typed before the question stood there is dropped; what does not fit is
 * "", since a part of an answer is none. False: there is no more. */
bool bx_cli_ask(const char *question, char *answer, size_t size);

/* "boxagnts: MESSAGE" on stderr; returns status. Frees the error. */
int bx_cli_fail(int status, bx_error *error);
int bx_cli_usage(int status, const char *command, const char *format, ...)
    BX_PRINTF(3, 4);

/* Before the process ends: flush stdout. Output that is lost, other than to a
 * reader who has left, is said and turns success into BX_EXIT_NOT_RUN. */
int bx_cli_finish(int status);

/* The same for a call that did not run: BX_EXIT_NOT_RUN, or how its run would
 * have ended, when it was over while it waited for one. */
int bx_cli_fail_call(bx_error *error);

/* How a run ended, as a status of the program: the guest's own, or one of the
 * above. */
int bx_cli_run_status(const bx_result *result);

/* A terminal that only writes, by TERM: nothing but text and line breaks. */
bool bx_cli_is_dumb(void);
/* Colours: on a terminal that has them, unless NO_COLOR is set. */
bool bx_cli_has_colour(FILE *stream);

/* "1.5 MiB" and "12.3 ms"; text holds 32 bytes. Returns text. */
const char *bx_cli_bytes(uint64_t bytes, char text[32]);
const char *bx_cli_duration(uint64_t ns, char text[32]);

#endif
