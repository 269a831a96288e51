/* Requests of a component. Redirects are its own business (wasi:http hands them
 * on), each a new request that is checked anew. */
#include "sandbox/component_http.h"

#include <errno.h>
#include <string.h>

#include "net/http_poll.h"
#include "sandbox/instance.h"

static int ready_client(bx_instance *instance, bx_error **err)
{
    const bx_policy *policy = instance->sandbox->policy;
    bx_http_config config = {
        .run = &instance->run,
        .policy = policy,
        .body_bytes = policy->limits.http_body_bytes,
    };

    if (instance->client == NULL)
        instance->client = bx_http_client_new(&config, err);
    return instance->client == NULL ? -1 : 0;
}

/* A copy with a NUL at its end; NULL when there is one inside. */
static char *copy(bx_text text)
{
    return memchr(text.data, '\0', text.bytes) != NULL
               ? NULL
               : strndup(text.data, text.bytes);
}

static int add_fields(bx_http_fields *list, const bx_text (*fields)[2],
                      size_t count, bx_error **err)
{
    for (size_t i = 0; i < count; i++) {
        if (bx_http_fields_add(list, fields[i][0].data, fields[i][0].bytes,
                               fields[i][1].data, fields[i][1].bytes) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

static bx_http_exchange *open_exchange(bx_instance *instance, bx_text method,
                                       bx_text url, const bx_text (*fields)[2],
                                       size_t fields_count, uint64_t timeout_ms,
                                       bx_error **err)
{
    bx_autofree char *method_text = copy(method);
    bx_autofree char *url_text = copy(url);
    bx_autofields bx_http_fields list = BX_HTTP_FIELDS_INIT;
    bx_http_request request = { .method = method_text,
                                .url = url_text,
                                .fields = &list,
                                .redirect = BX_HTTP_REDIRECT_MANUAL,
                                .timeout_ms = timeout_ms };

    if (method_text == NULL || url_text == NULL) {
        bx_error_set(err, BX_ERR_INVALID, "a method or URL with a NUL in it");
        return NULL;
    }
    if (bx_http_check_limits(&instance->run, &instance->sandbox->policy->limits,
                             instance->exchanges, err) < 0 ||
        ready_client(instance, err) < 0 ||
        add_fields(&list, fields, fields_count, err) < 0)
        return NULL;
    return bx_http_client_open(instance->client, &request, err);
}

void *bx_component_http_open(void *context, bx_text method, bx_text url,
                             const bx_text (*fields)[2], size_t fields_count,
                             uint64_t timeout_ms, bx_component_failure *failure)
{
    bx_instance *instance = context;
    bx_autoerror bx_error *err = NULL;
    bx_http_exchange *exchange = open_exchange(instance, method, url, fields,
                                               fields_count, timeout_ms, &err);

    if (exchange == NULL) {
        bx_component_fail(failure, err);
        return NULL;
    }
    instance->exchanges++;
    instance->run.used.http_requests++;
    return exchange;
}

bool bx_component_http_check_field(bx_text name, bx_text value)
{
    bx_autofree char *name_text = copy(name);
    bx_autofree char *value_text = copy(value);

    return name_text != NULL && value_text != NULL &&
           bx_http_field_check(name_text, value_text, NULL) == 0;
}

int32_t bx_component_http_write(void *context, void *exchange,
                                const uint8_t *data, size_t bytes,
                                bx_component_failure *failure)
{
    bx_instance *instance = context;
    bx_autoerror bx_error *err = NULL;

    if (bx_http_exchange_write(exchange, data, bytes, &err) == 0) {
        instance->run.write_bytes += bytes;
        return 0;
    }
    bx_component_fail(failure, err);
    return -1;
}

bool bx_component_http_is_ready(void *context, void *exchange, bool wants_body)
{
    (void)context;
    return bx_http_exchange_is_ready(exchange, wants_body);
}

int32_t bx_component_http_wait(void *context, struct pollfd *fds, size_t count,
                               int64_t timeout_ns)
{
    bx_instance *instance = context;
    int64_t until_ns = bx_component_until(timeout_ns);
    int ready;

    bx_socket_aim(instance->sockets, fds, count);
    /* Its only request may not have been handed over yet. */
    if (instance->client == NULL || instance->exchanges == 0)
        ready = bx_run_poll(&instance->run, fds, (nfds_t)count, until_ns);
    else
        ready = bx_http_client_poll(instance->client, fds, count, until_ns);
    if (ready < 0)
        return errno == ETIME ? BX_HOST_STOP : 0;
    return ready;
}

int32_t bx_component_http_head(void *context, void *exchange,
                               uint16_t *ret_status, size_t *ret_fields,
                               bx_component_failure *failure)
{
    bx_autoerror bx_error *err = NULL;
    bx_http_head head;

    (void)context;
    if (bx_http_exchange_head(exchange, &head, &err) < 0) {
        bx_component_fail(failure, err);
        return -1;
    }
    *ret_status = (uint16_t)head.status;
    *ret_fields = head.fields->count;
    return 0;
}

void bx_component_http_field(void *context, void *exchange, size_t index,
                             bx_text *ret_name, bx_text *ret_value)
{
    bx_http_head head;

    (void)context;
    /* It was asked for before, so it is there. */
    if (bx_http_exchange_head(exchange, &head, NULL) < 0 ||
        index >= head.fields->count)
        return;
    *ret_name = (bx_text){ head.fields->items[index].name,
                           strlen(head.fields->items[index].name) };
    *ret_value = (bx_text){ head.fields->items[index].value,
                            strlen(head.fields->items[index].value) };
}

int64_t bx_component_http_read(void *context, void *exchange, uint8_t *buf,
                               size_t bytes, bx_component_failure *failure)
{
    bx_instance *instance = context;
    bx_autoerror bx_error *err = NULL;
    ssize_t done = bx_http_exchange_read(exchange, buf, bytes, &err);

    if (done < 0)
        bx_component_fail(failure, err);
    else
        instance->run.read_bytes += (uint64_t)done;
    return done;
}

void bx_component_http_free(void *context, void *exchange)
{
    bx_instance *instance = context;

    bx_http_exchange_free(exchange);
    instance->exchanges--;
}
