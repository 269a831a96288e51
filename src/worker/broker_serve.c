/* Whoever asks may be an attacker with native code: requests are judged by
 * net/broker.h, the rest of what comes is a head, a deadline and flags. */
#include "worker/broker_serve.h"

#include <string.h>

#include "base/wire.h"
#include "net/broker.h"
#include "worker/broker_link.h"

typedef struct link_server {
    int socket;
    const bx_policy *policy;
    bx_run run;
    bx_broker_host *host; /* NULL before a run begins */
    bool is_over;         /* the other end is gone, or not to be trusted */
} link_server;

static void tell(link_server *server, bx_link_type type,
                 const char *const *texts, size_t count)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_BROKER_MAX_BYTES);

    for (size_t i = 0; i < count; i++)
        bx_wire_put_text(&out, texts[i]);
    if (out.is_bad ||
        bx_link_send(server->socket, type, body.data, body.len, -1, NULL) < 0)
        server->is_over = true;
}

static void on_audit(void *context, const bx_audit_event *event)
{
    const char *const texts[] = { event->call, event->target, event->reason,
                                  event->rule };

    tell(context, BX_LINK_AUDIT, texts, 4);
}

static void on_effect(void *context, const bx_effect_event *event)
{
    const char *const texts[] = { event->call, event->target, event->detail };

    tell(context, BX_LINK_EFFECT, texts, 3);
}

/* The run's side collects its needs; what the policy does not give is refused
 * here, whatever it answers. */
static bool on_need(void *context, const bx_need_event *event)
{
    link_server *server = context;
    const char *const texts[] = { event->kind, event->target };
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_link_type type = BX_LINK_NONE;
    bx_wire_in in;
    bool is_given;
    int fd = -1;

    tell(server, BX_LINK_NEED, texts, 2);
    while (!server->is_over && type != BX_LINK_ANSWER) {
        if (bx_link_receive(server->socket, BX_BROKER_MAX_BYTES, &type, &body,
                            &fd, NULL) != 1 ||
            (type != BX_LINK_WAKE && type != BX_LINK_ANSWER))
            server->is_over = true;
        bx_closep(&fd);
        fd = -1;
    }
    if (server->is_over)
        return false;
    in = bx_wire_in_of(body.data, body.len);
    is_given = bx_wire_get_bool(&in);
    return is_given && bx_wire_is_whole(&in);
}

/* Once: a second run would begin to count anew what the first may do. Its end
 * is no later than the policy's. */
static void begin(link_server *server, const bx_buf *body, bx_hold_fn hold,
                  void *hold_context)
{
    bx_wire_in in = bx_wire_in_of(body->data, body->len);
    int64_t deadline_ns = bx_wire_get_i64(&in);
    uint32_t wants = bx_wire_get_u32(&in);
    int64_t last_ns =
        bx_now_ns() + (int64_t)server->policy->limits.timeout_ms * 1000000;

    if (server->host != NULL) {
        server->is_over = true;
        return;
    }
    if (deadline_ns > last_ns)
        deadline_ns = last_ns;
    server->run = (bx_run){ .deadline_ns = deadline_ns,
                            .hold = hold,
                            .hold_context = hold_context };
    if ((wants & BX_LINK_WANTS_AUDIT) != 0)
        server->run.audit = on_audit;
    if ((wants & BX_LINK_WANTS_EFFECT) != 0)
        server->run.effect = on_effect;
    if ((wants & BX_LINK_WANTS_NEED) != 0)
        server->run.need = on_need;
    server->run.audit_context = server;
    server->run.effect_context = server;
    server->run.need_context = server;
    if (bx_wire_is_whole(&in))
        server->host = bx_broker_host_new(server->policy, &server->run, NULL);
    if (server->host == NULL)
        server->is_over = true;
}

static void answer(link_server *server, const bx_buf *request)
{
    bx_autobuf bx_buf reply = BX_BUF_INIT;
    int fd = -1;

    if (server->host == NULL ||
        bx_broker_host_serve(server->host, request->data, request->len,
                             server->socket, &reply, &fd, NULL) < 0 ||
        bx_link_send(server->socket, BX_LINK_REPLY, reply.data, reply.len, fd,
                     NULL) < 0)
        server->is_over = true;
}

void bx_broker_child_serve(int socket, const bx_policy *policy, bx_hold_fn hold,
                           void *hold_context)
{
    link_server server = { .socket = socket, .policy = policy };
    bx_autobuf bx_buf body = BX_BUF_INIT;

    while (!server.is_over) {
        bx_link_type type;
        bx_autofd int fd = -1;

        if (bx_link_receive(socket, BX_BROKER_MAX_BYTES, &type, &body, &fd,
                            NULL) != 1)
            break;
        if (type == BX_LINK_BEGIN)
            begin(&server, &body, hold, hold_context);
        else if (type == BX_LINK_ASK)
            answer(&server, &body);
        else if (type != BX_LINK_WAKE) /* one that crossed its answer */
            break;
    }
    bx_broker_host_free(server.host);
    bx_run_forget_needs(&server.run);
}
