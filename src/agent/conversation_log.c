/* A conversation from a session that is open. */
#include "agent/conversation.h"

bx_conversation *bx_conversation_load(bx_session_log *log, bx_error **err)
{
    json_t *entries = bx_session_log_read(log, 1, 0, err);
    bx_conversation *conversation =
        entries == NULL ? NULL : bx_conversation_load_entries(entries, err);

    json_decref(entries);
    if (conversation == NULL)
        (void)bx_error_wrap(err, "session %s", bx_session_log_id(log));
    return conversation;
}
