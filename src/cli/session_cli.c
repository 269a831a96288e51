#include "cli/session_cli.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/result.h"
#include "policy/text.h"

#define GUESSED_AMONG 1000
#define LEAST_COLUMNS 40
#define MOST_COLUMNS 400

/* The nearest id or title; an id is written whole or to its begin. */
static void print_guess(bx_session_cli *cli, const char *name)
{
    const bx_session_query query = { .has_children = true,
                                     .limit = GUESSED_AMONG };
    bx_autosessionlist bx_session_list list = { 0 };
    const bx_session_info *nearest = NULL;
    unsigned least = 4; /* edits: further off is a guess at random */

    if (strlen(name) < 4 ||
        bx_session_store_list(cli->store, &query, &list, NULL) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        const bx_session_info *info = &list.items[i];
        char begin[BX_SESSION_ID_BYTES];
        unsigned by_id;
        unsigned by_title = bx_text_distance(name, info->title);

        (void)snprintf(
            begin, sizeof(begin), "%.*s",
            (int)(strlen(name) < sizeof(begin) ? strlen(name) : sizeof(begin)),
            info->id);
        by_id = bx_text_distance(name, begin);
        if (by_id < least || by_title < least) {
            least = by_id < by_title ? by_id : by_title;
            nearest = info;
        }
    }
    if (nearest == NULL)
        return;
    fprintf(stderr, "Did you mean %s '", nearest->id);
    bx_cli_print_safe(stderr, nearest->title, strlen(nearest->title));
    fputs("'?\n", stderr);
}

int bx_session_cli_fail(bx_session_cli *cli, const char *name, bx_error *err)
{
    bool is_missing = bx_error_code(err) == BX_ERR_NOT_FOUND;

    (void)bx_cli_fail(BX_EXIT_FAILED, err);
    if (is_missing)
        print_guess(cli, name);
    return BX_EXIT_FAILED;
}

json_t *bx_session_cli_info_json(const bx_session_info *info)
{
    json_t *value = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, "
        "s:o, s:b}",
        "id", info->id, "parent", info->parent, "parent_entry",
        (json_int_t)info->parent_entry, "title", info->title, "workspace",
        info->workspace, "model", info->model, "kind", info->kind, "status",
        info->status, "created_ms", (json_int_t)info->created_ms, "updated_ms",
        (json_int_t)info->updated_ms, "entries", (json_int_t)info->entries,
        "input_tokens", (json_int_t)info->input_tokens, "output_tokens",
        (json_int_t)info->output_tokens, "cost",
        info->cost < 0 ? json_null() : json_real(info->cost), "is_open",
        info->is_open);

    if (info->is_open && info->pid > 0 &&
        json_object_set_new(value, "pid", json_integer(info->pid)) < 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* "running" of a process that is no more is a session that was cut off. */
const char *bx_session_cli_status(const bx_session_info *info, char text[48])
{
    if (info->is_open && info->pid > 0)
        (void)snprintf(text, 48, "open (process %ld)", info->pid);
    else if (info->is_open)
        (void)snprintf(text, 48, "open");
    else if (strcmp(info->status, "running") == 0)
        (void)snprintf(text, 48, "cut off");
    else
        (void)snprintf(text, 48, "%.20s", info->status);
    return text;
}

const char *bx_session_cli_cost(double cost, char text[32])
{
    if (cost < 0)
        return "-";
    (void)snprintf(text, 32, cost > 0 && cost < 0.1 ? "$%.4f" : "$%.2f", cost);
    return text;
}

const char *bx_session_cli_time(int64_t time_ms, const char *format,
                                char text[40])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm local;

    if (localtime_r(&seconds, &local) == NULL ||
        strftime(text, 40, format, &local) == 0)
        (void)snprintf(text, 40, "?");
    return text;
}

size_t bx_session_cli_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
        size.ws_col == 0)
        return 80;
    return size.ws_col < LEAST_COLUMNS  ? LEAST_COLUMNS
           : size.ws_col > MOST_COLUMNS ? MOST_COLUMNS
                                        : size.ws_col;
}

char *bx_session_cli_text(const json_t *value)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const json_t *block;
    size_t i;

    json_array_foreach(json_object_get(value, "content"), i, block)
    {
        const json_t *part = json_object_get(block, "text");

        if (!json_is_string(part))
            continue;
        if ((text.len > 0 && bx_buf_puts(&text, "\n") < 0) ||
            bx_envelope_strip(json_string_value(part), &text) < 0)
            return NULL;
    }
    return bx_buf_take(&text);
}
