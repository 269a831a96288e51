/* What the verbs of `boxagnts session` share. Titles, texts and results of
 * sessions are hostile: they are shown escaped. */
#ifndef BX_CLI_SESSION_CLI_H
#define BX_CLI_SESSION_CLI_H

#include "base/buf.h"
#include "cli/cli.h"
#include "store/session_store.h"

typedef struct bx_session_cli {
    bx_session_store *store; /* owned */
    char **operands;
    int operands_count;
    const char *format;    /* --format */
    const char *output;    /* --output */
    const char *workspace; /* --workspace, its real path; owned by the parser */
    uint64_t at;           /* --at */
    uint64_t limit;        /* --limit */
    bool is_all;
    bool is_json;
    bool is_agreed;
} bx_session_cli;

int bx_session_cli_list(bx_session_cli *cli);
int bx_session_cli_search(bx_session_cli *cli);
int bx_session_cli_show(bx_session_cli *cli);
int bx_session_cli_export(bx_session_cli *cli);
int bx_session_cli_import(bx_session_cli *cli);

/* The message of an error about a session that was named, and what may have
 * been meant. Frees it; returns BX_EXIT_FAILED. */
int bx_session_cli_fail(bx_session_cli *cli, const char *name, bx_error *err);

/* {"id", "title", ...}; a reference of the caller's, NULL without memory. */
json_t *bx_session_cli_info_json(const bx_session_info *info);
/* "running (process 12)", "done". Returns text. */
const char *bx_session_cli_status(const bx_session_info *info, char text[48]);
/* "$0.0123", "-" where it is not known. Text, or static. */
const char *bx_session_cli_cost(double cost, char text[32]);
/* In the user's time zone. Returns text. */
const char *bx_session_cli_time(int64_t time_ms, const char *format,
                                char text[40]);
/* Columns of the terminal, 80 where there is none. */
size_t bx_session_cli_columns(void);

/* Text blocks of what has "content", joined, without the envelopes of data;
 * owned, NULL without memory. */
char *bx_session_cli_text(const json_t *value);

/* A transcript as Markdown. Whatever was said stands in quotes or fences that
 * it cannot end. -1: no memory. */
int bx_session_markdown_put(bx_buf *out, const bx_session_info *info,
                            const json_t *entries);

#endif
