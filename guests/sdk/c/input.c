/* The call's input. Every byte of it comes from a model and is hostile: it is
 * parsed by yyjson, which checks UTF-8 and depth, and each property's type is
 * checked when it is asked for. */
#include "boxagnts_tool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX_BYTES (64u << 20)
#define PATH_MAX_BYTES 4095

/* All of stdin with YYJSON_PADDING_SIZE zero bytes behind it. Growth by half
 * keeps the largest input and its copy below the default memory limit. */
static char *read_stdin(size_t *ret_bytes)
{
    size_t bytes = 0;
    size_t capacity = 16384;
    char *data = boxagnts_alloc(capacity + YYJSON_PADDING_SIZE);

    for (;;) {
        ssize_t got = read(STDIN_FILENO, data + bytes, capacity - bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            boxagnts_fail("the input cannot be read: %s", strerror(errno));
        if (got == 0)
            break;
        bytes += (size_t)got;
        if (bytes > INPUT_MAX_BYTES)
            boxagnts_fail("the input is larger than %u MiB",
                          INPUT_MAX_BYTES >> 20);
        if (bytes == capacity) {
            capacity += capacity / 2;
            data = realloc(data, capacity + YYJSON_PADDING_SIZE);
            if (data == NULL)
                boxagnts_fail("out of memory while reading the input");
        }
    }
    memset(data + bytes, 0, YYJSON_PADDING_SIZE);
    *ret_bytes = bytes;
    return data;
}

/* yyjson reserves 16 bytes for every 6 of what looks minified and every 16 of
 * what looks indented, going by the two bytes after the first. Inputs are few
 * values with long texts, so spaces there keep a large one within memory. */
static char *look_indented(char *data, size_t *bytes)
{
    char *wider;

    if (*bytes < 65536 || data[0] != '{')
        return data;
    wider = realloc(data, *bytes + 2 + YYJSON_PADDING_SIZE);
    if (wider == NULL)
        return data;
    memmove(wider + 3, wider + 1, *bytes - 1 + YYJSON_PADDING_SIZE);
    wider[1] = wider[2] = ' ';
    *bytes += 2;
    return wider;
}

yyjson_val *boxagnts_input(void)
{
    static yyjson_val *input;
    yyjson_read_err err;
    yyjson_doc *doc;
    size_t bytes;
    char *data;

    if (input != NULL)
        return input;
    data = read_stdin(&bytes);
    if (bytes == 0) {
        memcpy(data, "{}", 2);
        bytes = 2;
    }
    data = look_indented(data, &bytes);
    doc = yyjson_read_opts(data, bytes, YYJSON_READ_INSITU, NULL, &err);
    if (doc == NULL)
        boxagnts_fail("the input is not JSON: %s at byte %zu", err.msg,
                      err.pos);
    input = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(input))
        boxagnts_fail("the input is %s; expected an object with the"
                      " properties of input_schema",
                      yyjson_get_type_desc(input));
    return input;
}

yyjson_val *boxagnts_input_find(const char *name)
{
    yyjson_val *value = yyjson_obj_get(boxagnts_input(), name);

    return yyjson_is_null(value) ? NULL : value;
}

const char *boxagnts_input_find_text(const char *name, size_t *ret_bytes)
{
    yyjson_val *value = boxagnts_input_find(name);

    if (value == NULL)
        return NULL;
    if (!yyjson_is_str(value))
        boxagnts_fail("'%s' is %s; expected a string", name,
                      yyjson_get_type_desc(value));
    if (ret_bytes != NULL)
        *ret_bytes = yyjson_get_len(value);
    else if (strlen(yyjson_get_str(value)) != yyjson_get_len(value))
        boxagnts_fail("'%s' holds a NUL character; expected text without",
                      name);
    return yyjson_get_str(value);
}

const char *boxagnts_input_get_text(const char *name, size_t *ret_bytes)
{
    const char *text = boxagnts_input_find_text(name, ret_bytes);

    if (text == NULL)
        boxagnts_fail("'%s' is missing; expected a string", name);
    return text;
}

char *boxagnts_input_path(const char *name)
{
    const char *path = boxagnts_input_get_text(name, NULL);
    const char *folder = getenv("PWD");

    if (*path == '\0')
        boxagnts_fail("'%s' is empty; expected a path, such as /src/main.c",
                      name);
    if (strlen(path) > PATH_MAX_BYTES)
        boxagnts_fail("'%s' is %zu bytes long; a path has at most %d", name,
                      strlen(path), PATH_MAX_BYTES);
    if (*path == '/')
        return boxagnts_format("%s", path);
    if (folder == NULL || *folder != '/')
        folder = "/";
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (strcmp(path, ".") == 0)
        return boxagnts_format("%s", folder);
    return boxagnts_format("%s%s%s", folder,
                           folder[strlen(folder) - 1] == '/' ? "" : "/", path);
}

/* Models also write whole numbers as 10.0 and "10". */
static bool is_whole(yyjson_val *value, int64_t *ret_number)
{
    double real;
    char *end;

    if (yyjson_is_sint(value) ||
        (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)) {
        *ret_number = yyjson_get_sint(value);
        return true;
    }
    if (yyjson_is_real(value)) {
        real = yyjson_get_real(value);
        if (real != __builtin_trunc(real) || real < -9e15 || real > 9e15)
            return false;
        *ret_number = (int64_t)real;
        return true;
    }
    if (yyjson_is_str(value) && yyjson_get_len(value) > 0) {
        errno = 0;
        *ret_number = strtoll(yyjson_get_str(value), &end, 10);
        return errno == 0 &&
               end == yyjson_get_str(value) + yyjson_get_len(value);
    }
    return false;
}

int64_t boxagnts_input_int(const char *name, int64_t missing, int64_t min,
                           int64_t max)
{
    yyjson_val *value = boxagnts_input_find(name);
    int64_t number;

    if (value == NULL)
        return missing;
    if (!is_whole(value, &number))
        boxagnts_fail("'%s' is %s; expected a whole number from %lld to %lld",
                      name, yyjson_get_type_desc(value), (long long)min,
                      (long long)max);
    if (number < min || number > max)
        boxagnts_fail("'%s' is %lld; expected %lld to %lld", name,
                      (long long)number, (long long)min, (long long)max);
    return number;
}

bool boxagnts_input_bool(const char *name, bool missing)
{
    yyjson_val *value = boxagnts_input_find(name);

    if (value == NULL)
        return missing;
    if (!yyjson_is_bool(value))
        boxagnts_fail("'%s' is %s; expected true or false", name,
                      yyjson_get_type_desc(value));
    return yyjson_get_bool(value);
}
