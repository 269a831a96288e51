/* The low-level calls of libcrypto: its EVP layer reads configuration files and
 * sets up providers on first use, which costs a cold start more than all the
 * digests of a run. */
#define OPENSSL_API_COMPAT 10100
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#define BLOCK_BYTES 64 /* of SHA-256 */

void bx_sha256(const void *data, size_t bytes, uint8_t digest[BX_DIGEST_BYTES])
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Update(&context, data, bytes);
    SHA256_Final(digest, &context);
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(bx_sha256_parts),
               "libcrypto's state must fit");

void bx_sha256_begin(bx_sha256_parts *parts)
{
    SHA256_Init((SHA256_CTX *)(void *)parts->state);
}

void bx_sha256_add(bx_sha256_parts *parts, const void *data, size_t bytes)
{
    SHA256_Update((SHA256_CTX *)(void *)parts->state, data, bytes);
}

void bx_sha256_end(bx_sha256_parts *parts, uint8_t digest[BX_DIGEST_BYTES])
{
    SHA256_Final(digest, (SHA256_CTX *)(void *)parts->state);
}

/* RFC 2104. */
void bx_hmac_sha256(const uint8_t key[BX_DIGEST_BYTES], const void *head,
                    size_t head_bytes, const void *body, size_t body_bytes,
                    uint8_t mac[BX_DIGEST_BYTES])
{
    uint8_t inner[BLOCK_BYTES];
    uint8_t outer[BLOCK_BYTES];
    uint8_t digest[BX_DIGEST_BYTES];
    SHA256_CTX context;

    memset(inner, 0x36, sizeof(inner));
    memset(outer, 0x5c, sizeof(outer));
    for (size_t i = 0; i < BX_DIGEST_BYTES; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    SHA256_Init(&context);
    SHA256_Update(&context, inner, sizeof(inner));
    SHA256_Update(&context, head, head_bytes);
    SHA256_Update(&context, body, body_bytes);
    SHA256_Final(digest, &context);
    SHA256_Init(&context);
    SHA256_Update(&context, outer, sizeof(outer));
    SHA256_Update(&context, digest, sizeof(digest));
    SHA256_Final(mac, &context);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
}

bool bx_digest_equals(const uint8_t a[BX_DIGEST_BYTES],
                      const uint8_t b[BX_DIGEST_BYTES])
{
    return CRYPTO_memcmp(a, b, BX_DIGEST_BYTES) == 0;
}

void bx_digest_format(const uint8_t digest[BX_DIGEST_BYTES], char text[65])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < BX_DIGEST_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[64] = '\0';
}
