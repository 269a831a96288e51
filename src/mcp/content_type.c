#include "mcp/content_type.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

typedef struct name_ending {
    const char *ending;
    const char *type;
} name_ending;

static const name_ending endings[] = {
    { ".md", "text/markdown" },
    { ".html", "text/html" },
    { ".htm", "text/html" },
    { ".css", "text/css" },
    { ".csv", "text/csv" },
    { ".js", "text/javascript" },
    { ".mjs", "text/javascript" },
    { ".ts", "text/x-typescript" },
    { ".py", "text/x-python" },
    { ".rs", "text/x-rust" },
    { ".go", "text/x-go" },
    { ".c", "text/x-c" },
    { ".h", "text/x-c" },
    { ".cpp", "text/x-c++" },
    { ".java", "text/x-java" },
    { ".sh", "text/x-shellscript" },
    { ".json", "application/json" },
    { ".yaml", "application/yaml" },
    { ".yml", "application/yaml" },
    { ".toml", "application/toml" },
    { ".xml", "application/xml" },
    { ".pdf", "application/pdf" },
    { ".zip", "application/zip" },
    { ".gz", "application/gzip" },
    { ".wasm", "application/wasm" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".jpeg", "image/jpeg" },
    { ".gif", "image/gif" },
    { ".webp", "image/webp" },
    { ".svg", "image/svg+xml" },
    { ".mp3", "audio/mpeg" },
    { ".wav", "audio/wav" },
    { ".mp4", "video/mp4" },
};

static const char binary[] = "application/octet-stream";

bool bx_content_is_text(const char *data, size_t bytes)
{
    return memchr(data, '\0', bytes) == NULL && bx_utf8_is_valid(data, bytes);
}

const char *bx_content_type_of_name(const char *name)
{
    size_t bytes = strlen(name);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i].ending);

        if (bytes > ending &&
            strcasecmp(name + bytes - ending, endings[i].ending) == 0)
            return endings[i].type;
    }
    return "text/plain";
}

const char *bx_content_type(const char *name, const char *data, size_t bytes)
{
    const char *type = bx_content_type_of_name(name);

    if (strncmp(type, "text/", 5) == 0 && !bx_content_is_text(data, bytes))
        return binary;
    return type;
}

char *bx_content_base64(const char *data, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((bytes + 2) / 3 * 4 + 1);
    char *at = text;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t three = (uint32_t)(uint8_t)data[i] << 16;

        if (left > 1)
            three |= (uint32_t)(uint8_t)data[i + 1] << 8;
        if (left > 2)
            three |= (uint8_t)data[i + 2];
        *at++ = digits[three >> 18];
        *at++ = digits[three >> 12 & 63];
        *at++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[three & 63] : '=';
    }
    *at = '\0';
    return text;
}
