#include "worker/frame.h"

#include <stddef.h>
#include <string.h>

#include "sandbox/call_host.h"
#include "sandbox/result.h"

bool bx_frame_check(const void *message, size_t bytes, bx_frame_head *ret_head)
{
    bx_frame_head head;

    if (bytes < sizeof(head))
        return false;
    memcpy(&head, message, sizeof(head));
    if (head.magic != BX_FRAME_MAGIC || head.type == BX_FRAME_NONE ||
        head.type >= BX_FRAME_TYPES || (head.flags & ~BX_FRAME_SPILLED) != 0)
        return false;
    if ((head.flags & BX_FRAME_SPILLED) != 0) {
        if (bytes != sizeof(head) || head.body_bytes > BX_FRAME_MAX_BYTES)
            return false;
    } else if (head.body_bytes != bytes - sizeof(head) ||
               head.body_bytes > BX_FRAME_INLINE_BYTES) {
        return false;
    }
    *ret_head = head;
    return true;
}

/* ---- parts ----------------------------------------------------------- */

void bx_frame_put_limits(bx_wire_out *out, const bx_limits *limits)
{
    bx_wire_put_u64(out, limits->fuel_units);
    bx_wire_put_u64(out, limits->stack_bytes);
}

void bx_frame_get_limits(bx_wire_in *in, bx_limits *limits)
{
    *limits = BX_LIMITS_DEFAULT;
    limits->fuel_units = bx_wire_get_u64(in);
    limits->stack_bytes = bx_wire_get_u64(in);
    if (limits->stack_bytes < (16u << 10) || limits->stack_bytes > (64u << 20))
        in->is_bad = true;
}

/* Numbers of a structure in the order in which they go. */
static const size_t budget_numbers[] = {
    offsetof(bx_budget, fuel_units),
    offsetof(bx_budget, memory_bytes),
    offsetof(bx_budget, output_bytes),
    offsetof(bx_budget, fs_write_bytes),
    offsetof(bx_budget, fs_create_entries),
    offsetof(bx_budget, http_requests),
    offsetof(bx_budget, calls),
    offsetof(bx_budget, depth),
};
static const size_t stats_numbers[] = {
    offsetof(bx_stats, wall_ns),      offsetof(bx_stats, memory_bytes),
    offsetof(bx_stats, fuel_units),   offsetof(bx_stats, read_bytes),
    offsetof(bx_stats, write_bytes),  offsetof(bx_stats, calls),
    offsetof(bx_stats, calls_denied),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_numbers(bx_wire_out *out, const void *structure,
                        const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        memcpy(&number, (const char *)structure + offsets[i], sizeof(number));
        bx_wire_put_u64(out, number);
    }
}

/* None above most. */
static void get_numbers(bx_wire_in *in, void *structure, const size_t *offsets,
                        size_t count, uint64_t most)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = bx_wire_get_u64(in);

        if (number > most)
            number = most;
        memcpy((char *)structure + offsets[i], &number, sizeof(number));
    }
}

void bx_frame_put_budget(bx_wire_out *out, const bx_budget *budget)
{
    bx_wire_put_i64(out, budget->deadline_ns);
    put_numbers(out, budget, budget_numbers, COUNT(budget_numbers));
}

void bx_frame_get_budget(bx_wire_in *in, bx_budget *budget)
{
    budget->deadline_ns = bx_wire_get_i64(in);
    get_numbers(in, budget, budget_numbers, COUNT(budget_numbers), UINT64_MAX);
}

void bx_frame_put_error(bx_wire_out *out, const bx_error *error)
{
    bx_code code = bx_error_code(error);

    bx_wire_put_u8(out, (uint8_t)(code == BX_OK ? BX_ERR_SYSTEM : code));
    bx_wire_put_u32(out, (uint32_t)bx_error_errno(error));
    bx_wire_put_bytes(out, bx_error_message(error),
                      strnlen(bx_error_message(error), BX_FRAME_TEXT_BYTES));
}

bool bx_frame_get_error(bx_wire_in *in, bx_error **err)
{
    uint8_t code = bx_wire_get_u8(in);
    int number = (int)bx_wire_get_u32(in);
    bx_autofree char *shown = NULL;
    const char *text;
    size_t bytes;

    text = bx_wire_get_bytes(in, BX_FRAME_TEXT_BYTES, &bytes);
    if (in->is_bad || code == BX_OK || code > BX_ERR_CANCELLED) {
        in->is_bad = true;
        return false;
    }
    shown = bx_frame_show(text, bytes);
    if (shown == NULL) {
        bx_wire_lack_memory(in);
        return false;
    }
    bx_error_restore(err, (bx_code)code, number, shown);
    return true;
}

void bx_frame_put_words(bx_wire_out *out, size_t count,
                        const char *const *words)
{
    bx_wire_put_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        bx_wire_put_text(out, words[i]);
        bx_wire_put_u8(out, 0);
    }
}

/* Borrowed from the message: a NUL follows, and none is inside. */
static const char *get_string(bx_wire_in *in, size_t max_bytes,
                              size_t *ret_bytes)
{
    const char *text = bx_wire_get_bytes(in, max_bytes, ret_bytes);

    if (bx_wire_get_u8(in) != 0 || memchr(text, '\0', *ret_bytes) != NULL)
        in->is_bad = true;
    return in->is_bad ? "" : text;
}

static void put_string(bx_wire_out *out, const char *text, size_t bytes)
{
    bx_wire_put_bytes(out, text, bytes);
    bx_wire_put_u8(out, 0);
}

const char *const *bx_frame_get_words(bx_wire_in *in, size_t *ret_count)
{
    size_t count = bx_wire_get_u32(in);
    const char **words;
    size_t bytes;

    *ret_count = 0;
    /* Each takes five bytes at least. */
    if (in->is_bad || count > in->left / 5) {
        in->is_bad = true;
        return NULL;
    }
    words = calloc(count + 1, sizeof(*words));
    if (words == NULL) {
        bx_wire_lack_memory(in);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        words[i] = get_string(in, BX_FRAME_MAX_BYTES, &bytes);
    *ret_count = count;
    return words;
}

/* What stands between two of the kept bytes is escaped; those were put there on
 * purpose, or can do no harm. */
static char *show(const char *text, size_t bytes, const char *kept)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    const char *end = text + bytes;

    for (;;) {
        const char *stop = text;

        while (stop < end && (*stop == '\0' || strchr(kept, *stop) == NULL))
            stop++;
        if (bx_buf_put_escaped(&shown, text, (size_t)(stop - text), SIZE_MAX) <
            0)
            return NULL;
        if (stop == end)
            return bx_buf_take(&shown);
        if (bx_buf_append(&shown, stop, 1, SIZE_MAX) < 0)
            return NULL;
        text = stop + 1;
    }
}

char *bx_frame_show(const char *text, size_t bytes)
{
    return show(text, bytes, "\\\n");
}

char *bx_frame_show_line(const char *text, size_t bytes)
{
    return show(text, bytes, "\\");
}

/* ---- a call ---------------------------------------------------------- */

void bx_frame_put_call(bx_wire_out *out, const bx_call_frame *call)
{
    bx_wire_put_u32(out, call->flags);
    bx_wire_put_u64(out, call->box_id);
    bx_wire_put_u64(out, call->session_id);
    bx_wire_put_i64(out, call->deadline_ns);
    bx_wire_put_u64(out, call->timeout_ms);
    bx_frame_put_words(out, call->argc, call->argv);
    if ((call->flags & BX_CALL_ENV) != 0)
        bx_frame_put_words(out, call->env_count, call->env);
    if ((call->flags & BX_CALL_INVOKES) != 0) {
        put_string(out, call->function, strlen(call->function));
        put_string(out, call->args, call->args_bytes);
    }
    if ((call->flags & BX_CALL_BUDGET) != 0)
        bx_frame_put_budget(out, &call->budget);
    if ((call->flags & BX_CALL_RECORD) != 0)
        bx_wire_put_u64(out, call->record_max_bytes);
    bx_wire_put_bytes(out, call->input, call->input_bytes);
}

int bx_frame_get_call(bx_wire_in *in, bx_call_frame *call, bx_error **err)
{
    size_t bytes;

    memset(call, 0, sizeof(*call));
    call->flags = bx_wire_get_u32(in);
    call->box_id = bx_wire_get_u64(in);
    call->session_id = bx_wire_get_u64(in);
    call->deadline_ns = bx_wire_get_i64(in);
    call->timeout_ms = bx_wire_get_u64(in);
    call->argv = bx_frame_get_words(in, &call->argc);
    if ((call->flags & BX_CALL_ENV) != 0)
        call->env = bx_frame_get_words(in, &call->env_count);
    if ((call->flags & BX_CALL_INVOKES) != 0) {
        call->function = get_string(in, BX_FRAME_MAX_BYTES, &bytes);
        call->args = get_string(in, BX_FRAME_MAX_BYTES, &call->args_bytes);
    }
    if ((call->flags & BX_CALL_BUDGET) != 0)
        bx_frame_get_budget(in, &call->budget);
    if ((call->flags & BX_CALL_RECORD) != 0)
        call->record_max_bytes = bx_wire_get_u64(in);
    call->input = bx_wire_get_bytes(in, BX_FRAME_MAX_BYTES, &call->input_bytes);
    if (bx_wire_is_whole(in) && (call->flags & ~BX_CALL_FLAGS) == 0)
        return 0;
    bx_call_frame_clear(call);
    return bx_wire_fail(in, BX_ERR_INVALID, "a malformed call", err);
}

void bx_call_frame_clear(bx_call_frame *call)
{
    free((void *)call->argv);
    free((void *)call->env);
    memset(call, 0, sizeof(*call));
}

/* ---- its result ------------------------------------------------------ */

void bx_frame_put_result(bx_wire_out *out, const bx_result_frame *frame)
{
    const bx_result *result = frame->result;

    bx_wire_put_bool(out, frame->is_alive);
    bx_wire_put_bool(out, frame->has_budget);
    if (frame->has_budget)
        bx_frame_put_budget(out, &frame->budget);
    bx_wire_put_bool(out, result != NULL);
    if (result == NULL) {
        bx_frame_put_error(out, frame->error);
        return;
    }
    bx_wire_put_u8(out, (uint8_t)result->code);
    bx_wire_put_u32(out, result->exit_code);
    bx_wire_put_bool(out, result->is_cut);
    put_numbers(out, &result->stats, stats_numbers, COUNT(stats_numbers));
    bx_wire_put_bytes(out, bx_result_message(result),
                      strnlen(bx_result_message(result), BX_FRAME_TEXT_BYTES));
    bx_wire_put_bool(out, result->value != NULL);
    if (result->value != NULL)
        bx_wire_put_bytes(out, result->value, strlen(result->value));
    for (int i = 0; i < 2; i++)
        bx_wire_put_bytes(out, result->captured[i].data,
                          result->captured[i].len);
}

/* The text of a field, in memory of its own; NULL marks the message bad. */
static char *copy_text(bx_wire_in *in, size_t max_bytes, bool is_shown)
{
    size_t bytes;
    const char *text = bx_wire_get_bytes(in, max_bytes, &bytes);
    char *copy;

    if (in->is_bad || memchr(text, '\0', bytes) != NULL) {
        in->is_bad = true;
        return NULL;
    }
    copy = is_shown ? bx_frame_show(text, bytes) : strndup(text, bytes);
    if (copy == NULL)
        bx_wire_lack_memory(in);
    return copy;
}

static void get_captured(bx_wire_in *in, uint64_t max_bytes, bx_buf *captured)
{
    size_t bytes;
    const void *data = bx_wire_get_bytes(
        in, max_bytes < BX_FRAME_MAX_BYTES ? max_bytes : BX_FRAME_MAX_BYTES,
        &bytes);

    if (bytes > 0 && bx_buf_append(captured, data, bytes, SIZE_MAX) < 0)
        bx_wire_lack_memory(in);
}

static bx_result *get_result(bx_wire_in *in, uint64_t output_bytes)
{
    bx_result *result = calloc(1, sizeof(*result));
    uint8_t code = bx_wire_get_u8(in);

    if (result == NULL)
        bx_wire_lack_memory(in);
    if (code > BX_ERR_CANCELLED)
        in->is_bad = true;
    if (result == NULL || in->is_bad) {
        free(result);
        return NULL;
    }
    result->code = (bx_code)code;
    result->exit_code = bx_wire_get_u32(in);
    result->is_cut = bx_wire_get_bool(in);
    /* Nothing of it counts as much; whoever logs it as a signed number sees
     * none below zero. */
    get_numbers(in, &result->stats, stats_numbers, COUNT(stats_numbers),
                INT64_MAX);
    result->message = copy_text(in, BX_FRAME_TEXT_BYTES, true);
    if (bx_wire_get_bool(in))
        result->value = copy_text(in, BX_FRAME_MAX_BYTES, false);
    get_captured(in, output_bytes, &result->captured[0]);
    get_captured(in, output_bytes, &result->captured[1]);
    return result;
}

int bx_frame_get_result(bx_wire_in *in, uint64_t output_bytes,
                        bx_result_frame *ret_frame, bx_error **err)
{
    bx_result_frame frame = { .is_alive = bx_wire_get_bool(in),
                              .has_budget = bx_wire_get_bool(in) };

    if (frame.has_budget)
        bx_frame_get_budget(in, &frame.budget);
    if (bx_wire_get_bool(in))
        frame.result = get_result(in, output_bytes);
    else
        (void)bx_frame_get_error(in, &frame.error);
    if (bx_wire_is_whole(in)) {
        *ret_frame = frame;
        return 0;
    }
    bx_result_free(frame.result);
    bx_error_free(frame.error);
    return bx_wire_fail(in, BX_ERR_INVALID, "a malformed result", err);
}

/* ---- a nested call --------------------------------------------------- */

void bx_frame_put_spawn(bx_wire_out *out, const bx_budget *budget,
                        const bx_spawn_request *request)
{
    bx_frame_put_budget(out, budget);
    bx_frame_put_words(out, request->argc, request->argv);
    bx_frame_put_words(out, request->env_count, request->env);
    bx_wire_put_bytes(out, request->input, request->input_bytes);
}

void bx_frame_put_tool(bx_wire_out *out, const bx_budget *budget,
                       const char *name, const char *input, size_t bytes)
{
    bx_frame_put_budget(out, budget);
    bx_wire_put_text(out, name);
    bx_wire_put_bytes(out, input, bytes);
}

/* As bx_call_request_make() lets them through. */
static bool is_request(const bx_spawn_request *request)
{
    if (request->argc == 0 || request->argc > BX_CALL_WORDS ||
        request->argv[0][0] == '\0' || request->env_count > BX_CALL_WORDS + 1)
        return false;
    for (size_t i = 0; i < request->env_count; i++) {
        const char *equals = strchr(request->env[i], '=');

        if (equals == NULL || equals == request->env[i])
            return false;
    }
    return true;
}

bool bx_frame_get_service(bx_wire_in *in, bx_frame_type type,
                          bx_service_frame *ret_frame)
{
    bx_service_frame frame = { 0 };
    bool is_good = true;

    bx_frame_get_budget(in, &frame.budget);
    if (type == BX_FRAME_SPAWN) {
        bx_spawn_request *spawn = &frame.spawn;

        spawn->argv = bx_frame_get_words(in, &spawn->argc);
        spawn->env = bx_frame_get_words(in, &spawn->env_count);
        spawn->input =
            bx_wire_get_bytes(in, BX_CALL_INPUT_MAX_BYTES, &spawn->input_bytes);
        is_good = !in->is_bad && is_request(spawn);
    } else if (type == BX_FRAME_TOOL_CALL) {
        frame.name = bx_wire_get_text(in, 256);
        frame.input =
            bx_wire_get_bytes(in, BX_CALL_INPUT_MAX_BYTES, &frame.input_bytes);
    }
    if (is_good && bx_wire_is_whole(in)) {
        *ret_frame = frame;
        return true;
    }
    bx_service_frame_clear(&frame);
    return false;
}

void bx_service_frame_clear(bx_service_frame *frame)
{
    free((void *)frame->spawn.argv);
    free((void *)frame->spawn.env);
    free(frame->name);
    memset(frame, 0, sizeof(*frame));
}

void bx_frame_put_service_result(bx_wire_out *out, const bx_budget *left,
                                 const bx_service_result *result,
                                 const bx_error *error)
{
    bx_frame_put_budget(out, left);
    bx_wire_put_bool(out, error == NULL);
    if (error != NULL) {
        bx_frame_put_error(out, error);
        return;
    }
    bx_wire_put_bytes(out, result->head.data, result->head.len);
    for (int i = 0; i < 2; i++)
        bx_wire_put_bytes(out, result->output[i].data, result->output[i].len);
}

static void get_buf(bx_wire_in *in, bx_buf *buf)
{
    get_captured(in, BX_FRAME_MAX_BYTES, buf);
}

int bx_frame_get_service_result(bx_wire_in *in, bx_budget *left,
                                bx_service_result *ret_result, bx_error **err)
{
    bx_autoerror bx_error *error = NULL;

    bx_frame_get_budget(in, left);
    if (bx_wire_get_bool(in)) {
        get_buf(in, &ret_result->head);
        get_buf(in, &ret_result->output[0]);
        get_buf(in, &ret_result->output[1]);
        if (bx_wire_is_whole(in))
            return 0;
    } else if (bx_frame_get_error(in, &error) && bx_wire_is_whole(in)) {
        if (err != NULL)
            *err = bx_take(error);
        return -1;
    }
    return bx_wire_fail(in, BX_ERR_SYSTEM, "a malformed answer", err);
}
