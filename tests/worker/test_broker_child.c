/* The process that reaches the network for a locked one: what it refuses, what
 * it tells, and that neither end waits for the other's ghost. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/wire.h"
#include "net/http_client.h"
#include "worker/broker_child.h"
#include "worker/broker_link.h"
#include "worker/broker_serve.h"
#include "worker/lockdown.h"

#define SECOND_NS INT64_C(1000000000)

typedef struct ear {
    unsigned refusals;
    char target[128];
    char reason[128];
    unsigned needs;
    char need[128];
    bool gives;
} ear;

static void on_audit(void *context, const bx_audit_event *event)
{
    ear *heard = context;

    heard->refusals++;
    snprintf(heard->target, sizeof(heard->target), "%s", event->target);
    snprintf(heard->reason, sizeof(heard->reason), "%s", event->reason);
}

static bool on_need(void *context, const bx_need_event *event)
{
    ear *heard = context;

    heard->needs++;
    snprintf(heard->need, sizeof(heard->need), "%s %s", event->kind,
             event->target);
    return heard->gives;
}

/* A server that takes connections and never answers. */
static int be_silent(char origin[64])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    snprintf(origin, 64, "http://127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

/* A request through a child; what became of it. */
typedef struct asking {
    bx_policy *policy; /* the child's */
    bx_hold_fn hold;
    const char *method;
    char url[128];
    int64_t timeout_ns;
    bx_run run;
    bx_code code;
    char message[512];
} asking;

static void try_with(asking *trial, bx_broker_child *child)
{
    /* On this side there is no policy worth the name. */
    bx_autopolicy bx_policy *empty = bx_policy_new();
    bx_http_config config = { .run = &trial->run, .policy = empty };
    bx_http_request request = { .method = trial->method, .url = trial->url };
    bx_http_exchange *exchange;
    bx_http_client *client;
    bx_http_head head;
    bx_error *err = NULL;

    trial->run.deadline_ns = bx_now_ns() + trial->timeout_ns;
    if (bx_broker_child_begin(child, &trial->run, &err) < 0) {
        trial->code = bx_error_code(err);
        bx_error_free(err);
        return;
    }
    trial->run.broker = bx_broker_child_broker(child);
    client = bx_http_client_new(&config, &err);
    assert_non_null(client);
    exchange = bx_http_client_open(client, &request, &err);
    if (exchange != NULL)
        (void)bx_http_exchange_head(exchange, &head, &err);
    trial->code = bx_error_code(err);
    snprintf(trial->message, sizeof(trial->message), "%s",
             bx_error_message(err));
    bx_error_free(err);
    bx_http_exchange_free(exchange);
    bx_http_client_free(client);
}

static void try_once(asking *trial)
{
    bx_broker_child *child =
        bx_broker_child_new(trial->policy, trial->hold, NULL, NULL);

    assert_non_null(child);
    try_with(trial, child);
    bx_broker_child_free(child);
}

static asking a_trial(ear *heard, const char *allowed, const char *origin)
{
    asking made = { .policy = bx_policy_new(),
                    .timeout_ns = 30 * SECOND_NS,
                    .run = { .audit = on_audit, .audit_context = heard } };

    if (allowed != NULL)
        assert_int_equal(
            bx_policy_allowed_outbound_host(made.policy, allowed, NULL), 0);
    snprintf(made.url, sizeof(made.url), "%s/x", origin);
    return made;
}

static void a_refusal_is_told_on_the_runs_side(void **state)
{
    ear heard = { 0 };
    asking trial = a_trial(&heard, "http://127.0.0.1:1", "http://127.0.0.1:2");

    (void)state;
    try_once(&trial);
    assert_int_equal(trial.code, BX_ERR_DENIED);
    assert_int_equal(heard.refusals, 1);
    assert_string_equal(heard.target, "http://127.0.0.1:2/x");
    assert_int_equal(trial.run.calls_denied, 1);
    bx_policy_free(trial.policy);
}

static void the_runs_deadline_holds_there(void **state)
{
    char origin[64];
    int fd = be_silent(origin);
    ear heard = { 0 };
    asking trial = a_trial(&heard, origin, origin);

    (void)state;
    trial.timeout_ns = SECOND_NS / 20;
    try_once(&trial);
    assert_int_equal(trial.code, BX_ERR_TIMEOUT);
    bx_policy_free(trial.policy);
    close(fd);
}

static bx_cancel *cancel;

static void on_alarm(int number)
{
    (void)number;
    bx_cancel_trigger(cancel);
}

static void a_cancel_ends_the_wait(void **state)
{
    char origin[64];
    int fd = be_silent(origin);
    ear heard = { 0 };
    asking trial = a_trial(&heard, origin, origin);

    (void)state;
    cancel = bx_cancel_new();
    trial.run.cancel = cancel;
    signal(SIGALRM, on_alarm);
    alarm(1);
    try_once(&trial);
    assert_int_equal(trial.code, BX_ERR_CANCELLED);
    bx_policy_free(trial.policy);
    bx_cancel_free(cancel);
    close(fd);
}

static void a_need_is_asked_on_the_runs_side(void **state)
{
    char origin[64];
    int fd = be_silent(origin);
    ear heard = { 0 };
    asking trial = a_trial(&heard, origin, origin);

    (void)state;
    trial.run.need = on_need;
    trial.run.need_context = &heard;
    try_once(&trial);
    assert_int_equal(trial.code, BX_ERR_DENIED);
    assert_int_equal(heard.needs, 1);
    assert_non_null(strstr(heard.need, "network http://127.0.0.1:"));
    bx_policy_free(trial.policy);
    close(fd);
}

static pid_t holder;

static bool on_hold(void *context, const bx_hold_event *event)
{
    (void)context;
    return getpid() == holder || strcmp(event->method, "POST") != 0;
}

/* A run that could answer for a person would approve of itself. */
static void a_person_is_asked_in_the_child(void **state)
{
    char origin[64];
    int fd = be_silent(origin);
    ear heard = { 0 };
    asking trial = a_trial(&heard, origin, origin);

    (void)state;
    holder = getpid();
    trial.hold = on_hold;
    trial.method = "POST";
    try_once(&trial);
    assert_int_equal(trial.code, BX_ERR_DENIED);
    assert_int_equal(heard.refusals, 1);
    bx_policy_free(trial.policy);
    close(fd);
}

/* This process has one. */
static void end_my_child(void)
{
    char path[64];
    char text[32] = "";
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    fd = open(path, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_true(atoi(text) > 1);
    kill(atoi(text), SIGKILL);
    waitid(P_PID, (id_t)atoi(text), NULL, WEXITED | WNOWAIT);
}

static void a_dead_child_is_an_error(void **state)
{
    ear heard = { 0 };
    asking trial = a_trial(&heard, NULL, "http://127.0.0.1:2");
    bx_broker_child *child =
        bx_broker_child_new(trial.policy, NULL, NULL, NULL);

    (void)state;
    try_with(&trial, child);
    assert_int_equal(trial.code, BX_ERR_DENIED);
    end_my_child();
    try_with(&trial, child);
    assert_int_equal(trial.code, BX_ERR_SYSTEM);
    bx_broker_child_free(child);
    bx_policy_free(trial.policy);
}

/* ---- the child alone, and who talks to it is hostile ---------------- */

typedef struct serving {
    int fd; /* ours */
    pid_t pid;
} serving;

static serving serve(const bx_policy *policy)
{
    serving made;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    made.pid = fork();
    if (made.pid == 0) {
        close(ends[0]);
        bx_broker_child_serve(ends[1], policy, NULL, NULL);
        _exit(7);
    }
    close(ends[1]);
    made.fd = ends[0];
    return made;
}

/* It ends by itself, in an orderly way, with nothing answered. */
static void assert_gives_up(serving *served)
{
    char byte;
    int status;

    assert_int_equal(read(served->fd, &byte, 1), 0);
    close(served->fd);
    assert_int_equal(waitpid(served->pid, &status, 0), served->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void begin(const serving *served)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, 64);

    bx_wire_put_i64(&out, INT64_MAX);
    bx_wire_put_u32(&out, 0);
    assert_int_equal(
        bx_link_send(served->fd, BX_LINK_BEGIN, body.data, body.len, -1, NULL),
        0);
}

static void gives_up_on_a_malformed_request(void **state)
{
    serving served = serve(*state);

    begin(&served);
    assert_int_equal(
        bx_link_send(served.fd, BX_LINK_ASK, "\xff\xff\xff", 3, -1, NULL), 0);
    assert_gives_up(&served);
}

static void gives_up_on_a_request_before_a_run(void **state)
{
    serving served = serve(*state);

    assert_int_equal(bx_link_send(served.fd, BX_LINK_ASK, "x", 1, -1, NULL), 0);
    assert_gives_up(&served);
}

static void gives_up_on_a_begin_that_is_cut(void **state)
{
    serving served = serve(*state);

    assert_int_equal(bx_link_send(served.fd, BX_LINK_BEGIN, "abc", 3, -1, NULL),
                     0);
    assert_gives_up(&served);
}

/* Its counts would begin anew. */
static void gives_up_on_a_second_run(void **state)
{
    serving served = serve(*state);

    begin(&served);
    begin(&served);
    assert_gives_up(&served);
}

static size_t count_fds(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void keeps_no_descriptor_beside_the_first(void **state)
{
    uint32_t head[2] = { BX_LINK_WAKE, 0 };
    struct iovec part = { head, sizeof(head) };
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))] = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = room,
                              .msg_controllen = sizeof(room) };
    struct cmsghdr *beside = CMSG_FIRSTHDR(&message);
    bx_autobuf bx_buf body = BX_BUF_INIT;
    const int two[2] = { 0, 1 };
    bx_link_type type;
    size_t before;
    int ends[2];
    int fd = -1;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    before = count_fds();
    beside->cmsg_level = SOL_SOCKET;
    beside->cmsg_type = SCM_RIGHTS;
    beside->cmsg_len = CMSG_LEN(sizeof(two));
    memcpy(CMSG_DATA(beside), two, sizeof(two));
    assert_int_equal(sendmsg(ends[0], &message, 0), sizeof(head));
    assert_int_equal(bx_link_receive(ends[1], 100, &type, &body, &fd, NULL), 1);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(count_fds(), before);
    close(ends[0]);
    close(ends[1]);
}

static void gives_up_on_what_only_it_sends(void **state)
{
    serving served = serve(*state);

    assert_int_equal(bx_link_send(served.fd, BX_LINK_REPLY, "", 0, -1, NULL),
                     0);
    assert_gives_up(&served);
}

static void gives_up_on_lengths_past_the_limit(void **state)
{
    const uint32_t head[2] = { BX_LINK_ASK, BX_BROKER_MAX_BYTES + 1 };
    serving served = serve(*state);

    assert_int_equal(write(served.fd, head, sizeof(head)), sizeof(head));
    assert_gives_up(&served);
}

static void gives_up_on_unknown_kinds(void **state)
{
    const uint32_t head[2] = { BX_LINK_TYPES, 0 };
    serving served = serve(*state);

    assert_int_equal(write(served.fd, head, sizeof(head)), sizeof(head));
    assert_gives_up(&served);
}

static void gives_up_on_a_head_that_is_cut(void **state)
{
    serving served = serve(*state);

    assert_int_equal(write(served.fd, "\2", 1), 1);
    shutdown(served.fd, SHUT_WR);
    assert_gives_up(&served);
}

static void wakes_nobody_in_vain(void **state)
{
    serving served = serve(*state);

    begin(&served);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            bx_link_send(served.fd, BX_LINK_WAKE, NULL, 0, -1, NULL), 0);
    shutdown(served.fd, SHUT_WR);
    assert_gives_up(&served);
}

/* A descriptor and a body of more than one block, in one message. */
static void carries_a_descriptor_and_a_long_body(void **state)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    size_t bytes = 300000;
    char *sent = malloc(bytes);
    bx_link_type type;
    int ends[2];
    int fd = -1;
    pid_t pid;

    (void)state;
    memset(sent, 'q', bytes);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid = fork();
    if (pid == 0)
        _exit(bx_link_send(ends[1], BX_LINK_REPLY, sent, bytes, ends[1],
                           NULL) == 0
                  ? 0
                  : 1);
    assert_int_equal(bx_link_receive(ends[0], bytes, &type, &body, &fd, NULL),
                     1);
    assert_int_equal(type, BX_LINK_REPLY);
    assert_int_equal(body.len, bytes);
    assert_memory_equal(body.data, sent, bytes);
    assert_true(fd >= 0);
    close(fd);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    free(sent);
}

static int set_up(void **state)
{
    *state = bx_policy_new();
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    bx_policy_free(*state);
    return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- its lockdown ---------------------------------------------------------
 */

static char own_file[32];

static int make_own_file(void)
{
    int fd;

    strcpy(own_file, "/tmp/bx-broker-XXXXXX");
    fd = mkstemp(own_file);
    assert_true(fd >= 0);
    return fd;
}

static bool may_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool may_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid > 0;
}

static bool may_bind(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = { .sin_family = AF_INET };
    bool is_bound = bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;

    close(fd);
    return is_bound;
}

/* What native code in there would try; all: true, none: false, else fails. */
static bool may_all(bool expected)
{
    const bool may[] = { may_open(own_file, O_RDONLY),
                         may_open(own_file, O_WRONLY),
                         may_open("/etc/bx-new", O_WRONLY | O_CREAT),
                         may_open("/root", O_RDONLY | O_DIRECTORY),
                         may_open("/proc/self/environ", O_RDONLY),
                         may_fork(),
                         kill(getppid(), 0) == 0,
                         may_bind() };

    (void)unlink("/etc/bx-new");
    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
        /* Some need root without a lockdown. */
        if (may[i] != expected && (!expected || geteuid() == 0)) {
            fprintf(stderr, "attempt %zu: %d\n", i, may[i]);
            return !expected;
        }
    }
    return expected;
}

static bool on_attempts(void *context, const bx_hold_event *event)
{
    (void)context;
    (void)event;
    return !may_all(false) && may_open("/etc/passwd", O_RDONLY);
}

static bool on_exec(void *context, const bx_hold_event *event)
{
    char script[64];
    char *const argv[] = { (char *)"sh", (char *)"-c", script, NULL };

    (void)context;
    (void)event;
    snprintf(script, sizeof(script), "echo > %s", own_file);
    (void)execv("/bin/sh", argv);
    return true;
}

/* It is asked in there what native code could do; nobody listens at port 1. */
static asking hold_there(bx_hold_fn hold, const char *origin)
{
    ear heard = { 0 };
    asking trial = a_trial(&heard, origin, origin);

    trial.hold = hold;
    trial.method = "POST";
    try_once(&trial);
    bx_policy_free(trial.policy);
    return trial;
}

static void it_reads_no_file_of_the_users(void **state)
{
    int fd = make_own_file();
    asking trial;

    (void)state;
    close(fd);
    if (bx_lockdown_require(NULL) < 0 || bx_lockdown_probe()->landlock_abi < 4)
        skip();
    assert_true(may_all(true));
    trial = hold_there(on_attempts, "http://127.0.0.1:1");
    assert_int_not_equal(trial.code, BX_ERR_DENIED);
    assert_non_null(strstr(trial.message, "refused"));
    unlink(own_file);
}

static void it_starts_no_program(void **state)
{
    int fd = make_own_file();
    asking trial = hold_there(on_exec, "http://127.0.0.1:1");
    struct stat st;

    (void)state;
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    unlink(own_file);
    if (bx_lockdown_require(NULL) < 0)
        skip();
    assert_int_equal(st.st_size, 0);
    assert_int_equal(trial.code, BX_ERR_SYSTEM);
    assert_non_null(strstr(trial.message, "has ended"));
}

/* Names are looked up by what the lockdown leaves to read. */
static void it_looks_names_up(void **state)
{
    asking trial = hold_there(NULL, "http://localhost:1");

    (void)state;
    assert_int_not_equal(trial.code, BX_ERR_DENIED);
    assert_non_null(strstr(trial.message, "refused"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refusal_is_told_on_the_runs_side),
        T(the_runs_deadline_holds_there),
        T(a_cancel_ends_the_wait),
        T(a_need_is_asked_on_the_runs_side),
        T(a_person_is_asked_in_the_child),
        T(it_reads_no_file_of_the_users),
        T(it_starts_no_program),
        T(it_looks_names_up),
        T(a_dead_child_is_an_error),
        T(gives_up_on_a_malformed_request),
        T(gives_up_on_a_request_before_a_run),
        T(gives_up_on_a_begin_that_is_cut),
        T(gives_up_on_a_second_run),
        T(keeps_no_descriptor_beside_the_first),
        T(gives_up_on_what_only_it_sends),
        T(gives_up_on_lengths_past_the_limit),
        T(gives_up_on_unknown_kinds),
        T(gives_up_on_a_head_that_is_cut),
        T(wakes_nobody_in_vain),
        T(carries_a_descriptor_and_a_long_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
