/* A conversation from a session's entries. They come from a file that anyone
 * may have written: each is checked as it is added. */
#include <inttypes.h>
#include <string.h>

#include "agent/conversation_parts.h"

static int load_entry(bx_conversation *conversation, const json_t *entry,
                      bx_error **err)
{
    const char *kind = bx_block_text(entry, "kind");
    const json_t *block = json_object_get(entry, "block");
    const json_t *note = json_object_get(entry, "note");
    json_int_t number = json_integer_value(json_object_get(entry, "entry"));
    int status = 0;

    if (strcmp(kind, "message") == 0)
        return bx_conversation_add(conversation,
                                   json_object_get(entry, "message"),
                                   (uint64_t)number, err);
    if (strcmp(kind, "call") == 0) {
        if (strcmp(bx_block_text(entry, "state"), "done") != 0)
            return 0;
        status =
            strcmp(bx_block_text(entry, "id"), bx_block_text(block, "id")) == 0
                ? bx_conversation_add_result(conversation, block, err)
                : bx_error_set(err, BX_ERR_INVALID,
                               "the result has not the id of its call");
    } else if (bx_block_is(note, "compaction")) {
        status = bx_conversation_apply(conversation, note, err);
    }
    return status < 0
               ? bx_error_wrap(err, "entry %" JSON_INTEGER_FORMAT, number)
               : 0;
}

bx_conversation *bx_conversation_load_entries(const json_t *entries,
                                              bx_error **err)
{
    bx_autoconversation bx_conversation *conversation =
        bx_conversation_new(err);
    size_t count = json_array_size(entries);

    for (size_t i = 0; conversation != NULL && i < count; i++) {
        if (load_entry(conversation, json_array_get(entries, i), err) < 0)
            return NULL;
    }
    return bx_take(conversation);
}
