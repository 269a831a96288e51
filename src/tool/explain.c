/* Which policy a tool runs under, and why. What the tool says of itself is
 * hostile: shown escaped. */
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "tool/call_box.h"
#include "tool/remote.h"

#define SHOWN_BYTES 512 /* of one grant */

typedef struct bx_explanation {
    const bx_entry *entry;
    bx_policy *policy;  /* what it runs under */
    char *asks;         /* its grants as JSON */
    char *missing;      /* what it asks for and does not get */
    char digest[65];    /* of the policy */
    bx_level level;     /* in this workspace */
    bx_verdict verdict; /* on it */
} bx_explanation;

static int put_shown(bx_buf *text, const char *words)
{
    return bx_buf_put_escaped(text, words, strlen(words), SHOWN_BYTES);
}

/* Lines of text behind a label, the label once. */
static int put_lines(bx_buf *text, const char *label, const char *lines)
{
    while (*lines != '\0') {
        size_t bytes = strcspn(lines, "\n");

        if (bx_buf_printf(text, "%-10s ", label) < 0 ||
            bx_buf_put_escaped(text, lines, bytes, SHOWN_BYTES) < 0 ||
            bx_buf_puts(text, "\n") < 0)
            return -1;
        lines += bytes + (lines[bytes] == '\n');
        label = "";
    }
    return 0;
}

static int put_asks(bx_buf *text, const char *asks)
{
    json_t *root = json_loads(asks, 0, NULL);
    bx_autobuf bx_buf lines = BX_BUF_INIT;
    const char *kind;
    json_t *values;
    int failed = 0;

    json_object_foreach(root, kind, values)
    {
        const char *name;
        size_t i;
        json_t *value;

        json_array_foreach(values, i, value)
        {
            bx_autofree char *shown =
                json_is_string(value)
                    ? strdup(json_string_value(value))
                    : bx_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);

            if (shown == NULL || bx_buf_printf(&lines, "%s\n", shown) < 0)
                failed = -1;
        }
        if (!json_is_object(values))
            continue;
        json_object_foreach(values, name, value)
        {
            bx_autofree char *shown =
                bx_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);

            if (shown == NULL ||
                bx_buf_printf(&lines, "%s %s\n", name, shown) < 0)
                failed = -1;
        }
    }
    json_decref(root);
    return failed < 0
               ? -1
               : put_lines(text, "asks for",
                           lines.data == NULL || lines.len == 0 ? "nothing"
                                                                : lines.data);
}

static char *format_text(const bx_explanation *about, bx_error **err)
{
    const bx_tool *tool = &about->entry->tool;
    bx_autofree char *policy = bx_policy_format(about->policy, false, err);
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (policy == NULL)
        return NULL;
    if (bx_buf_printf(&text, "%-10s %s\n%-10s %s\n%-10s %s%s", "tool",
                      tool->name, "source", bx_tool_source_name(tool->source),
                      "status", bx_tool_status_name(tool->status),
                      tool->why == NULL ? "" : ": ") < 0 ||
        (tool->why != NULL && put_shown(&text, tool->why) < 0) ||
        bx_buf_printf(&text, "\n%-10s %s", "level",
                      bx_level_name(tool->manifest->level)) < 0 ||
        (about->level != tool->manifest->level &&
         bx_buf_printf(&text, ", here %s", bx_level_name(about->level)) < 0) ||
        (about->verdict.rule != NULL &&
         (bx_buf_puts(&text, " (") < 0 ||
          put_shown(&text, about->verdict.rule) < 0 ||
          bx_buf_puts(&text, ")") < 0)) ||
        bx_buf_puts(&text, "\n") < 0 || put_asks(&text, about->asks) < 0 ||
        put_lines(&text, "not given",
                  about->missing[0] == '\0' ? "nothing: it gets all of it"
                                            : about->missing) < 0 ||
        bx_buf_printf(&text,
                      "\nEffective policy (workspace, session and manifest "
                      "together):\n\n%s",
                      policy) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&text);
}

static json_t *missing_json(const char *missing)
{
    json_t *list = json_array();

    while (*missing != '\0') {
        size_t bytes = strcspn(missing, "\n");

        json_array_append_new(list, json_stringn(missing, bytes));
        missing += bytes + (missing[bytes] == '\n');
    }
    return list;
}

static char *format_json(const bx_explanation *about, bx_error **err)
{
    const bx_tool *tool = &about->entry->tool;
    bx_autofree char *policy = bx_policy_format(about->policy, true, err);
    json_t *root;
    char *text;

    if (policy == NULL)
        return NULL;
    root = json_pack(
        "{s:s, s:s, s:s, s:s*, s:s, s:{s:s, s:s, s:s*}, s:o, s:o, s:s, s:o}",
        "tool", tool->name, "source", bx_tool_source_name(tool->source),
        "status", bx_tool_status_name(tool->status), "why", tool->why, "module",
        tool->digest, "level", "declared", bx_level_name(tool->manifest->level),
        "here", bx_level_name(about->level), "rule", about->verdict.rule,
        "asks_for", json_loads(about->asks, 0, NULL), "not_given",
        missing_json(about->missing), "policy_digest", about->digest, "policy",
        json_loads(policy, 0, NULL));
    text = bx_json_text(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        bx_error_set_nomem(err);
    return text;
}

/* What runs elsewhere has no policy of a sandbox: by its name it may be called,
 * or not. */
static char *explain_remote(const bx_registry *registry, const bx_entry *entry,
                            bool json, bx_error **err)
{
    const bx_tool *tool = &entry->tool;
    const bx_verdict verdict =
        bx_policy_check_tool(registry->policy, tool->name);
    const char *may = verdict.is_allowed ? "granted" : verdict.reason;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *root;
    char *shown;

    if (json) {
        root = json_pack(
            "{s:s, s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:s, s:s}", "tool",
            tool->name, "source", bx_tool_source_name(tool->source), "status",
            bx_tool_status_name(tool->status), "why", tool->why, "definition",
            tool->digest, "level", bx_level_name(entry->level), "server",
            bx_tool_remote_server(tool), "own_name", bx_tool_remote_name(tool),
            "permission", may, "rule", verdict.rule);
        shown = bx_json_text(root, JSON_INDENT(2));
        json_decref(root);
        if (shown == NULL)
            bx_error_set_nomem(err);
        return shown;
    }
    if (bx_buf_printf(&text, "%-10s %s\n%-10s %s\n%-10s %s%s", "tool",
                      tool->name, "source", tool->path, "status",
                      bx_tool_status_name(tool->status),
                      tool->why == NULL ? "" : ": ") < 0 ||
        (tool->why != NULL && put_shown(&text, tool->why) < 0) ||
        bx_buf_printf(&text,
                      "\n%-10s %s\n%-10s tool:%s: %s (%s)\n\n"
                      "It runs in the server '%s', not in a sandbox; `boxagnts "
                      "mcp list` shows\nwhat holds that.\n",
                      "level", bx_level_name(entry->level), "policy",
                      tool->name, may, verdict.rule,
                      bx_tool_remote_server(tool)) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&text);
}

static int fill(bx_registry *registry, const bx_grants *session,
                bx_explanation *about, bx_error **err)
{
    const bx_tool *tool = &about->entry->tool;
    const bx_box_key key = { .file = about->entry->file,
                             .manifest = tool->manifest,
                             .name = tool->name,
                             .session = session };

    if (tool->manifest == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "tool '%s' is broken: %s",
                            tool->name, tool->why);
    about->level = bx_policy_tool_level(registry->policy, tool->name,
                                        tool->manifest->level, &about->verdict);
    about->policy = bx_box_policy(registry, &key, err);
    if (about->policy == NULL ||
        bx_box_digest_policy(about->policy, about->digest, err) < 0)
        return -1;
    about->asks = bx_grants_format(tool->manifest->grants, err);
    if (about->asks == NULL)
        return -1;
    about->missing =
        bx_policy_missing(registry->policy, tool->manifest->grants, err);
    return about->missing == NULL ? -1 : 0;
}

char *bx_registry_explain(bx_registry *registry, const char *name,
                          const bx_grants *session, bool json, bx_error **err)
{
    bx_autotool bx_tool *tool = bx_registry_get(registry, name, err);
    bx_explanation about = { .entry = (bx_entry *)tool };
    char *text = NULL;

    if (tool == NULL)
        return NULL;
    if (about.entry->file->remote != NULL)
        return explain_remote(registry, about.entry, json, err);
    if (fill(registry, session, &about, err) == 0)
        text = json ? format_json(&about, err) : format_text(&about, err);
    bx_policy_free(about.policy);
    free(about.asks);
    free(about.missing);
    return text;
}
