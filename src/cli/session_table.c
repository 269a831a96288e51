/* boxagnts session list, search: one row for each session, in 80 columns. */
#include <inttypes.h>
#include <string.h>

#include "agent/one_line.h"
#include "cli/session_cli.h"

#define ID_SHOWN 14 /* the time to the millisecond, and 20 bits of chance */
#define TITLE_COLUMN 56
#define TITLE_LEAST 16
#define YEAR_MS (INT64_C(300) * 24 * 3600 * 1000)

/* A newer one by its hour, an older one by its year. */
static const char *format_time(int64_t time_ms, int64_t now_ms, char text[40])
{
    return bx_session_cli_time(
        time_ms, now_ms - time_ms < YEAR_MS ? "%m-%d %H:%M" : "%Y-%m-%d", text);
}

static void print_title(const bx_session_info *info, bool has_workspace)
{
    size_t room = bx_session_cli_columns() - TITLE_COLUMN;
    bx_autofree char *line =
        bx_one_line(info->title, strlen(info->title),
                    room < TITLE_LEAST ? TITLE_LEAST : room, NULL);

    puts(line == NULL || line[0] == '\0' ? "(no title)" : line);
    if (!has_workspace)
        return;
    printf("%*s", ID_SHOWN + 1, "");
    bx_cli_print_safe(stdout, info->workspace, strcspn(info->workspace, "\n"));
    putchar('\n');
}

static void print_row(const bx_session_info *info, int64_t now_ms,
                      bool has_workspace)
{
    char time[40];
    char cost[32];
    char status[48];

    bx_session_cli_status(info, status);
    if (info->is_open)
        (void)snprintf(status, sizeof(status), "open");
    printf("%-*.*s %-11s %-9s %7" PRIu64 " %9s ", ID_SHOWN, ID_SHOWN, info->id,
           format_time(info->updated_ms, now_ms, time), status, info->entries,
           bx_session_cli_cost(info->cost, cost));
    print_title(info, has_workspace);
}

static int print_json(const bx_session_list *list)
{
    json_t *rows = json_array();
    int status = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (json_array_append_new(
                rows, bx_session_cli_info_json(&list->items[i])) < 0)
            status = BX_EXIT_FAILED;
    }
    if (status == 0 && json_dumpf(rows, stdout, JSON_INDENT(2)) == 0)
        putchar('\n');
    json_decref(rows);
    return status;
}

static int print_list(bx_session_cli *cli, const bx_session_query *query,
                      const char *none)
{
    bx_autosessionlist bx_session_list list = { 0 };
    bx_error *err = NULL;
    int64_t now_ms = 0;

    if (bx_session_store_list(cli->store, query, &list, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (cli->is_json)
        return print_json(&list);
    if (list.count == 0) {
        fprintf(stderr, "%s\n", none);
        return 0;
    }
    now_ms = list.items[0].updated_ms;
    printf("%-*s %-11s %-9s %7s %9s %s\n", ID_SHOWN, "ID", "UPDATED", "STATUS",
           "ENTRIES", "COST", "TITLE");
    for (size_t i = 0; i < list.count; i++)
        print_row(&list.items[i], now_ms, query->workspace == NULL);
    if (list.count == query->limit)
        fprintf(stderr,
                "The last %zu; --limit N shows more, --json all of each.\n",
                list.count);
    return 0;
}

/* Operands as one text; owned. */
static char *join(const bx_session_cli *cli)
{
    bx_autobuf bx_buf words = BX_BUF_INIT;

    for (int i = 0; i < cli->operands_count; i++) {
        if (bx_buf_printf(&words, "%s%s", i == 0 ? "" : " ", cli->operands[i]) <
            0)
            return NULL;
    }
    return bx_buf_take(&words);
}

int bx_session_cli_list(bx_session_cli *cli)
{
    bx_autofree char *words = join(cli);
    const bx_session_query query = {
        .workspace = cli->is_all ? NULL : cli->workspace,
        .text = cli->operands_count > 0 ? words : NULL,
        .has_children = cli->is_all,
        .limit = cli->limit,
    };

    if (words == NULL)
        return BX_EXIT_FAILED;
    return print_list(cli, &query,
                      cli->operands_count > 0 ? "no session here has that"
                      : cli->is_all           ? "no sessions yet"
                                    : "no sessions of this workspace; --all "
                                      "shows those of others");
}

int bx_session_cli_search(bx_session_cli *cli)
{
    bx_autofree char *words = join(cli);
    const bx_session_query query = { .text = words,
                                     .has_children = true,
                                     .limit = cli->limit };

    if (words == NULL)
        return BX_EXIT_FAILED;
    return print_list(cli, &query, "no session has all of these words");
}
