#include <jansson.h>
#include <string.h>

#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bx_policy *make_full_policy(void)
{
    return parse_policy(
        "work-dir: \"quote ' and \\\" and \\\\ and \\x01 and \\n\"\n"
        "map-dir:\n"
        "  - {host: 'a::b: c # d', guest: ./rel, mode: ro}\n"
        "  - {host: \"\xc3\xbcx \\u2028 b\\ufeff\\u0085\\U0001F600\", guest: "
        "/u}\n"
        "grant: ['fs.read:/', 'fs.write:/u: #x']\n"
        "env:\n"
        "  PLAIN: text\n"
        "  HARD: \"a: b # c\\n\\t'\\\"\\\\ \\x7f \\u00a0 end \"\n"
        "  NULLISH: '~'\n"
        "allowed-outbound-host: ['*', example.com, 'http://10.0.0.0/8:1..2']\n"
        "block-url: ['*.ads.example', 'https://x.example/\xc3\xbc?q=*']\n"
        "block-network: [private, 10.0.0.0/8, 'fd00::/8', '::1']\n"
        "wasm-timeout: 1500ms\n"
        "wasm-max-memory-size: 256MiB\n" /* the default, said aloud */
        "wasm-fuel: 12345\n"
        "wasm-cache-dir: ''\n"
        "deterministic: 18446744073709551615\n");
}

static void yaml_parses_back(void **state)
{
    bx_policy *policy = make_full_policy();
    char *first = bx_policy_format(policy, false, NULL);
    bx_policy *again = parse_policy(first);
    char *second = bx_policy_format(again, false, NULL);

    (void)state;
    assert_string_equal(first, second);
    assert_string_equal(again->mounts[0].host_dir, policy->mounts[0].host_dir);
    assert_string_equal(again->mounts[1].name, "./rel");
    assert_int_equal(again->mounts[1].access, 1);
    assert_string_equal(again->mounts[2].host_dir, policy->mounts[2].host_dir);
    assert_string_equal(again->fs_grants[1].guest_path, "/u: #x");
    for (size_t i = 0; i < policy->env_count; i++)
        assert_string_equal(again->env[i].value, policy->env[i].value);
    assert_memory_equal(&again->limits, &policy->limits,
                        sizeof(policy->limits));
    assert_int_equal(again->seed, UINT64_MAX);
    assert_string_equal(again->cache_dir, "");
    /* Said aloud it stays said; a default stays a default. */
    assert_non_null(strstr(first, "\nwasm-max-memory-size: 256MiB\n"));
    assert_non_null(strstr(first, "\n# max-output: 16MiB  (default)\n"));
    free(first);
    free(second);
    bx_policy_free(policy);
    bx_policy_free(again);
}

static void empty_policy_formats(void **state)
{
    bx_policy *policy = bx_policy_new();
    char *text = bx_policy_format(policy, false, NULL);
    bx_policy *again = parse_policy(text);

    (void)state;
    assert_int_equal(again->mounts_count, 0);
    free(text);
    bx_policy_free(policy);
    bx_policy_free(again);
}

static void json_has_everything(void **state)
{
    bx_policy *policy = make_full_policy();
    char *text = bx_policy_format(policy, true, NULL);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *limits = json_object_get(root, "limits");

    (void)state;
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "map-dir")), 3);
    assert_int_equal(json_array_size(json_object_get(root, "grant")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "env")), 3);
    assert_int_equal(
        json_array_size(json_object_get(root, "allowed-outbound-host")), 3);
    assert_int_equal(json_array_size(json_object_get(root, "block-url")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "block-network")),
                     4);
    assert_int_equal(json_object_size(limits), BX_LIMITS_COUNT);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(limits, "wasm-timeout"), "value")),
                     1500);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(limits, "max-output"), "origin")),
                        "default");
    assert_string_equal(
        json_string_value(json_object_get(root, "deterministic")),
        "18446744073709551615");
    json_decref(root);
    free(text);
    bx_policy_free(policy);
}

static void json_of_nothing_is_whole(void **state)
{
    bx_policy *policy = bx_policy_new();
    char *text = bx_policy_format(policy, true, NULL);
    json_t *root = json_loads(text, 0, NULL);

    (void)state;
    assert_int_equal(json_object_size(root), 16);
    assert_true(json_is_null(json_object_get(root, "wasm-cache-dir")));
    assert_true(json_is_null(json_object_get(root, "deterministic")));
    json_decref(root);
    free(text);
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_parses_back),
        cmocka_unit_test(empty_policy_formats),
        cmocka_unit_test(json_has_everything),
        cmocka_unit_test(json_of_nothing_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
