#include "agent/models/openai_details.h"

#include <string.h>

#include "base/json_text.h"

/* Of the reply's memory. */
#define M_DETAILS "details" /* [{"whole": {...}, "pieces": {key: [texts]}}] */
#define M_MODEL "details model"

/* Members that come in pieces; of others the first that says something counts.
 */
static const char *const piece_keys[] = { "text", "summary", "data" };

#define PIECE_KEYS (sizeof(piece_keys) / sizeof(piece_keys[0]))

static bool is_piece_key(const char *key)
{
    for (size_t i = 0; i < PIECE_KEYS; i++) {
        if (strcmp(key, piece_keys[i]) == 0)
            return true;
    }
    return false;
}

/* What a piece goes on with: the one of its index and type, most often the
 * last. Without index each is whole. */
static json_t *find_detail(const json_t *details, const json_t *piece)
{
    const json_t *index = json_object_get(piece, "index");

    for (size_t i = json_array_size(details); i > 0; i--) {
        json_t *detail = json_array_get(details, i - 1);
        const json_t *whole = json_object_get(detail, "whole");

        if (json_is_integer(index) &&
            json_equal(json_object_get(whole, "index"), index) &&
            bx_block_is(whole, bx_block_text(piece, "type")))
            return detail;
    }
    return NULL;
}

static json_t *add_detail(json_t *details, bx_error **err)
{
    json_t *detail = json_pack("{s:{}, s:{}}", "whole", "pieces");

    if (json_array_size(details) >= BX_REPLY_MAX_BLOCKS) {
        json_decref(detail);
        bx_error_set(err, BX_ERR_INVALID, "%s: more than %d", BX_OPENAI_DETAILS,
                     BX_REPLY_MAX_BLOCKS);
        return NULL;
    }
    if (json_array_append_new(details, detail) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return detail;
}

static int add_piece(json_t *pieces, const char *key, json_t *text)
{
    json_t *list = json_object_get(pieces, key);

    if (list == NULL) {
        list = json_array();
        if (json_object_set_new(pieces, key, list) < 0)
            return -1;
    }
    return json_array_append(list, text);
}

static int read_detail(json_t *details, const json_t *piece, bx_error **err)
{
    json_t *detail = find_detail(details, piece);
    const char *key;
    json_t *value;

    if (detail == NULL)
        detail = add_detail(details, err);
    if (detail == NULL)
        return -1;
    json_object_foreach((json_t *)piece, key, value)
    {
        json_t *whole = json_object_get(detail, "whole");
        int status = 0;

        if (is_piece_key(key) && json_is_string(value))
            status = add_piece(json_object_get(detail, "pieces"), key, value);
        else if (json_object_get(whole, key) == NULL && !json_is_null(value))
            status = json_object_set(whole, key, value);
        if (status < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

int bx_openai_details_read(bx_reply *reply, const json_t *pieces,
                           const char *model, bx_error **err)
{
    json_t *memory = bx_reply_memory(reply);
    json_t *piece;
    size_t i;

    if (json_object_get(memory, M_DETAILS) == NULL &&
        (json_object_set_new(memory, M_DETAILS, json_array()) < 0 ||
         json_object_set_new(memory, M_MODEL, json_string(model)) < 0))
        return bx_error_set_nomem(err);
    json_array_foreach(pieces, i, piece)
    {
        bx_autofree char *text = NULL;

        if (!json_is_object(piece))
            continue;
        text = bx_json_text(piece, JSON_COMPACT);
        if (text == NULL)
            return bx_error_set_nomem(err);
        if (bx_reply_count(reply, strlen(text), err) < 0 ||
            read_detail(json_object_get(memory, M_DETAILS), piece, err) < 0)
            return -1;
    }
    return 0;
}

/* Owned. */
static json_t *join_pieces(const json_t *list)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *piece;
    size_t i;

    json_array_foreach(list, i, piece)
    {
        if (bx_buf_append(&text, json_string_value(piece),
                          json_string_length(piece), SIZE_MAX) < 0)
            return NULL;
    }
    return json_stringn(text.data != NULL ? text.data : "", text.len);
}

/* Owned. */
static json_t *join_details(const json_t *details)
{
    json_t *joined = json_array();
    json_t *detail;
    size_t i;

    json_array_foreach(details, i, detail)
    {
        json_t *whole = json_object_get(detail, "whole");
        const char *key;
        json_t *list;
        int status = json_array_append(joined, whole);

        json_object_foreach(json_object_get(detail, "pieces"), key, list)
        {
            if (status == 0)
                status = json_object_set_new(whole, key, join_pieces(list));
        }
        if (status < 0) {
            json_decref(joined);
            return NULL;
        }
    }
    return joined;
}

int bx_openai_copy_plain(bx_reply *reply, const json_t *value,
                         json_t **ret_value, bx_error **err)
{
    bx_autofree char *text = bx_json_text(value, JSON_COMPACT);

    if (text == NULL)
        return bx_error_set_nomem(err);
    if (bx_reply_count(reply, strlen(text), err) < 0)
        return -1;
    *ret_value = json_loads(text, 0, NULL);
    return 0;
}

int bx_openai_details_end(bx_reply *reply, uint64_t block, bx_error **err)
{
    json_t *memory = bx_reply_memory(reply);
    json_t *details = json_object_get(memory, M_DETAILS);
    json_t *joined;
    json_t *plain = NULL;
    int status;

    if (json_array_size(details) == 0)
        return 0;
    joined = join_details(details);
    if (joined == NULL)
        return bx_error_set_nomem(err);
    status = bx_openai_copy_plain(reply, joined, &plain, err);
    json_decref(joined);
    if (status < 0 || plain == NULL)
        return status;
    if (bx_reply_put_carry(reply, block, BX_OPENAI_DETAILS, plain, err) < 0)
        return -1;
    return bx_reply_put_carry(reply, block, BX_OPENAI_DETAILS_MODEL,
                              json_incref(json_object_get(memory, M_MODEL)),
                              err);
}

json_t *bx_openai_details_for(const json_t *carry, const char *model)
{
    json_t *details = json_object_get(carry, BX_OPENAI_DETAILS);
    const char *of = bx_block_text(carry, BX_OPENAI_DETAILS_MODEL);
    size_t vendor = strcspn(of, "/");

    if (!json_is_array(details) || strncmp(of, model, vendor + 1) != 0)
        return NULL;
    return details;
}
