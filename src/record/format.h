/* A recording as bytes. Whoever reads one distrusts it: every length, number
 * and place is checked. All numbers are little-endian.
 *
 *     "BXRECORD", u32 version, u32 0
 *     blocks: u32 bytes (1 to BX_RECORD_BLOCK_BYTES), records, u64 check
 *     end:    u32 0, 32 bytes
 *
 * The end is the SHA-256 of the file up to it; a check is the first 8 bytes of
 * the SHA-256 of the file up to it. So a cut or altered file is noticed in the
 * block where it happened.
 *
 * A record is u8 type, u32 bytes and these. It lies in one block. First come
 * the fields of the head, then names, blobs, needs and calls in the order in
 * which they came about, last one end. A varint has 7 bits a byte, the lowest
 * first, at most 10 bytes. */
#ifndef BX_RECORD_FORMAT_H
#define BX_RECORD_FORMAT_H

#include "base/error.h"

#define BX_RECORD_MAGIC "BXRECORD"
#define BX_RECORD_MAGIC_BYTES 8u
#define BX_RECORD_VERSION 1u
#define BX_RECORD_START_BYTES 16u
#define BX_RECORD_BLOCK_BYTES (512u << 10)
#define BX_RECORD_CHECK_BYTES 8u
#define BX_RECORD_HEAD_BYTES 5u /* type and length of a record */
/* Of one record, its head not counted. */
#define BX_RECORD_MAX_BYTES (BX_RECORD_BLOCK_BYTES - BX_RECORD_HEAD_BYTES)
#define BX_RECORD_BLOB_BYTES (256u << 10)
#define BX_RECORD_INLINE_BYTES 96u /* what is more becomes a blob */
#define BX_RECORD_NAMES 1024u
#define BX_RECORD_NAME_BYTES 64u
#define BX_RECORD_TEXT_BYTES 1024u /* of an input that is kept as it is */
#define BX_RECORD_SHORT_BYTES 256u /* kept of a longer one */
#define BX_RECORD_HASH_BYTES 16u   /* kept of a SHA-256 */
#define BX_RECORD_FIELD_BYTES (32u << 20) /* of one field of the head */
#define BX_RECORD_WORDS 65536u            /* arguments, variables */
#define BX_RECORD_DEFAULT_BYTES (1ull << 30)

typedef enum bx_record_type {
    BX_RECORD_FIELD = 1, /* u8 tag, bytes; the same tag goes on a field whose
                          * u8 before the bytes says so: see head.h */
    BX_RECORD_NAME = 2,  /* the next number's name */
    BX_RECORD_BLOB = 3,  /* the next number's bytes */
    BX_RECORD_CALL = 4,  /* varint name, then the fields of a call */
    BX_RECORD_NEED = 5,  /* kind, NUL, target */
    BX_RECORD_END = 6    /* see head.h */
} bx_record_type;

/* A call: what the guest gave, then one answer, then what it was given. */
typedef enum bx_record_part {
    BX_PART_VALUE = 1,  /* varint */
    BX_PART_TEXT = 2,   /* varint bytes, these */
    BX_PART_HASH = 3,   /* varint bytes, BX_RECORD_HASH_BYTES of their SHA-256
                         */
    BX_PART_ANSWER = 4, /* varint, zigzag */
    BX_PART_OUT = 5,    /* varint bytes, these */
    BX_PART_BLOBS = 6   /* varint bytes in all, varint count, a varint each */
} bx_record_part;

#endif
