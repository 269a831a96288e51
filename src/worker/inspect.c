/* The child that looks into a module: the engine reads types of a hostile
 * component in a process that has nothing else. */
#include <sys/prctl.h>

#include "worker/lockdown.h"
#include "worker/serve.h"

static char *inspect(const bx_template *template_, const bx_frame *frame,
                     bx_error **err)
{
    const bx_lockdown lockdown = { .may_make_memory_files = true,
                                   .may_pass_fds = true };
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_wire_in in = bx_frame_body(frame);
    uint64_t id = bx_wire_get_u64(&in);
    bool is_required = bx_wire_get_bool(&in);
    const bx_module *module = bx_template_find(template_, id);

    if (!bx_wire_is_whole(&in) || module == NULL) {
        bx_error_set(err, BX_ERR_INVALID, "no such module");
        return NULL;
    }
    if ((is_required && bx_lockdown_require(err) < 0) ||
        bx_lockdown_apply(&lockdown, applied, err) < 0)
        return NULL;
    return bx_module_inspect(module, err);
}

_Noreturn void bx_serve_inspect(bx_template *template_, bx_channel *control,
                                bx_frame *frame)
{
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_autofree char *text = NULL;

    (void)prctl(PR_SET_NAME, "bx-inspector");
    text = inspect(template_, frame, &err);
    if (text != NULL)
        bx_wire_put_text(&out, text);
    if (text != NULL && out.is_bad)
        bx_error_set_nomem(&err);
    (void)bx_channel_reply(control, err == NULL ? &body : NULL, NULL, 0, err);
    _exit(err == NULL ? 0 : 1);
}
