#include "record/player.h"

#include <stdarg.h>
#include <string.h>

#include "base/digest.h"

typedef enum player_state {
    STATE_FINE,
    STATE_STOPPED, /* as the recorded run was */
    STATE_DIFFERS,
    STATE_FAILED, /* the recording cannot be read */
} player_state;

struct bx_player {
    bx_recording *recording;
    const char *const *names;
    size_t names_count;
    player_state state;
    bx_recorded next; /* the call to come, or the end */
    bool has_next;
    bx_error *error;
    bx_difference difference;
    bool has_difference;
    unsigned number; /* of the call under way */
    bx_buf inputs;   /* of it */
    bx_sha256_parts hash;
    uint64_t hash_bytes;
    bool is_in_hash;
    bx_cursor rest; /* of the recorded call: answer and outputs */
    uint64_t calls;
    bx_call_part out; /* the output under way */
    bool is_in_out;
    uint64_t out_left;
    size_t blob_at; /* of the blob in memory */
    size_t blob_bytes;
    uint64_t output_bytes[2];
    bx_sha256_parts output[2];
    uint8_t blob[BX_RECORD_BLOB_BYTES];
};

bx_player *bx_player_new(bx_recording *recording, const char *const *names,
                         size_t names_count, bx_error **err)
{
    bx_player *player = malloc(sizeof(*player));

    if (player == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(player, 0, offsetof(bx_player, blob));
    player->recording = recording;
    player->names = names;
    player->names_count = names_count;
    bx_sha256_begin(&player->output[0]);
    bx_sha256_begin(&player->output[1]);
    bx_recording_rewind(recording);
    return player;
}

void bx_player_free(bx_player *player)
{
    if (player == NULL)
        return;
    bx_buf_clear(&player->inputs);
    bx_error_free(player->error);
    free(player->difference.recorded);
    free(player->difference.now);
    free(player);
}

bx_recording *bx_player_recording(const bx_player *player)
{
    return player->recording;
}

bool bx_player_is_fine(const bx_player *player)
{
    return player->state == STATE_FINE;
}

const bx_difference *bx_player_difference(const bx_player *player,
                                          const bx_error **ret_error)
{
    *ret_error = player->error;
    return player->has_difference ? &player->difference : NULL;
}

/* ---- differences ---------------------------------------------------- */

static void fail(bx_player *player, bx_error *error)
{
    if (player->error == NULL)
        player->error = error;
    else
        bx_error_free(error);
    player->state = STATE_FAILED;
}

static void fail_nomem(bx_player *player)
{
    bx_error *error = NULL;

    bx_error_set_nomem(&error);
    fail(player, error);
}

/* Takes both texts. */
static void differ(bx_player *player, uint64_t call, bx_buf *recorded,
                   bx_buf *now)
{
    if (player->has_difference)
        return;
    player->difference.call = call;
    player->difference.recorded = bx_buf_take(recorded);
    player->difference.now = bx_buf_take(now);
    if (player->difference.recorded == NULL || player->difference.now == NULL) {
        fail_nomem(player);
        return;
    }
    player->has_difference = true;
    player->state = STATE_DIFFERS;
}

static void format_end(bx_buf *text, const bx_record_end *end)
{
    if (end->is_failed)
        bx_buf_printf(text, "it could not be run (%s)",
                      bx_code_name(end->code));
    else if (end->code != BX_OK)
        bx_buf_printf(text, "the run ended: %s", bx_code_name(end->code));
    else
        bx_buf_printf(text, "the run ended with status %u",
                      (unsigned)end->exit_code);
}

/* What is next in the recording. */
static void format_next(const bx_player *player, bx_buf *text)
{
    if (player->next.type == BX_RECORD_END)
        format_end(text, bx_recording_end(player->recording));
    else
        bx_call_format(text, player->next.name, player->next.parts,
                       player->next.bytes);
}

static void format_now(const bx_player *player, bx_buf *text)
{
    bx_call_format(text, player->names[player->number], player->inputs.data,
                   player->inputs.len);
}

void bx_player_refuse(bx_player *player, const char *why)
{
    bx_autobuf bx_buf recorded = BX_BUF_INIT;
    bx_autobuf bx_buf now = BX_BUF_INIT;

    if (player->state != STATE_FINE)
        return;
    format_next(player, &recorded);
    format_now(player, &now);
    bx_buf_printf(&now, ": %s", why);
    differ(player, player->next.number, &recorded, &now);
}

/* ---- what the guest gives ------------------------------------------- */

/* Have the next call or the end; needs are stepped over. */
static bool look_ahead(bx_player *player)
{
    bx_error *error = NULL;

    while (!player->has_next) {
        if (bx_recording_next(player->recording, &player->next, &error) < 0) {
            fail(player, error);
            return false;
        }
        player->has_next = player->next.type != BX_RECORD_NEED;
    }
    return true;
}

bool bx_player_is_stopped(bx_player *player)
{
    const bx_record_end *end = bx_recording_end(player->recording);

    if (player->state != STATE_FINE)
        return true;
    if (!look_ahead(player))
        return true;
    if (player->next.type != BX_RECORD_END ||
        (end->code != BX_ERR_TIMEOUT && end->code != BX_ERR_CANCELLED))
        return false;
    player->state = STATE_STOPPED;
    return true;
}

void bx_player_call(bx_player *player, unsigned number)
{
    player->number = number;
    player->inputs.len = 0;
    player->is_in_hash = false;
}

static void check_put(bx_player *player, int failed)
{
    if (failed < 0)
        fail_nomem(player);
}

void bx_player_value(bx_player *player, uint64_t value)
{
    check_put(player, bx_call_put_value(&player->inputs, value));
}

void bx_player_text(bx_player *player, const void *text, size_t bytes)
{
    check_put(player, bx_call_put_text(&player->inputs, text, bytes));
}

void bx_player_hash(bx_player *player, const void *data, size_t bytes,
                    bool is_last)
{
    uint8_t digest[BX_DIGEST_BYTES];

    if (!player->is_in_hash) {
        bx_sha256_begin(&player->hash);
        player->hash_bytes = 0;
        player->is_in_hash = true;
    }
    bx_sha256_add(&player->hash, data, bytes);
    player->hash_bytes += bytes;
    if (!is_last)
        return;
    player->is_in_hash = false;
    bx_sha256_end(&player->hash, digest);
    check_put(player,
              bx_call_put_hash(&player->inputs, player->hash_bytes, digest));
}

bool bx_player_enter(bx_player *player)
{
    bx_autobuf bx_buf recorded = BX_BUF_INIT;
    bx_autobuf bx_buf now = BX_BUF_INIT;
    size_t bytes;

    if (player->state != STATE_FINE || bx_player_is_stopped(player))
        return false;
    if (player->next.type == BX_RECORD_CALL) {
        bytes = bx_call_inputs_bytes(player->next.parts, player->next.bytes);
        if (strcmp(player->next.name, player->names[player->number]) == 0 &&
            bytes == player->inputs.len &&
            (bytes == 0 ||
             memcmp(player->next.parts, player->inputs.data, bytes) == 0)) {
            player->rest = bx_cursor_of(player->next.parts + bytes,
                                        player->next.bytes - bytes);
            player->is_in_out = false;
            return true;
        }
    }
    format_next(player, &recorded);
    format_now(player, &now);
    differ(player, player->next.number, &recorded, &now);
    return false;
}

/* ---- what it is given ----------------------------------------------- */

int64_t bx_player_answer(bx_player *player)
{
    bx_call_part part;

    if (!bx_call_next(&player->rest, &part) || part.kind != BX_PART_ANSWER) {
        bx_player_refuse(player, "the recording has no answer");
        return 0;
    }
    return (int64_t)part.value;
}

static bool begin_out(bx_player *player)
{
    if (player->is_in_out)
        return true;
    if (player->state != STATE_FINE)
        return false;
    if (!bx_call_next(&player->rest, &player->out) ||
        player->out.kind < BX_PART_OUT) {
        bx_player_refuse(player, "the recording has nothing for it");
        return false;
    }
    player->is_in_out = true;
    player->out_left = player->out.value;
    player->blob_at = player->blob_bytes = 0;
    return true;
}

/* The next bytes there are in memory; 0: the recording failed. */
static size_t next_piece(bx_player *player, const uint8_t **ret_data)
{
    bx_error *error = NULL;

    if (player->out.kind == BX_PART_OUT) {
        *ret_data = player->out.data + (player->out.value - player->out_left);
        return (size_t)player->out_left;
    }
    while (player->blob_at == player->blob_bytes) {
        uint64_t number = bx_cursor_varint(&player->out.blobs);

        player->blob_at = 0;
        if (player->out.blobs.is_broken ||
            bx_recording_blob(player->recording, number, player->blob,
                              &player->blob_bytes, &error) < 0) {
            fail(player, error);
            return 0;
        }
    }
    *ret_data = player->blob + player->blob_at;
    return player->blob_bytes - player->blob_at;
}

bool bx_player_out(bx_player *player, void *at, size_t bytes, bool is_last)
{
    char *to = at;

    if (!begin_out(player))
        return false;
    if (bytes > player->out_left || (is_last && bytes < player->out_left)) {
        bx_player_refuse(player, "the recording has other bytes for it");
        return false;
    }
    while (bytes > 0) {
        const uint8_t *piece = NULL;
        size_t count = next_piece(player, &piece);

        if (count == 0)
            return false;
        if (count > bytes)
            count = bytes;
        memcpy(to, piece, count);
        to += count;
        bytes -= count;
        player->blob_at += count;
        player->out_left -= count;
    }
    player->is_in_out = !is_last;
    return true;
}

uint64_t bx_player_out_bytes(bx_player *player)
{
    return begin_out(player) ? player->out_left : 0;
}

void bx_player_output(bx_player *player, unsigned stream, const void *data,
                      size_t bytes)
{
    bx_sha256_add(&player->output[stream & 1], data, bytes);
    player->output_bytes[stream & 1] += bytes;
}

void bx_player_call_end(bx_player *player)
{
    if (player->state != STATE_FINE)
        return;
    player->calls++;
    player->has_next = false;
}

/* ---- the end -------------------------------------------------------- */

static bool is_same_sum(const bx_record_sum *a, const bx_record_sum *b)
{
    return a->bytes == b->bytes &&
           (a->bytes == 0 || bx_digest_equals(a->digest, b->digest));
}

/* What of two ends that say the same differs all the same; NULL: nothing. */
static const char *differing(const bx_record_end *a, const bx_record_end *b)
{
    if (!is_same_sum(&a->output[0], &b->output[0]))
        return "with another stdout";
    if (!is_same_sum(&a->output[1], &b->output[1]))
        return "with another stderr";
    if (!is_same_sum(&a->value, &b->value))
        return "with another result";
    return NULL;
}

void bx_player_finish(bx_player *player, bx_record_end *end)
{
    const bx_record_end *then = bx_recording_end(player->recording);
    bx_autobuf bx_buf recorded = BX_BUF_INIT;
    bx_autobuf bx_buf now = BX_BUF_INIT;
    const char *what;

    end->calls = player->calls;
    for (int i = 0; i < 2; i++) {
        end->output[i].bytes = player->output_bytes[i];
        bx_sha256_end(&player->output[i], end->output[i].digest);
    }
    if (player->state == STATE_STOPPED) {
        end->code = then->code;
        end->exit_code = then->exit_code;
    }
    if (player->state > STATE_STOPPED || !look_ahead(player))
        return;
    what = differing(then, end);
    if (player->next.type == BX_RECORD_END && what == NULL &&
        then->is_failed == end->is_failed && then->code == end->code &&
        then->exit_code == end->exit_code)
        return;
    format_next(player, &recorded);
    format_end(&now, end);
    if (player->next.type == BX_RECORD_END && what != NULL)
        bx_buf_printf(&now, ", %s", what);
    differ(player, player->next.number, &recorded, &now);
}
