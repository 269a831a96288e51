#include "agent/models/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/utf8.h"

#define NAME_MAX_BYTES 64
#define MODEL_MAX_BYTES 200

typedef struct block {
    uint64_t index;
    bx_block_kind kind;
    char name[NAME_MAX_BYTES + 1];
    bx_buf text;
    size_t told; /* bytes of text that were shown */
    json_t *input;
    json_t *carry;
    const char *piece_key; /* the member that comes in pieces */
    bx_buf piece;
    bool is_finished;
    bool is_broken; /* a call whose input is no object */
} block;

struct bx_reply {
    char *protocol;
    bx_turn_events events;
    block *blocks;
    size_t count;
    size_t bytes; /* of everything that arrived */
    json_t *memory;
    bx_usage usage;
    bx_stop stop;
    bool has_stop;
    bool is_ended;
    bool is_failed;
    bx_reply_failure failure;
    char *model;
};

bx_reply *bx_reply_new(const char *protocol, const bx_turn_events *events,
                       bx_error **err)
{
    bx_autoreplying bx_reply *reply = calloc(1, sizeof(*reply));

    if (reply != NULL) {
        reply->protocol = strdup(protocol);
        reply->memory = json_object();
    }
    if (reply == NULL || reply->protocol == NULL || reply->memory == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (events != NULL)
        reply->events = *events;
    return bx_take(reply);
}

void bx_reply_free(bx_reply *reply)
{
    if (reply == NULL)
        return;
    for (size_t i = 0; i < reply->count; i++) {
        bx_buf_clear(&reply->blocks[i].text);
        bx_buf_clear(&reply->blocks[i].piece);
        json_decref(reply->blocks[i].input);
        json_decref(reply->blocks[i].carry);
    }
    json_decref(reply->memory);
    free(reply->blocks);
    free(reply->protocol);
    free(reply->model);
    free(reply);
}

void bx_turn_reply_clear(bx_turn_reply *reply)
{
    json_decref(reply->message);
    free(reply->model);
    free(reply->request_id);
    memset(reply, 0, sizeof(*reply));
}

/* The one of the last pieces is asked for most. */
static block *find(const bx_reply *reply, uint64_t index)
{
    for (size_t i = reply->count; i > 0; i--) {
        if (reply->blocks[i - 1].index == index)
            return &reply->blocks[i - 1];
    }
    return NULL;
}

static block *get_open(const bx_reply *reply, uint64_t index, bx_error **err)
{
    block *found = find(reply, index);

    if (found == NULL || found->is_finished) {
        bx_error_set(err, BX_ERR_INVALID,
                     "reply: block %" PRIu64 " was %s, and more of it came",
                     index, found == NULL ? "never begun" : "finished");
        return NULL;
    }
    return found;
}

json_t *bx_reply_memory(bx_reply *reply)
{
    return reply->memory;
}

int bx_reply_count(bx_reply *reply, size_t bytes, bx_error **err)
{
    if (bytes > BX_REPLY_MAX_BYTES - reply->bytes)
        return bx_error_set(err, BX_ERR_INVALID, "reply: larger than %u bytes",
                            BX_REPLY_MAX_BYTES);
    reply->bytes += bytes;
    return 0;
}

bool bx_reply_has(const bx_reply *reply, uint64_t index)
{
    return find(reply, index) != NULL;
}

size_t bx_reply_blocks(const bx_reply *reply)
{
    return reply->count;
}

bool bx_reply_is_open(const bx_reply *reply, uint64_t index, bx_block_kind kind)
{
    const block *found = find(reply, index);

    return found != NULL && found->kind == kind && !found->is_finished;
}

/* Models make names up. What no provider would take back becomes '_', and then
 * is a tool that there is not. */
static void set_name(block *to, const char *name)
{
    size_t bytes = 0;

    for (; name[bytes] != '\0' && bytes < NAME_MAX_BYTES; bytes++) {
        char c = name[bytes];
        bool is_fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == '_' || c == '-';

        to->name[bytes] = c;
        if (!is_fit)
            to->name[bytes] = '_';
    }
    to->name[bytes] = '\0';
}

int bx_reply_begin(bx_reply *reply, uint64_t index, bx_block_kind kind,
                   const char *name, bx_error **err)
{
    block *grown;

    if (find(reply, index) != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "reply: block %" PRIu64 " began twice", index);
    if (reply->count >= BX_REPLY_MAX_BLOCKS)
        return bx_error_set(err, BX_ERR_INVALID, "reply: more than %d blocks",
                            BX_REPLY_MAX_BLOCKS);
    if (kind == BX_BLOCK_CALL && (name == NULL || *name == '\0'))
        return bx_error_set(err, BX_ERR_INVALID,
                            "reply: a tool call without a name");
    grown = reallocarray(reply->blocks, reply->count + 1, sizeof(*grown));
    if (grown == NULL)
        return bx_error_set_nomem(err);
    reply->blocks = grown;
    grown += reply->count++;
    memset(grown, 0, sizeof(*grown));
    grown->index = index;
    grown->kind = kind;
    if (kind == BX_BLOCK_CALL) {
        set_name(grown, name);
        if (reply->events.call != NULL)
            reply->events.call(reply->events.context, grown->name, 0);
    }
    return 0;
}

/* May text be the begin of a character whose rest has not come? */
static bool is_cut(const char *text, size_t bytes)
{
    unsigned char lead = (unsigned char)text[0];
    size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

    return lead < 0xf8 && bytes < whole;
}

/* Show what came of text and can be shown: whole characters; all of it when it
 * is the last. */
static void tell(const bx_reply *reply, block *of, bool is_last)
{
    void (*show)(void *, const char *, size_t) =
        of->kind == BX_BLOCK_TEXT ? reply->events.text : reply->events.thinking;

    if (of->kind == BX_BLOCK_CALL || show == NULL)
        return;
    while (of->told < of->text.len) {
        const char *text = of->text.data + of->told;
        size_t bytes = of->text.len - of->told;
        size_t span = strnlen(text, bx_utf8_span(text, bytes));

        if (span > 0) {
            show(reply->events.context, text, span);
            of->told += span;
        } else if (!is_last && is_cut(text, bytes)) {
            return;
        } else {
            show(reply->events.context, "\xef\xbf\xbd", 3);
            of->told++;
        }
    }
}

int bx_reply_append(bx_reply *reply, uint64_t index, const char *text,
                    size_t bytes, bx_error **err)
{
    block *to = get_open(reply, index, err);

    if (to == NULL || bx_reply_count(reply, bytes, err) < 0)
        return -1;
    if (bytes == 0)
        return 0;
    if (bx_buf_append(&to->text, text, bytes, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    if (to->kind == BX_BLOCK_CALL && reply->events.call != NULL)
        reply->events.call(reply->events.context, to->name, to->text.len);
    tell(reply, to, false);
    return 0;
}

int bx_reply_set_input(bx_reply *reply, uint64_t index, json_t *input,
                       bx_error **err)
{
    block *to = get_open(reply, index, err);

    if (to == NULL || to->kind != BX_BLOCK_CALL || to->input != NULL) {
        json_decref(input);
        return to == NULL
                   ? -1
                   : bx_error_set(err, BX_ERR_INVALID,
                                  "reply: block %" PRIu64 " takes no input",
                                  index);
    }
    to->input = input;
    return 0;
}

static json_t *get_carry(block *to, bx_error **err)
{
    if (to->carry == NULL)
        to->carry = json_object();
    if (to->carry == NULL)
        bx_error_set_nomem(err);
    return to->carry;
}

/* Join the pieces once they are all there: a string of jansson's does not
 * grow. */
static int settle_piece(block *of, bx_error **err)
{
    json_t *value;

    if (of->piece_key == NULL)
        return 0;
    value = json_stringn(of->piece.data, of->piece.len);
    if (value == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "reply: %s: not UTF-8",
                            of->piece_key);
    if (json_object_set_new(of->carry, of->piece_key, value) < 0)
        return bx_error_set_nomem(err);
    of->piece_key = NULL;
    bx_buf_clear(&of->piece);
    return 0;
}

int bx_reply_put_carry(bx_reply *reply, uint64_t index, const char *key,
                       json_t *value, bx_error **err)
{
    block *to = get_open(reply, index, err);

    if (to == NULL || get_carry(to, err) == NULL || settle_piece(to, err) < 0 ||
        bx_reply_count(reply, strlen(key) + json_string_length(value), err) <
            0) {
        json_decref(value);
        return -1;
    }
    if (json_object_set_new(to->carry, key, value) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_reply_append_carry(bx_reply *reply, uint64_t index, const char *key,
                          const char *text, size_t bytes, bx_error **err)
{
    block *to = get_open(reply, index, err);

    if (to == NULL || get_carry(to, err) == NULL ||
        bx_reply_count(reply, bytes, err) < 0)
        return -1;
    if (to->piece_key == NULL || strcmp(to->piece_key, key) != 0) {
        if (settle_piece(to, err) < 0)
            return -1;
        if (bx_buf_puts(&to->piece, bx_block_text(to->carry, key)) < 0)
            return bx_error_set_nomem(err);
        to->piece_key = key;
    }
    if (bx_buf_append(&to->piece, text, bytes, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* Which of two equal keys would count is not for us to guess. */
static json_t *parse_input(const bx_buf *text)
{
    if (text->len == 0)
        return json_object();
    return json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
}

int bx_reply_finish_block(bx_reply *reply, uint64_t index, bx_error **err)
{
    block *to = get_open(reply, index, err);

    if (to == NULL || settle_piece(to, err) < 0)
        return -1;
    tell(reply, to, true);
    to->is_finished = true;
    if (to->kind != BX_BLOCK_CALL)
        return 0;
    if (to->input == NULL)
        to->input = parse_input(&to->text);
    to->is_broken = !json_is_object(to->input);
    return 0;
}

void bx_reply_set_stop(bx_reply *reply, bx_stop stop)
{
    reply->stop = stop;
    reply->has_stop = true;
}

bx_usage *bx_reply_usage(bx_reply *reply)
{
    return &reply->usage;
}

int bx_reply_set_model(bx_reply *reply, const char *model, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_put_escaped(&text, model, strlen(model), MODEL_MAX_BYTES) < 0)
        return bx_error_set_nomem(err);
    free(reply->model);
    reply->model = bx_buf_take(&text);
    return reply->model != NULL ? 0 : bx_error_set_nomem(err);
}

void bx_reply_end(bx_reply *reply)
{
    reply->is_ended = true;
}

bool bx_reply_is_ended(const bx_reply *reply)
{
    return reply->is_ended;
}

void bx_reply_failure_say(bx_reply_failure *failure, const char *text)
{
    bx_autobuf bx_buf clean = BX_BUF_INIT;

    /* An escaped byte takes four. */
    if (bx_buf_put_escaped(&clean, text, strlen(text),
                           sizeof(failure->text) - 1) < 0)
        return;
    snprintf(failure->text, sizeof(failure->text), "%s",
             clean.data != NULL ? clean.data : "");
    failure->text[bx_utf8_span(failure->text, strlen(failure->text))] = '\0';
}

void bx_reply_fail(bx_reply *reply, const bx_reply_failure *failure)
{
    reply->failure = *failure;
    reply->is_failed = true;
}

const bx_reply_failure *bx_reply_failure_of(const bx_reply *reply)
{
    return reply->is_failed ? &reply->failure : NULL;
}

/* Did the output end before the model was done? */
static bool is_cut_short(const bx_reply *reply)
{
    return reply->stop == BX_STOP_LENGTH || reply->stop == BX_STOP_CONTEXT ||
           reply->stop == BX_STOP_REFUSAL;
}

/* Is a block left out? A call of which nothing came looks like one without
 * arguments: when the output was cut and it is the last, nobody can tell. */
static bool is_left_out(const bx_reply *reply, const block *b)
{
    if (b->kind != BX_BLOCK_CALL)
        return b->text.len == 0 && b->carry == NULL;
    if (reply->stop == BX_STOP_REFUSAL)
        return true;
    return is_cut_short(reply) &&
           (!b->is_finished || b->is_broken ||
            (b == &reply->blocks[reply->count - 1] && b->text.len == 0 &&
             json_object_size(b->input) == 0));
}

static int check_whole(const bx_reply *reply, bx_error **err)
{
    if (reply->is_failed)
        return bx_error_set(err, BX_ERR_INVALID, "reply: %s",
                            reply->failure.text);
    if (!reply->is_ended || !reply->has_stop)
        return bx_error_set(err, BX_ERR_INVALID,
                            "reply: the stream ended before it was whole");
    for (size_t i = 0; i < reply->count && !is_cut_short(reply); i++) {
        const block *b = &reply->blocks[i];

        if (!b->is_finished)
            return bx_error_set(err, BX_ERR_INVALID,
                                "reply: block %" PRIu64 " is not whole",
                                b->index);
        if (b->is_broken)
            return bx_error_set(err, BX_ERR_INVALID,
                                "reply: the input of the call of '%s' is not "
                                "an object of JSON",
                                b->name);
    }
    return 0;
}

/* Unique without knowing the session: 96 bits of chance. */
static int make_id(char ret_id[32], bx_error **err)
{
    unsigned char noise[12];

    if (getrandom(noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
        return bx_error_set_errno(err, errno, "getrandom");
    memcpy(ret_id, "call_", 5);
    for (size_t i = 0; i < sizeof(noise); i++)
        snprintf(ret_id + 5 + 2 * i, 3, "%02x", noise[i]);
    return 0;
}

static int move_block(const bx_reply *reply, block *from, json_t *message,
                      bx_error **err)
{
    const char *text = from->text.data != NULL ? from->text.data : "";
    size_t bytes = from->text.len;
    char id[32];
    json_t *to;

    if (from->kind == BX_BLOCK_CALL) {
        if (make_id(id, err) < 0)
            return -1;
        to = bx_message_add_call(message, id, from->name, bx_take(from->input));
    } else if (from->kind == BX_BLOCK_THINKING) {
        to = bx_message_add_thinking(message, text, bytes);
    } else {
        to = bx_message_add_text(message, text, bytes);
    }
    if (to == NULL)
        return bx_error_set_nomem(err);
    /* Half a signature is none. */
    if (from->carry != NULL && from->is_finished &&
        bx_block_set_carry(to, reply->protocol, bx_take(from->carry)) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* Providers differ in whether a reply with calls says so. */
static bx_stop settle_stop(const bx_reply *reply, const json_t *message)
{
    bool has_call = false;
    size_t i;
    json_t *b;

    if (reply->stop != BX_STOP_END && reply->stop != BX_STOP_CALLS)
        return reply->stop;
    json_array_foreach(bx_message_blocks(message), i, b)
    {
        if (bx_block_is(b, "tool_call"))
            has_call = true;
    }
    return has_call ? BX_STOP_CALLS : BX_STOP_END;
}

int bx_reply_take(bx_reply *reply, bx_turn_reply *ret_reply, bx_error **err)
{
    json_t *message;

    if (check_whole(reply, err) < 0)
        return -1;
    message = bx_message_new("assistant");
    if (message == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < reply->count; i++) {
        block *b = &reply->blocks[i];

        if (!is_left_out(reply, b) && move_block(reply, b, message, err) < 0) {
            json_decref(message);
            return -1;
        }
    }
    if (bx_message_check(message, err) < 0) {
        json_decref(message);
        return bx_error_wrap(err, "reply");
    }
    ret_reply->message = message;
    ret_reply->stop = settle_stop(reply, message);
    ret_reply->usage = reply->usage;
    ret_reply->model = bx_take(reply->model);
    return 0;
}
