/* Any JSON as [schema, value]: an answer, in bounded time. */
#include <stdint.h>

#include "tool/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    json_t *pair = json_loadb((const char *)data, bytes, 0, NULL);
    bx_autoerror bx_error *err = NULL;

    if (json_array_size(pair) == 2 &&
        bx_schema_check(json_array_get(pair, 0), &err) == 0) {
        int status = bx_schema_validate(json_array_get(pair, 0),
                                        json_array_get(pair, 1), &err);

        if ((status < 0) != (err != NULL))
            abort();
    }
    json_decref(pair);
    return 0;
}
