/* Amounts as people write them: "30s", "256MiB", "10M". */
#ifndef BX_POLICY_UNIT_H
#define BX_POLICY_UNIT_H

#include <stdint.h>

#include "base/error.h"

typedef enum bx_unit_kind {
    BX_UNIT_TIME,  /* value in ms; a plain number is seconds */
    BX_UNIT_BYTES, /* value in bytes, as is a plain number */
    BX_UNIT_COUNT, /* K, M, G, T are powers of 1000 */
} bx_unit_kind;

/* Between min and max, both included. Fractions are fine when the result is
 * whole ("1.5s"). The message says what was expected, bounds included. */
int bx_unit_parse(const char *text, bx_unit_kind kind, uint64_t min,
                  uint64_t max, uint64_t *ret_value, bx_error **err);

/* The shortest exact form, which bx_unit_parse() reads back. Returns text. */
const char *bx_unit_format(uint64_t value, bx_unit_kind kind, char text[32]);

#endif
