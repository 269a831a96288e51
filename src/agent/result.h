/* What of a tool's result a model is shown. The text is hostile: a page or a
 * file may hold orders to the model, or what looks like the end of a result.
 * So it stands in an envelope whose boundary is random and never in it, and
 * what is said of it stands outside. */
#ifndef BX_AGENT_RESULT_H
#define BX_AGENT_RESULT_H

#include "base/buf.h"
#include "tool/tool.h"

#define BX_RESULT_TEXT_BYTES 32768u
#define BX_RESULT_IMAGES 16u
#define BX_RESULT_IMAGE_BYTES (8u << 20) /* base64 */

#define BX_ENVELOPE_HEX 32 /* 128 bits */

/* Of one session, the same from its first turn to its last: the system prompt
 * names it. */
typedef struct bx_envelope {
    char boundary[BX_ENVELOPE_HEX + 1]; /* lower-case hexadecimal digits */
} bx_envelope;

/* errors: BX_ERR_SYSTEM: no random bytes */
int bx_envelope_make(bx_envelope *ret_envelope, bx_error **err);
/* The one of a session that is resumed. errors: BX_ERR_INVALID */
int bx_envelope_load(const char *boundary, bx_envelope *ret_envelope,
                     bx_error **err);
/* What it means, for the system prompt. Owned, free(); NULL: no memory. */
char *bx_envelope_explain(const bx_envelope *envelope);

/* Append text as data that came from source, a tool's name:
 *
 *     <data from="bash" boundary="HEX">
 *     ...
 *     </data boundary="HEX">
 *
 * A boundary in the text, in whatever case, is taken out and bytes that are no
 * UTF-8 become U+FFFD. -1: no memory. */
int bx_envelope_put(const bx_envelope *envelope, const char *source,
                    const char *text, size_t bytes, bx_buf *out);

/* Append the text of a result as people read it: without the first and the last
 * line of each envelope. What stands outside of one, and what has no end, stays
 * as it is. -1: no memory. */
int bx_envelope_strip(const char *text, bx_buf *out);

typedef struct bx_result_view {
    const char *tool;
    const char *kept;  /* where the model finds the whole text, a guest path;
                        * NULL: it is not kept, and the model is told so */
    size_t text_bytes; /* of the tool's that are shown at most; 0:
                        * BX_RESULT_TEXT_BYTES */
} bx_result_view;

/* Would it be cut? Then it is to be kept before it is shown. */
bool bx_result_is_long(size_t bytes, size_t text_bytes);

/**
 * A result as blocks of a message: one of text, then its images.
 *
 * text          of the tool, as of bx_tool_result_text(), secrets masked
 * content       its blocks, of which images are taken; NULL: none
 * ret_content   array of text and image blocks, a reference of the caller's
 * ret_is_cut    text was left out: shown are its begin (three quarters) and
 *               its end, cut between characters, and between them, outside of
 *               the data, how much is missing and where the whole is
 * returns       -1 without memory
 */
int bx_result_show(const bx_envelope *envelope, const bx_result_view *view,
                   const char *text, size_t bytes, const json_t *content,
                   json_t **ret_content, bool *ret_is_cut, bx_error **err);

#endif
