/* SHA-256 and HMAC-SHA-256 by libcrypto. */
#ifndef BX_BASE_DIGEST_H
#define BX_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BX_DIGEST_BYTES 32

void bx_sha256(const void *data, size_t bytes, uint8_t digest[BX_DIGEST_BYTES]);

/* The same over bytes that lie apart: begin, add any number of times, end. */
typedef struct bx_sha256_parts {
    _Alignas(8) uint8_t state[128]; /* libcrypto's own, unseen here */
} bx_sha256_parts;

void bx_sha256_begin(bx_sha256_parts *parts);
void bx_sha256_add(bx_sha256_parts *parts, const void *data, size_t bytes);
void bx_sha256_end(bx_sha256_parts *parts, uint8_t digest[BX_DIGEST_BYTES]);

/* HMAC over two parts, head then body. */
void bx_hmac_sha256(const uint8_t key[BX_DIGEST_BYTES], const void *head,
                    size_t head_bytes, const void *body, size_t body_bytes,
                    uint8_t mac[BX_DIGEST_BYTES]);

/* In constant time. */
bool bx_digest_equals(const uint8_t a[BX_DIGEST_BYTES],
                      const uint8_t b[BX_DIGEST_BYTES]);

/* 64 lower-case hexadecimal digits and a NUL. */
void bx_digest_format(const uint8_t digest[BX_DIGEST_BYTES], char text[65]);

#endif
