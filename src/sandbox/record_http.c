/* A component's requests and its calls of programs and tools, recorded and
 * played. */
#include <string.h>

#include "sandbox/record_component.h"

#define FIELDS_MAX 65536u

/* ---- requests ------------------------------------------------------- */

/* Requests are told by number, from 1; 0: the real one failed. */
static uint64_t number_of(const bx_record *record, const void *exchange)
{
    if (record->tape.player != NULL)
        return (uint64_t)(uintptr_t)exchange;
    for (size_t i = record->exchanges_count; i > 0; i--) {
        if (record->exchanges[i - 1] == exchange)
            return i;
    }
    return 0;
}

static uint64_t keep_exchange(bx_record *record, void *exchange)
{
    void **grown;

    if (exchange == NULL)
        return 0;
    grown = realloc(record->exchanges,
                    (record->exchanges_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return 0;
    record->exchanges = grown;
    grown[record->exchanges_count++] = exchange;
    return record->exchanges_count;
}

/* Address without query and user: those may be secret. */
static void tell_request(bx_tape *tape, bx_text method, bx_text url,
                         const bx_text (*fields)[2], size_t fields_count)
{
    size_t bytes = 0;

    while (bytes < url.bytes && url.data[bytes] != '?' &&
           url.data[bytes] != '#' && url.data[bytes] != '@')
        bytes++;
    bx_tape_text(tape, method.data, method.bytes);
    bx_tape_text(tape, url.data, bytes);
    bx_tape_hash(tape, url.data, url.bytes, false);
    for (size_t i = 0; i < fields_count; i++) {
        bx_tape_hash(tape, "\n", 1, false);
        bx_tape_hash(tape, fields[i][0].data, fields[i][0].bytes, false);
        bx_tape_hash(tape, ":", 1, false);
        bx_tape_hash(tape, fields[i][1].data, fields[i][1].bytes, false);
    }
    bx_tape_hash(tape, NULL, 0, true);
}

static void *http_open(void *context, bx_text method, bx_text url,
                       const bx_text (*fields)[2], size_t fields_count,
                       uint64_t timeout_ms, bx_component_failure *failure)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    void *exchange = NULL;
    int64_t number = 0;

    if (tape == NULL)
        return bx_component_host.http_open(context, method, url, fields,
                                           fields_count, timeout_ms, failure);
    bx_tape_call(tape, BX_TAPE_HTTP_OPEN);
    tell_request(tape, method, url, fields, fields_count);
    if (!bx_tape_may_go(tape))
        return NULL;
    if (!bx_tape_is_playing(tape)) {
        exchange = bx_component_host.http_open(
            context, method, url, fields, fields_count, timeout_ms, failure);
        number = (int64_t)keep_exchange(instance->record, exchange);
    }
    number = bx_tape_answer(tape, number);
    if (bx_tape_is_playing(tape))
        exchange = (void *)(uintptr_t)number;
    if (exchange == NULL && !bx_tape_out(tape, failure, sizeof(*failure), true))
        return NULL;
    bx_record_call_end(context);
    return exchange;
}

static int32_t http_write(void *context, void *exchange, const uint8_t *data,
                          size_t bytes, bx_component_failure *failure)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    int64_t answer = 0;

    if (tape == NULL)
        return bx_component_host.http_write(context, exchange, data, bytes,
                                            failure);
    bx_tape_call(tape, BX_TAPE_HTTP_WRITE);
    bx_tape_value(tape, number_of(instance->record, exchange));
    bx_tape_hash(tape, data, bytes, true);
    if (!bx_tape_may_go(tape))
        return -1;
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.http_write(context, exchange, data, bytes,
                                              failure);
    answer = bx_tape_answer(tape, answer);
    if (answer != 0 && !bx_tape_out(tape, failure, sizeof(*failure), true))
        return -1;
    bx_record_call_end(context);
    return (int32_t)answer;
}

static bool http_is_ready(void *context, void *exchange, bool wants_body)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    bool answer = false;

    if (tape == NULL)
        return bx_component_host.http_is_ready(context, exchange, wants_body);
    bx_tape_call(tape, BX_TAPE_HTTP_IS_READY);
    bx_tape_value(tape, number_of(instance->record, exchange));
    bx_tape_value(tape, wants_body);
    if (!bx_tape_may_go(tape))
        return true; /* the next step stops the guest */
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.http_is_ready(context, exchange, wants_body);
    return bx_tape_end(context, tape, answer, 1) != 0;
}

static int32_t http_head(void *context, void *exchange, uint16_t *ret_status,
                         size_t *ret_fields, bx_component_failure *failure)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    int64_t answer = 0;
    uint64_t fields = 0;

    if (tape == NULL)
        return bx_component_host.http_head(context, exchange, ret_status,
                                           ret_fields, failure);
    if (!bx_tape_begin(tape, BX_TAPE_HTTP_HEAD,
                       number_of(instance->record, exchange)))
        return -1;
    if (!bx_tape_is_playing(tape)) {
        answer = bx_component_host.http_head(context, exchange, ret_status,
                                             ret_fields, failure);
        fields = *ret_fields;
    }
    answer = bx_tape_answer(tape, answer);
    if (answer < 0
            ? !bx_tape_out(tape, failure, sizeof(*failure), true)
            : !bx_tape_out(tape, ret_status, sizeof(*ret_status), true) ||
                  !bx_tape_out(tape, &fields, sizeof(fields), true) ||
                  !bx_tape_is_within(tape, (int64_t)fields, FIELDS_MAX))
        return -1;
    *ret_fields = (size_t)fields;
    bx_record_call_end(context);
    return (int32_t)answer;
}

/* A text that the component borrows until the run ends. */
static void move_text(bx_instance *instance, bx_tape *tape, bx_text *text)
{
    bx_record *record = instance->record;
    char **grown;
    uint64_t bytes;
    char *copy;

    if (tape->player == NULL) {
        (void)bx_tape_out(tape, (void *)text->data, text->bytes, true);
        return;
    }
    bytes = bx_player_out_bytes(tape->player);
    copy = bytes > BX_TAPE_KEPT_MAX_BYTES - record->kept_bytes
               ? NULL
               : malloc((size_t)bytes + 1);
    grown =
        realloc(record->kept, (record->kept_count + 1) * sizeof(*record->kept));
    if (grown != NULL)
        record->kept = grown;
    if (copy == NULL || grown == NULL ||
        !bx_player_out(tape->player, copy, (size_t)bytes, true)) {
        free(copy);
        bx_player_refuse(tape->player, "no memory for a recorded text");
        return;
    }
    grown[record->kept_count++] = copy;
    record->kept_bytes += bytes;
    *text = (bx_text){ copy, (size_t)bytes };
}

static void http_field(void *context, void *exchange, size_t index,
                       bx_text *ret_name, bx_text *ret_value)
{
    bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);

    if (tape == NULL) {
        bx_component_host.http_field(context, exchange, index, ret_name,
                                     ret_value);
        return;
    }
    bx_tape_call(tape, BX_TAPE_HTTP_FIELD);
    bx_tape_value(tape, number_of(instance->record, exchange));
    bx_tape_value(tape, index);
    if (!bx_tape_may_go(tape))
        return;
    if (!bx_tape_is_playing(tape))
        bx_component_host.http_field(context, exchange, index, ret_name,
                                     ret_value);
    (void)bx_tape_answer(tape, 0);
    move_text(instance, tape, ret_name);
    move_text(instance, tape, ret_value);
    bx_record_call_end(context);
}

static int64_t http_read(void *context, void *exchange, uint8_t *buf,
                         size_t bytes, bx_component_failure *failure)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    int64_t done = 0;

    if (tape == NULL)
        return bx_component_host.http_read(context, exchange, buf, bytes,
                                           failure);
    bx_tape_call(tape, BX_TAPE_HTTP_READ);
    bx_tape_value(tape, number_of(instance->record, exchange));
    bx_tape_value(tape, bytes);
    if (!bx_tape_may_go(tape))
        return -1;
    if (!bx_tape_is_playing(tape))
        done =
            bx_component_host.http_read(context, exchange, buf, bytes, failure);
    done = bx_tape_answer(tape, done);
    if (!bx_tape_is_within(tape, done, (int64_t)bytes) ||
        (done < 0 ? !bx_tape_out(tape, failure, sizeof(*failure), true)
                  : !bx_tape_out(tape, buf, (size_t)done, true)))
        return -1;
    bx_record_call_end(context);
    return done;
}

static void http_free(void *context, void *exchange)
{
    const bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    uint64_t number;

    if (tape == NULL) {
        bx_component_host.http_free(context, exchange);
        return;
    }
    number = number_of(instance->record, exchange);
    if (!bx_tape_begin(tape, BX_TAPE_HTTP_FREE, number)) {
        if (!bx_tape_is_playing(tape))
            bx_component_host.http_free(context, exchange);
        return;
    }
    if (!bx_tape_is_playing(tape)) {
        bx_component_host.http_free(context, exchange);
        if (number > 0)
            instance->record->exchanges[number - 1] = NULL;
    }
    (void)bx_tape_end(context, tape, 0, 0);
}

/* ---- services ------------------------------------------------------- */

/* The name as it is; everything together as a digest. */
static void tell_texts(bx_tape *tape, int32_t which, const bx_text *texts,
                       size_t count)
{
    size_t name = which == BX_SERVICE_SPAWN ? 2 : 0;

    if (name < count)
        bx_tape_text(tape, texts[name].data, texts[name].bytes);
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = texts[i].bytes;

        bx_tape_hash(tape, &bytes, sizeof(bytes), false);
        bx_tape_hash(tape, texts[i].data, texts[i].bytes, false);
    }
    bx_tape_hash(tape, NULL, 0, true);
}

static bool move_block(bx_tape *tape, bx_block *block)
{
    uint64_t bytes;

    if (tape->player == NULL)
        return bx_tape_out(tape, block->data, block->bytes, true);
    bytes = bx_player_out_bytes(tape->player);
    block->data =
        bytes > BX_TAPE_BLOCK_MAX_BYTES ? NULL : malloc((size_t)bytes + 1);
    block->bytes = block->data == NULL ? 0 : (size_t)bytes;
    if (block->data != NULL)
        return bx_player_out(tape->player, block->data, (size_t)bytes, true);
    bx_player_refuse(tape->player, "no memory for a recorded result");
    return false;
}

static int32_t service(void *context, int32_t which, const bx_text *texts,
                       size_t count, bx_block (*ret_blocks)[3],
                       bx_component_failure *failure)
{
    bx_instance *instance = context;
    bx_tape *tape = bx_tape_of(context);
    uint64_t fuel = 0;
    int64_t answer = 0;
    bool is_moved = true;

    if (tape == NULL)
        return bx_component_host.service(context, which, texts, count,
                                         ret_blocks, failure);
    bx_tape_call(tape, BX_TAPE_SERVICE);
    bx_tape_value(tape, (uint32_t)which);
    tell_texts(tape, which, texts, count);
    if (!bx_tape_may_go(tape))
        return BX_HOST_STOP;
    if (instance->sandbox->variant->has_fuel)
        fuel = bx_instance_fuel(instance);
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.service(context, which, texts, count,
                                           ret_blocks, failure);
    answer = bx_tape_answer(tape, answer);
    bx_record_fuel(instance, fuel);
    if (answer == -1)
        is_moved = bx_tape_out(tape, failure, sizeof(*failure), true);
    for (size_t i = 0; answer == 0 && is_moved && i < 3; i++)
        is_moved = move_block(tape, &(*ret_blocks)[i]);
    if (!is_moved)
        return BX_HOST_STOP;
    bx_record_call_end(context);
    return (int32_t)answer;
}

void bx_record_put_requests(bx_component_api *api)
{
    api->http_open = http_open;
    api->http_write = http_write;
    api->http_is_ready = http_is_ready;
    api->http_head = http_head;
    api->http_field = http_field;
    api->http_read = http_read;
    api->http_free = http_free;
    api->service = service;
}
