/* Whoever took a worker over says what it likes. Here it does: the program that
 * the pool starts is this one, and its "workers" answer a call with whatever
 * its first argument names. Each costs the worker, and the call its result;
 * nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "policy/policy.h"
#include "sandbox/result.h"
#include "worker/channel.h"
#include "worker/serve.h"
#include "worker/support_pool.h"

#define EVIL_INSTANCES 3 /* tells the program that it is to be evil */

/* ---- the evil side --------------------------------------------------- */

static void say(int socket, uint32_t magic, uint16_t type, uint16_t flags,
                uint64_t says, const void *body, size_t bytes, const int *fds,
                size_t fds_count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)] = { 0 };
    bx_frame_head head = { magic, type, flags, says };
    struct iovec parts[2] = { { &head, sizeof(head) },
                              { (void *)body, bytes } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

    if (fds_count > 0) {
        struct cmsghdr *part;

        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
        part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * fds_count);
        memcpy(CMSG_DATA(part), fds, sizeof(int) * fds_count);
    }
    (void)sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* A frame of ours with a body of its own. */
static void frame(int socket, bx_frame_type type, const void *body,
                  size_t bytes)
{
    say(socket, BX_FRAME_MAGIC, (uint16_t)type, 0, bytes, body, bytes, NULL, 0);
}

static void spilled(int socket, uint64_t says, int fd)
{
    say(socket, BX_FRAME_MAGIC, BX_FRAME_RESULT, BX_FRAME_SPILLED, says, NULL,
        0, &fd, fd >= 0);
}

typedef struct evil_result {
    uint8_t code;
    const char *message;
    size_t message_bytes;
    const char *value;
    size_t output_bytes;
    bool has_budget;
    size_t cut; /* bytes left off at the end */
} evil_result;

static void result(int socket, const evil_result *evil)
{
    bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, SIZE_MAX);
    bx_channel channel = { .fd = socket };
    char *output = calloc(1, evil->output_bytes + 1);

    bx_wire_put_bool(&out, true);
    bx_wire_put_bool(&out, evil->has_budget);
    if (evil->has_budget) {
        const bx_budget full = BX_BUDGET_FULL;

        bx_frame_put_budget(&out, &full);
    }
    bx_wire_put_bool(&out, true);
    bx_wire_put_u8(&out, evil->code);
    bx_wire_put_u32(&out, 7);
    bx_wire_put_bool(&out, false);
    for (int i = 0; i < 7; i++)
        bx_wire_put_u64(&out, UINT64_MAX);
    bx_wire_put_bytes(&out, evil->message, evil->message_bytes);
    bx_wire_put_bool(&out, evil->value != NULL);
    if (evil->value != NULL)
        bx_wire_put_text(&out, evil->value);
    bx_wire_put_bytes(&out, output, evil->output_bytes);
    bx_wire_put_bytes(&out, "", 0);
    body.len -= evil->cut;
    (void)bx_channel_send(&channel, BX_FRAME_RESULT, &body, NULL, 0, true,
                          NULL);
    bx_buf_clear(&body);
    free(output);
}

static void good(int socket)
{
    const evil_result plain = { .message = "" };

    result(socket, &plain);
}

static int memory(size_t bytes, int seals)
{
    int fd = memfd_create("evil", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
        _exit(9);
    return fd;
}

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

static void say_many(int socket, uint64_t magic)
{
    int fds[7];

    for (int i = 0; i < 7; i++)
        fds[i] = dup(socket);
    say(socket, (uint32_t)magic, BX_FRAME_RESULT, 0, 1, "x", 1, fds, 7);
}

static void event(int socket, bx_frame_type type, size_t texts,
                  const char *text)
{
    bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, SIZE_MAX);

    for (size_t i = 0; i < texts; i++)
        bx_wire_put_text(&out, text);
    frame(socket, type, body.data, body.len);
    bx_buf_clear(&body);
}

static void ask_spawn(int socket, bx_frame_type type, uint32_t words,
                      const char *word)
{
    const bx_budget full = BX_BUDGET_FULL;
    bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, SIZE_MAX);

    bx_frame_put_budget(&out, &full);
    bx_wire_put_u32(&out, words);
    if (word != NULL) {
        bx_wire_put_text(&out, word);
        bx_wire_put_u8(&out, 0);
    }
    bx_wire_put_u32(&out, 0);
    bx_wire_put_bytes(&out, "", 0);
    frame(socket, type, body.data, body.len);
    bx_buf_clear(&body);
}

/* Take the answer to a question, like one that behaves. */
static void take_answer(int socket)
{
    bx_channel channel;
    bx_frame answer;

    if (bx_channel_open(&channel, socket, NULL) < 0 ||
        bx_channel_receive(&channel, BX_FRAME_MAX_BYTES, 1, 0, &answer, NULL) !=
            1)
        _exit(9);
    bx_frame_clear(&answer);
    free(channel.room);
}

static bool take_empty(int socket)
{
    bx_channel channel;
    bx_frame answer;
    bool is_empty;

    if (bx_channel_open(&channel, socket, NULL) < 0 ||
        bx_channel_receive(&channel, BX_FRAME_MAX_BYTES, 1, 0, &answer, NULL) !=
            1)
        _exit(9);
    is_empty = answer.type == BX_FRAME_ANSWER && answer.bytes == 0;
    bx_frame_clear(&answer);
    free(channel.room);
    return is_empty;
}

static void good_if(int socket, bool is_so)
{
    if (!is_so)
        _exit(8);
    good(socket);
}

/* A long question, well formed. */
static void ask_much(int socket)
{
    const bx_budget full = BX_BUDGET_FULL;
    bx_channel channel = { .fd = socket };
    bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, SIZE_MAX);
    char *input = calloc(1, 100000);

    bx_frame_put_tool(&out, &full, "x", input, 100000);
    (void)bx_channel_send(&channel, BX_FRAME_TOOL_CALL, &body, NULL, 0, true,
                          NULL);
    bx_buf_clear(&body);
    free(input);
}

static void be_malformed(int socket, const char *how)
{
    static char large[BX_FRAME_INLINE_BYTES];
    const evil_result many = { .message = "", .output_bytes = 20u << 20 };
    const evil_result huge = { .message = large,
                               .message_bytes = sizeof(large) };
    int pipe_[2];

    if (strcmp(how, "garbage") == 0)
        (void)send(socket, "garbage", 7, 0);
    else if (strcmp(how, "nothing") == 0)
        (void)send(socket, "", 0, 0);
    else if (strcmp(how, "magic") == 0)
        say(socket, 1, BX_FRAME_RESULT, 0, 1, "x", 1, NULL, 0);
    else if (strcmp(how, "type") == 0)
        say(socket, BX_FRAME_MAGIC, 999, 0, 1, "x", 1, NULL, 0);
    else if (strcmp(how, "answer") == 0)
        frame(socket, BX_FRAME_ANSWER, "x", 1);
    else if (strcmp(how, "request") == 0)
        frame(socket, BX_FRAME_CALL, "x", 1);
    else if (strcmp(how, "flags") == 0)
        say(socket, BX_FRAME_MAGIC, BX_FRAME_RESULT, 2, 1, "x", 1, NULL, 0);
    else if (strcmp(how, "longer") == 0)
        say(socket, BX_FRAME_MAGIC, BX_FRAME_RESULT, 0, 100, "x", 1, NULL, 0);
    else if (strcmp(how, "too-long") == 0)
        say(socket, BX_FRAME_MAGIC, BX_FRAME_RESULT, 0,
            BX_FRAME_INLINE_BYTES + 1, large, sizeof(large), NULL, 0);
    else if (strcmp(how, "empty") == 0)
        frame(socket, BX_FRAME_RESULT, "", 0);
    else if (strcmp(how, "fds") == 0)
        say_many(socket, BX_FRAME_MAGIC);
    else if (strcmp(how, "one-fd") == 0)
        say(socket, BX_FRAME_MAGIC, BX_FRAME_WAKE, 0, 0, "", 0, &socket, 1);
    else if (strcmp(how, "no-spill") == 0)
        spilled(socket, 100000, -1);
    else if (strcmp(how, "spill-pipe") == 0 && pipe(pipe_) == 0)
        spilled(socket, 100000, pipe_[0]);
    else if (strcmp(how, "spill-socket") == 0)
        spilled(socket, 100000, socket);
    else if (strcmp(how, "spill-open") == 0)
        spilled(socket, 100000, memory(100000, F_SEAL_SHRINK));
    else if (strcmp(how, "spill-short") == 0)
        spilled(socket, 100000, memory(10, SEALS));
    else if (strcmp(how, "spill-huge") == 0)
        spilled(socket, 1ull << 40, memory(1ull << 40, SEALS));
    else if (strcmp(how, "spill-large") == 0)
        spilled(socket, 200u << 20, memory(200u << 20, SEALS));
    else if (strcmp(how, "output") == 0)
        result(socket, &many);
    else if (strcmp(how, "message") == 0)
        result(socket, &huge);
}

static void be_wrong(int socket, const char *how)
{
    const evil_result code = { .code = 99, .message = "" };
    const evil_result nul = { .message = "a\0b", .message_bytes = 3 };
    const evil_result value = { .message = "", .value = "{not json" };
    const evil_result budget = { .message = "", .has_budget = true };
    const evil_result cut = { .message = "", .cut = 3 };
    static char text[BX_FRAME_EVENT_BYTES + 2];

    memset(text, 'x', sizeof(text) - 1);
    if (strcmp(how, "code") == 0)
        result(socket, &code);
    else if (strcmp(how, "nul") == 0)
        result(socket, &nul);
    else if (strcmp(how, "value") == 0)
        result(socket, &value);
    else if (strcmp(how, "budget") == 0)
        result(socket, &budget);
    else if (strcmp(how, "cut") == 0)
        result(socket, &cut);
    else if (strcmp(how, "audit-cut") == 0)
        event(socket, BX_FRAME_AUDIT, 3, "x");
    else if (strcmp(how, "audit-long") == 0)
        event(socket, BX_FRAME_AUDIT, 4, text);
    else if (strcmp(how, "effect") == 0) /* nobody listens */
        event(socket, BX_FRAME_EFFECT, 3, "x");
    else if (strcmp(how, "need") == 0)
        event(socket, BX_FRAME_NEED, 2, "x");
    else if (strcmp(how, "broker") == 0)
        frame(socket, BX_FRAME_BROKER, "\377\377\377\377", 4);
    else if (strcmp(how, "broker-empty") == 0)
        frame(socket, BX_FRAME_BROKER_WHILE, "", 0);
    else if (strcmp(how, "broker-large") == 0)
        spilled(socket, 2u << 20, memory(2u << 20, SEALS));
    else if (strcmp(how, "record") == 0) /* nobody asked for one */
        frame(socket, BX_FRAME_RECORD, "x", 1);
    else if (strcmp(how, "record-empty") == 0)
        frame(socket, BX_FRAME_RECORD, "", 0);
    else if (strcmp(how, "wake") == 0)
        frame(socket, BX_FRAME_WAKE, "x", 1);
    else if (strcmp(how, "spawn-none") == 0)
        ask_spawn(socket, BX_FRAME_SPAWN, 0, NULL);
    else if (strcmp(how, "spawn-many") == 0)
        ask_spawn(socket, BX_FRAME_SPAWN, UINT32_MAX, "x");
    else if (strcmp(how, "spawn-empty") == 0)
        ask_spawn(socket, BX_FRAME_SPAWN, 1, "");
    else if (strcmp(how, "tool-cut") == 0)
        frame(socket, BX_FRAME_TOOL_CALL, "x", 1);
    else if (strcmp(how, "exit") == 0)
        _exit(3);
    else if (strcmp(how, "close") == 0)
        close(socket);
}

static int control_fd; /* of this worker */

/* After an answer that is good, when nobody asks any more. */
static void be_restless(int socket, const char *how)
{
    good(socket);
    if (strcmp(how, "then-speaks") == 0) {
        usleep(300000);
        say_many(socket, BX_FRAME_MAGIC);
    } else if (strcmp(how, "then-nothing") == 0) {
        usleep(300000);
        (void)send(socket, "", 0, MSG_NOSIGNAL);
    } else if (strcmp(how, "then-speaks-at-once") == 0) {
        say_many(socket, BX_FRAME_MAGIC);
    } else if (strcmp(how, "then-controls") == 0) {
        say_many(control_fd, BX_FRAME_MAGIC);
    } else if (strcmp(how, "then-spins") == 0) {
        for (;;)
            ;
    } else if (strcmp(how, "then-closes") == 0) {
        close(socket);
        sleep(60);
    }
}
static const char recorded[1000] = "a recording";

static void misbehave(int socket, const char *how)
{
    if (strncmp(how, "then-", 5) == 0)
        be_restless(socket, how);
    be_malformed(socket, how);
    be_wrong(socket, how);
    if (strcmp(how, "good") == 0) {
        good(socket);
    } else if (strcmp(how, "escapes") == 0) {
        event(socket, BX_FRAME_AUDIT, 4, "\033[31mred\x9b\n\xff");
        result(socket,
               &(evil_result){ .message = "\033]0;x\007", .message_bytes = 6 });
    } else if (strcmp(how, "flood") == 0) {
        for (;;)
            event(socket, BX_FRAME_AUDIT, 4, "x");
    } else if (strcmp(how, "lingers") == 0) {
        /* Each answer takes the host so long that nobody seems to hang. */
        for (;;) {
            ask_spawn(socket, BX_FRAME_SPAWN, 1, "slow");
            take_answer(socket);
        }
    } else if (strcmp(how, "deaf") == 0) {
        /* Questions without end, and no answer is read. */
        for (;;)
            ask_spawn(socket, BX_FRAME_SPAWN, 1, "x");
    } else if (strcmp(how, "lazy") == 0) {
        /* Answers fill the socket, unread; the next call has no room. */
        for (int i = 0; i < 4; i++)
            ask_spawn(socket, BX_FRAME_SPAWN, 1, "large");
        good(socket);
        sleep(60);
    } else if (strcmp(how, "asks-much") == 0) {
        ask_much(socket);
        good_if(socket, take_empty(socket));
    } else if (strcmp(how, "asks-for-much") == 0) {
        ask_spawn(socket, BX_FRAME_SPAWN, 1, "larger");
        good_if(socket, take_empty(socket));
    } else if (strcmp(how, "says-much") == 0) {
        result(socket, &(evil_result){ .message = "", .output_bytes = 100000 });
    } else if (strcmp(how, "fd-beside") == 0) {
        say(socket, BX_FRAME_MAGIC, BX_FRAME_RESULT, 0, 1, "x", 1, &socket, 1);
    } else if (strcmp(how, "records") == 0) {
        for (int i = 0; i < 100; i++)
            frame(socket, BX_FRAME_RECORD, recorded, sizeof(recorded));
        good(socket);
    } else if (strcmp(how, "lies") == 0) {
        /* More nested calls than are granted: the host counts. */
        for (int i = 0; i < 10; i++) {
            ask_spawn(socket, BX_FRAME_SPAWN, 1, "x");
            take_answer(socket);
        }
        result(socket, &(evil_result){ .message = "", .has_budget = true });
    }
}

/* Boxes and modules are fine; of a call only the arguments count. */
static void evil_channel(int socket)
{
    bx_channel channel;
    bx_frame message;

    if (bx_channel_open(&channel, socket, NULL) < 0 ||
        bx_channel_reply(&channel, NULL, NULL, 0, NULL) < 0)
        _exit(9);
    while (bx_channel_receive(&channel, BX_FRAME_MAX_BYTES, BX_CHANNEL_FDS, 0,
                              &message, NULL) == 1) {
        bx_wire_in in = bx_frame_body(&message);
        bx_call_frame call;

        if (message.type != BX_FRAME_CALL)
            (void)bx_channel_reply(&channel, NULL, NULL, 0, NULL);
        else if (bx_frame_get_call(&in, &call, NULL) == 0)
            misbehave(socket, call.argc > 1 ? call.argv[1] : "good");
        bx_frame_clear(&message);
    }
    _exit(0);
}

/* What it compiled: as the module's name wants it. */
static int evil_code(const bx_frame *message)
{
    bx_wire_in in = bx_frame_body(message);
    bx_limits limits;
    int pipe_[2];
    char *name;

    bx_frame_get_limits(&in, &limits);
    (void)bx_wire_get_u64(&in);
    (void)bx_wire_get_bool(&in);
    name = bx_wire_get_text(&in, 64);
    if (name != NULL && strcmp(name, "code-open") == 0)
        return memory(100, F_SEAL_SHRINK | F_SEAL_GROW);
    if (name != NULL && strcmp(name, "code-huge") == 0)
        return memory(1ull << 40, SEALS);
    if (name != NULL && strcmp(name, "code-pipe") == 0 && pipe(pipe_) == 0)
        return pipe_[0];
    return memory(100, SEALS);
}

static _Noreturn void evil_worker(int control)
{
    bx_channel channel;
    bx_frame message;
    bx_buf layers = BX_BUF_INIT;

    /* A test that is ended leaves none behind. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)bx_buf_append(&layers, "\0\0\0\0\0\0\0", BX_LOCKDOWN_LAYERS,
                        SIZE_MAX);
    if (bx_channel_open(&channel, control, NULL) < 0)
        _exit(9);
    control_fd = control;
    while (bx_channel_receive(&channel, BX_FRAME_MAX_BYTES, 1, 0, &message,
                              NULL) == 1) {
        if (message.type == BX_FRAME_SETUP)
            (void)bx_channel_reply(&channel, &layers, NULL, 0, NULL);
        else if (message.type == BX_FRAME_CHANNEL)
            evil_channel(bx_frame_take_fd(&message, 0));
        else if (message.type == BX_FRAME_COMPILE) {
            int code = evil_code(&message);
            char body[2 + BX_DIGEST_BYTES] = { 0 };
            bx_buf reply = { body, sizeof(body), sizeof(body) };

            (void)bx_channel_reply(&channel, &reply, &code, 1, NULL);
        }
        bx_frame_clear(&message);
    }
    _exit(0);
}

/* A template that takes everything. */
static int be_evil(void)
{
    bx_channel host;
    bx_frame message;

    if (bx_channel_open(&host, 3, NULL) < 0)
        return 9;
    while (bx_channel_receive(&host, BX_FRAME_MAX_BYTES, 1, 0, &message,
                              NULL) == 1) {
        bx_wire_in in = bx_frame_body(&message);
        uint64_t zero = 0;
        bx_buf reply = { (char *)&zero, 8, 8 };
        siginfo_t info = { 0 };
        int pidfd = -1;
        pid_t pid;

        if (message.type == BX_FRAME_FORK) {
            pid = fork();
            if (pid == 0) {
                int control = bx_frame_take_fd(&message, 0);

                close(3);
                evil_worker(control);
            }
            pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
            memcpy(&zero, &pid, sizeof(pid));
            reply.len = 4;
        } else if (message.type == BX_FRAME_REAP) {
            (void)waitid(P_PID, bx_wire_get_u32(&in), &info, WEXITED);
            zero = (info.si_code == CLD_EXITED) |
                   (uint64_t)(uint32_t)info.si_status << 8;
            reply.len = 5;
        }
        (void)bx_channel_reply(&host, &reply, &pidfd, pidfd >= 0, NULL);
        if (pidfd >= 0)
            close(pidfd);
        bx_frame_clear(&message);
    }
    return 0;
}

/* ---- the tests ------------------------------------------------------- */

static char heard[256];
static unsigned heard_count;
static bx_cancel *to_trigger; /* at the first event; NULL: none */

static void on_audit(void *context, const bx_audit_event *heard_event)
{
    (void)context;
    heard_count++;
    if (to_trigger != NULL) {
        bx_cancel_trigger(to_trigger);
        usleep(1000); /* the next one is there before it is waited for */
    }
    snprintf(heard, sizeof(heard), "%s", heard_event->target);
}

static unsigned spawned;

static int on_spawn(void *context, const bx_caller *caller,
                    const bx_spawn_request *request,
                    bx_service_result *ret_result, bx_error **err)
{
    static const char large[BX_FRAME_INLINE_BYTES - 200];
    static const char larger[100000];

    (void)context;
    (void)caller;
    (void)err;
    spawned++;
    if (request != NULL && strcmp(request->argv[0], "slow") == 0)
        usleep(150000);
    if (request != NULL && strcmp(request->argv[0], "large") == 0)
        return bx_buf_append(&ret_result->output[0], large, sizeof(large),
                             SIZE_MAX);
    if (request != NULL && strcmp(request->argv[0], "larger") == 0)
        return bx_buf_append(&ret_result->output[0], larger, sizeof(larger),
                             SIZE_MAX);
    return bx_buf_puts(&ret_result->head, "{}");
}

static int on_tool(void *context, const bx_caller *caller, const char *name,
                   const char *input, size_t input_bytes,
                   bx_service_result *ret_result, bx_error **err)
{
    (void)name;
    (void)input;
    (void)input_bytes;
    return on_spawn(context, caller, NULL, ret_result, err);
}

static int on_list(void *context, const bx_caller *caller,
                   bx_service_result *ret_result, bx_error **err)
{
    return on_spawn(context, caller, NULL, ret_result, err);
}

static const bx_services services = { NULL, on_spawn, on_tool, on_list };

static const bx_worker_options evil_options = {
    .max_instances = EVIL_INSTANCES,
};

static test_box make_evil_box(bx_worker_pool *pool, const bx_policy *policy)
{
    static const char module[8] = { 0, 'a', 's', 'm', 1 };
    bx_policy *plain = make_pool_policy("wasm-cache-dir", "", NULL);
    test_box box = { 0 };

    if (policy == NULL)
        policy = plain;
    box.module = bx_worker_module_new(pool, module, 8, "evil", policy, 0, NULL);
    assert_non_null(box.module);
    box.box = bx_worker_box_new(pool, box.module, policy, NULL);
    assert_non_null(box.box);
    bx_policy_free(plain);
    return box;
}

static bx_result *call(const test_box *box, const char *how,
                       const bx_run_extra *extra)
{
    const char *const argv[] = { "guest", how };
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *got = NULL;
    bx_error *err = NULL;

    options.audit = on_audit;
    options.cancel = to_trigger;
    if (bx_worker_box_run(box->box, 2, argv, &options, extra, &got, &err) < 0)
        fail_msg("%s: %s", how, bx_error_message(err));
    return got;
}

static void expect_good(const test_box *box)
{
    bx_result *got = call(box, "good", NULL);

    assert_string_equal(bx_result_message(got), "");
    assert_int_equal(bx_result_exit_code(got), 7);
    bx_result_free(got);
}

static void expect_lost(const test_box *box, const char *how, const char *text)
{
    const bx_run_extra extra = { .services = &services };
    bx_result *got = call(box, how, &extra);

    if (bx_result_code(got) != BX_ERR_SYSTEM)
        fail_msg("%s: %s %s", how, bx_code_name(bx_result_code(got)),
                 bx_result_message(got));
    if (strstr(bx_result_message(got), text) == NULL)
        fail_msg("%s: '%s' is not in '%s'", how, text, bx_result_message(got));
    bx_result_free(got);
}

static void kills_who_sends_what_no_worker_sends(void **state)
{
    static const char *const ways[][2] = {
        { "garbage", "the worker sent: 7 bytes that are no frame" },
        { "nothing", "worker" },
        { "magic", "no frame" },
        { "type", "no frame" },
        { "answer", "what none sends" },
        { "request", "what none sends" },
        { "flags", "no frame" },
        { "longer", "no frame" },
        { "too-long", "no frame" },
        { "empty", "malformed result" },
        { "fds", "6 descriptors" },
        { "one-fd", "descriptors" },
        { "no-spill", "body is missing" },
        { "spill-pipe", "not a sealed memory file" },
        { "spill-socket", "not a sealed memory file" },
        { "spill-open", "not a sealed memory file" },
        { "spill-short", "another length" },
        { "spill-huge", "no frame" },
        { "spill-large", "at most" },
        { "output", "malformed result" },
        { "message", "malformed result" },
        { "code", "malformed result" },
        { "nul", "malformed result" },
        { "value", "malformed result" },
        { "budget", "malformed result" },
        { "cut", "malformed result" },
        { "audit-cut", "what none sends" },
        { "audit-long", "what none sends" },
        { "effect", "what none sends" },
        { "need", "what none sends" },
        { "broker", "what none sends" },
        { "broker-empty", "what none sends" },
        { "broker-large", "malformed result" },
        { "record", "what none sends" },
        { "wake", "what none sends" },
        { "spawn-none", "what none sends" },
        { "spawn-many", "what none sends" },
        { "spawn-empty", "what none sends" },
        { "tool-cut", "what none sends" },
        { "exit", "exit status 3" },
        { "close", "worker" },
        { "deaf", "takes no answers" },
    };
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    bx_worker_stats stats;
    size_t count = sizeof(ways) / sizeof(ways[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        expect_lost(&box, ways[i][0], ways[i][1]);
        expect_good(&box);
    }
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.started, count + 1);
    assert_int_equal(stats.lost, count);
    free_box(&box);
    bx_worker_pool_free(pool);
}

typedef struct lost_count {
    bx_worker_pool *pool;
    uint64_t lost;
} lost_count;

static bool has_lost(void *context)
{
    const lost_count *expected = context;
    bx_worker_stats stats;

    bx_worker_pool_stats(expected->pool, &stats);
    return stats.lost == expected->lost;
}

/* Each has answered, and its call is over: nobody waits for it. */
static void ends_who_does_something_unasked(void **state)
{
    static const char *const ways[] = { "then-speaks", "then-nothing",
                                        "then-speaks-at-once", "then-controls",
                                        "then-spins" };
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    lost_count count = { .pool = pool };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        bx_result *got = call(&box, ways[i], NULL);

        assert_int_equal(bx_result_exit_code(got), 7);
        bx_result_free(got);
        count.lost = i + 1;
        if (!wait_until(has_lost, &count))
            fail_msg("%s: it lives on", ways[i]);
        expect_good(&box);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* It has no other calls: the next goes to another. */
static void calls_no_more_who_closes_a_line(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    bx_worker_stats stats;
    bx_result *got = call(&box, "then-closes", NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(got), 7);
    bx_result_free(got);
    usleep(500000);
    for (int i = 0; i < 10; i++)
        expect_good(&box);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.started, 2);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void kills_who_goes_on_for_ever(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "wasm-timeout", "100ms", NULL);
    test_box box = make_evil_box(pool, policy);

    (void)state;
    expect_lost(&box, "flood", "run was to end");
    expect_lost(&box, "silence", "hung");
    expect_lost(&box, "lingers", "worker");
    expect_good(&box);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* Its deadline is far: the cancel alone ends it, though it always has more to
 * say. */
static void kills_who_talks_on_when_cancelled(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "wasm-timeout", "1h", NULL);
    test_box box = make_evil_box(pool, policy);

    (void)state;
    to_trigger = bx_cancel_new();
    expect_lost(&box, "flood", "went on after its run was to end");
    bx_cancel_free(to_trigger);
    to_trigger = NULL;
    expect_good(&box);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* All workers run it: nobody may hold on to it, and to open it takes no time.
 */
static void takes_no_code_that_may_change(void **state)
{
    static const char module[8] = { 0, 'a', 's', 'm', 1 };
    static const char *const names[] = { "code-open", "code-huge",
                                         "code-pipe" };
    bx_worker_pool *pool = make_pool(&evil_options);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "", NULL);
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_null(
            bx_worker_module_new(pool, module, 8, names[i], policy, 0, &err));
        assert_non_null(strstr(bx_error_message(err), "its code"));
        bx_error_free(err);
        err = NULL;
    }
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* When memory is short the kernel ends them, and not their host. */
static void goes_first_without_memory(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, PLAIN("", ""), NULL);
    bx_autofree char *text = NULL;
    char path[64];
    int pid;

    (void)state;
    bx_result_free(run_box(&box, NULL, NULL));
    assert_int_equal(bx_worker_pool_pids(pool, &pid, 1), 1);
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    assert_int_equal(bx_file_read(path, 64, &text, NULL, NULL), 0);
    assert_string_equal(text, "1000\n");
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* The host's thread does not wait for ever for one that does not read. */
static void waits_for_no_reader(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    const bx_run_extra extra = { .services = &services };
    bx_result *got = call(&box, "lazy", &extra);

    (void)state;
    assert_int_equal(bx_result_exit_code(got), 7);
    bx_result_free(got);
    expect_good(&box); /* by another worker: this call was not read */
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void shows_nothing_that_acts_on_a_terminal(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    bx_result *got = call(&box, "escapes", NULL);
    bx_stats stats;

    (void)state;
    assert_string_equal(heard, "\\x1b[31mred\\x9b\\x0a\\xff");
    assert_string_equal(bx_result_message(got), "\\x1b]0;x\\x07");
    bx_result_stats(got, &stats, sizeof(stats));
    assert_true(stats.memory_bytes == INT64_MAX);
    bx_result_free(got);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void counts_nested_calls_itself(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "max-calls", "4", NULL);
    test_box box = make_evil_box(pool, policy);
    bx_budget budget = BX_BUDGET_FULL;
    const bx_run_extra extra = { .services = &services, .budget = &budget };
    bx_result *got;

    (void)state;
    spawned = 0;
    budget.calls = 3;
    budget.fs_write_bytes = 100;
    got = call(&box, "lies", &extra);
    assert_int_equal(bx_result_code(got), BX_OK);
    assert_int_equal(spawned, 3);
    /* It says that it used nothing. */
    assert_int_equal(budget.calls, 0);
    assert_int_equal(budget.fs_write_bytes, 100);
    bx_result_free(got);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static int lock_alone(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int failed = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;

    assert_true(fd >= 0);
    close(fd);
    return failed;
}

/* These workers hold nothing, as one that gave up its lock. */
static void an_overlay_is_held_as_long_as_its_worker_lives(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "", NULL);
    char dir[128];
    char path[160];
    lost_count count = { .pool = pool, .lost = 1 };
    test_box box;
    int pid = 0;

    (void)state;
    snprintf(dir, sizeof(dir), "%s/overlay", pool_home);
    snprintf(path, sizeof(path), "%s/in-use", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(bx_policy_set_overlay(policy, dir, NULL), 0);
    box = make_evil_box(pool, policy);
    assert_int_equal(lock_alone(path), EWOULDBLOCK);
    expect_good(&box);
    assert_int_equal(lock_alone(path), EWOULDBLOCK);
    assert_int_equal(bx_worker_pool_pids(pool, &pid, 1), 1);
    kill(pid, SIGKILL);
    assert_true(wait_until(has_lost, &count));
    assert_int_equal(lock_alone(path), 0);
    expect_good(&box);
    assert_int_equal(lock_alone(path), EWOULDBLOCK);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
    assert_int_equal(lock_alone(path), 0);
}

enum { HOG_MAX = 4096 };

static size_t hog(int *fds)
{
    size_t count = 0;

    while (count < HOG_MAX &&
           (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(errno, EMFILE);
    return count;
}

static void release(int *fds, size_t count)
{
    while (count > 0)
        close(fds[--count]);
}

/* What came in a descriptor is lost, and the worker told; it is the host that
 * has none left. */
static void a_host_without_descriptors_loses_no_worker(void **state)
{
    const bx_run_extra extra = { .services = &services };
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    struct rlimit limit;
    struct rlimit few;
    bx_worker_stats stats;
    bx_result *got;
    size_t count;
    int fds[HOG_MAX];

    (void)state;
    expect_good(&box);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){ 128, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    count = hog(fds);
    spawned = 0;
    got = call(&box, "asks-much", &extra);
    assert_string_equal(bx_result_message(got), "");
    assert_int_equal(bx_result_exit_code(got), 7);
    assert_int_equal(spawned, 0);
    bx_result_free(got);
    got = call(&box, "asks-for-much", &extra);
    assert_string_equal(bx_result_message(got), "");
    assert_int_equal(bx_result_exit_code(got), 7);
    assert_int_equal(spawned, 1);
    bx_result_free(got);
    got = call(&box, "says-much", NULL);
    assert_int_equal(bx_result_code(got), BX_ERR_SYSTEM);
    assert_non_null(strstr(bx_result_message(got), "result is lost"));
    assert_non_null(strstr(bx_result_message(got), "(128; raise it by"));
    bx_result_free(got);
    expect_good(&box);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.lost, 0);
    assert_int_equal(stats.started, 1);
    /* Where none may come at all, that is still no excuse. */
    expect_lost(&box, "fd-beside", "");
    release(fds, count);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect_good(&box);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.lost, 1);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static int record_call(const test_box *box, const char *how, int fd,
                       uint64_t max_bytes, bx_result **ret_result,
                       bx_error **err)
{
    const char *const argv[] = { "guest", how };
    bx_run_options options = BX_RUN_OPTIONS_INIT;

    options.record_fd = fd;
    options.record_max_bytes = max_bytes;
    return bx_worker_box_run(box->box, 2, argv, &options, NULL, ret_result,
                             err);
}

static off_t size_of(int fd)
{
    struct stat stat;

    assert_int_equal(fstat(fd, &stat), 0);
    return stat.st_size;
}

/* Native code in a worker has no descriptor of the file, and the host writes no
 * more of what it sends than was allowed. */
static void writes_no_more_than_a_recording_may_have(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    int fd = memfd_create("recording", MFD_CLOEXEC);
    bx_result *got = NULL;

    (void)state;
    assert_int_equal(record_call(&box, "records", fd, 100000, &got, NULL), 0);
    assert_int_equal(bx_result_code(got), BX_OK);
    assert_int_equal(size_of(fd), 100000);
    bx_result_free(got);

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(record_call(&box, "records", fd, 99999, &got, NULL), 0);
    assert_int_equal(bx_result_code(got), BX_ERR_SYSTEM);
    assert_non_null(strstr(bx_result_message(got), "more of a recording than"));
    assert_int_equal(size_of(fd), 99000);
    bx_result_free(got);

    assert_int_equal(record_call(&box, "record-empty", fd, 99999, &got, NULL),
                     0);
    assert_non_null(strstr(bx_result_message(got), "what none sends"));
    bx_result_free(got);
    expect_good(&box);
    close(fd);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void says_that_a_recording_was_not_written(void **state)
{
    bx_worker_pool *pool = make_pool(&evil_options);
    test_box box = make_evil_box(pool, NULL);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    bx_result *got = NULL;
    bx_error *err = NULL;
    int fds[2];

    (void)state;
    assert_int_equal(record_call(&box, "records", full, 0, &got, &err), -1);
    assert_int_equal(bx_error_errno(err), ENOSPC);
    assert_non_null(strstr(bx_error_message(err), "the run was ended"));
    bx_error_free(err);
    err = NULL;
    /* The worker lives, and its next call has nothing of it. */
    expect_good(&box);

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(record_call(&box, "records", fds[1], 0, &got, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    close(fds[0]);
    close(fds[1]);
    close(full);
    free_box(&box);
    bx_worker_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_who_sends_what_no_worker_sends),
        cmocka_unit_test(ends_who_does_something_unasked),
        cmocka_unit_test(calls_no_more_who_closes_a_line),
        cmocka_unit_test(kills_who_goes_on_for_ever),
        cmocka_unit_test(kills_who_talks_on_when_cancelled),
        cmocka_unit_test(takes_no_code_that_may_change),
        cmocka_unit_test(goes_first_without_memory),
        cmocka_unit_test(waits_for_no_reader),
        cmocka_unit_test(shows_nothing_that_acts_on_a_terminal),
        cmocka_unit_test(counts_nested_calls_itself),
        cmocka_unit_test(an_overlay_is_held_as_long_as_its_worker_lives),
        cmocka_unit_test(a_host_without_descriptors_loses_no_worker),
        cmocka_unit_test(writes_no_more_than_a_recording_may_have),
        cmocka_unit_test(says_that_a_recording_was_not_written),
    };

    if (argc > 2 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0 &&
        atoi(argv[2]) == EVIL_INSTANCES)
        return be_evil();
    POOL_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, make_pool_home, remove_pool_home);
}
