#include "sandbox/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define BLOCK_BYTES 64 /* of SHA-256 */

int bx_sha256(const void *data, size_t bytes, uint8_t digest[BX_DIGEST_BYTES])
{
    return EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL) == 1 ? 0
                                                                          : -1;
}

static int sha256_parts(const uint8_t *pad, const void *head, size_t head_bytes,
                        const void *body, size_t body_bytes,
                        uint8_t digest[BX_DIGEST_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context != NULL &&
             EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
             EVP_DigestUpdate(context, pad, BLOCK_BYTES) == 1 &&
             EVP_DigestUpdate(context, head, head_bytes) == 1 &&
             EVP_DigestUpdate(context, body, body_bytes) == 1 &&
             EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    return ok ? 0 : -1;
}

/* RFC 2104, by hand because libcrypto's EVP_MAC loads a provider table that
 * costs a cold start more than the digest itself. */
int bx_hmac_sha256(const uint8_t key[BX_DIGEST_BYTES], const void *head,
                   size_t head_bytes, const void *body, size_t body_bytes,
                   uint8_t mac[BX_DIGEST_BYTES])
{
    uint8_t inner[BLOCK_BYTES];
    uint8_t outer[BLOCK_BYTES];
    uint8_t digest[BX_DIGEST_BYTES];

    memset(inner, 0x36, sizeof(inner));
    memset(outer, 0x5c, sizeof(outer));
    for (size_t i = 0; i < BX_DIGEST_BYTES; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    if (sha256_parts(inner, head, head_bytes, body, body_bytes, digest) < 0)
        return -1;
    return sha256_parts(outer, digest, sizeof(digest), "", 0, mac);
}

int bx_digest_equals(const uint8_t a[BX_DIGEST_BYTES],
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
