/* Modules: what is accepted, and what each malformed one is told. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/support.h"

/* (module (memory (export "memory") 1) (func (export "_start"))) with a start
 * that stores and loops a little, so that every section kind is there. */
static const uint8_t
    binary
        [] = {
            0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, /* preamble */
            0x01, 0x04, 0x01, 0x60, 0x00, 0x00,             /* type () -> () */
            0x03, 0x02, 0x01, 0x00,                         /* one function */
            0x05, 0x03, 0x01, 0x00, 0x01,                   /* memory, 1 page */
            0x07, 0x13, 0x02,                               /* exports */
            0x06, 'm',  'e',  'm',  'o',  'r',  'y',  0x02,
            0x00, 0x06, '_',  's',  't',  'a',  'r',  't',
            0x00, 0x00, 0x0a, 0x0b, 0x01, 0x09, 0x00, /* code:
                                                         i32.store
                                                       */
            0x41, 0x00, 0x41, 0x2a, 0x36, 0x02, 0x00, 0x0b,
        };

static bx_policy *no_cache(void)
{
    return make_policy("wasm-cache-dir", "", NULL);
}

/* NULL and the error, or the module. */
static bx_module *parse(const void *bytes, size_t count, bx_error **err)
{
    bx_policy *policy = no_cache();
    bx_module *module =
        bx_module_parse(test_engine, bytes, count, "m.wasm", policy, err);

    bx_policy_free(policy);
    return module;
}

static void expect_refused(const void *bytes, size_t count, const char *text)
{
    bx_error *err = NULL;

    assert_null(parse(bytes, count, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), text) == NULL ||
        strstr(bx_error_message(err), "m.wasm") == NULL)
        fail_msg("'%s' is not in '%s'", text, bx_error_message(err));
    bx_error_free(err);
}

static void accepts_binary_and_text(void **state)
{
    static const char text[] = " ;; a comment\n(module)";
    bx_module *module = parse(binary, sizeof(binary), NULL);

    (void)state;
    assert_non_null(module);
    bx_module_free(module);
    module = parse(text, sizeof(text) - 1, NULL);
    assert_non_null(module);
    bx_module_free(module);
}

static void refuses_what_is_no_module(void **state)
{
    (void)state;
    expect_refused("", 0, "not WebAssembly");
    expect_refused("#!/bin/sh\n", 10, "not WebAssembly");
    expect_refused("\177ELF\2\1\1", 7, "not WebAssembly");
    expect_refused("(module", 7, "text format");
    expect_refused("(module (func (call $nowhere)))", 31, "text format");
    expect_refused("(\0\377\376", 4, "text format");
}

static void loads_a_component_too(void **state)
{
    bx_error *err = NULL;
    bx_module *module = parse("\0asm\x0d\0\1\0", 8, &err);
    char *json;

    (void)state;
    assert_non_null(module);
    json = bx_module_inspect(module, &err);
    assert_non_null(strstr(json, "\"kind\": \"component\""));
    free(json);
    bx_module_free(module);
    /* No layer of its own: 2. */
    expect_refused("\0asm\x0d\0\2\0", 8, "not a valid module");
}

static void refuses_every_truncation(void **state)
{
    bx_error *err;

    (void)state;
    for (size_t count = 0; count < sizeof(binary); count++) {
        bx_module *module;

        err = NULL;
        module = parse(binary, count, &err);
        /* The preamble alone, and whole sections, are modules of their own. */
        if (module != NULL) {
            bx_module_free(module);
            continue;
        }
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
    }
    err = NULL;
    assert_null(parse(binary, sizeof(binary) - 1, &err));
    bx_error_free(err);
}

static void survives_every_changed_byte(void **state)
{
    uint8_t copy[sizeof(binary)];
    static const uint8_t masks[] = { 0x01, 0x80, 0xff };

    (void)state;
    for (size_t i = 0; i < sizeof(binary); i++) {
        for (size_t j = 0; j < sizeof(masks); j++) {
            bx_error *err = NULL;
            bx_module *module;

            memcpy(copy, binary, sizeof(copy));
            copy[i] ^= masks[j];
            module = parse(copy, sizeof(copy), &err);
            assert_true((module == NULL) == (err != NULL));
            bx_module_free(module);
            bx_error_free(err);
        }
    }
}

static void refuses_a_file_that_is_too_large(void **state)
{
    bx_error *err = NULL;
    char path[128];
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/huge.wasm", test_home);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    assert_null(bx_module_load(test_engine, path, NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_non_null(strstr(bx_error_message(err), "huge.wasm"));
    bx_error_free(err);
}

/* A million empty functions would cost gigabytes to compile. */
static void refuses_too_many_functions(void **state)
{
    static const char end[] = "(func))";
    size_t count = 250001;
    char *text = malloc(count * 6 + 64);
    size_t len = 0;
    bx_error *err = NULL;

    (void)state;
    len += (size_t)sprintf(text, "(module ");
    for (size_t i = 1; i < count; i++) {
        memcpy(text + len, "(func)", 6);
        len += 6;
    }
    memcpy(text + len, end, sizeof(end) - 1);
    len += sizeof(end) - 1;
    assert_null(parse(text, len, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_non_null(strstr(bx_error_message(err), "250001 functions"));
    bx_error_free(err);
    free(text);
}

static void names_a_missing_file_and_a_folder(void **state)
{
    bx_error *err = NULL;

    (void)state;
    assert_null(bx_module_load(test_engine, "/no/such.wasm", NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "/no/such.wasm"));
    bx_error_free(err);
    err = NULL;
    assert_null(bx_module_load(test_engine, test_home, NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
    bx_error_free(err);
}

static void inspects_without_running(void **state)
{
    static const char text[] =
        "(module (import \"wasi_snapshot_preview1\" \"path_open\" (func (param "
        "i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))) (import \"env\" "
        "\"x\" (func)) (memory (export \"memory\") 2 5) (func $s "
        "(unreachable)) (start $s))";
    bx_module *module = parse(text, sizeof(text) - 1, NULL);
    char *json;

    (void)state;
    assert_non_null(module);
    json = bx_module_inspect(module, NULL);
    assert_non_null(json);
    assert_non_null(strstr(json, "\"files\""));
    assert_non_null(strstr(json, "\"min_pages\": 2"));
    assert_non_null(strstr(json, "\"max_pages\": 5"));
    assert_non_null(strstr(json, "\"is_known\": false"));
    assert_non_null(strstr(json, "\"library\""));
    free(json);
    bx_module_free(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_binary_and_text),
        cmocka_unit_test(refuses_what_is_no_module),
        cmocka_unit_test(loads_a_component_too),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_changed_byte),
        cmocka_unit_test(refuses_a_file_that_is_too_large),
        cmocka_unit_test(refuses_too_many_functions),
        cmocka_unit_test(names_a_missing_file_and_a_folder),
        cmocka_unit_test(inspects_without_running),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
