/* The child that compiles: a module comes from anyone, and the compiler is a
 * large program. It has no folder, and what it makes runs only in workers. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "sandbox/code.h"
#include "worker/compile_bound.h"
#include "worker/lockdown.h"
#include "worker/serve.h"

/* RLIMIT_NOFILE stays: it also bounds the descriptors that all processes of the
 * user have on their way to one another (unix(7), ETOOMANYREFS). */
static int lock_down(bool is_required, uint64_t memory_bytes, bx_error **err)
{
    const bx_lockdown lockdown = { .memory_bytes =
                                       bx_template_data_bytes() + memory_bytes,
                                   .may_make_memory_files = true,
                                   .may_pass_fds = true };
    bool applied[BX_LOCKDOWN_LAYERS];

    if (bx_compile_bound_cpu(err) < 0 ||
        (is_required && bx_lockdown_require(err) < 0))
        return -1;
    return bx_lockdown_apply(&lockdown, applied, err);
}

static int compile(const bx_template *template_, bx_frame *frame,
                   bx_code_bytes *ret_code, bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);
    bx_autofd int fd = bx_frame_take_fd(frame, 0);
    bx_autofree char *name = NULL;
    bx_autofree char *bytes = NULL;
    bx_limits limits;
    uint64_t compatibility;
    uint64_t memory_bytes;
    bool is_required;
    size_t count;

    bx_frame_get_limits(&in, &limits);
    memory_bytes = bx_wire_get_u64(&in);
    is_required = bx_wire_get_bool(&in);
    name = bx_wire_get_text(&in, BX_FRAME_MAX_BYTES);
    if (!bx_wire_is_whole(&in) || fd < 0)
        return bx_wire_fail(&in, BX_ERR_INVALID, "a malformed module", err);
    /* Its engine is there already, but in a template that was made since: it
     * takes memory that is not the module's. */
    if (bx_code_compatibility(template_->engine, &limits, &compatibility, err) <
        0)
        return -1;
    bytes = bx_channel_memory_read(fd, SIZE_MAX, &count, err);
    if (bytes == NULL || lock_down(is_required, memory_bytes, err) < 0)
        return -1;
    return bx_code_compile(template_->engine, &limits, bytes, count, name,
                           ret_code, err);
}

static int send_code(const bx_channel *control, const bx_code_bytes *code,
                     bx_error **err)
{
    bx_autobuf bx_buf ret = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&ret, BX_FRAME_MAX_BYTES);
    bx_autofd int bytes =
        bx_channel_memory(code->bytes, code->bytes_count, err);
    bx_autofd int binary = -1;
    int fds[2];

    if (bytes < 0)
        return -1;
    if (code->binary != NULL) {
        binary = bx_channel_memory(code->binary, code->binary_bytes, err);
        if (binary < 0)
            return -1;
    }
    fds[0] = bytes;
    fds[1] = binary;
    bx_wire_put_bool(&out, code->is_component);
    bx_wire_put_bool(&out, binary >= 0);
    bx_wire_put_raw(&out, code->digest, sizeof(code->digest));
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_channel_reply(control, &ret, fds, binary >= 0 ? 2 : 1, NULL) < 0)
        return bx_error_set_errno(err, errno, "the compiled code");
    return 0;
}

_Noreturn void bx_serve_compile(bx_template *template_, bx_channel *control,
                                bx_frame *frame)
{
    bx_autoerror bx_error *err = NULL;
    bx_code_bytes code = { 0 };

    bx_template_name(template_, "compiler");
    if (compile(template_, frame, &code, &err) < 0 ||
        send_code(control, &code, &err) < 0) {
        if (err == NULL)
            bx_error_set(&err, BX_ERR_SYSTEM, "the code could not be sent");
        (void)bx_channel_reply(control, NULL, NULL, 0, err);
        _exit(1);
    }
    _exit(0);
}
