#include "agent/models/protocol.h"

#include <stdlib.h>
#include <string.h>

static const bx_protocol *const protocols[] = {
    &bx_protocol_anthropic,
    &bx_protocol_gemini,
    &bx_protocol_openai_chat,
    &bx_protocol_openai_responses,
};

const bx_protocol *bx_protocol_find(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    }
    return NULL;
}

void bx_protocol_request_clear(bx_protocol_request *request)
{
    bx_buf_clear(&request->url);
    bx_http_fields_clear(&request->fields);
    json_decref(request->body);
    free(request->text);
    request->body = NULL;
    request->text = NULL;
}
