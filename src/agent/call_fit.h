/* Does what a call is about fit the pattern of a rule? The call is a model's
 * and hostile; a text is rarely all that a call does. So there are two answers
 * to it, and each errs to its own safe side: a rule that allows fits what it
 * says in full, a rule that refuses or asks fits what might be meant.
 * approval.h has the meaning of patterns. */
#ifndef BX_AGENT_CALL_FIT_H
#define BX_AGENT_CALL_FIT_H

#include <jansson.h>

#include "policy/level.h"

typedef enum bx_fit {
    BX_FIT_NO,
    BX_FIT_MAYBE, /* the call does not say enough to know */
    BX_FIT_YES,
} bx_fit;

/* For rules that allow: everything the call says is covered. */
bool bx_call_fits_whole(const char *pattern, const json_t *input);
/* For rules that refuse or ask: something of the call is meant. */
bx_fit bx_call_fits_part(const char *pattern, bx_level level,
                         const json_t *input);

/* '*' is any run of bytes, everything else itself. */
bool bx_call_glob(const char *pattern, const char *text, size_t bytes);

/* ---- what a member says, by kind (call_text.c) ------------------------- */

bool bx_command_fits_whole(const char *pattern, const char *command);
bool bx_path_fits_whole(const char *pattern, const char *path);
bool bx_url_fits_whole(const char *pattern, const char *url);

/* Does the text hold what is meant, at the begin of any word of it? */
bool bx_text_fits_part(const char *pattern, const char *text, size_t bytes);
bx_fit bx_command_fits_part(const char *pattern, const char *command,
                            size_t bytes);
bx_fit bx_path_fits_part(const char *pattern, const char *path);
bx_fit bx_url_fits_part(const char *pattern, const char *url);

/* Texts longer than this are not looked into: the answer is "maybe". */
#define BX_FIT_TEXT_MAX_BYTES 8192u
#define BX_FIT_ALL_MAX_BYTES 32768u

#endif
