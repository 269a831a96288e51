/* js: run JavaScript inside the sandbox. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"
#include "loop.h"
#include "native.h"
#include "parts.h"
#include "quickjs-libc.h"

#define JS_TOOL_VERSION "0.1.0"
/* Of the stack in linear memory, bytes; at its end a script gets a RangeError.
 * Charged so that the default wasm-max-wasm-stack, 1 MiB, outlasts it: see
 * README.md, "Recursion". Less than the linker's stack-size by what one native
 * function may take on top. */
#define MAX_STACK_BYTES (2624 << 10)

typedef enum source_kind { KIND_DETECT, KIND_MODULE, KIND_SCRIPT } source_kind;

typedef struct options {
    source_kind kind;
    const char *code; /* -e or -p; NULL: a file */
    bool prints;      /* -p */
    const char *file; /* NULL or "-": standard input */
    int argc;         /* what is left for the script */
    char **argv;
} options;

static const char help_text[] =
    "js runs JavaScript (ES2023 and newer, QuickJS-ng).\n"
    "\n"
    "usage: js [options] FILE [ARGUMENT...]\n"
    "       js [options] -e CODE [ARGUMENT...]\n"
    "       js [options] - [ARGUMENT...]        the program comes on stdin\n"
    "\n"
    "  -e, --eval CODE    run CODE\n"
    "  -p, --print CODE   run CODE and print its value\n"
    "  -m, --module       treat the program as an ES module\n"
    "      --script       treat it as a classic script\n"
    "                     (otherwise: FILE.mjs and what only parses as a\n"
    "                     module, such as import or a top-level await)\n"
    "  -h, --help         this text\n"
    "  -v, --version      versions\n"
    "\n"
    "In a program:\n"
    "  console.log(value)                  objects are shown as Node does\n"
    "  const r = await fetch(url)          what the policy allows\n"
    "  std.loadFile(path)                  a file as text, null if there is "
    "none\n"
    "  std.writeFile(path, text)           replace a file\n"
    "  std.open(path, 'r').getline()       line by line\n"
    "  os.readdir(path), os.stat(path)     [value, errno] pairs\n"
    "  std.in.readAsString()               all of standard input\n"
    "  scriptArgs                          [FILE, ARGUMENT...]\n"
    "  import x from './x.js', './x.json'  files beside the program\n"
    "\n"
    "examples:\n"
    "  js -e 'console.log(1n + 2n)'\n"
    "  js -p 'JSON.parse(std.loadFile(\"/data/a.json\")).length'\n"
    "  js report.mjs /data/sales.csv\n";

_Noreturn static void usage(const char *format, const char *what)
{
    fputs("js: ", stderr);
    fprintf(stderr, format, what);
    fputs("; 'js --help' shows what there is\n", stderr);
    exit(JS_EXIT_USAGE);
}

static bool is_option(const char *arg, const char *brief, const char *full)
{
    return (brief != NULL && strcmp(arg, brief) == 0) || strcmp(arg, full) == 0;
}

static void parse_options(int argc, char **argv, options *opts)
{
    int at = 1;

    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        const char *arg = argv[at];

        if (strcmp(arg, "--") == 0) {
            at++;
            break;
        }
        if (is_option(arg, "-h", "--help")) {
            fputs(help_text, stdout);
            exit(0);
        }
        if (is_option(arg, "-v", "--version")) {
            printf("js " JS_TOOL_VERSION " (QuickJS-ng %s)\n", JS_GetVersion());
            exit(0);
        }
        if (is_option(arg, "-m", "--module")) {
            opts->kind = KIND_MODULE;
        } else if (is_option(arg, NULL, "--script")) {
            opts->kind = KIND_SCRIPT;
        } else if (is_option(arg, "-e", "--eval") ||
                   is_option(arg, "-p", "--print")) {
            if (at + 1 == argc)
                usage("'%s' needs the code to run behind it", arg);
            if (opts->code != NULL)
                usage("'%s': there is code to run already", arg);
            opts->prints = is_option(arg, "-p", "--print");
            opts->code = argv[++at];
        } else {
            usage("unknown option '%s'", arg);
        }
    }
    if (opts->code == NULL && at < argc)
        opts->file = argv[at++];
    opts->argc = argc - at;
    opts->argv = argv + at;
}

/* Everything on standard input. */
static char *read_stdin(JSContext *ctx, size_t *ret_bytes)
{
    char *text = NULL;
    size_t bytes = 0;
    size_t cap = 0;

    do {
        if (cap - bytes < 4096) {
            cap = cap == 0 ? 16384 : cap * 2;
            text = js_realloc(ctx, text, cap);
            if (text == NULL)
                js_loop_fail(ctx);
        }
        bytes += fread(text + bytes, 1, cap - bytes - 1, stdin);
    } while (!feof(stdin) && !ferror(stdin));
    if (ferror(stdin)) {
        fprintf(stderr, "js: standard input: %s\n", strerror(errno));
        exit(JS_EXIT_ERROR);
    }
    text[bytes] = '\0';
    *ret_bytes = bytes;
    return text;
}

static char *read_program(JSContext *ctx, const char *file, size_t *ret_bytes)
{
    uint8_t *text;

    if (file == NULL || strcmp(file, "-") == 0)
        return read_stdin(ctx, ret_bytes);
    errno = 0;
    text = js_load_file(ctx, ret_bytes, file);
    if (text == NULL) {
        fprintf(stderr, "js: '%s': %s\n", file,
                strerror(errno == 0 ? ENOENT : errno));
        exit(JS_EXIT_ERROR);
    }
    return (char *)text;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static JSValue compile(JSContext *ctx, const char *text, size_t bytes,
                       const char *name, source_kind kind)
{
    int flags = JS_EVAL_FLAG_COMPILE_ONLY;

    flags |= kind == KIND_MODULE ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL;
    return JS_Eval(ctx, text, bytes, name, flags);
}

/* A program that does not parse as a script and names what only a module has
 * is one; the error told is then the module's. */
static JSValue compile_detected(JSContext *ctx, const char *text, size_t bytes,
                                const char *name, source_kind *kind)
{
    JSValue code = compile(ctx, text, bytes, name, *kind);

    if (!JS_IsException(code) || *kind != KIND_DETECT)
        return code;
    if (strstr(text, "import") == NULL && strstr(text, "export") == NULL &&
        strstr(text, "await") == NULL)
        return code;
    JS_FreeValue(ctx, JS_GetException(ctx));
    *kind = KIND_MODULE;
    return compile(ctx, text, bytes, name, *kind);
}

/* -p: a top-level await makes the value come in a promise of { value }. */
static JSValue run_printed(JSContext *ctx, const char *text, size_t bytes,
                           const char *name)
{
    JSValue result = JS_Eval(ctx, text, bytes, name,
                             JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC);
    JSValue value;

    if (JS_IsException(result))
        return result;
    result = js_loop_await(ctx, result);
    if (JS_IsException(result))
        return result;
    value = JS_GetPropertyStr(ctx, result, "value");
    JS_FreeValue(ctx, result);
    return value;
}

static JSValue run(JSContext *ctx, const options *opts, const char *text,
                   size_t bytes, const char *name)
{
    source_kind kind = opts->kind;
    JSValue code;

    if (kind == KIND_DETECT && opts->file != NULL &&
        has_suffix(opts->file, ".mjs"))
        kind = KIND_MODULE;
    if (opts->prints && kind != KIND_MODULE)
        return run_printed(ctx, text, bytes, name);
    code = compile_detected(ctx, text, bytes, name, &kind);
    if (JS_IsException(code))
        return code;
    if (kind == KIND_MODULE &&
        js_module_set_import_meta(ctx, code, false, true) < 0)
        return JS_EXCEPTION;
    code = JS_EvalFunction(ctx, code);
    if (kind != KIND_MODULE || JS_IsException(code))
        return code;
    return js_loop_await(ctx, code);
}

static void print_value(JSContext *ctx, JSValueConst value)
{
    JSValue part = js_parts_get(ctx, "console");
    JSValue console = JS_GetPropertyStr(ctx, part, "console");
    JSValue log = JS_GetPropertyStr(ctx, console, "log");
    JSValue done = JS_Call(ctx, log, console, 1, &value);

    if (JS_IsException(done))
        js_loop_fail(ctx);
    JS_FreeValue(ctx, done);
    JS_FreeValue(ctx, log);
    JS_FreeValue(ctx, console);
    JS_FreeValue(ctx, part);
}

static void define_script_args(JSContext *ctx, const char *name,
                               const options *opts)
{
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue args = JS_NewArray(ctx);

    JS_SetPropertyUint32(ctx, args, 0, JS_NewString(ctx, name));
    for (int i = 0; i < opts->argc; i++)
        JS_SetPropertyUint32(ctx, args, (uint32_t)i + 1,
                             JS_NewString(ctx, opts->argv[i]));
    JS_DefinePropertyValueStr(ctx, global, "scriptArgs", args,
                              JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_FreeValue(ctx, global);
}

static JSContext *start(void)
{
    JSRuntime *rt = JS_NewRuntime2(&js_heap, NULL);
    JSContext *ctx;

    if (rt == NULL)
        return NULL;
    JS_SetMaxStackSize(rt, MAX_STACK_BYTES);
    js_std_init_handlers(rt);
    js_loop_init(rt);
    ctx = JS_NewContext(rt);
    if (ctx == NULL)
        return NULL;
    js_init_module_std(ctx, "qjs:std");
    js_init_module_os(ctx, "qjs:os");
    JS_SetModuleLoaderFunc2(rt, NULL, js_parts_load_module,
                            js_module_check_attributes, NULL);
    return js_parts_init(ctx) < 0 ? NULL : ctx;
}

int main(int argc, char **argv)
{
    options opts = { KIND_DETECT, NULL, false, NULL, 0, NULL };
    JSContext *ctx;
    const char *name;
    const char *text;
    size_t bytes;
    JSValue value;

    parse_options(argc, argv, &opts);
    if (opts.code == NULL && opts.file == NULL && isatty(STDIN_FILENO)) {
        fputs(help_text, stdout);
        return 0;
    }
    ctx = start();
    if (ctx == NULL) {
        fputs("js: no memory to start in; allow more with "
              "--wasm-max-memory-size\n",
              stderr);
        return JS_EXIT_ERROR;
    }
    name = opts.code != NULL                                  ? "[eval]"
           : opts.file == NULL || strcmp(opts.file, "-") == 0 ? "[stdin]"
                                                              : opts.file;
    define_script_args(ctx, name, &opts);
    text = opts.code;
    if (text != NULL)
        bytes = strlen(text);
    else
        text = read_program(ctx, opts.file, &bytes);
    value = run(ctx, &opts, text, bytes, name);
    if (JS_IsException(value))
        js_loop_fail(ctx);
    if (opts.prints)
        print_value(ctx, value);
    js_loop_run(ctx);
    /* The instance ends here: freeing object by object would only take time. */
    if (fflush(stdout) != 0 || fflush(stderr) != 0)
        return JS_EXIT_ERROR;
    return js_exit_code;
}
