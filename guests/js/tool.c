/* The code is hostile, and so is its call's input; the host looks at what is
 * written here as it looks at any guest's output. */
#include "tool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "loop.h"
#include "native.h"
#include "parts.h"
#include "program.h"
#include "stream.h"
#include "text.h"

#define VALUE_MAX_BYTES (1u << 20) /* of the last expression, as text */
#define METADATA_MAX_BYTES 4096    /* of each text among the metadata */
#define CODE_NAME "[code]"         /* what stack traces call it */

static JSContext *running;
static char *value_text; /* NULL: none, or not to be shown */
static char *value_json; /* NULL: it is none */

/* ---- the result ------------------------------------------------------ */

typedef struct text {
    char *data;
    size_t bytes;
    size_t cap;
} text;

/* Without memory there is no result: the host tells of the trap. */
static void add(text *out, const char *data, size_t bytes)
{
    if (out->cap - out->bytes < bytes) {
        size_t cap = (out->cap + bytes) * 2 + 256;
        char *grown = realloc(out->data, cap);

        if (grown == NULL)
            abort();
        out->data = grown;
        out->cap = cap;
    }
    if (bytes > 0)
        memcpy(out->data + out->bytes, data, bytes);
    out->bytes += bytes;
}

static void add_words(text *out, const char *words)
{
    add(out, words, strlen(words));
}

/* Inside a JSON string. What is not UTF-8, and NUL, becomes U+FFFD. */
static void add_escaped(text *out, const char *data, size_t bytes)
{
    size_t begin = 0;

    for (size_t i = 0, step; i < bytes; i += step) {
        size_t skip;
        uint8_t byte = (uint8_t)data[i];
        char escape[8];

        step = js_utf8_sequence((const uint8_t *)data + i, bytes - i, &skip);
        if (step > 0 && byte >= ' ' && byte != '"' && byte != '\\')
            continue;
        add(out, data + begin, i - begin);
        if (step == 0 || byte == '\0')
            snprintf(escape, sizeof(escape), "\xef\xbf\xbd");
        else if (byte == '"' || byte == '\\')
            snprintf(escape, sizeof(escape), "\\%c", byte);
        else if (byte == '\n')
            snprintf(escape, sizeof(escape), "\\n");
        else
            snprintf(escape, sizeof(escape), "\\u%04x", byte);
        add_words(out, escape);
        step = step == 0 ? skip : step;
        begin = i + step;
    }
    add(out, data + begin, bytes - begin);
}

static void add_string(text *out, const char *words, size_t most)
{
    size_t bytes = strlen(words);
    char rest[48];

    add(out, "\"", 1);
    add_escaped(out, words, bytes < most ? bytes : most);
    if (bytes > most) {
        snprintf(rest, sizeof(rest), "... %zu more bytes", bytes - most);
        add_words(out, rest);
    }
    add(out, "\"", 1);
}

/* One part of the content, on lines of its own. */
static void add_part(text *out, char *last, const char *data, size_t bytes)
{
    if (bytes == 0)
        return;
    if (*last != '\0' && *last != '\n')
        add_words(out, "\\n");
    add_escaped(out, data, bytes);
    *last = data[bytes - 1];
}

static void add_stream(text *out, char *last, int fd)
{
    const js_stream *stream = js_stream_get(fd);
    char note[80];

    add_part(out, last, stream->data, stream->bytes);
    if (stream->dropped == 0)
        return;
    snprintf(note, sizeof(note), "... %zu more bytes were printed and dropped",
             stream->dropped);
    add_part(out, last, note, strlen(note));
}

/* What went wrong; NULL where it does not apply. */
typedef struct failure {
    const char *trace; /* for people, the content's last part */
    const char *type;
    const char *message;
    int line;
    int exit_code;
} failure;

static void add_metadata(text *out, const failure *why)
{
    const char *comma = "";
    char number[48];

    if (why->type != NULL) {
        add_words(out, "\"exception\":{\"type\":");
        add_string(out, why->type, METADATA_MAX_BYTES);
        add_words(out, ",\"message\":");
        add_string(out, why->message, METADATA_MAX_BYTES);
        if (why->line > 0) {
            snprintf(number, sizeof(number), ",\"line\":%d", why->line);
            add_words(out, number);
        }
        add_words(out, "}");
        comma = ",";
    }
    if (why->exit_code != 0) {
        snprintf(number, sizeof(number), "%s\"exit_code\":%d", comma,
                 why->exit_code);
        add_words(out, number);
        comma = ",";
    }
    if (value_text != NULL) {
        add_words(out, comma);
        add_words(out, "\"value\":");
        if (value_json != NULL)
            add_words(out, value_json);
        else
            add_string(out, value_text, METADATA_MAX_BYTES);
    }
}

_Noreturn static void finish(const failure *why)
{
    text out = { 0 };
    char last = '\0';

    js_stream_flush();
    add_words(&out, "{\"content\":\"");
    add_stream(&out, &last, STDOUT_FILENO);
    add_stream(&out, &last, STDERR_FILENO);
    if (value_text != NULL)
        add_part(&out, &last, value_text, strlen(value_text));
    if (why->trace != NULL)
        add_part(&out, &last, why->trace, strlen(why->trace));
    add_words(&out, "\",\"is_error\":");
    add_words(&out, why->trace != NULL ? "true" : "false");
    add_words(&out, ",\"metadata\":{");
    add_metadata(&out, why);
    add_words(&out, "}}\n");
    _Exit(js_stream_put(out.data, out.bytes) < 0 ? JS_EXIT_ERROR : 0);
}

/* ---- how a call ends ------------------------------------------------- */

bool js_tool_is_running(void)
{
    return running != NULL;
}

/* A property as text, copied; NULL when it is none or cannot be had. */
static char *copy_property(JSContext *ctx, JSValueConst object,
                           const char *name)
{
    JSValue value = JS_IsObject(object) ? JS_GetPropertyStr(ctx, object, name)
                                        : JS_UNDEFINED;
    const char *words = JS_IsString(value) ? JS_ToCString(ctx, value) : NULL;
    char *copy = words == NULL ? NULL : strdup(words);

    if (JS_IsException(value))
        JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeCString(ctx, words);
    JS_FreeValue(ctx, value);
    return copy;
}

static int find_line(const char *trace)
{
    const char *at = trace == NULL ? NULL : strstr(trace, CODE_NAME ":");

    return at == NULL ? 0 : atoi(at + strlen(CODE_NAME ":"));
}

_Noreturn void js_tool_fail(JSContext *ctx, const char *what,
                            JSValueConst error)
{
    failure why = { 0 };
    char *shown = js_inspect(ctx, error);
    size_t bytes = strlen(what) + strlen(shown) + 2;
    char *trace = malloc(bytes);
    char *stack = copy_property(ctx, error, "stack");

    if (trace == NULL)
        abort();
    snprintf(trace, bytes, "%s%s\n", what, shown);
    why.trace = trace;
    why.type = copy_property(ctx, error, "name");
    why.message = copy_property(ctx, error, "message");
    if (why.type == NULL)
        why.type = JS_IsObject(error) ? "Error" : "thrown value";
    if (why.message == NULL)
        why.message = shown;
    why.line = find_line(stack);
    finish(&why);
}

_Noreturn void js_tool_exit(int status, const char *message)
{
    failure why = { 0 };
    char words[48];

    why.exit_code = status;
    if (status != 0) {
        snprintf(words, sizeof(words), "exit status %d\n", status);
        why.trace = message != NULL ? message : words;
    }
    finish(&why);
}

/* ---- the input ------------------------------------------------------- */

_Noreturn static void refuse(const char *format, const char *what)
{
    fputs("input: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    exit(JS_EXIT_USAGE);
}

static const char *const keys[] = { "code", "args", "stdin" };

static void check_keys(JSContext *ctx, JSValueConst input)
{
    JSPropertyEnum *names;
    uint32_t count;

    if (JS_GetOwnPropertyNames(ctx, &names, &count, input, JS_GPN_STRING_MASK) <
        0)
        js_loop_fail(ctx);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = JS_AtomToCString(ctx, names[i].atom);
        bool is_known = false;

        for (size_t j = 0; j < sizeof(keys) / sizeof(keys[0]); j++)
            is_known = is_known || (name != NULL && strcmp(keys[j], name) == 0);
        if (!is_known)
            refuse("unknown key '%.64s': expected code, args or stdin",
                   name == NULL ? "" : name);
        JS_FreeCString(ctx, name);
    }
    JS_FreePropertyEnum(ctx, names, count);
}

/* NULL: the key is not there. The text lives as long as the program. */
static const char *get_string(JSContext *ctx, JSValueConst input,
                              const char *key, size_t *ret_bytes)
{
    JSValue value = JS_GetPropertyStr(ctx, input, key);

    *ret_bytes = 0;
    if (JS_IsUndefined(value))
        return NULL;
    if (!JS_IsString(value))
        refuse("%s: expected a string", key);
    return JS_ToCStringLen(ctx, ret_bytes, value);
}

static void check_args(JSContext *ctx, JSValueConst args)
{
    int64_t count = 0;

    if (!JS_IsArray(args) || JS_GetLength(ctx, args, &count) < 0)
        refuse("%s: expected an array of strings", "args");
    for (int64_t i = 0; i < count; i++) {
        JSValue item = JS_GetPropertyInt64(ctx, args, i);

        if (!JS_IsString(item))
            refuse("%s: expected an array of strings", "args");
        JS_FreeValue(ctx, item);
    }
}

/* scriptArgs of the call: the tool's name, then args. */
static void define_args(JSContext *ctx, JSValueConst input)
{
    JSValue args = JS_GetPropertyStr(ctx, input, "args");
    JSValue all = JS_NewArray(ctx);
    JSValue global = JS_GetGlobalObject(ctx);
    int64_t count = 0;

    JS_SetPropertyUint32(ctx, all, 0, JS_NewString(ctx, JS_TOOL_NAME));
    if (!JS_IsUndefined(args)) {
        check_args(ctx, args);
        JS_GetLength(ctx, args, &count);
    }
    for (int64_t i = 0; i < count; i++)
        JS_SetPropertyInt64(ctx, all, i + 1, JS_GetPropertyInt64(ctx, args, i));
    JS_FreeValue(ctx, args);
    JS_DefinePropertyValueStr(ctx, global, "scriptArgs", all,
                              JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_FreeValue(ctx, global);
}

bool js_tool_is_called(int argc, char **argv)
{
    char name[sizeof(JS_TOOL_NAME) + 1];

    if (argc != 1)
        return false;
    js_program_name(argv[0], name, sizeof(name));
    return strcmp(name, JS_TOOL_NAME) == 0;
}

/* The value of the last expression: a promise counts as what it holds. */
static void keep_value(JSContext *ctx, JSValue value)
{
    char *shown;
    JSValue json;
    const char *words;

    if (JS_PromiseState(ctx, value) == JS_PROMISE_FULFILLED)
        value = JS_PromiseResult(ctx, value);
    if (JS_IsUndefined(value))
        return;
    shown = js_inspect(ctx, value);
    if (strlen(shown) > VALUE_MAX_BYTES)
        shown[VALUE_MAX_BYTES] = '\0';
    value_text = shown;
    if (!js_inspect_is_plain(ctx, value))
        return;
    json = JS_JSONStringify(ctx, value, JS_UNDEFINED, JS_UNDEFINED);
    words = JS_IsString(json) ? JS_ToCString(ctx, json) : NULL;
    if (words != NULL && strlen(words) <= METADATA_MAX_BYTES)
        value_json = strdup(words);
    if (JS_IsException(json))
        JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeCString(ctx, words);
    JS_FreeValue(ctx, json);
}

_Noreturn void js_tool_run(JSContext *ctx)
{
    size_t bytes;
    size_t code_bytes;
    size_t stdin_bytes;
    char *data = js_program_read_stdin(ctx, &bytes);
    JSValue input = JS_ParseJSON(ctx, data, bytes, "input");
    const char *code;
    const char *given;
    JSValue value;

    if (!JS_IsObject(input) || JS_IsArray(input))
        refuse("expected a JSON object such as %s", "{\"code\": \"1 + 1\"}");
    js_free(ctx, data);
    check_keys(ctx, input);
    code = get_string(ctx, input, "code", &code_bytes);
    if (code == NULL)
        refuse("the key '%s' is missing", "code");
    given = get_string(ctx, input, "stdin", &stdin_bytes);
    define_args(ctx, input);
    js_stream_capture(given, stdin_bytes);
    running = ctx;
    value = js_program_evaluate(ctx, code, code_bytes, CODE_NAME);
    if (JS_IsException(value))
        js_loop_fail(ctx);
    js_loop_run(ctx);
    js_loop_end(ctx);
    keep_value(ctx, value);
    js_tool_exit(js_exit_code, NULL);
}
