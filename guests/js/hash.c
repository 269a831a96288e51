/* Digests for scripts: checksums and names of content. Nothing of ours relies
 * on them. A state is a Uint8Array a script could change, so it holds numbers
 * alone, each checked where it is used. RFC 1321, FIPS 180-4. */
#include "hash.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NATIVE(name)                                                           \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc,       \
                        JSValueConst *argv)

typedef struct hash_kind {
    const char *name;
    size_t block_bytes;
    size_t digest_bytes;
    bool is_little;
    uint64_t start[8];
} hash_kind;

typedef struct hash_state {
    uint32_t kind; /* index into kinds */
    uint32_t held; /* bytes in block */
    uint64_t total;
    uint64_t words[8];
    uint8_t block[128];
} hash_state;

static const hash_kind kinds[] = {
    { "md5", 64, 16, true, { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } },
    { "sha1",
      64,
      20,
      false,
      { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 } },
    { "sha224",
      64,
      28,
      false,
      { 0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511,
        0x64f98fa7, 0xbefa4fa4 } },
    { "sha256",
      64,
      32,
      false,
      { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
        0x1f83d9ab, 0x5be0cd19 } },
    { "sha384",
      128,
      48,
      false,
      { 0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
        0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
        0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4 } },
    { "sha512",
      128,
      64,
      false,
      { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
        0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
        0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 } },
};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* FIPS 180-4 section 4.2.3; SHA-256 has the upper halves of the first 64. */
static const uint64_t constants[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f,
    0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
    0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242,
    0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
    0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275,
    0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f,
    0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc,
    0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6,
    0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
    0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99,
    0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
    0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc,
    0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915,
    0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
    0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba,
    0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
    0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint32_t left32(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static uint64_t right(uint64_t value, unsigned bits, bool is_wide)
{
    if (is_wide)
        return value >> bits | value << (64 - bits);
    return left32((uint32_t)value, 32 - bits);
}

static uint64_t load(const uint8_t *at, size_t bytes, bool is_little)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[is_little ? bytes - 1 - i : i];
    return value;
}

static void store(uint8_t *at, uint64_t value, size_t bytes, bool is_little)
{
    for (size_t i = 0; i < bytes; i++)
        at[is_little ? i : bytes - 1 - i] = (uint8_t)(value >> (8 * i));
}

static void mix_md5(uint64_t *words, const uint8_t *block)
{
    static const uint8_t shifts[4][4] = { { 7, 12, 17, 22 },
                                          { 5, 9, 14, 20 },
                                          { 4, 11, 16, 23 },
                                          { 6, 10, 15, 21 } };
    static const uint8_t steps[4][2] = {
        { 1, 0 }, { 5, 1 }, { 3, 5 }, { 7, 0 }
    };
    uint32_t v[4];

    for (int i = 0; i < 4; i++)
        v[i] = (uint32_t)words[i];
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16;
        uint32_t mixed = round == 0   ? (v[1] & v[2]) | (~v[1] & v[3])
                         : round == 1 ? (v[3] & v[1]) | (~v[3] & v[2])
                         : round == 2 ? v[1] ^ v[2] ^ v[3]
                                      : v[2] ^ (v[1] | ~v[3]);
        unsigned at = (i * steps[round][0] + steps[round][1]) % 16;
        /* RFC 1321 section 3.4: its table is of sines. */
        uint32_t sine = (uint32_t)(fabs(sin((double)i + 1)) * 4294967296.0);

        mixed += v[0] + sine + (uint32_t)load(block + 4 * (size_t)at, 4, true);
        v[0] = v[3];
        v[3] = v[2];
        v[2] = v[1];
        v[1] += left32(mixed, shifts[round][i % 4]);
    }
    for (int i = 0; i < 4; i++)
        words[i] = (uint32_t)(words[i] + v[i]);
}

static void mix_sha1(uint64_t *words, const uint8_t *block)
{
    static const uint32_t adds[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                      0xca62c1d6 };
    uint32_t w[80];
    uint32_t v[5];

    for (int i = 0; i < 80; i++)
        w[i] = i < 16 ? (uint32_t)load(block + 4 * (size_t)i, 4, false)
                      : left32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 5; i++)
        v[i] = (uint32_t)words[i];
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                         : i < 40 ? v[1] ^ v[2] ^ v[3]
                         : i < 60
                             ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                             : v[1] ^ v[2] ^ v[3];
        uint32_t next = left32(v[0], 5) + mixed + v[4] + adds[i / 20] + w[i];

        v[4] = v[3];
        v[3] = v[2];
        v[2] = left32(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (int i = 0; i < 5; i++)
        words[i] = (uint32_t)(words[i] + v[i]);
}

/* Distances of FIPS 180-4 section 4.1; is_wide: SHA-384 and SHA-512. */
static void mix_sha2(uint64_t *words, const uint8_t *block, bool is_wide)
{
    static const uint8_t distances[2][4][3] = {
        { { 7, 18, 3 }, { 17, 19, 10 }, { 2, 13, 22 }, { 6, 11, 25 } },
        { { 1, 8, 7 }, { 19, 61, 6 }, { 28, 34, 39 }, { 14, 18, 41 } },
    };
    const uint8_t(*d)[3] = distances[is_wide];
    uint64_t mask = is_wide ? UINT64_MAX : UINT32_MAX;
    size_t bytes = is_wide ? 8 : 4;
    int rounds = is_wide ? 80 : 64;
    uint64_t w[80];
    uint64_t v[8];

#define TURN(x, k) (right(x, d[k][0], is_wide) ^ right(x, d[k][1], is_wide))
    for (int i = 0; i < rounds; i++)
        w[i] = i < 16
                   ? load(block + bytes * (size_t)i, bytes, false)
                   : (w[i - 16] + (TURN(w[i - 15], 0) ^ w[i - 15] >> d[0][2]) +
                      w[i - 7] + (TURN(w[i - 2], 1) ^ w[i - 2] >> d[1][2])) &
                         mask;
    memcpy(v, words, sizeof(v));
    for (int i = 0; i < rounds; i++) {
        uint64_t add = is_wide ? constants[i] : constants[i] >> 32;
        uint64_t first = v[7] +
                         (TURN(v[4], 3) ^ right(v[4], d[3][2], is_wide)) +
                         ((v[4] & v[5]) ^ (~v[4] & v[6])) + add + w[i];
        uint64_t second = (TURN(v[0], 2) ^ right(v[0], d[2][2], is_wide)) +
                          ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] = (v[4] + first) & mask;
        v[0] = (first + second) & mask;
    }
#undef TURN
    for (int i = 0; i < 8; i++)
        words[i] = (words[i] + v[i]) & mask;
}

static void mix(hash_state *state, const uint8_t *block)
{
    switch (state->kind) {
    case 0:
        mix_md5(state->words, block);
        break;
    case 1:
        mix_sha1(state->words, block);
        break;
    default:
        mix_sha2(state->words, block, kinds[state->kind].block_bytes == 128);
        break;
    }
}

static void update(hash_state *state, const uint8_t *data, size_t bytes)
{
    size_t block_bytes = kinds[state->kind].block_bytes;

    state->total += bytes;
    while (bytes > 0) {
        size_t step = block_bytes - state->held;

        step = bytes < step ? bytes : step;
        memcpy(state->block + state->held, data, step);
        state->held += (uint32_t)step;
        data += step;
        bytes -= step;
        if (state->held == block_bytes) {
            mix(state, state->block);
            state->held = 0;
        }
    }
}

static void finish(hash_state *state, uint8_t *digest)
{
    const hash_kind *kind = &kinds[state->kind];
    uint64_t bits = state->total * 8;
    size_t word_bytes = kind->block_bytes / 16;
    size_t tail = kind->block_bytes - 2 * word_bytes;
    static const uint8_t mark = 0x80;
    static const uint8_t zero;
    uint8_t length[16] = { 0 };

    update(state, &mark, 1);
    while (state->held != tail)
        update(state, &zero, 1);
    store(length + (kind->is_little ? 0 : 2 * word_bytes - 8), bits, 8,
          kind->is_little);
    update(state, length, 2 * word_bytes);
    for (size_t i = 0; i < kind->digest_bytes / word_bytes; i++)
        store(digest + i * word_bytes, state->words[i], word_bytes,
              kind->is_little);
    /* SHA-224 and SHA-384 end inside what was computed, at a whole word. */
}

/* The state behind an argument, copied: it may lie unaligned. */
static bool get_state(JSContext *ctx, int argc, JSValueConst *argv,
                      hash_state *state, uint8_t **ret_at)
{
    size_t bytes = 0;
    uint8_t *at = argc < 1 ? NULL : JS_GetUint8Array(ctx, &bytes, argv[0]);

    if (at != NULL && bytes == sizeof(*state)) {
        memcpy(state, at, sizeof(*state));
        *ret_at = at;
        if (state->kind < KINDS_COUNT &&
            state->held < kinds[state->kind].block_bytes)
            return true;
    }
    JS_ThrowTypeError(ctx, "expected the state of a hash");
    return false;
}

/* hashStart(name) */
NATIVE(native_start)
{
    const char *name = argc < 1 ? NULL : JS_ToCString(ctx, argv[0]);
    hash_state state = { 0 };
    bool is_known = false;

    (void)this_val;
    for (uint32_t i = 0; i < KINDS_COUNT && name != NULL; i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        state.kind = i;
        memcpy(state.words, kinds[i].start, sizeof(state.words));
        is_known = true;
    }
    JS_FreeCString(ctx, name);
    if (!is_known)
        return JS_ThrowTypeError(ctx, "no such hash");
    return JS_NewUint8ArrayCopy(ctx, (const uint8_t *)&state, sizeof(state));
}

/* hashUpdate(state, bytes) */
NATIVE(native_update)
{
    hash_state state;
    uint8_t *at;
    size_t bytes = 0;
    const uint8_t *data;

    (void)this_val;
    if (argc < 2)
        return JS_ThrowTypeError(ctx, "expected a state and bytes");
    data = JS_GetUint8Array(ctx, &bytes, argv[1]);
    if (data == NULL && bytes > 0)
        return JS_EXCEPTION;
    if (!get_state(ctx, argc, argv, &state, &at))
        return JS_EXCEPTION;
    if (bytes > 0)
        update(&state, data, bytes);
    memcpy(at, &state, sizeof(state));
    return JS_UNDEFINED;
}

/* hashDigest(state): a Uint8Array */
NATIVE(native_digest)
{
    hash_state state;
    uint8_t *at;
    uint8_t digest[64];

    (void)this_val;
    if (!get_state(ctx, argc, argv, &state, &at))
        return JS_EXCEPTION;
    finish(&state, digest);
    return JS_NewUint8ArrayCopy(ctx, digest, kinds[state.kind].digest_bytes);
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("hashStart", 1, native_start),
    JS_CFUNC_DEF("hashUpdate", 2, native_update),
    JS_CFUNC_DEF("hashDigest", 1, native_digest),
};

void js_hash_add(JSContext *ctx, JSValueConst native)
{
    JS_SetPropertyFunctionList(ctx, native, natives,
                               sizeof(natives) / sizeof(natives[0]));
}
