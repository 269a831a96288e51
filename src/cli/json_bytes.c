#include "cli/json_bytes.h"

#include "base/scope.h"

json_t *bx_cli_json_bytes(const char *data, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    json_t *text = json_stringn(data, bytes);
    bx_autofree char *hex = NULL;

    if (text != NULL)
        return text;
    hex = malloc(2 * bytes + 1);
    if (hex == NULL)
        return json_null();
    for (size_t i = 0; i < bytes; i++) {
        hex[2 * i] = digits[(unsigned char)data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    return json_pack("{s:s#}", "base16", hex, (int)(2 * bytes));
}
