/* Any bytes in place of a line, of a head file or of an event: refused, or
 * exactly what the log writes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "store/audit_log_head.h"
#include "store/audit_log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_head(const char *text, size_t bytes)
{
    static const uint8_t key[BX_DIGEST_BYTES];
    char again[BX_AUDIT_HEAD_BYTES + 1];
    bx_audit_head head;

    if (bx_audit_head_parse(text, bytes, key, &head)) {
        bx_audit_head_format(&head, key, again);
        assert(bytes == BX_AUDIT_HEAD_BYTES);
        assert(memcmp(text, again, bytes) == 0);
    }
}

static void check_line(const char *text, size_t bytes)
{
    bx_audit_line line;

    if (bx_audit_line_parse(text, bytes, &line) == NULL) {
        assert(line.seq > 0);
        assert(bx_audit_hash_is_valid(line.prev));
        assert(bx_audit_hash_is_valid(line.hash));
    }
}

/* Whatever an event holds, its line is one, bounded, and JSON. */
static void check_event(json_t *event)
{
    bx_buf members = BX_BUF_INIT;
    bx_buf text = BX_BUF_INIT;
    bx_audit_line line;
    char hash[BX_AUDIT_HASH_BYTES];
    json_t *again;

    memcpy(hash, bx_audit_first_prev, sizeof(hash));
    assert(bx_audit_line_put_members(&members, event) == 0);
    assert(bx_audit_line_seal(&text, 1, NULL, &members, hash) == 0);
    assert(text.len < BX_AUDIT_LINE_MAX_BYTES);
    assert(memchr(text.data, '\n', text.len) == text.data + text.len - 1);
    assert(bx_utf8_is_valid(text.data, text.len));
    for (size_t i = 0; i + 1 < text.len; i++)
        assert((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
    assert(bx_audit_line_parse(text.data, text.len - 1, &line) == NULL);
    assert(strcmp(line.hash, hash) == 0 && line.seq == 1);
    assert(!line.is_recovered);
    again = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
    assert(json_is_object(again));
    json_decref(again);
    bx_buf_clear(&members);
    bx_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data;
    json_t *event =
        json_loadb(text, bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

    check_head(text, bytes);
    check_line(text, bytes);
    if (event == NULL)
        event = json_stringn_nocheck(text, bytes);
    if (!json_is_object(event))
        event = json_pack("{s:o}", "value", event);
    /* The log refuses an event with a member of its own. */
    json_object_del(event, "audit");
    check_event(event);
    json_decref(event);
    return 0;
}
