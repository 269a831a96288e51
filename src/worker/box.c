#include "worker/box.h"

#include <string.h>
#include <sys/stat.h>

#include "policy/pack.h"
#include "sandbox/guard.h"
#include "sandbox/result.h"
#include "worker/answer.h"

/* The policy, and which folders its paths lead to now: a folder that was
 * replaced is another box. */
static void make_key(const bx_policy *policy, const bx_buf *packed,
                     uint8_t key[BX_DIGEST_BYTES])
{
    bx_sha256_parts parts;
    struct stat st;

    bx_sha256_begin(&parts);
    bx_sha256_add(&parts, packed->data, packed->len);
    for (size_t i = 0; i < policy->mounts_count; i++) {
        uint64_t id[2] = { 0, 0 };

        if (stat(policy->mounts[i].host_dir, &st) == 0) {
            id[0] = st.st_dev;
            id[1] = st.st_ino;
        }
        bx_sha256_add(&parts, id, sizeof(id));
    }
    bx_sha256_end(&parts, key);
}

/* Give the module to a worker that may not have been born with it, and have it
 * resolve its imports. */
static int prepare(bx_worker_box *box, bx_process *process,
                   const bx_template_code *code, const bx_wait *wait,
                   bx_error **err)
{
    bx_autobuf bx_buf load = BX_BUF_INIT;
    bx_autobuf bx_buf make = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&load, BX_FRAME_MAX_BYTES);
    bx_frame frame;

    bx_template_put_code(&out, code);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    out = bx_wire_out_to(&make, BX_FRAME_MAX_BYTES);
    bx_wire_put_u64(&out, box->module->id);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_process_ask(process, BX_FRAME_LOAD, &load, &code->fd, 1, wait,
                       &frame, err) < 0)
        return -1;
    bx_frame_clear(&frame);
    if (bx_process_ask(process, BX_FRAME_BOX, &make, NULL, 0, wait, &frame,
                       err) < 0)
        return -1;
    bx_frame_clear(&frame);
    return 0;
}

/* A worker that has the box. *ret_is_lost: it died meanwhile. */
static bx_process *try_process(bx_worker_box *box, bx_wait *wait,
                               bool *ret_is_lost, bx_error **err)
{
    const bx_process_plan plan = {
        .packed = &box->packed,
        .slots = box->pool->slots,
        .memory_bytes = box->policy->limits.memory_bytes,
        .requires_lockdown = box->pool->requires_lockdown,
        .overlay_dir = box->policy->overlay_dir,
    };
    bx_error *why = NULL;
    bx_template_code code;
    bx_process *process;

    if (bx_worker_module_get(box->module, &box->policy->limits, 0, wait, &code,
                             err) < 0)
        return NULL;
    process = bx_pool_take(box->pool, box->key, &plan, wait, err);
    if (process == NULL || prepare(box, process, &code, wait, &why) == 0)
        return process;
    *ret_is_lost = bx_channel_is_gone(why);
    if (*ret_is_lost) {
        bx_autofree char *cause = bx_pool_lose(process, NULL);

        bx_error_free(why);
        why = NULL;
        bx_error_set(&why, BX_ERR_SYSTEM, "%s before the call began",
                     cause == NULL ? "the worker ended" : cause);
    }
    bx_pool_give(process);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return NULL;
}

/* With the box's mutex. */
static bx_process *find_process(bx_worker_box *box, bx_wait *wait,
                                bx_error **err)
{
    bool is_lost = false;
    bx_error *why = NULL;
    bx_process *process = try_process(box, wait, &is_lost, &why);

    if (process == NULL && is_lost) {
        bx_error_free(why);
        why = NULL;
        process = try_process(box, wait, &is_lost, &why);
    }
    if (process != NULL) {
        bx_process_unref(box->process);
        box->process = bx_process_ref(process);
        return process;
    }
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return NULL;
}

bx_process *bx_box_take_process(bx_worker_box *box, bx_wait *wait,
                                bx_error **err)
{
    bx_process *process;

    if (bx_wait_lock(wait, &box->mutex, err) < 0)
        return NULL;
    process = box->process;
    if (process == NULL || !bx_pool_take_again(process))
        process = find_process(box, wait, err);
    pthread_mutex_unlock(&box->mutex);
    return process;
}

bx_worker_box *bx_worker_box_new(bx_worker_pool *pool, bx_worker_module *module,
                                 const bx_policy *policy, bx_error **err)
{
    return bx_worker_box_new_within(pool, module, policy, NULL, err);
}

bx_worker_box *bx_worker_box_new_within(bx_worker_pool *pool,
                                        bx_worker_module *module,
                                        const bx_policy *policy, bx_wait *wait,
                                        bx_error **err)
{
    bx_worker_box *box;
    bx_process *process = NULL;

    if (bx_pool_check_process(pool, err) < 0)
        return NULL;
    box = calloc(1, sizeof(*box));
    if (box == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&box->mutex, NULL);
    box->pool = pool;
    box->module = module;
    box->policy = policy == NULL ? bx_policy_new() : bx_policy_clone(policy);
    if (box->policy == NULL) {
        bx_error_set_nomem(err);
    } else if (bx_guard_apply(box->policy, module->cache, err) == 0 &&
               bx_policy_pack(box->policy, &box->packed, err) == 0) {
        make_key(box->policy, &box->packed, box->key);
        process = bx_box_take_process(box, wait, err);
    }
    if (process != NULL) {
        bx_pool_give(process);
        return box;
    }
    bx_worker_box_free(box);
    return NULL;
}

void bx_worker_box_free(bx_worker_box *box)
{
    if (box == NULL)
        return;
    bx_process_unref(box->process);
    bx_buf_clear(&box->packed);
    bx_policy_free(box->policy);
    pthread_mutex_destroy(&box->mutex);
    free(box);
}

const bx_policy *bx_worker_box_policy(const bx_worker_box *box)
{
    return box->policy;
}

uint64_t bx_box_timeout_ms(const bx_worker_box *box,
                           const bx_run_options *options)
{
    uint64_t ms = box->policy->limits.timeout_ms;

    return options->timeout_ms != 0 && options->timeout_ms < ms
               ? options->timeout_ms
               : ms;
}

bx_wait bx_box_wait(const bx_worker_box *box, const bx_run_options *options,
                    const bx_run_extra *extra, int64_t begin_ns)
{
    uint64_t ms = bx_box_timeout_ms(box, options);
    bx_wait wait = { .cancel = options->cancel };

    if (ms < BX_BOX_START_MS)
        ms = BX_BOX_START_MS;
    wait.until_ns = begin_ns + (int64_t)ms * 1000000;
    if (extra->budget != NULL && extra->budget->deadline_ns < wait.until_ns)
        wait.until_ns = extra->budget->deadline_ns;
    return wait;
}

int bx_box_give_up(bx_error *why, bool is_begun, bx_result **ret_result,
                   bx_error **err)
{
    bx_result *result;

    if (is_begun || !bx_wait_is_over(why)) {
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
        return -1;
    }
    result = calloc(1, sizeof(*result));
    if (result == NULL) {
        bx_error_free(why);
        return bx_error_set_nomem(err);
    }
    bx_result_end(result, bx_error_code(why), strdup(bx_error_message(why)));
    bx_error_free(why);
    *ret_result = result;
    return 0;
}

int bx_worker_box_run(bx_worker_box *box, size_t argc, const char *const *argv,
                      const bx_run_options *options, const bx_run_extra *extra,
                      bx_result **ret_result, bx_error **err)
{
    static const bx_run_extra none = { 0 };
    bx_run_options complete;
    bx_answer answer = { .box = box,
                         .options = &complete,
                         .extra = extra == NULL ? &none : extra };
    bx_error *why = NULL;
    bx_wait wait;
    int result = -1;

    if (bx_pool_check_process(box->pool, err) < 0 ||
        bx_run_options_check(options, &complete, err) < 0)
        return -1;
    answer.begin_ns = bx_now_ns();
    wait = bx_box_wait(box, &complete, answer.extra, answer.begin_ns);
    /* Twice: one that died while nobody looked costs no call. */
    for (int i = 0; i < 2; i++) {
        answer.process = bx_box_take_process(box, &wait, &why);
        if (answer.process == NULL) {
            bx_error_wrap(&why, "run '%s'", box->module->name);
            return bx_box_give_up(why, false, ret_result, err);
        }
        result = bx_answer_call(&answer, argc, argv, ret_result, &why);
        bx_answer_clear(&answer);
        bx_pool_give(answer.process);
        if (result < 0 || answer.is_begun || i == 1)
            break;
        bx_result_free(*ret_result);
        *ret_result = NULL;
    }
    return result == 0 ? 0
                       : bx_box_give_up(why, answer.is_begun, ret_result, err);
}
