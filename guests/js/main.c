/* js: run JavaScript inside the sandbox. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"
#include "loop.h"
#include "module.h"
#include "native.h"
#include "parts.h"
#include "program.h"
#include "quickjs-libc.h"
#include "text.h"
#include "tool.h"

#define JS_TOOL_VERSION "0.1.0"
/* Of the stack in linear memory, bytes; at its end a script gets a RangeError.
 * Charged so that the default wasm-max-wasm-stack, 1 MiB, outlasts it: see
 * README.md, "Recursion". Less than the linker's stack-size by what one native
 * function may take on top. */
#define MAX_STACK_BYTES (2624 << 10)

typedef struct options {
    const char *program; /* what the command line calls us */
    js_program_kind kind;
    const char *code; /* -e or -p; NULL: a file */
    bool prints;      /* -p */
    const char *file; /* NULL or "-": standard input */
    int argc;         /* what is left for the script */
    char **argv;
} options;

static const char help_text[] =
    "js (also: node, qjs) runs JavaScript (ES2023 and newer, QuickJS-ng) with\n"
    "the modules of Node.js that make sense in a sandbox.\n"
    "\n"
    "usage: js [options] FILE [ARGUMENT...]\n"
    "       js [options] -e CODE [ARGUMENT...]\n"
    "       js [options] - [ARGUMENT...]        the program comes on stdin\n"
    "\n"
    "  -e, --eval CODE    run CODE\n"
    "  -p, --print CODE   run CODE and print its value\n"
    "  -m, --module       treat the program as an ES module (also:\n"
    "                     --input-type=module)\n"
    "      --script       treat it as a classic script (also:\n"
    "                     --input-type=commonjs)\n"
    "                     (otherwise: FILE.mjs and what only parses as a\n"
    "                     module, such as import or a top-level await)\n"
    "  -h, --help         this text\n"
    "  -v, --version      versions\n"
    "\n"
    "In a program:\n"
    "  console.log(value)                  objects are shown as Node does\n"
    "  import fs from 'node:fs'            also path, os, util, events, url,\n"
    "  const fs = require('fs')            crypto, child_process, ...\n"
    "  const r = await fetch(url)          what the policy allows\n"
    "  tools.file_read({ path })           the other tools of the box\n"
    "  std, os                             QuickJS's own modules\n"
    "\n"
    "examples:\n"
    "  js -e 'console.log(1n + 2n)'\n"
    "  js -p 'require(\"/data/a.json\").length'\n"
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

/* A program that asks node wants to know what it can rely on. */
static void print_version(const char *program)
{
    if (strcmp(program, "node") == 0)
        printf("v%s\n", JS_NODE_VERSION);
    else
        printf("js " JS_TOOL_VERSION " (QuickJS-ng %s)\n", JS_GetVersion());
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
            print_version(opts->program);
            exit(0);
        }
        if (is_option(arg, "-m", "--module") ||
            strcmp(arg, "--input-type=module") == 0) {
            opts->kind = JS_PROGRAM_MODULE;
        } else if (is_option(arg, NULL, "--script") ||
                   strcmp(arg, "--input-type=commonjs") == 0) {
            opts->kind = JS_PROGRAM_SCRIPT;
        } else if (is_option(arg, "-e", "--eval") ||
                   is_option(arg, "-p", "--print") || strcmp(arg, "-pe") == 0) {
            if (at + 1 == argc)
                usage("'%s' needs the code to run behind it", arg);
            if (opts->code != NULL)
                usage("'%s': there is code to run already", arg);
            opts->prints = opts->prints || is_option(arg, "-p", "--print") ||
                           strcmp(arg, "-pe") == 0;
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

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static char *read_program(JSContext *ctx, const char *file, size_t *ret_bytes)
{
    uint8_t *text;

    if (strcmp(file, "-") == 0)
        return js_program_read_stdin(ctx, ret_bytes);
    errno = 0;
    text = js_load_file(ctx, ret_bytes, file);
    if (text == NULL) {
        fprintf(stderr, "js: '%s': %s\n", file,
                strerror(errno == 0 ? ENOENT : errno));
        exit(JS_EXIT_ERROR);
    }
    return (char *)text;
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
    js_module_init(rt);
    return js_parts_init(ctx) < 0 ? NULL : ctx;
}

static JSContext *start_or_exit(void)
{
    JSContext *ctx;
    const char *folder = getenv("PWD");

    /* WASI has no working folder; its variable is what the host and other
     * programs set. One that is not there leaves us at "/". */
    if (folder != NULL && folder[0] == '/')
        (void)chdir(folder);
    ctx = start();
    if (ctx != NULL)
        return ctx;
    fputs("js: no memory to start in; allow more with "
          "--wasm-max-memory-size\n",
          stderr);
    exit(JS_EXIT_ERROR);
}

static JSValue run(JSContext *ctx, const options *opts)
{
    js_program_kind kind = opts->kind;
    const char *name = opts->code != NULL             ? "[eval]"
                       : strcmp(opts->file, "-") == 0 ? "[stdin]"
                                                      : opts->file;
    const char *text = opts->code;
    size_t bytes;

    define_script_args(ctx, name, opts);
    js_main_file = name[0] == '[' ? NULL : name;
    if (text != NULL)
        bytes = strlen(text);
    else
        text = read_program(ctx, opts->file, &bytes);
    if (kind == JS_PROGRAM_DETECT && has_suffix(name, ".mjs"))
        kind = JS_PROGRAM_MODULE;
    if (opts->prints)
        return js_program_evaluate(ctx, text, bytes, name);
    return js_program_run(ctx, text, bytes, name, kind);
}

int main(int argc, char **argv)
{
    char program[32];
    options opts = { .program = program };
    JSContext *ctx;
    JSValue value;

    js_program_name(argc > 0 ? argv[0] : "js", program, sizeof(program));
    if (js_tool_is_called(argc, argv))
        js_tool_run(start_or_exit());
    parse_options(argc, argv, &opts);
    if (opts.code == NULL && opts.file == NULL) {
        if (isatty(STDIN_FILENO)) {
            fputs(help_text, stdout);
            return 0;
        }
        opts.file = "-";
    }
    ctx = start_or_exit();
    value = run(ctx, &opts);
    if (JS_IsException(value))
        js_loop_fail(ctx);
    if (opts.prints)
        print_value(ctx, value);
    js_loop_run(ctx);
    js_loop_end(ctx);
    /* The instance ends here: freeing object by object would only take time. */
    if (fflush(stdout) != 0 || fflush(stderr) != 0)
        return JS_EXIT_ERROR;
    return js_exit_code;
}
