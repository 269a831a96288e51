/* What a table of models may say, for each file of its own. */
#ifndef BX_AGENT_MODELS_MODEL_CHECK_H
#define BX_AGENT_MODELS_MODEL_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

#define BX_MODELS_MAX_BYTES (1u << 20)
#define BX_MODELS_MAX_ENTRIES 1000

/* One file. */
typedef struct bx_models_text {
    const char *name;
    json_t *value; /* owned; an object */
    json_t *lines; /* owned */
} bx_models_text;

void bx_models_text_clear(bx_models_text *text);
#define bx_automodelstext __attribute__((cleanup(bx_models_text_clear)))

/* Parse and check. name: borrowed for as long as ret_text is there.
 * errors: BX_ERR_INVALID, BX_ERR_LIMIT */
int bx_models_text_read(const char *text, size_t bytes, const char *name,
                        bx_models_text *ret_text, bx_error **err);

/* "FILE: line N: models/x/price: ..." for the value at a JSON pointer. */
int bx_models_refuse(const bx_models_text *text, const char *pointer,
                     bx_error **err, const char *format, ...) BX_PRINTF(4, 5);

/* Is it an id that a provider may have for a model? It becomes part of URLs. */
bool bx_model_id_is_valid(const char *id);

#endif
