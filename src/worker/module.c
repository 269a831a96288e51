/* The host neither parses nor compiles: what it looks at of a module is its
 * first bytes. Compiled code comes from the cache, whose key only the host has,
 * or from a child of the template that can do nothing but compile. */
#include "worker/module.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/run.h"
#include "sandbox/code.h"
#include "sandbox/module.h"
#include "worker/compile_bound.h"

#define COMPILE_MS                                                             \
    600000 /* of a machine with much else to do; what counts is                \
            * BX_COMPILE_CPU_S */
#define END_MS 200
#define REAP_MS 1000
#define FORGET_MS 2000 /* of one worker */
#define CODE_MAX_BYTES (2ull << 30)

static bool is_same_code(const bx_limits *a, const bx_limits *b)
{
    return (a->fuel_units > 0) == (b->fuel_units > 0) &&
           a->stack_bytes == b->stack_bytes;
}

/* ---- compiling ------------------------------------------------------- */

typedef struct compiled {
    int fd;
    int binary; /* -1: it was binary */
    bool is_component;
    uint8_t digest[BX_DIGEST_BYTES];
} compiled;

static int put_request(const bx_worker_module *module, const bx_limits *limits,
                       bx_buf *body, bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(body, BX_FRAME_MAX_BYTES);

    bx_frame_put_limits(&out, limits);
    bx_wire_put_u64(&out, BX_COMPILE_MEMORY_BYTES);
    bx_wire_put_bool(&out, module->pool->requires_lockdown);
    bx_wire_put_text(&out, module->name);
    return out.is_bad ? bx_error_set_nomem(err) : 0;
}

static int take_code(bx_frame *frame, compiled *ret, bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);
    bool has_binary;

    ret->is_component = bx_wire_get_bool(&in);
    has_binary = bx_wire_get_bool(&in);
    bx_wire_get_raw(&in, ret->digest, sizeof(ret->digest));
    if (!bx_wire_is_whole(&in) || frame->fds_count != (has_binary ? 2 : 1))
        return bx_error_set(err, BX_ERR_SYSTEM, "malformed code");
    for (size_t i = 0; i < frame->fds_count; i++) {
        size_t bytes;

        /* Every worker runs this: what one of them could still write, or what
         * keeps the template waiting when it is opened, is not taken. */
        if (bx_channel_memory_check(frame->fds[i], CODE_MAX_BYTES, &bytes,
                                    err) < 0)
            return bx_error_wrap(err, "its code");
    }
    ret->fd = bx_frame_take_fd(frame, 0);
    ret->binary = bx_frame_take_fd(frame, 1);
    return 0;
}

/* Whoever closed its socket is about to end: by itself, if it can. */
static bool wait_end(int pidfd)
{
    struct pollfd poller = { .fd = pidfd, .events = POLLIN };

    return poll(&poller, 1, END_MS) > 0;
}

/* How a compiler ended that did not answer; is_killed: by this process. */
static void explain_end(bx_worker_pool *pool, const bx_process *child,
                        bool is_killed, bx_error **why)
{
    const bx_wait wait =
        bx_wait_for_ms(bx_wait_is_over(*why) ? BX_WAIT_TICK_MS : REAP_MS);
    int failed = bx_error_errno(*why);
    bool is_exited;
    int status;

    if (bx_template_client_reap(&pool->template_, child->pid, child->generation,
                                &wait, &is_exited, &status, NULL) < 0 ||
        (failed != ETIME &&
         (is_killed || (failed != EPIPE && failed != ECONNRESET))))
        return;
    bx_error_free(*why);
    *why = NULL;
    if (failed == ETIME)
        bx_error_set(why, BX_ERR_TIMEOUT, "it takes too long to compile");
    else if (is_exited || !bx_compile_explain_signal(status, why))
        bx_error_set(why, BX_ERR_SYSTEM, "the compiler ended (%s %d)",
                     is_exited ? "exit status" : "signal", status);
}

/* The limit of a child that has so long; 0: COMPILE_MS. */
static int64_t limit_of(uint64_t timeout_ms)
{
    return bx_wait_for_ms(timeout_ms == 0 ? COMPILE_MS : timeout_ms).until_ns;
}

/* Ask a child of its own, which ends with the answer; what it takes is added to
 * the caller's time. generation: of the
 * template that must be its parent; 0: any. fd: goes along, borrowed; -1: none.
 * ret_frame: the caller's to clear. */
static int ask_child(const bx_worker_module *module, bx_frame_type type,
                     uint64_t generation, const bx_buf *body, int fd,
                     uint64_t timeout_ms, bx_wait *wait, size_t fds_max,
                     bx_frame *ret_frame, bx_error **err)
{
    const bx_wait cancel = { .until_ns = INT64_MAX,
                             .cancel = wait == NULL ? NULL : wait->cancel };
    bx_worker_pool *pool = module->pool;
    bx_process child = { .pool = pool, .pidfd = -1 };
    bx_error *why = NULL;
    int pair[2];
    bool is_killed;
    int result = -1;

    if (bx_channel_pair(pair, err) < 0)
        return -1;
    if (bx_channel_open(&child.control, pair[0], &why) == 0 &&
        bx_template_client_fork(&pool->template_, pair[1], wait, &child.pid,
                                &child.pidfd, &child.generation, &why) == 0) {
        int64_t begin_ns = bx_now_ns();

        close(bx_take_fd(&pair[1]));
        if (generation != 0 && child.generation != generation)
            bx_error_set_errno(&why, EPIPE, "the workers' template");
        else
            result = bx_channel_ask(
                &child.control, type, body, &fd, fd < 0 ? 0 : 1, &cancel,
                limit_of(timeout_ms), fds_max, ret_frame, &why);
        if (wait != NULL && wait->until_ns != INT64_MAX)
            wait->until_ns += bx_now_ns() - begin_ns;
        is_killed =
            result == 0 || bx_wait_is_over(why) || !wait_end(child.pidfd);
        bx_process_kill(&child);
        explain_end(pool, &child, is_killed, &why);
        close(child.pidfd);
    }
    if (pair[1] >= 0)
        close(pair[1]);
    if (result == 0) {
        result = bx_frame_own(ret_frame, &why);
        if (result < 0)
            bx_frame_clear(ret_frame);
    }
    bx_channel_close(&child.control);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return result;
}

static int compile(const bx_worker_module *module, const bx_limits *limits,
                   uint64_t timeout_ms, bx_wait *wait, compiled *ret,
                   bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_frame frame;
    int result;

    if (put_request(module, limits, &body, err) < 0 ||
        ask_child(module, BX_FRAME_COMPILE, 0, &body, module->binary,
                  timeout_ms, wait, 2, &frame, err) < 0)
        return -1;
    result = take_code(&frame, ret, err);
    bx_frame_clear(&frame);
    return result;
}

/* ---- codes ----------------------------------------------------------- */

/* From the cache; -1: it has none, or it is bad. */
static int find_cached(const bx_worker_module *module, uint64_t compatibility)
{
    bx_autofree char *data = NULL;
    size_t bytes;
    size_t skip;

    if (module->cache == NULL ||
        !bx_cache_read(module->cache, compatibility, module->digest, &data,
                       &bytes, &skip))
        return -1;
    return bx_channel_memory(data + skip, bytes - skip, NULL);
}

/* A cache that cannot be written costs time, not the call. */
static void keep_cached(const bx_worker_module *module, uint64_t compatibility,
                        int fd)
{
    bx_autofree char *data = NULL;
    size_t bytes;

    if (module->cache == NULL)
        return;
    data = bx_channel_memory_read(fd, CODE_MAX_BYTES, &bytes, NULL);
    if (data != NULL)
        (void)bx_cache_write(module->cache, compatibility, module->digest, data,
                             bytes, NULL);
}

/* Text becomes binary with the first code. */
static void take_binary(bx_worker_module *module, const compiled *code)
{
    if (code->binary < 0)
        return;
    close(module->binary);
    module->binary = code->binary;
    module->is_component = code->is_component;
    memcpy(module->digest, code->digest, BX_DIGEST_BYTES);
}

static int make_code(bx_worker_module *module, const bx_limits *limits,
                     uint64_t timeout_ms, bx_wait *wait, bool is_text,
                     bx_error **err)
{
    bx_autofree bx_module_fd *row = calloc(1, sizeof(*row));
    compiled code = { .fd = -1, .binary = -1 };
    uint64_t compatibility;

    if (row == NULL)
        return bx_error_set_nomem(err);
    if (bx_template_client_variant(&module->pool->template_, limits, wait,
                                   &compatibility, err) < 0)
        return -1;
    if (!is_text)
        code.fd = find_cached(module, compatibility);
    if (code.fd < 0) {
        if (compile(module, limits, timeout_ms, wait, &code, err) < 0)
            return -1;
        take_binary(module, &code);
        keep_cached(module, compatibility, code.fd);
    }
    row->limits = *limits;
    row->fd = code.fd;
    row->next = module->codes;
    module->codes = bx_take(row);
    return 0;
}

int bx_worker_module_get(bx_worker_module *module, const bx_limits *limits,
                         uint64_t timeout_ms, bx_wait *wait,
                         bx_template_code *ret_code, bx_error **err)
{
    bx_module_fd *row;
    int result = 0;

    if (bx_wait_lock(wait, &module->mutex, err) < 0)
        return -1;
    for (row = module->codes; row != NULL; row = row->next) {
        if (is_same_code(&row->limits, limits))
            break;
    }
    if (row == NULL) {
        result = make_code(module, limits, timeout_ms, wait,
                           module->codes == NULL && module->is_text, err);
        row = module->codes;
    }
    if (result == 0 && row != NULL) {
        *ret_code = (bx_template_code){ .module_id = module->id,
                                        .name = module->name,
                                        .is_component = module->is_component,
                                        .digest = module->digest,
                                        .limits = &row->limits,
                                        .fd = row->fd };
        result = bx_template_client_load(&module->pool->template_, ret_code,
                                         wait, &row->generation, err);
        ret_code->generation = row->generation;
    }
    pthread_mutex_unlock(&module->mutex);
    return result;
}

/* ---- looking into it ------------------------------------------------- */

/* The template has its code since it was made; a new one may not. */
static int ask_inspector(bx_worker_module *module, const bx_buf *body,
                         bx_frame *ret_frame, bx_error **err)
{
    bx_template_code code;

    if (bx_worker_module_get(module, &module->codes->limits, 0, NULL, &code,
                             err) < 0)
        return -1;
    return ask_child(module, BX_FRAME_INSPECT, code.generation, body, -1, 0,
                     NULL, 0, ret_frame, err);
}

char *bx_worker_module_inspect(bx_worker_module *module, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_autoerror bx_error *why = NULL;
    bx_wire_in in;
    bx_frame frame;
    char *text;
    int result;

    bx_wire_put_u64(&out, module->id);
    bx_wire_put_bool(&out, module->pool->requires_lockdown);
    if (out.is_bad) {
        bx_error_set_nomem(err);
        return NULL;
    }
    result = ask_inspector(module, &body, &frame, &why);
    if (result < 0 && bx_channel_is_gone(why)) {
        bx_error_free(bx_take(why));
        result = ask_inspector(module, &body, &frame, &why);
    }
    if (result < 0) {
        if (err != NULL)
            *err = bx_take(why);
        return NULL;
    }
    in = bx_frame_body(&frame);
    text = bx_wire_get_text(&in, BX_FRAME_MAX_BYTES);
    if (!bx_wire_is_whole(&in)) {
        free(text);
        text = NULL;
        (void)bx_wire_fail(&in, BX_ERR_SYSTEM,
                           "a malformed answer of its inspector", err);
    }
    bx_frame_clear(&frame);
    return text;
}

/* ---- the module ------------------------------------------------------ */

/* The default folder may be out of reach; one that was asked for must work. */
static int open_cache(bx_worker_module *module, const bx_policy *policy,
                      bx_error **err)
{
    const char *dir = policy == NULL ? NULL : policy->cache_dir;

    if (dir != NULL && dir[0] == '\0')
        return 0;
    module->cache = bx_cache_open(dir, dir == NULL ? NULL : err);
    return module->cache == NULL && dir != NULL ? -1 : 0;
}

static int fill(bx_worker_module *module, const void *bytes, size_t count,
                const bx_policy *policy, uint64_t timeout_ms, bx_wait *wait,
                bx_error **err)
{
    static const bx_limits defaults = { .stack_bytes = 4u << 20 };
    bx_template_code code;

    if (count > BX_MODULE_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%zu bytes, at most %u are accepted", count,
                            BX_MODULE_MAX_BYTES);
    module->is_text = !bx_code_is_binary(bytes, count, &module->is_component);
    bx_sha256(bytes, count, module->digest);
    module->binary = bx_channel_memory(bytes, count, err);
    if (module->binary < 0 || open_cache(module, policy, err) < 0)
        return -1;
    return bx_worker_module_get(module,
                                policy == NULL ? &defaults : &policy->limits,
                                timeout_ms, wait, &code, err);
}

bx_worker_module *bx_worker_module_new(bx_worker_pool *pool, const void *bytes,
                                       size_t count, const char *name,
                                       const bx_policy *policy,
                                       uint64_t timeout_ms, bx_error **err)
{
    return bx_worker_module_new_within(pool, bytes, count, name, policy,
                                       timeout_ms, NULL, err);
}

bx_worker_module *bx_worker_module_new_within(
    bx_worker_pool *pool, const void *bytes, size_t count, const char *name,
    const bx_policy *policy, uint64_t timeout_ms, bx_wait *wait, bx_error **err)
{
    bx_worker_module *module;

    if (bx_pool_check_process(pool, err) < 0)
        return NULL;
    module = calloc(1, sizeof(*module));
    if (module == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&module->mutex, NULL);
    module->pool = pool;
    module->binary = -1;
    pthread_mutex_lock(&pool->mutex);
    module->id = ++pool->last_module;
    pthread_mutex_unlock(&pool->mutex);
    module->name = strdup(name);
    if (module->name == NULL)
        bx_error_set_nomem(err);
    else if (fill(module, bytes, count, policy, timeout_ms, wait, err) == 0)
        return module;
    bx_worker_module_free(module);
    return NULL;
}

/* Workers that have it let go of it. */
static void forget(const bx_worker_module *module)
{
    bx_worker_pool *pool = module->pool;
    bx_wait wait = bx_wait_for_ms(FORGET_MS);
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_process *process;
    uint64_t last = UINT64_MAX;
    bx_frame frame;

    (void)bx_template_client_unload(&pool->template_, module->id, &wait);
    bx_wire_put_u64(&out, module->id);
    while (!out.is_bad && (process = bx_pool_take_next(pool, &last)) != NULL) {
        wait = bx_wait_for_ms(FORGET_MS);
        if (bx_process_ask(process, BX_FRAME_BOX_END, &body, NULL, 0, &wait,
                           &frame, NULL) == 0)
            bx_frame_clear(&frame);
        bx_pool_give(process);
    }
}

void bx_worker_module_free(bx_worker_module *module)
{
    if (module == NULL)
        return;
    if (module->codes != NULL)
        forget(module);
    while (module->codes != NULL) {
        bx_module_fd *row = module->codes;

        module->codes = row->next;
        close(row->fd);
        free(row);
    }
    if (module->binary >= 0)
        close(module->binary);
    bx_cache_free(module->cache);
    pthread_mutex_destroy(&module->mutex);
    free(module->name);
    free(module);
}
