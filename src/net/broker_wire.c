/* Both ends read what the other wrote, and neither takes it for well formed. */
#include "net/broker_wire.h"

#include <errno.h>
#include <string.h>

void bx_broker_put_head(bx_wire_out *out, const bx_broker_head *head)
{
    bx_wire_put_u8(out, (uint8_t)head->status);
    bx_wire_put_bool(out, head->is_over);
    bx_wire_put_bool(out, head->is_cancelled);
    bx_wire_put_u64(out, head->held_ns);
    bx_wire_put_u32(out, head->denied);
    bx_wire_put_u32(out, head->requests);
}

void bx_broker_get_head(bx_wire_in *in, bx_broker_head *ret_head)
{
    uint8_t status = bx_wire_get_u8(in);

    if (status > BX_BROKER_WOKEN)
        in->is_bad = true;
    ret_head->status = (bx_broker_status)status;
    ret_head->is_over = bx_wire_get_bool(in);
    ret_head->is_cancelled = bx_wire_get_bool(in);
    ret_head->held_ns = bx_wire_get_u64(in);
    ret_head->denied = bx_wire_get_u32(in);
    ret_head->requests = bx_wire_get_u32(in);
    if (ret_head->held_ns > INT64_MAX)
        in->is_bad = true;
}

void bx_broker_put_error(bx_wire_out *out, const bx_error *error)
{
    const char *message = bx_error_message(error);

    bx_wire_put_u32(out, (uint32_t)bx_error_code(error));
    bx_wire_put_u32(out, (uint32_t)bx_error_errno(error));
    bx_wire_put_bytes(out, message, strnlen(message, BX_BROKER_MESSAGE_BYTES));
}

int bx_broker_get_error(bx_wire_in *in, bx_error **err)
{
    uint32_t code = bx_wire_get_u32(in);
    uint32_t errnum = bx_wire_get_u32(in);
    bx_autofree char *message = bx_wire_get_text(in, BX_BROKER_MESSAGE_BYTES);

    if (in->lacks_memory)
        return bx_error_set_nomem(err);
    if (!bx_wire_is_whole(in) || code == BX_OK || code > BX_ERR_CANCELLED ||
        errnum > 4095) /* the kernel's highest errno */
        return bx_error_set_errno(err, EPROTO,
                                  "the broker's answer is malformed");
    return bx_error_restore(err, (bx_code)code, (int)errnum, message);
}

void bx_broker_put_fields(bx_wire_out *out, const bx_http_fields *fields)
{
    bx_wire_put_u32(out, (uint32_t)fields->count);
    for (size_t i = 0; i < fields->count; i++) {
        bx_wire_put_text(out, fields->items[i].name);
        bx_wire_put_text(out, fields->items[i].value);
    }
}

void bx_broker_get_fields(bx_wire_in *in, size_t max,
                          bx_http_fields *ret_fields)
{
    uint32_t count = bx_wire_get_u32(in);

    if (count > max)
        in->is_bad = true;
    for (uint32_t i = 0; i < count && !in->is_bad; i++) {
        size_t name_bytes;
        size_t value_bytes;
        const char *name =
            bx_wire_get_bytes(in, BX_BROKER_TEXT_BYTES, &name_bytes);
        const char *value =
            bx_wire_get_bytes(in, BX_BROKER_TEXT_BYTES, &value_bytes);

        if (memchr(name, '\0', name_bytes) != NULL ||
            memchr(value, '\0', value_bytes) != NULL || in->is_bad)
            in->is_bad = true;
        else if (bx_http_fields_add(ret_fields, name, name_bytes, value,
                                    value_bytes) < 0)
            bx_wire_lack_memory(in);
    }
}

void bx_broker_put_url(bx_wire_out *out, const bx_url *url)
{
    bx_wire_put_text(out, url->text);
    bx_wire_put_text(out, url->scheme);
    bx_wire_put_text(out, url->host);
    bx_wire_put_u16(out, url->port);
    bx_wire_put_text(out, url->path);
}

bx_url *bx_broker_get_url(bx_wire_in *in)
{
    bx_autourl bx_url *url = calloc(1, sizeof(*url));

    if (url == NULL) {
        bx_wire_lack_memory(in);
        return NULL;
    }
    url->text = bx_wire_get_text(in, BX_URL_MAX_BYTES);
    url->scheme = bx_wire_get_text(in, 8);
    url->host = bx_wire_get_text(in, BX_URL_MAX_BYTES);
    url->port = bx_wire_get_u16(in);
    url->path = bx_wire_get_text(in, BX_URL_MAX_BYTES);
    return in->is_bad ? NULL : bx_take(url);
}

void bx_broker_put_endpoint(bx_wire_out *out, const bx_endpoint *endpoint)
{
    bx_wire_put_raw(out, endpoint->address.bytes,
                    sizeof(endpoint->address.bytes));
    bx_wire_put_u16(out, endpoint->port);
    bx_wire_put_bool(out, endpoint->is_ipv6);
}

void bx_broker_get_endpoint(bx_wire_in *in, bx_endpoint *ret_endpoint)
{
    memset(ret_endpoint, 0, sizeof(*ret_endpoint));
    bx_wire_get_raw(in, ret_endpoint->address.bytes,
                    sizeof(ret_endpoint->address.bytes));
    ret_endpoint->port = bx_wire_get_u16(in);
    ret_endpoint->is_ipv6 = bx_wire_get_bool(in);
}
