/* What real compilers emit runs; what would share memory does not. Each module
 * exits with 7 when its instructions did what they should. */
#include <string.h>

#include "sandbox/support.h"

static const struct {
    const char *name;
    const char *wat;
} features[] = {
    { "simd",
      COMMAND(PROC_EXIT, "(call $exit (i32x4.extract_lane 2 (i32x4.add "
                         "(v128.const i32x4 1 2 3 4) (i32x4.splat (i32.const "
                         "4)))))") },
    { "relaxed simd",
      COMMAND(PROC_EXIT,
              "(call $exit (i32.trunc_f32_s (f32x4.extract_lane 0 "
              "(f32x4.relaxed_madd (f32x4.splat (f32.const 2)) (f32x4.splat "
              "(f32.const 3)) (f32x4.splat (f32.const 1))))))") },
    { "bulk memory",
      COMMAND(PROC_EXIT,
              "(memory.fill (i32.const 0) (i32.const 7) (i32.const 64)) "
              "(memory.copy (i32.const 100) (i32.const 0) (i32.const 64)) "
              "(call $exit (i32.load8_u (i32.const 150)))") },
    { "exceptions",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (tag $t (param "
      "i32)) (func (export \"_start\") (call $exit (block $caught (result i32) "
      "(try_table (catch $t $caught) (throw $t (i32.const 7))) (i32.const "
      "1)))))" },
    { "multi value",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (func $two (result "
      "i32 i32) (i32.const 3) (i32.const 4)) (func (export \"_start\") (call "
      "$exit (i32.add (call $two)))))" },
    { "tail calls",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (func $count "
      "(param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then "
      "(i32.const 7)) (else (return_call $count (i32.sub (local.get 0) "
      "(i32.const 1)))))) (func (export \"_start\") (call $exit (call $count "
      "(i32.const 1000000)))))" },
    { "reference types",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (table $t 1 "
      "funcref) (func $seven (result i32) (i32.const 7)) (elem declare func "
      "$seven) (type $f (func (result i32))) (func (export \"_start\") "
      "(table.set $t (i32.const 0) (ref.func $seven)) (call $exit "
      "(call_indirect $t (type $f) (i32.const 0)))))" },
    { "typed function references",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (type $f (func "
      "(result i32))) (func $seven (type $f) (i32.const 7)) (elem declare func "
      "$seven) (func (export \"_start\") (call $exit (call_ref $f (ref.func "
      "$seven)))))" },
    { "garbage collection",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (type $s (struct "
      "(field i32))) (func (export \"_start\") (call $exit (struct.get $s 0 "
      "(struct.new $s (i32.const 7))))))" },
    { "several memories",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (memory $b 1) "
      "(func (export \"_start\") (i32.store $b (i32.const 0) (i32.const 7)) "
      "(call $exit (i32.add (i32.load (i32.const 0)) (i32.load $b (i32.const "
      "0))))))" },
    { "64-bit memory beside",
      "(module " PROC_EXIT " (memory (export \"memory\") 1) (memory $b i64 1) "
      "(func (export \"_start\") (i32.store $b (i64.const 8) (i32.const 7)) "
      "(call $exit (i32.load $b (i64.const 8)))))" },
    { "atomics on memory of its own",
      COMMAND(PROC_EXIT, "(drop (i32.atomic.rmw.add (i32.const 0) (i32.const "
                         "7))) (call $exit (i32.atomic.load (i32.const 0)))") },
    { "sign extension and saturating truncation",
      COMMAND(PROC_EXIT,
              "(call $exit (i32.add (i32.extend8_s (i32.const 0xff)) "
              "(i32.trunc_sat_f64_s (f64.const 8.9))))") },
};

static void run_what_compilers_emit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        bx_result *result = run_wat(features[i].wat, NULL, NULL);

        if (bx_result_code(result) != BX_OK || bx_result_exit_code(result) != 7)
            fail_msg("%s: exit code %u %s", features[i].name,
                     bx_result_exit_code(result), bx_result_message(result));
        bx_result_free(result);
    }
}

static void an_uncaught_exception_is_a_trap(void **state)
{
    bx_result *result =
        run_wat("(module (memory (export \"memory\") 1) (tag $t) (func (export "
                "\"_start\") (throw $t)))",
                NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_TRAP);
    bx_result_free(result);
}

/* Objects kept alive: the heap they fill counts as memory. */
static void a_heap_of_objects_meets_the_memory_limit(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-max-memory-size", "1MiB", NULL);
    bx_result *result = run_wat(
        "(module (memory (export \"memory\") 1) (type $n (struct (field (ref "
        "null $n)) (field i64 i64 i64 i64))) (global $all (mut (ref null $n)) "
        "(ref.null $n)) (func (export \"_start\") (loop $l (global.set $all "
        "(struct.new $n (global.get $all) (i64.const 0) (i64.const 0) "
        "(i64.const 0) (i64.const 0))) (br $l))))",
        policy, NULL);
    bx_stats stats;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_MEMORY);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_in_range(stats.memory_bytes, 65536, 1 << 20);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void refuses_shared_memory(void **state)
{
    bx_error *err = fail_wat("(module (memory (export \"memory\") 1 2 shared) "
                             "(func (export \"_start\")))",
                             NULL);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_what_compilers_emit),
        cmocka_unit_test(an_uncaught_exception_is_a_trap),
        cmocka_unit_test(a_heap_of_objects_meets_the_memory_limit),
        cmocka_unit_test(refuses_shared_memory),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
