/* Frames between the host, the template and workers: what was read once is
 * written and read again to the same bytes, and what is shown of a worker's
 * words acts on no terminal. */
#include <string.h>

#include "base/utf8.h"
#include "sandbox/result.h"
#include "worker/frame.h"

#define OUTPUT_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_worker: %s\n", what);
        abort();
    }
}

static void must_be_plain(const char *text)
{
    must(bx_utf8_is_valid(text, strlen(text)), "shown text is not UTF-8");
    for (; *text != '\0'; text++)
        must((unsigned char)*text >= ' ' || *text == '\n',
             "shown text has a control byte");
}

static void must_equal(const bx_buf *a, const bx_buf *b)
{
    must(a->len == b->len &&
             (a->len == 0 || memcmp(a->data, b->data, a->len) == 0),
         "written again, it differs");
}

static void try_call(const uint8_t *data, size_t bytes)
{
    bx_wire_in in = bx_wire_in_of(data, bytes);
    bx_autobuf bx_buf first = BX_BUF_INIT;
    bx_autobuf bx_buf second = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&first, SIZE_MAX);
    bx_call_frame call;

    if (bx_frame_get_call(&in, &call, NULL) < 0)
        return;
    for (size_t i = 0; i < call.argc; i++)
        must(call.argv[i] != NULL, "a word is missing");
    must((call.flags & BX_CALL_INVOKES) == 0 ||
             strlen(call.args) == call.args_bytes,
         "arguments with a NUL inside");
    bx_frame_put_call(&out, &call);
    bx_call_frame_clear(&call);
    in = bx_wire_in_of(first.data, first.len);
    must(bx_frame_get_call(&in, &call, NULL) == 0, "a call is not read back");
    out = bx_wire_out_to(&second, SIZE_MAX);
    bx_frame_put_call(&out, &call);
    bx_call_frame_clear(&call);
    must_equal(&first, &second);
}

static void clear_result(bx_result_frame *frame)
{
    bx_result_free(frame->result);
    bx_error_free(frame->error);
}

static void try_result(const uint8_t *data, size_t bytes)
{
    bx_wire_in in = bx_wire_in_of(data, bytes);
    bx_autobuf bx_buf first = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&first, SIZE_MAX);
    bx_result_frame frame = { .result = NULL };

    if (bx_frame_get_result(&in, OUTPUT_BYTES, &frame, NULL) < 0)
        return;
    must((frame.result == NULL) != (frame.error == NULL),
         "neither a result nor an error, or both");
    if (frame.result != NULL) {
        must(frame.result->code <= BX_ERR_CANCELLED, "a code that is none");
        must(frame.result->captured[0].len <= OUTPUT_BYTES &&
                 frame.result->captured[1].len <= OUTPUT_BYTES,
             "more output than is granted");
        must_be_plain(bx_result_message(frame.result));
    } else {
        must(bx_error_code(frame.error) != BX_OK, "an error of no code");
        must_be_plain(bx_error_message(frame.error));
    }
    bx_frame_put_result(&out, &frame);
    must(!out.is_bad, "a result that cannot be written");
    clear_result(&frame);
}

static void try_service(const uint8_t *data, size_t bytes, bx_frame_type type)
{
    bx_wire_in in = bx_wire_in_of(data, bytes);
    bx_service_frame frame;

    if (!bx_frame_get_service(&in, type, &frame))
        return;
    if (type == BX_FRAME_SPAWN) {
        must(frame.spawn.argc > 0 && frame.spawn.argv[0][0] != '\0',
             "a program without a name");
        for (size_t i = 0; i < frame.spawn.env_count; i++)
            must(strchr(frame.spawn.env[i], '=') != NULL,
                 "a variable without a value");
    } else if (type == BX_FRAME_TOOL_CALL) {
        must(frame.name != NULL, "a tool without a name");
    }
    bx_service_frame_clear(&frame);
}

static void try_service_result(const uint8_t *data, size_t bytes)
{
    bx_wire_in in = bx_wire_in_of(data, bytes);
    bx_service_result result = { .head = BX_BUF_INIT };
    bx_error *err = NULL;
    bx_budget left;

    if (bx_frame_get_service_result(&in, &left, &result, &err) < 0)
        must(err != NULL, "a failure without an error");
    bx_error_free(err);
    bx_buf_clear(&result.head);
    bx_buf_clear(&result.output[0]);
    bx_buf_clear(&result.output[1]);
}

static void try_texts(const uint8_t *data, size_t bytes)
{
    char *shown = bx_frame_show((const char *)data, bytes);
    char *again = bx_frame_show(shown, strlen(shown));

    must_be_plain(shown);
    must(strcmp(shown, again) == 0, "shown twice, it differs");
    free(shown);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_frame_head head;

    if (bytes == 0)
        return 0;
    switch (data[0] % 8) {
    case 0:
        if (bx_frame_check(data + 1, bytes - 1, &head))
            must(head.type > BX_FRAME_NONE && head.type < BX_FRAME_TYPES &&
                     head.body_bytes <= BX_FRAME_MAX_BYTES,
                 "a head that is none");
        break;
    case 1:
        try_call(data + 1, bytes - 1);
        break;
    case 2:
        try_result(data + 1, bytes - 1);
        break;
    case 3:
        try_service(data + 1, bytes - 1, BX_FRAME_SPAWN);
        break;
    case 4:
        try_service(data + 1, bytes - 1, BX_FRAME_TOOL_CALL);
        break;
    case 5:
        try_service(data + 1, bytes - 1, BX_FRAME_TOOL_LIST);
        break;
    case 6:
        try_service_result(data + 1, bytes - 1);
        break;
    default:
        try_texts(data + 1, bytes - 1);
    }
    return 0;
}
