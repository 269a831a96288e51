/* What a component's host functions reach: waiting, sockets, services. Values
 * come from the guest by way of engine/, which has checked types and handles,
 * and nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/component_http.h"
#include "sandbox/instance.h"

#define SERVICE_WORDS 8192

/* ---- the run -------------------------------------------------------- */

static int32_t enter(void *context)
{
    bx_instance *instance = context;

    if (atomic_load_explicit(&instance->watch.is_due, memory_order_relaxed) ||
        bx_run_is_cancelled(&instance->run))
        return BX_HOST_STOP;
    instance->run.calls++;
    return 0;
}

static bool is_over(void *context)
{
    const bx_instance *instance = context;

    return bx_run_is_over(&instance->run);
}

static bool is_deterministic(void *context)
{
    const bx_instance *instance = context;

    return instance->run.is_deterministic;
}

static int32_t stream_fd(void *context, uint32_t fd, bool is_read)
{
    const bx_instance *instance = context;

    return bx_wasi_stream_fd(instance->wasi, fd, is_read);
}

int64_t bx_component_until(int64_t timeout_ns)
{
    int64_t now = bx_now_ns();

    return timeout_ns < 0 || timeout_ns > INT64_MAX - now ? INT64_MAX
                                                          : now + timeout_ns;
}

static int32_t wait_for(void *context, struct pollfd *fds, size_t count,
                        int64_t timeout_ns)
{
    const bx_instance *instance = context;
    int ready;

    bx_socket_aim(instance->sockets, fds, count);
    ready = bx_run_poll(&instance->run, fds, (nfds_t)count,
                        bx_component_until(timeout_ns));
    if (ready < 0)
        return errno == ETIME ? BX_HOST_STOP : 0;
    return ready;
}

/* ---- sockets -------------------------------------------------------- */

/* Made with the first one. */
static bx_socket_host *sockets(bx_instance *instance)
{
    if (instance->sockets == NULL)
        instance->sockets =
            bx_socket_host_new(instance->sandbox->policy, &instance->run, NULL);
    return instance->sockets;
}

static int32_t socket_open(void *context, bool is_udp, bool is_ipv6)
{
    bx_socket_host *host = sockets(context);

    return host == NULL ? -ENOMEM : bx_socket_open(host, is_udp, is_ipv6);
}

static int32_t socket_resolve(void *context, bx_text name,
                              bx_endpoint *ret_addresses, size_t max)
{
    bx_socket_host *host = sockets(context);
    int count = host == NULL ? -ENOMEM
                             : bx_socket_resolve(host, name.data, name.bytes,
                                                 ret_addresses, max);

    return count == -ETIME ? BX_COMPONENT_STOPPED : count;
}

static bx_socket_host *of(void *context)
{
    bx_instance *instance = context;

    return instance->sockets;
}

static void socket_close(void *context, int32_t handle)
{
    bx_socket_close(of(context), handle);
}

static int32_t socket_connect(void *context, int32_t handle,
                              const bx_endpoint *to)
{
    return bx_socket_connect(of(context), handle, to);
}

static int32_t socket_finish(void *context, int32_t handle)
{
    return bx_socket_finish(of(context), handle);
}

static int32_t socket_bind(void *context, int32_t handle,
                           const bx_endpoint *local)
{
    return bx_socket_bind(of(context), handle, local);
}

static int32_t socket_listen(void *context, int32_t handle)
{
    return bx_socket_listen(of(context), handle);
}

static int32_t socket_fd(void *context, int32_t handle)
{
    return bx_socket_fd(of(context), handle);
}

static int64_t socket_receive(void *context, int32_t handle, uint8_t *buf,
                              size_t bytes)
{
    return bx_socket_receive(of(context), handle, buf, bytes);
}

static int64_t socket_send(void *context, int32_t handle, const uint8_t *data,
                           size_t bytes)
{
    return bx_socket_send(of(context), handle, data, bytes);
}

static int64_t socket_receive_from(void *context, int32_t handle, uint8_t *buf,
                                   size_t bytes, bx_endpoint *ret_from)
{
    return bx_socket_receive_from(of(context), handle, buf, bytes, ret_from);
}

static int64_t socket_send_to(void *context, int32_t handle,
                              const uint8_t *data, size_t bytes,
                              const bx_endpoint *to)
{
    return bx_socket_send_to(of(context), handle, data, bytes, to);
}

static int32_t socket_shutdown(void *context, int32_t handle, int32_t how)
{
    return bx_socket_shutdown(of(context), handle, how);
}

static int32_t socket_name(void *context, int32_t handle, bool is_remote,
                           bx_endpoint *ret_name)
{
    return bx_socket_name(of(context), handle, is_remote, ret_name);
}

static int32_t socket_get(void *context, int32_t handle, int32_t option,
                          uint64_t *ret_value)
{
    return bx_socket_get(of(context), handle, (bx_socket_option)option,
                         ret_value);
}

static int32_t socket_set(void *context, int32_t handle, int32_t option,
                          uint64_t value)
{
    return bx_socket_set(of(context), handle, (bx_socket_option)option, value);
}

/* ---- services ------------------------------------------------------- */

void bx_component_fail(bx_component_failure *failure, const bx_error *error)
{
    failure->code = (int32_t)bx_error_code(error);
    failure->errnum = bx_error_errno(error);
    snprintf(failure->message, sizeof(failure->message), "%s",
             bx_error_message(error));
}

/* NUL-terminated copies; NULL for a text that has a NUL itself. */
static char **copy_texts(const bx_text *texts, size_t count)
{
    char **copies = calloc(count + 1, sizeof(*copies));

    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = memchr(texts[i].data, '\0', texts[i].bytes) != NULL
                        ? NULL
                        : strndup(texts[i].data, texts[i].bytes);
        if (copies[i] == NULL) {
            while (i > 0)
                free(copies[--i]);
            free(copies);
            return NULL;
        }
    }
    return copies;
}

static void free_texts(char **copies)
{
    for (char **at = copies; at != NULL && *at != NULL; at++)
        free(*at);
    free(copies);
}

static int spawn(bx_call_host *host, const bx_text *texts, char **words,
                 size_t count, bx_service_result *ret_result, bx_error **err)
{
    size_t argc = strtoul(words[0], NULL, 10);
    bx_spawn_request request = { .argc = argc,
                                 .argv = (const char *const *)words + 1,
                                 .env_count = count - 2 - argc,
                                 .env = (const char *const *)words + 1 + argc,
                                 .input = texts[0].data,
                                 .input_bytes = texts[0].bytes };

    return bx_call_host_spawn(host, &request, ret_result, err);
}

static int serve(bx_call_host *host, int32_t which, const bx_text *texts,
                 size_t count, bx_service_result *ret_result, bx_error **err)
{
    /* The first text of a spawn, and the input of a tool, are bytes. */
    size_t skip = which == BX_SERVICE_SPAWN ? 1 : 0;
    size_t taken = which == BX_SERVICE_SPAWN ? count - 1 : count;
    char **words;
    int result;

    if (which == BX_SERVICE_TOOL_LIST)
        return bx_call_host_list(host, ret_result, err);
    if (count < 2)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a call of a program or a tool with %zu texts, "
                            "expected 2 or more",
                            count);
    words = copy_texts(texts + skip, which == BX_SERVICE_SPAWN ? taken : 1);
    if (words == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a name, argument or variable with a NUL in it");
    result = which == BX_SERVICE_SPAWN
                 ? spawn(host, texts, words, count, ret_result, err)
                 : bx_call_host_tool(host, words[0], texts[1].data,
                                     texts[1].bytes, ret_result, err);
    free_texts(words);
    return result;
}

static void give(bx_buf *buf, bx_block *ret_block)
{
    ret_block->bytes = buf->len;
    ret_block->data = bx_buf_take(buf);
}

static int32_t service(void *context, int32_t which, const bx_text *texts,
                       size_t count, bx_block (*ret_blocks)[3],
                       bx_component_failure *failure)
{
    bx_instance *instance = context;
    bx_autoerror bx_error *err = NULL;
    bx_service_result result = { .head = BX_BUF_INIT,
                                 .output = { BX_BUF_INIT, BX_BUF_INIT } };
    int status;

    if (count > SERVICE_WORDS + 2)
        status = bx_error_set(&err, BX_ERR_LIMIT,
                              "%zu arguments and variables, at most %d",
                              count - 2, SERVICE_WORDS);
    else
        status = serve(instance->calls, which, texts, count, &result, &err);
    if (status == 0) {
        give(&result.head, &(*ret_blocks)[0]);
        give(&result.output[0], &(*ret_blocks)[1]);
        give(&result.output[1], &(*ret_blocks)[2]);
    }
    bx_service_result_clear(&result);
    if (status == 0)
        return 0;
    if (bx_run_is_over(&instance->run))
        return BX_HOST_STOP;
    bx_component_fail(failure, err);
    return -1;
}

const bx_component_api bx_component_host = {
    .calls = bx_wasi_preview1_calls,
    .calls_count = &bx_wasi_preview1_calls_count,
    .enter = enter,
    .is_over = is_over,
    .stream_fd = stream_fd,
    .wait = wait_for,
    .is_deterministic = is_deterministic,
    .free = free,
    .socket_open = socket_open,
    .socket_close = socket_close,
    .socket_connect = socket_connect,
    .socket_finish = socket_finish,
    .socket_bind = socket_bind,
    .socket_listen = socket_listen,
    .socket_fd = socket_fd,
    .socket_receive = socket_receive,
    .socket_send = socket_send,
    .socket_receive_from = socket_receive_from,
    .socket_send_to = socket_send_to,
    .socket_shutdown = socket_shutdown,
    .socket_name = socket_name,
    .socket_get = socket_get,
    .socket_set = socket_set,
    .socket_resolve = socket_resolve,
    .http_open = bx_component_http_open,
    .http_check_field = bx_component_http_check_field,
    .http_write = bx_component_http_write,
    .http_is_ready = bx_component_http_is_ready,
    .http_wait = bx_component_http_wait,
    .http_head = bx_component_http_head,
    .http_field = bx_component_http_field,
    .http_read = bx_component_http_read,
    .http_free = bx_component_http_free,
    .service = service,
};
