/* Build-time tool: compile the prelude to bytecode, as a C file.
 *
 *     compile OUT.c PRELUDE.js...
 *
 * Built for the machine that builds; the bytecode is the same for all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

#define MAX_SOURCE_BYTES (1 << 20)

static char *read_file(const char *path, size_t *ret_bytes)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(MAX_SOURCE_BYTES + 1);

    if (file == NULL || text == NULL) {
        perror(path);
        exit(1);
    }
    *ret_bytes = fread(text, 1, MAX_SOURCE_BYTES, file);
    if (ferror(file) || !feof(file)) {
        fprintf(stderr, "%s: cannot be read, or is over 1 MiB\n", path);
        exit(1);
    }
    text[*ret_bytes] = '\0';
    fclose(file);
    return text;
}

/* "prelude/url.js" is called "url". */
static void part_name(const char *path, char name[64])
{
    const char *base = strrchr(path, '/');
    size_t len;

    base = base == NULL ? path : base + 1;
    len = strcspn(base, ".");
    if (len >= 64) {
        fprintf(stderr, "%s: the name is too long\n", path);
        exit(1);
    }
    memcpy(name, base, len);
    name[len] = '\0';
}

static void compile(JSContext *ctx, FILE *out, const char *path)
{
    char name[64];
    char label[80];
    size_t source_bytes;
    size_t bytes;
    char *source = read_file(path, &source_bytes);
    uint8_t *code;
    JSValue script;

    part_name(path, name);
    snprintf(label, sizeof(label), "js:%s", name);
    script = JS_Eval(ctx, source, source_bytes, label,
                     JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(script)) {
        JSValue error = JS_GetException(ctx);
        JSValue stack = JS_GetPropertyStr(ctx, error, "stack");

        fprintf(stderr, "%s: %s\n%s", path, JS_ToCString(ctx, error),
                JS_ToCString(ctx, stack));
        exit(1);
    }
    code = JS_WriteObject(ctx, &bytes, script,
                          JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE |
                              JS_WRITE_OBJ_STRIP_DEBUG);
    if (code == NULL) {
        fprintf(stderr, "%s: cannot be written as bytecode\n", path);
        exit(1);
    }
    fprintf(out, "static const uint8_t code_%s[%zu] = {", name, bytes);
    for (size_t i = 0; i < bytes; i++)
        fprintf(out, "%s%u,", i % 24 == 0 ? "\n" : "", code[i]);
    fprintf(out, "\n};\n");
    js_free(ctx, code);
    JS_FreeValue(ctx, script);
    free(source);
}

int main(int argc, char **argv)
{
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = rt == NULL ? NULL : JS_NewContext(rt);
    FILE *out;

    if (argc < 3 || ctx == NULL) {
        fprintf(stderr, "usage: compile OUT.c PRELUDE.js...\n");
        return 1;
    }
    out = fopen(argv[1], "w");
    if (out == NULL) {
        perror(argv[1]);
        return 1;
    }
    fprintf(out, "/* Made by compile.c. */\n#include \"parts.h\"\n");
    for (int i = 2; i < argc; i++)
        compile(ctx, out, argv[i]);
    fprintf(out, "const js_part js_parts[] = {\n");
    for (int i = 2; i < argc; i++) {
        char name[64];

        part_name(argv[i], name);
        fprintf(out, "{ \"%s\", code_%s, sizeof(code_%s) },\n", name, name,
                name);
    }
    fprintf(out, "{ NULL, NULL, 0 }\n};\n");
    if (fclose(out) != 0) {
        perror(argv[1]);
        return 1;
    }
    JS_FreeContext(ctx);
    JS_FreeRuntime(rt);
    return 0;
}
