#include "worker/serve.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "policy/pack.h"
#include "sandbox/engine.h"
#include "worker/lockdown_box.h"

/* For the frames of this code and of host functions, above the guest's own. */
#define STACK_BYTES (1024u * 1024)
#define FDS_BASE 256u
/* Heap, code that comes later, and a guest's first memory, which is there for
 * a moment before its limit refuses it: 4 GiB at most. */
#define SPARE_BYTES (10ull << 30)
/* Of each guest, mapped though hardly touched: what common compilers begin with
 * (16 MiB of stack), and the engine's own stack for it. */
#define GUEST_BYTES (20ull << 20)

/* ---- boxes and sessions ---------------------------------------------- */

static bx_sandbox *find_box(const bx_serve *serve, uint64_t id)
{
    for (bx_served_box *at = serve->boxes; at != NULL; at = at->next) {
        if (at->id == id)
            return at->sandbox;
    }
    return NULL;
}

bx_sandbox *bx_serve_find_box(bx_serve *serve, uint64_t id)
{
    bx_sandbox *sandbox;

    pthread_mutex_lock(&serve->mutex);
    sandbox = find_box(serve, id);
    pthread_mutex_unlock(&serve->mutex);
    return sandbox;
}

bx_served_session *bx_serve_find_session(bx_serve *serve, uint64_t id)
{
    bx_served_session *session;

    pthread_mutex_lock(&serve->mutex);
    session = serve->sessions;
    while (session != NULL && session->id != id)
        session = session->next;
    pthread_mutex_unlock(&serve->mutex);
    return session;
}

static int add_box(bx_serve *serve, bx_wire_in *in, bx_error **err)
{
    uint64_t id = bx_wire_get_u64(in);
    bx_module *module;
    bx_served_box *box;
    int result = -1;

    if (!bx_wire_is_whole(in))
        return bx_error_set(err, BX_ERR_INVALID, "a malformed box");
    pthread_mutex_lock(&serve->mutex);
    module = bx_template_find(serve->template_, id);
    if (find_box(serve, id) != NULL) {
        result = 0;
    } else if (module == NULL) {
        bx_error_set(err, BX_ERR_SYSTEM, "a module that was not loaded");
    } else if ((box = calloc(1, sizeof(*box))) == NULL) {
        bx_error_set_nomem(err);
    } else {
        box->id = id;
        box->sandbox =
            bx_sandbox_new_shared(module, serve->policy, serve->fs, err);
        if (box->sandbox == NULL) {
            free(box);
        } else {
            box->next = serve->boxes;
            serve->boxes = box;
            result = 0;
        }
    }
    pthread_mutex_unlock(&serve->mutex);
    return result;
}

static void end_box(bx_serve *serve, bx_wire_in *in)
{
    uint64_t id = bx_wire_get_u64(in);
    bx_served_box *box = NULL;

    pthread_mutex_lock(&serve->mutex);
    for (bx_served_box **at = &serve->boxes; *at != NULL; at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        box = *at;
        *at = box->next;
        break;
    }
    bx_template_unload(serve->template_, id);
    pthread_mutex_unlock(&serve->mutex);
    if (box != NULL)
        bx_sandbox_free(box->sandbox);
    free(box);
}

static int add_session(bx_serve *serve, bx_wire_in *in, bx_buf *ret,
                       bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(ret, BX_FRAME_MAX_BYTES);
    uint64_t box_id = bx_wire_get_u64(in);
    bool has_services = bx_wire_get_bool(in);
    bx_sandbox *sandbox = bx_serve_find_box(serve, box_id);
    bx_served_session *session;
    bx_run_extra extra = { 0 };

    if (!bx_wire_is_whole(in) || sandbox == NULL)
        return bx_error_set(err, BX_ERR_SYSTEM, "a session of no box");
    session = calloc(1, sizeof(*session));
    if (session == NULL)
        return bx_error_set_nomem(err);
    bx_serve_session_links(session);
    extra.services = has_services ? &session->services : NULL;
    extra.broker = &session->broker;
    pthread_mutex_lock(&serve->mutex);
    session->id = ++serve->last_session;
    pthread_mutex_unlock(&serve->mutex);
    bx_wire_put_u64(&out, session->id);
    session->session =
        out.is_bad ? NULL : bx_session_open_with(sandbox, &extra, err);
    if (session->session == NULL) {
        free(session);
        return out.is_bad ? bx_error_set_nomem(err) : -1;
    }
    pthread_mutex_lock(&serve->mutex);
    session->next = serve->sessions;
    serve->sessions = session;
    pthread_mutex_unlock(&serve->mutex);
    return 0;
}

static void end_session(bx_serve *serve, bx_wire_in *in)
{
    uint64_t id = bx_wire_get_u64(in);
    bx_served_session *session = NULL;

    pthread_mutex_lock(&serve->mutex);
    for (bx_served_session **at = &serve->sessions; *at != NULL;
         at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        session = *at;
        *at = session->next;
        break;
    }
    pthread_mutex_unlock(&serve->mutex);
    if (session != NULL)
        bx_session_close(session->session);
    free(session);
}

/* ---- channels -------------------------------------------------------- */

typedef struct channel_thread {
    bx_serve *serve;
    bx_channel channel;
    bx_cancel *cancel;
} channel_thread;

static void serve_frame(bx_serve *serve, bx_channel *channel, bx_frame *frame,
                        bx_cancel *cancel)
{
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf ret = BX_BUF_INIT;
    bx_wire_in in = bx_frame_body(frame);
    int result = 0;

    switch (frame->type) {
    case BX_FRAME_CALL:
        bx_serve_call(serve, channel, cancel, frame);
        return;
    case BX_FRAME_LOAD:
        pthread_mutex_lock(&serve->mutex);
        result = bx_template_load(serve->template_, frame, &err);
        pthread_mutex_unlock(&serve->mutex);
        break;
    case BX_FRAME_BOX:
        result = add_box(serve, &in, &err);
        break;
    case BX_FRAME_BOX_END:
        end_box(serve, &in);
        break;
    case BX_FRAME_SESSION:
        result = add_session(serve, &in, &ret, &err);
        break;
    case BX_FRAME_SESSION_END:
        end_session(serve, &in);
        break;
    default:
        result = bx_error_set(&err, BX_ERR_INVALID, "a frame of type %d",
                              (int)frame->type);
    }
    if (bx_channel_reply(channel, &ret, NULL, 0, result < 0 ? err : NULL) < 0)
        _exit(1);
}

/* The next frame. One whose descriptors have no place here is answered with
 * that, and costs nobody else anything. */
static bool next_frame(channel_thread *thread, bx_frame *ret_frame)
{
    for (;;) {
        bx_autoerror bx_error *err = NULL;
        int got = bx_channel_receive(&thread->channel, BX_FRAME_MAX_BYTES,
                                     BX_CHANNEL_FDS, 0, ret_frame, &err);

        if (got >= 0 || bx_error_errno(err) != EMFILE)
            return got == 1;
        bx_error_wrap(&err, "too many calls at once in one worker");
        if (bx_channel_reply(&thread->channel, NULL, NULL, 0, err) < 0)
            return false;
    }
}

static void *serve_channel(void *argument)
{
    channel_thread *thread = argument;
    bx_frame frame;

    /* Whoever asked for it may wait no longer. */
    if (bx_channel_reply(&thread->channel, NULL, NULL, 0, NULL) == 0) {
        while (next_frame(thread, &frame)) {
            serve_frame(thread->serve, &thread->channel, &frame,
                        thread->cancel);
            bx_frame_clear(&frame);
        }
    }
    bx_channel_close(&thread->channel);
    free(thread);
    return NULL;
}

/* Of its own, so that thousands of them are only addresses until they are used,
 * and a warm call finds room for its guest. It is never given back: channels
 * live as long as the process, as good as. */
static int start_thread(const bx_serve *serve, channel_thread *thread)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes =
        (serve->policy->limits.stack_bytes + STACK_BYTES + page - 1) / page *
        page;
    char *stack =
        mmap(NULL, page + bytes, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    pthread_attr_t attr;
    pthread_t id;
    int failed;

    if (stack == MAP_FAILED)
        return errno;
    if (mprotect(stack + page, bytes, PROT_READ | PROT_WRITE) < 0) {
        failed = errno;
        munmap(stack, page + bytes);
        return failed;
    }
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack + page, bytes);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&id, &attr, serve_channel, thread);
    pthread_attr_destroy(&attr);
    if (failed != 0)
        munmap(stack, page + bytes);
    return failed;
}

/* A line that has no place here is closed, and the host finds it so. */
static bool next_channel(bx_channel *control, bx_frame *ret_frame)
{
    for (;;) {
        bx_autoerror bx_error *err = NULL;
        int got = bx_channel_receive(control, BX_FRAME_INLINE_BYTES, 1, 0,
                                     ret_frame, &err);

        if (got >= 0 || bx_error_errno(err) != EMFILE)
            return got == 1;
    }
}

/* That it is served, or what went wrong, is told on the channel itself. */
static void add_channel(bx_serve *serve, bx_frame *frame)
{
    channel_thread *thread = calloc(1, sizeof(*thread));
    bx_autoerror bx_error *err = NULL;
    bx_wire_in in = bx_frame_body(frame);
    uint32_t slot = bx_wire_get_u32(&in);
    int failed;

    if (thread == NULL || !bx_wire_is_whole(&in) || slot >= serve->slots ||
        bx_channel_open(&thread->channel, bx_frame_take_fd(frame, 0), NULL) <
            0) {
        free(thread);
        return; /* the host finds it closed */
    }
    thread->serve = serve;
    thread->cancel =
        (bx_cancel *)(serve->cancels + (size_t)slot * BX_SERVE_CANCEL_BYTES);
    failed = start_thread(serve, thread);
    if (failed == 0)
        return;
    bx_error_set_errno(&err, failed, "a thread for another call at once");
    (void)bx_channel_reply(&thread->channel, NULL, NULL, 0, err);
    bx_channel_close(&thread->channel);
    free(thread);
}

/* ---- the process ----------------------------------------------------- */

static uint64_t open_files(const bx_serve *serve)
{
    const bx_limits *limits = &serve->policy->limits;
    uint64_t wanted = FDS_BASE + serve->slots * (limits->open_files + 4);
    uint64_t most = UINT64_MAX;
    struct rlimit limit;

    /* What waits in sockets counts against the user, and who has more than its
     * own limit waiting can send none: the host's is the higher one. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        most = limit.rlim_max - limit.rlim_max / 8;
    return wanted < most ? wanted : most;
}

/* No worker uses more than the machine has, nor more than its calls may
 * together. What is mapped counts by its size, used or not: of each call its
 * thread's stack, the engine's for the guest, and the guest's first memory. */
static uint64_t memory_bytes(const bx_serve *serve)
{
    const bx_limits *limits = &serve->policy->limits;
    uint64_t machine =
        (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t stacks = serve->slots * (limits->stack_bytes + STACK_BYTES);
    uint64_t firsts = serve->slots * (limits->stack_bytes + GUEST_BYTES);
    uint64_t guests = serve->slots * limits->memory_bytes;

    return bx_template_data_bytes() + stacks + firsts +
           (guests < machine ? guests : machine) + SPARE_BYTES;
}

static int lock_down(const bx_serve *serve, bool is_required,
                     bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err)
{
    const bx_lockdown lockdown = { .memory_bytes = memory_bytes(serve),
                                   .open_files = open_files(serve),
                                   .may_make_memory_files = true,
                                   .may_pass_fds = true,
                                   .is_terminal = true };

    if (is_required && bx_lockdown_require(err) < 0)
        return -1;
    return bx_lockdown_apply_box(serve->fs, &lockdown, ret_applied, err);
}

static int map_cancels(bx_serve *serve, int fd, bx_error **err)
{
    serve->cancels = mmap(NULL, (size_t)serve->slots * BX_SERVE_CANCEL_BYTES,
                          PROT_READ, MAP_SHARED, fd, 0);
    if (serve->cancels == MAP_FAILED)
        return bx_error_set_errno(err, errno, "the page of cancels");
    return 0;
}

static int set_up(bx_serve *serve, bx_frame *frame, bx_buf *ret, bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);
    bx_wire_out out = bx_wire_out_to(ret, BX_FRAME_MAX_BYTES);
    bx_autofd int page = bx_frame_take_fd(frame, 0);
    bool is_required = bx_wire_get_bool(&in);
    bool applied[BX_LOCKDOWN_LAYERS] = { false };
    const void *packed;
    size_t bytes;

    serve->slots = bx_wire_get_u32(&in);
    packed = bx_wire_get_bytes(&in, BX_POLICY_PACK_MAX_BYTES, &bytes);
    if (!bx_wire_is_whole(&in) || page < 0 || serve->slots == 0)
        return bx_error_set(err, BX_ERR_INVALID, "a malformed worker");
    if (bx_policy_unpack(packed, bytes, &serve->policy, err) < 0 ||
        map_cancels(serve, page, err) < 0)
        return -1;
    serve->fs = bx_fs_new(serve->policy, err);
    if (serve->fs == NULL || lock_down(serve, is_required, applied, err) < 0)
        return -1;
    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++)
        bx_wire_put_bool(&out, applied[i]);
    return out.is_bad ? bx_error_set_nomem(err) : 0;
}

_Noreturn void bx_serve_process(bx_template *template_, bx_channel *control,
                                bx_frame *setup)
{
    bx_serve serve = { .template_ = template_ };
    bx_autobuf bx_buf ret = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;
    bx_frame frame;

    pthread_mutex_init(&serve.mutex, NULL);
    bx_template_name(template_, "worker");
    if (set_up(&serve, setup, &ret, &err) < 0) {
        (void)bx_channel_reply(control, NULL, NULL, 0, err);
        _exit(1);
    }
    bx_frame_clear(setup);
    if (bx_channel_reply(control, &ret, NULL, 0, NULL) < 0)
        _exit(1);
    while (next_channel(control, &frame)) {
        if (frame.type == BX_FRAME_CHANNEL)
            add_channel(&serve, &frame);
        bx_frame_clear(&frame);
    }
    _exit(0);
}

_Noreturn void bx_template_child(bx_template *template_, int socket)
{
    bx_channel control;
    bx_frame frame;

    if (bx_engine_adopt(template_->engine, NULL) < 0 ||
        bx_channel_open(&control, socket, NULL) < 0 ||
        bx_channel_receive(&control, BX_FRAME_MAX_BYTES, 1, 0, &frame, NULL) !=
            1)
        _exit(1);
    if (frame.type == BX_FRAME_SETUP)
        bx_serve_process(template_, &control, &frame);
    if (frame.type == BX_FRAME_INSPECT)
        bx_serve_inspect(template_, &control, &frame);
    if (frame.type == BX_FRAME_COMPILE)
        bx_serve_compile(template_, &control, &frame);
    _exit(1);
}
