#include "store/audit_log_head.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_DIGITS 20
#define MAC_LINE_BYTES (sizeof("mac ") - 1 + 64 + 1)

void bx_audit_head_init(bx_audit_head *head)
{
    *head = (bx_audit_head){ 0 };
    memcpy(head->hash, bx_audit_first_prev, sizeof(head->hash));
    memcpy(head->next_hash, bx_audit_first_prev, sizeof(head->next_hash));
}

static void sign(const char *text, size_t bytes,
                 const uint8_t key[BX_DIGEST_BYTES], char mac[65])
{
    uint8_t digest[BX_DIGEST_BYTES];

    bx_hmac_sha256(key, text, bytes, "", 0, digest);
    bx_digest_format(digest, mac);
}

void bx_audit_head_format(const bx_audit_head *head,
                          const uint8_t key[BX_DIGEST_BYTES],
                          char text[BX_AUDIT_HEAD_BYTES + 1])
{
    char mac[65];
    int bytes = snprintf(text, BX_AUDIT_HEAD_BYTES + 1,
                         "boxagnts audit head 1\n"
                         "seq %020" PRIu64 "\n"
                         "hash %.64s\n"
                         "size %020" PRIu64 "\n"
                         "file %020" PRIu64 "\n"
                         "next-bytes %020" PRIu64 "\n"
                         "next-hash %.64s\n",
                         head->seq, head->hash, head->size, head->file,
                         head->next_bytes, head->next_hash);

    assert(bytes == (int)(BX_AUDIT_HEAD_BYTES - MAC_LINE_BYTES));
    sign(text, (size_t)bytes, key, mac);
    snprintf(text + bytes, MAC_LINE_BYTES + 1, "mac %s\n", mac);
}

/* These take what is expected next; the text ends with a NUL. */
static bool take_text(const char **at, const char *text)
{
    size_t bytes = strlen(text);

    if (strncmp(*at, text, bytes) != 0)
        return false;
    *at += bytes;
    return true;
}

static bool take_number(const char **at, const char *name, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!take_text(at, name))
        return false;
    for (int i = 0; i < NUMBER_DIGITS; i++, ++*at) {
        unsigned digit = (unsigned)(unsigned char)**at - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return take_text(at, "\n");
}

static bool take_hash(const char **at, const char *name,
                      char hash[BX_AUDIT_HASH_BYTES])
{
    if (!take_text(at, name) || strnlen(*at, 64) < 64)
        return false;
    memcpy(hash, *at, 64);
    hash[64] = '\0';
    *at += 64;
    return bx_audit_hash_is_valid(hash) && take_text(at, "\n");
}

/* The 64 digits before the last newline, in constant time. */
static bool macs_match(const char *a, const char *b)
{
    const size_t at = BX_AUDIT_HEAD_BYTES - 1 - 64;
    bool first =
        bx_digest_equals((const uint8_t *)a + at, (const uint8_t *)b + at);
    bool second = bx_digest_equals((const uint8_t *)a + at + BX_DIGEST_BYTES,
                                   (const uint8_t *)b + at + BX_DIGEST_BYTES);

    return first && second;
}

bool bx_audit_head_parse(const char *text, size_t bytes,
                         const uint8_t key[BX_DIGEST_BYTES],
                         bx_audit_head *ret_head)
{
    bx_audit_head head;
    char copy[BX_AUDIT_HEAD_BYTES + 1];
    char again[BX_AUDIT_HEAD_BYTES + 1];
    const char *at = copy;

    if (bytes != BX_AUDIT_HEAD_BYTES)
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (!take_text(&at, "boxagnts audit head 1\n") ||
        !take_number(&at, "seq ", &head.seq) ||
        !take_hash(&at, "hash ", head.hash) ||
        !take_number(&at, "size ", &head.size) ||
        !take_number(&at, "file ", &head.file) ||
        !take_number(&at, "next-bytes ", &head.next_bytes) ||
        !take_hash(&at, "next-hash ", head.next_hash))
        return false;
    /* One text for one head: what is not that text was not written here. */
    bx_audit_head_format(&head, key, again);
    if (!macs_match(copy, again) || memcmp(copy, again, bytes) != 0)
        return false;
    *ret_head = head;
    return true;
}
