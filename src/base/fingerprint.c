/* GHASH, the universal hash of GCM (NIST SP 800-38D), by libcrypto's low-level
 * calls, as in digest.c. Two different inputs of n blocks agree with at most
 * n + 1 of 2^128 keys. It is several times as fast as SHA-256. */
#define OPENSSL_API_COMPAT 10100
#include "base/fingerprint.h"

#include <errno.h>
#include <openssl/aes.h>
#include <openssl/crypto.h>
#include <openssl/modes.h>
#include <sys/random.h>

#define KEY_BITS 128
#define IV_BYTES 12

struct bx_fingerprint {
    AES_KEY key;
    GCM128_CONTEXT *context;
};

static void encrypt(const unsigned char in[16], unsigned char out[16],
                    const void *key)
{
    AES_encrypt(in, out, key);
}

bx_fingerprint *bx_fingerprint_new(bx_error **err)
{
    bx_fingerprint *fingerprint = calloc(1, sizeof(*fingerprint));
    unsigned char key[KEY_BITS / 8];

    if (fingerprint == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
        bx_error_set_errno(err, errno, "getrandom");
    } else if (AES_set_encrypt_key(key, KEY_BITS, &fingerprint->key) == 0) {
        fingerprint->context = CRYPTO_gcm128_new(&fingerprint->key, encrypt);
        if (fingerprint->context == NULL)
            bx_error_set_nomem(err);
    } else {
        bx_error_set(err, BX_ERR_SYSTEM, "libcrypto takes no AES key");
    }
    OPENSSL_cleanse(key, sizeof(key));
    if (fingerprint->context != NULL)
        return fingerprint;
    bx_fingerprint_free(fingerprint);
    return NULL;
}

void bx_fingerprint_free(bx_fingerprint *fingerprint)
{
    if (fingerprint == NULL)
        return;
    if (fingerprint->context != NULL)
        CRYPTO_gcm128_release(fingerprint->context);
    OPENSSL_cleanse(fingerprint, sizeof(*fingerprint));
    free(fingerprint);
}

void bx_fingerprint_of(bx_fingerprint *fingerprint, const void *data,
                       size_t bytes, uint8_t ret[BX_FINGERPRINT_BYTES])
{
    static const unsigned char iv[IV_BYTES];

    CRYPTO_gcm128_setiv(fingerprint->context, iv, sizeof(iv));
    /* Fails past 2^61 bytes, which no object has. */
    (void)CRYPTO_gcm128_aad(fingerprint->context, data, bytes);
    CRYPTO_gcm128_tag(fingerprint->context, ret, BX_FINGERPRINT_BYTES);
}
