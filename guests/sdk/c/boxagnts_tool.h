/* What a tool in C needs: the call's input, and an answer. One call is one
 * run of the program:
 *
 *     int main(void)
 *     {
 *         char *path = boxagnts_input_path("path");
 *         ...
 *         boxagnts_print("%s has %zu lines", path, lines);
 *         boxagnts_finish();
 *     }
 *
 * Input comes from a model: each getter checks the type and ends the call with
 * an answer that names the property and what was expected. What is returned
 * stays valid until the program ends; nothing needs to be freed. */
#ifndef BOXAGNTS_TOOL_H
#define BOXAGNTS_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "yyjson.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BOXAGNTS_FORMAT(n, m) __attribute__((format(printf, n, m)))

/* The whole input, an object; read from stdin when first asked for. No input
 * at all is {}. */
yyjson_val *boxagnts_input(void);

/* A property of the input. NULL: it is missing or null. */
yyjson_val *boxagnts_input_find(const char *name);
/* A text, NUL-terminated; ret_bytes may be NULL when the text may hold no NUL.
 * find answers NULL when it is missing, get ends the call. */
const char *boxagnts_input_find_text(const char *name, size_t *ret_bytes);
const char *boxagnts_input_get_text(const char *name, size_t *ret_bytes);
/* A path as an absolute one: relative ones count from $PWD, or "/". Never
 * empty, without NUL. Names are not resolved, ".." included. */
char *boxagnts_input_path(const char *name);
int64_t boxagnts_input_int(const char *name, int64_t missing, int64_t min,
                           int64_t max);
bool boxagnts_input_bool(const char *name, bool missing);

/* Append to the answer's text; bytes that are no UTF-8 become U+FFFD. */
void boxagnts_print(const char *format, ...) BOXAGNTS_FORMAT(1, 2);
void boxagnts_write(const void *data, size_t data_bytes);
/* Text written so far since the last block, in bytes. */
size_t boxagnts_written(void);
/* Blocks of their own; data is binary, mime_type and uri are UTF-8. */
void boxagnts_image(const char *mime_type, const void *data, size_t data_bytes);
void boxagnts_resource(const char *uri, const char *mime_type, const void *data,
                       size_t data_bytes);

/* Metadata, for programs rather than the model: the root of the document is an
 * object. Texts in it must be UTF-8. */
yyjson_mut_doc *boxagnts_metadata(void);
void boxagnts_put_text(const char *name, const char *text);
void boxagnts_put_int(const char *name, int64_t number);
void boxagnts_put_bool(const char *name, bool value);

/* Send the answer and end the program. */
_Noreturn void boxagnts_finish(void);
/* Send an error instead of what was written; metadata is kept. Say which
 * thing, what was expected, and what to do next. */
_Noreturn void boxagnts_fail(const char *format, ...) BOXAGNTS_FORMAT(1, 2);

/* Memory, or the call ends with an error. */
void *boxagnts_alloc(size_t bytes);
char *boxagnts_format(const char *format, ...) BOXAGNTS_FORMAT(1, 2);

#ifdef __cplusplus
}
#endif

#endif
