#include "manifest/support.h"

#include <string.h>

#define WORDS "tool: {name: words, description: Count words.}"
#define SCRIPTED "tool: {name: words, description: Count words., runtime: js}"

static const uint8_t core[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
static const uint8_t component[] = { 0, 'a', 's', 'm', 13, 0, 1, 0 };

typedef struct bytes {
    uint8_t data[1024];
    size_t count;
} bytes;

static void put(bytes *out, const void *data, size_t count)
{
    assert_true(out->count + count <= sizeof(out->data));
    memcpy(out->data + out->count, data, count);
    out->count += count;
}

/* A section; its length must fit one byte of LEB128. */
static void put_section(bytes *out, uint8_t id, const void *content,
                        size_t count)
{
    uint8_t head[2] = { id, (uint8_t)count };

    assert_true(count < 128);
    put(out, head, 2);
    put(out, content, count);
}

static void put_custom(bytes *out, const char *name, const char *text)
{
    bytes content = { .count = 0 };
    uint8_t length = (uint8_t)strlen(name);

    put(&content, &length, 1);
    put(&content, name, length);
    put(&content, text, strlen(text));
    put_section(out, 0, content.data, content.count);
}

static bytes start(const uint8_t preamble[8])
{
    bytes module = { .count = 0 };

    put(&module, preamble, 8);
    put_section(&module, 1, "\0", 1); /* no types */
    return module;
}

static bytes embed(const char *manifest, const bytes *module)
{
    bytes result = { .count = 0 };
    bx_error *err = NULL;
    uint8_t *data;
    size_t count;

    if (bx_manifest_embed(manifest, strlen(manifest), module->data,
                          module->count, &data, &count, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    put(&result, data, count);
    free(data);
    return result;
}

static void embedded_manifest_is_found(void **state)
{
    const uint8_t *preambles[] = { core, component };

    (void)state;
    for (size_t i = 0; i < COUNT(preambles); i++) {
        bytes module = start(preambles[i]);
        bytes with = embed(WORDS, &module);
        bytes again = embed("tool: {name: other, description: b}", &with);
        bx_error *err = NULL;
        bx_manifest *manifest =
            bx_manifest_extract(with.data, with.count, "x.wasm", &err);

        assert_memory_equal(with.data, module.data, module.count);
        assert_non_null(manifest);
        assert_string_equal(manifest->name, "words");
        bx_manifest_free(manifest);
        manifest = bx_manifest_extract(again.data, again.count, "x.wasm", &err);
        assert_non_null(manifest); /* one section: the other was replaced */
        assert_string_equal(manifest->name, "other");
        bx_manifest_free(manifest);
    }
}

static void absent_manifest_is_no_error(void **state)
{
    bytes module = start(core);
    bx_error *err = NULL;

    (void)state;
    assert_null(bx_manifest_extract(module.data, module.count, "x", &err));
    assert_null(err);
    put_custom(&module, "boxagnts.toolbox", "tool: 1");
    assert_null(bx_manifest_extract(module.data, module.count, "x", &err));
    assert_null(err);
    assert_null(bx_manifest_extract("(module)", 8, "x", &err));
    assert_null(err);
    assert_null(bx_manifest_extract("", 0, "x", &err));
    assert_null(err);
}

/* A component's modules are its parts; what they say of themselves is not
 * what the component says. */
static void sections_of_nested_modules_do_not_count(void **state)
{
    bytes outer = { .count = 0 };
    bytes inner = { .count = 0 };
    bx_error *err = NULL;

    (void)state;
    put(&inner, core, 8);
    put_custom(&inner, BX_MANIFEST_SECTION, WORDS);
    put(&outer, component, 8);
    put_section(&outer, 1, inner.data, inner.count);
    assert_null(bx_manifest_extract(outer.data, outer.count, "x", &err));
    assert_null(err);
}

static void refuse(const bytes *module, const char *message)
{
    bx_error *err = NULL;

    assert_null(bx_manifest_extract(module->data, module->count, "x", &err));
    assert_error(err, BX_ERR_INVALID, message);
}

static void hostile_sections_are_refused(void **state)
{
    bytes module = start(core);
    bytes twice = start(core);
    bytes bad;

    (void)state;
    put_custom(&twice, BX_MANIFEST_SECTION, WORDS);
    put_custom(&twice, BX_MANIFEST_SECTION, WORDS);
    refuse(&twice, "x: two sections 'boxagnts.tool'; expected one (write it "
                   "anew with `boxagnts tool embed`)");
    bad = module;
    put(&bad, "\0\x7f", 2);
    refuse(&bad, "x: the section at byte 11 reaches past the end of the file; "
                 "expected a whole WebAssembly module");
    bad = module;
    put(&bad, "\0\xff\xff\xff\xff\x1f", 6);
    refuse(&bad, "x: the section at byte 11 has a malformed length; expected a "
                 "whole WebAssembly module");
    bad = module;
    put(&bad, "\0\xff\xff\xff\xff\x0f", 6);
    refuse(&bad, "x: the section at byte 11 reaches past the end of the file; "
                 "expected a whole WebAssembly module");
    bad = module;
    put(&bad, "\0\x80\x80\x80\x80\x80\x01", 7);
    refuse(&bad, "x: the section at byte 11 has a malformed length; expected a "
                 "whole WebAssembly module");
    bad = module;
    put(&bad, "\0\x02\x05\x61", 4);
    refuse(&bad, "x: the section at byte 11 has a name that reaches past its "
                 "end; expected a whole WebAssembly module");
    bad = module;
    put(&bad, "\0\0", 2);
    refuse(&bad, "x: the section at byte 11 has a name that reaches past its "
                 "end; expected a whole WebAssembly module");
    bad = module;
    put_custom(&bad, BX_MANIFEST_SECTION, "tool: 1");
    refuse(&bad, "section boxagnts.tool of 'x': line 1: tool: expected a "
                 "mapping with name and description, got a number");
}

static void scripts_travel_along(void **state)
{
    const char *script = "function run(input) { return 1; }";
    bx_error *err = NULL;
    uint8_t *data;
    size_t count;
    bx_manifest *manifest;
    char **argv;
    size_t argc;

    (void)state;
    assert_int_equal(bx_manifest_pack(SCRIPTED, strlen(SCRIPTED), script,
                                      strlen(script), &data, &count, &err),
                     0);
    manifest = bx_manifest_extract(data, count, "x", &err);
    assert_non_null(manifest);
    assert_int_equal(manifest->runtime, BX_TOOL_RUNTIME_JS);
    assert_string_equal(manifest->script, script);
    assert_int_equal(bx_manifest_script_argv(manifest, &argv, &argc, &err), 0);
    assert_int_equal(argc, 3);
    assert_string_equal(argv[0], "js");
    assert_string_equal(argv[1], "-e");
    assert_memory_equal(argv[2], script, strlen(script));
    bx_argv_free(argv, argc);
    bx_manifest_free(manifest);
    free(data);
}

/* What lies in the workspace is no part of a tool. */
static void python_runs_isolated(void **state)
{
    static const char manifest_text[] =
        "tool: {name: words, description: Count words., runtime: python}";
    static const char script[] = "def run(input): return ''";
    bx_error *err = NULL;
    bx_manifest *manifest =
        bx_manifest_parse(manifest_text, strlen(manifest_text), "x", &err);
    char **argv;
    size_t argc;

    (void)state;
    assert_non_null(manifest);
    assert_int_equal(
        bx_manifest_put_script(manifest, script, strlen(script), &err), 0);
    assert_int_equal(bx_manifest_script_argv(manifest, &argv, &argc, &err), 0);
    assert_int_equal(argc, 4);
    assert_string_equal(argv[0], "python3");
    assert_string_equal(argv[1], "-I");
    assert_string_equal(argv[2], "-c");
    assert_memory_equal(argv[3], script, strlen(script));
    bx_argv_free(argv, argc);
    bx_manifest_free(manifest);
}

static void scripts_and_runtimes_go_together(void **state)
{
    bytes module = start(core);
    bytes with;
    bx_error *err = NULL;
    uint8_t *data;
    size_t count;

    (void)state;
    with = embed(WORDS, &module);
    put_custom(&with, BX_MANIFEST_SCRIPT_SECTION, "1");
    refuse(&with, "x: a section 'boxagnts.script' without 'runtime: js' or "
                  "'runtime: python' in its manifest");
    with = module;
    put_custom(&with, BX_MANIFEST_SECTION, SCRIPTED);
    refuse(&with, "x: 'runtime: js' and no section 'boxagnts.script'; expected "
                  "the script in it (`boxagnts tool embed` writes it)");
    put_custom(&with, BX_MANIFEST_SCRIPT_SECTION, "\xff");
    refuse(&with, "x: the script of 'words': expected UTF-8 without NUL bytes");
    assert_int_equal(
        bx_manifest_pack(WORDS, strlen(WORDS), "1", 1, &data, &count, &err),
        -1);
    assert_error(err, BX_ERR_INVALID,
                 "a script, and no 'runtime: js' or 'runtime: python' in the "
                 "manifest of 'words'");
}

static void embed_refuses_what_it_would_not_read(void **state)
{
    bytes module = start(core);
    bx_error *err = NULL;
    uint8_t *data;
    size_t count;

    (void)state;
    assert_int_equal(bx_manifest_embed("tool: 1", 7, module.data, module.count,
                                       &data, &count, &err),
                     -1);
    assert_error(err, BX_ERR_INVALID,
                 "the manifest: line 1: tool: expected a mapping with name and "
                 "description, got a number");
    err = NULL;
    assert_int_equal(bx_manifest_embed(WORDS, strlen(WORDS), "(module)", 8,
                                       &data, &count, &err),
                     -1);
    assert_error(err, BX_ERR_INVALID,
                 "the module is no WebAssembly binary; expected a core module "
                 "or component (\\0asm)");
    err = NULL;
    assert_int_equal(bx_manifest_embed(WORDS, strlen(WORDS), module.data,
                                       module.count - 1, &data, &count, &err),
                     -1);
    assert_error(err, BX_ERR_INVALID,
                 "the module: the section at byte 8 reaches past the end of "
                 "the file; expected a whole WebAssembly module");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedded_manifest_is_found),
        cmocka_unit_test(absent_manifest_is_no_error),
        cmocka_unit_test(sections_of_nested_modules_do_not_count),
        cmocka_unit_test(hostile_sections_are_refused),
        cmocka_unit_test(scripts_travel_along),
        cmocka_unit_test(python_runs_isolated),
        cmocka_unit_test(scripts_and_runtimes_go_together),
        cmocka_unit_test(embed_refuses_what_it_would_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
