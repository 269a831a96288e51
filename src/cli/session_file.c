/* boxagnts session export, import. A file that is imported is hostile. */
#include <string.h>
#include <unistd.h>

#include "agent/models/message.h"
#include "base/file.h"
#include "base/json_text.h"
#include "cli/session_cli.h"
#include "store/session_import.h"

#define IMPORT_MAX_BYTES (256u << 20)

/* ---- export ---------------------------------------------------------- */

static int put_json(bx_session_cli *cli, const char *name, bx_buf *out,
                    bx_error **err)
{
    json_t *value = bx_session_store_export(cli->store, name, err);
    bx_autofree char *text = NULL;

    if (value == NULL)
        return -1;
    /* All of it is shown by whatever prints it; ASCII is safe there. */
    text = bx_json_text(value, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    json_decref(value);
    if (text == NULL || bx_buf_puts(out, text) < 0 ||
        bx_buf_puts(out, "\n") < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int put_markdown(bx_session_cli *cli, const char *name, bx_buf *out,
                        bx_error **err)
{
    bx_session_info info = { 0 };
    json_t *entries;
    int result;

    if (bx_session_store_info(cli->store, name, &info, err) < 0)
        return -1;
    entries = bx_session_store_read(cli->store, info.id, 0, 0, err);
    result =
        entries == NULL ? -1 : bx_session_markdown_put(out, &info, entries);
    if (entries != NULL && result < 0)
        result = bx_error_set_nomem(err);
    json_decref(entries);
    bx_session_info_clear(&info);
    return result;
}

int bx_session_cli_export(bx_session_cli *cli)
{
    const char *name = cli->operands[0];
    const char *format = cli->format == NULL ? "md" : cli->format;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    bx_error *err = NULL;
    int result;

    if (strcmp(format, "json") != 0 && strcmp(format, "md") != 0)
        return bx_cli_usage(BX_EXIT_USAGE, "session",
                            "--format: expected md or json");
    result = strcmp(format, "json") == 0 ? put_json(cli, name, &out, &err)
                                         : put_markdown(cli, name, &out, &err);
    if (result < 0)
        return bx_session_cli_fail(cli, name, err);
    if (cli->output == NULL || strcmp(cli->output, "-") == 0) {
        fwrite(out.data, 1, out.len, stdout);
        return 0;
    }
    if (bx_file_write(cli->output, out.data, out.len, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return 0;
}

/* ---- import ---------------------------------------------------------- */

/* What a provider would be sent of it, by those who know its form. */
static int check_messages(const json_t *value, bx_error **err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(value, "entries"), i, entry)
    {
        const json_t *message = json_object_get(entry, "message");
        const json_t *block = json_object_get(entry, "block");
        json_t *whole = NULL;
        int result = 0;

        if (message != NULL) {
            result = bx_message_check(message, err);
        } else if (block != NULL) {
            whole = json_pack("{s:s, s:[O]}", "role", "user", "content", block);
            result = bx_message_check(whole, err);
            json_decref(whole);
        }
        if (result < 0)
            return bx_error_wrap(err, "entry %zu", i + 1);
    }
    return 0;
}

static json_t *parse(const char *text, size_t bytes, bx_error **err)
{
    json_error_t fault;
    json_t *value = json_loadb(text, bytes,
                               JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &fault);

    if (value == NULL) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "line %d: %s; expected JSON as "
                           "'boxagnts session export --format json' writes it",
                           fault.line, fault.text);
        return NULL;
    }
    if (check_messages(value, err) < 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static int read_all(const char *path, char **ret_text, size_t *ret_bytes,
                    bx_error **err)
{
    if (strcmp(path, "-") == 0)
        return bx_file_read_fd(STDIN_FILENO, "stdin", IMPORT_MAX_BYTES,
                               ret_text, ret_bytes, err);
    return bx_file_read(path, IMPORT_MAX_BYTES, ret_text, ret_bytes, err);
}

int bx_session_cli_import(bx_session_cli *cli)
{
    const char *path = cli->operands[0];
    bx_autofree char *text = NULL;
    bx_autosessionlog bx_session_log *log = NULL;
    bx_error *err = NULL;
    json_t *value = NULL;
    size_t bytes = 0;

    if (read_all(path, &text, &bytes, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    value = parse(text, bytes, &err);
    if (value != NULL)
        log = bx_session_log_import(cli->store, value, cli->workspace, &err);
    json_decref(value);
    if (log == NULL) {
        (void)bx_error_wrap(&err, "'%s'", path);
        return bx_cli_fail(BX_EXIT_FAILED, err);
    }
    puts(bx_session_log_id(log));
    return 0;
}
