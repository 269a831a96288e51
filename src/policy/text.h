/* Text of a policy: what counts as text, and how messages show it. */
#ifndef BX_POLICY_TEXT_H
#define BX_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has it a byte below 0x20, or 0x7f? */
bool bx_text_has_control(const char *text);

/* The text in quotes, printable on one line and cut at 120 bytes, for error
 * messages. Owned by the caller; NULL without memory, show it with BX_SHOWN. */
char *bx_text_show(const char *text);
#define BX_SHOWN(text) ((text) != NULL ? (text) : "(out of memory)")

/* Edits (insert, delete, replace, swap of neighbours) between two words of at
 * most 63 bytes; 255 when one is longer. For "did you mean". */
unsigned bx_text_distance(const char *left, const char *right);

#endif
