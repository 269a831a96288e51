/* Bytes from an MCP client: lines, messages, what they agree to; URIs and the
 * rules of ignore files, which come from the same strangers. */
#include <stdlib.h>
#include <string.h>

#include "mcp/agreement.h"
#include "mcp/ignore.h"
#include "mcp/line.h"
#include "mcp/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(bx_agreement *agreement, json_t *value)
{
    bx_autorpc bx_rpc rpc;
    bx_terms terms;
    json_t *error = NULL;

    bx_rpc_read(value, &rpc);
    if ((rpc.kind == BX_RPC_INVALID) != (rpc.error != NULL))
        abort();
    if (rpc.kind == BX_RPC_NOTIFICATION)
        bx_agreement_confirm(agreement);
    if (rpc.kind != BX_RPC_REQUEST)
        return;
    if (rpc.id == NULL || rpc.method == NULL)
        abort();
    error = strcmp(rpc.method, "initialize") == 0
                ? bx_agreement_open(agreement, rpc.params, &terms)
                : bx_agreement_admit(agreement, &rpc, &terms);
    if (error == NULL && terms.revision >= BX_REVISIONS)
        abort();
    json_decref(error);
}

static void take_line(bx_agreement *agreement, const char *line, size_t bytes)
{
    json_t *error = NULL;
    json_t *value = bx_rpc_parse(line, bytes, &error);

    if ((value == NULL) != (error != NULL))
        abort();
    json_decref(error);
    if (value != NULL)
        take(agreement, value);
}

/* A URI that is taken is written as one that means the same path. */
static void take_uri(const char *text)
{
    char *path = bx_uri_parse(text, NULL);
    char *uri = path == NULL ? NULL : bx_uri_format(path);
    char *again = uri == NULL ? NULL : bx_uri_parse(uri, NULL);

    if (path != NULL && strlen(uri) <= BX_URI_MAX_BYTES &&
        (again == NULL || strcmp(path, again) != 0))
        abort();
    free(path);
    free(uri);
    free(again);
}

static void take_rules(const char *text, size_t bytes)
{
    bx_ignore *ignore = bx_ignore_new();

    if (ignore == NULL || bx_ignore_add(ignore, "", text, bytes) < 0)
        abort();
    bx_ignore_has(ignore, "/src/deep/aaaaaaaaaaaaaaaaaaaaaaaaaaaa.log", false);
    bx_ignore_free(ignore);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bx_line_reader reader = { .max_bytes = 4096 };
    bx_agreement agreement;
    char *text = malloc(size + 1);
    size_t half = size / 2;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    take_uri(text);
    take_rules(text, size);
    bx_agreement_init(&agreement);
    for (int part = 0; part < 2; part++) {
        const char *line;
        size_t bytes;
        bx_line_status status;

        if (bx_line_feed(&reader, text + (part == 0 ? 0 : half),
                         part == 0 ? half : size - half) < 0)
            break;
        while ((status = bx_line_next(&reader, &line, &bytes)) !=
               BX_LINE_NONE) {
            if (status == BX_LINE_READY)
                take_line(&agreement, line, bytes);
        }
    }
    bx_agreement_clear(&agreement);
    bx_line_clear(&reader);
    free(text);
    return 0;
}
