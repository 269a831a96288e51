#include "tool/call_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "tool/call_text.h"

/* {"ok": ...} or {"err": ...} and nothing else. */
static const json_t *unwrap(const json_t *value, bool *ret_is_error)
{
    const json_t *side;

    if (json_object_size(value) != 1)
        return value;
    side = json_object_get(value, "err");
    *ret_is_error = side != NULL;
    if (side == NULL)
        side = json_object_get(value, "ok");
    return side == NULL ? value : side;
}

bool bx_value_read(const char *json, bx_value *ret_value)
{
    const json_t *value;

    if (json == NULL)
        return false;
    if (!bx_text_is_readable(json, strlen(json))) {
        ret_value->text = json;
        ret_value->bytes = strlen(json);
        ret_value->is_error = strncmp(json, "{\"err\":", 7) == 0;
        return true;
    }
    ret_value->value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (ret_value->value == NULL)
        return false;
    value = unwrap(ret_value->value, &ret_value->is_error);
    if (json_is_string(value)) {
        ret_value->text = json_string_value(value);
        ret_value->bytes = json_string_length(value);
        return true;
    }
    if (json_is_null(value)) {
        ret_value->text = "";
        ret_value->bytes = 0;
        return true;
    }
    ret_value->made = bx_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (ret_value->made == NULL)
        return false;
    ret_value->text = ret_value->made;
    ret_value->bytes = strlen(ret_value->made);
    return true;
}

void bx_value_clear(bx_value *value)
{
    json_decref(value->value);
    free(value->made);
    *value = (bx_value){ 0 };
}
