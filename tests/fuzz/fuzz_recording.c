/* Any bytes in place of a recording, and any records in blocks whose digests
 * are right: refused, or read and played within bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "policy/need.h"
#include "record/player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[] = { "fd_read", "fd_write", "path_open" };
#define NAMES 3

static void put(int fd, const void *data, size_t bytes)
{
    assert(write(fd, data, bytes) == (ssize_t)bytes);
}

/* One block of these records, as a writer would seal it. */
static void put_sealed(int fd, const uint8_t *data, uint32_t bytes)
{
    uint8_t start[BX_RECORD_START_BYTES + 4] = BX_RECORD_MAGIC;
    uint8_t digest[BX_DIGEST_BYTES];
    static const uint8_t zero[4];
    bx_sha256_parts chain;
    bx_sha256_parts so_far;

    bx_store32(start + BX_RECORD_MAGIC_BYTES, BX_RECORD_VERSION);
    bx_store32(start + BX_RECORD_START_BYTES, bytes);
    bx_sha256_begin(&chain);
    bx_sha256_add(&chain, start, sizeof(start));
    bx_sha256_add(&chain, data, bytes);
    so_far = chain;
    bx_sha256_end(&so_far, digest);
    put(fd, start, sizeof(start));
    put(fd, data, bytes);
    put(fd, digest, BX_RECORD_CHECK_BYTES);
    bx_sha256_add(&chain, digest, BX_RECORD_CHECK_BYTES);
    bx_sha256_add(&chain, zero, sizeof(zero));
    bx_sha256_end(&chain, digest);
    put(fd, zero, sizeof(zero));
    put(fd, digest, sizeof(digest));
}

static void check_policy(const bx_recorded *need)
{
    static bx_policy *policy;

    if (policy == NULL)
        policy = bx_policy_new();
    assert(bx_policy_check_need(policy, need->name, need->target).reason !=
           NULL);
}

/* A guest that gives what was recorded and takes what it is given. */
static void play_call(bx_player *player, const bx_recorded *call)
{
    bx_cursor cursor = bx_cursor_of(call->parts, call->bytes);
    uint8_t buffer[300];
    bx_call_part part;
    unsigned number = 0;

    for (unsigned i = 0; i < NAMES; i++) {
        if (strcmp(names[i], call->name) == 0)
            number = i;
    }
    bx_player_call(player, number);
    while (bx_call_next(&cursor, &part) && part.kind < BX_PART_ANSWER) {
        if (part.kind == BX_PART_VALUE)
            bx_player_value(player, part.value);
        else if (part.kind == BX_PART_TEXT)
            bx_player_text(player, part.data, (size_t)part.value);
        else
            bx_player_hash(player, part.data, BX_RECORD_HASH_BYTES, true);
    }
    if (!bx_player_enter(player))
        return;
    (void)bx_player_answer(player);
    while (bx_player_is_fine(player)) {
        uint64_t left = bx_player_out_bytes(player);
        size_t part_bytes = left < sizeof(buffer) ? (size_t)left : 300;

        if (!bx_player_out(player, buffer, part_bytes, left <= 300) ||
            left > 100000)
            break;
    }
    bx_player_call_end(player);
}

static void play(bx_recording *recording)
{
    bx_player *player = bx_player_new(recording, names, NAMES, NULL);
    bx_record_end end = { 0 };
    const bx_error *failed = NULL;
    bx_recorded next;
    bx_buf shown = BX_BUF_INIT;

    do {
        assert(bx_recording_next(recording, &next, NULL) == 0);
        if (next.type == BX_RECORD_NEED)
            check_policy(&next);
        if (next.type == BX_RECORD_CALL) {
            shown.len = 0;
            assert(bx_call_format(&shown, next.name, next.parts, next.bytes) ==
                   0);
            assert(shown.len < 65536);
            for (size_t i = 0; i < shown.len; i++)
                assert((unsigned char)shown.data[i] >= 0x20);
        }
    } while (next.type != BX_RECORD_END);
    bx_buf_clear(&shown);
    bx_player_finish(player, &end);
    (void)bx_player_difference(player, &failed);
    bx_player_free(player);
}

/* Calls come from a second reader: a player moves the first. */
static void play_along(int fd, bx_recording *recording)
{
    bx_recording *second = bx_recording_open(fd, "again", NULL);
    bx_player *player = bx_player_new(recording, names, NAMES, NULL);
    bx_record_end end = { 0 };
    bx_recorded next;

    assert(second != NULL && player != NULL);
    do {
        assert(bx_recording_next(second, &next, NULL) == 0);
        if (next.type == BX_RECORD_CALL)
            play_call(player, &next);
    } while (next.type != BX_RECORD_END && bx_player_is_fine(player));
    bx_player_finish(player, &end);
    bx_player_free(player);
    bx_recording_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    bx_recording *recording;
    bx_error *err = NULL;

    assert(fd >= 0);
    if (bytes > 1 && bytes <= BX_RECORD_BLOCK_BYTES && data[0] == 's')
        put_sealed(fd, data + 1, (uint32_t)bytes - 1);
    else
        put(fd, data, bytes);
    recording = bx_recording_open(fd, "file", &err);
    if (recording == NULL) {
        assert(bx_error_code(err) != BX_OK);
    } else {
        play(recording);
        play_along(fd, recording);
    }
    bx_error_free(err);
    bx_recording_free(recording);
    close(fd);
    return 0;
}
