/* The event loop. Scripts are hostile, but the sandbox holds them: here they
 * only have to end with a message that helps whoever wrote them. */
#include "loop.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "inspect.h"
#include "native.h"
#include "parts.h"
#include "quickjs-libc.h"
#include "tool.h"

/* A promise that was rejected while nobody listened. */
typedef struct rejection {
    JSValue promise;
    JSValue reason;
} rejection;

static rejection *rejections;
static size_t rejections_count;
static size_t rejections_cap;

/* The main module's promise: whoever awaits it reports its error. */
static JSValue awaited = JS_UNDEFINED;

static void forget_rejection(JSContext *ctx, JSValueConst promise)
{
    for (size_t i = 0; i < rejections_count; i++) {
        if (!JS_IsSameValue(ctx, rejections[i].promise, promise))
            continue;
        JS_FreeValue(ctx, rejections[i].promise);
        JS_FreeValue(ctx, rejections[i].reason);
        rejections[i] = rejections[--rejections_count];
        return;
    }
}

static void track_rejection(JSContext *ctx, JSValueConst promise,
                            JSValueConst reason, bool is_handled, void *opaque)
{
    (void)opaque;
    if (JS_IsSameValue(ctx, promise, awaited))
        return;
    if (is_handled) {
        forget_rejection(ctx, promise);
        return;
    }
    if (rejections_count == rejections_cap) {
        size_t cap = rejections_cap == 0 ? 16 : rejections_cap * 2;
        rejection *grown = realloc(rejections, cap * sizeof(*grown));

        if (grown == NULL)
            return;
        rejections = grown;
        rejections_cap = cap;
    }
    rejections[rejections_count].promise = JS_DupValue(ctx, promise);
    rejections[rejections_count].reason = JS_DupValue(ctx, reason);
    rejections_count++;
}

void js_loop_init(JSRuntime *rt)
{
    JS_SetHostPromiseRejectionTracker(rt, track_rejection, NULL);
}

_Noreturn static void fail(JSContext *ctx, const char *what, JSValueConst error)
{
    char *shown;

    if (js_tool_is_running())
        js_tool_fail(ctx, what, error);
    fflush(stdout);
    shown = js_inspect(ctx, error);
    fprintf(stderr, "%s%s\n", what, shown);
    free(shown);
    exit(JS_EXIT_ERROR);
}

_Noreturn void js_loop_fail(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);

    fail(ctx, "Uncaught ", error);
}

static void check_rejections(JSContext *ctx)
{
    if (rejections_count > 0)
        fail(ctx, "Uncaught (in promise) ", rejections[0].reason);
}

/* One turn. False when nothing is left but, perhaps, descriptors. */
static bool turn(JSContext *ctx)
{
    int delay_ms = js_std_loop_once(ctx);

    if (delay_ms == -2)
        js_loop_fail(ctx);
    if (!JS_IsJobPending(JS_GetRuntime(ctx)))
        check_rejections(ctx);
    if (delay_ms > 0 && js_std_poll_io(ctx, delay_ms) < 0 &&
        JS_HasException(ctx))
        js_loop_fail(ctx);
    return delay_ms >= 0 || JS_IsJobPending(JS_GetRuntime(ctx));
}

void js_loop_run(JSContext *ctx)
{
    while (turn(ctx)) {
    }
    /* Only os.setReadHandler() and its twin are left; js_std_loop() alone
     * knows whether there are any, and looks after rejections its own way. */
    JS_SetHostPromiseRejectionTracker(JS_GetRuntime(ctx),
                                      js_std_promise_rejection_tracker, NULL);
    if (js_std_loop(ctx) != 0)
        js_loop_fail(ctx);
    check_rejections(ctx);
}

void js_loop_end(JSContext *ctx)
{
    JSValue system = js_parts_peek(ctx, "system");
    JSValue tell = JS_IsObject(system) ? JS_GetPropertyStr(ctx, system, "tell")
                                       : JS_UNDEFINED;

    if (JS_IsFunction(ctx, tell)) {
        JSValue args[] = { JS_NewString(ctx, "exit"),
                           JS_NewInt32(ctx, js_exit_code) };
        JSValue done = JS_Call(ctx, tell, JS_UNDEFINED, 2, args);

        if (JS_IsException(done))
            js_loop_fail(ctx);
        JS_FreeValue(ctx, args[0]);
        JS_FreeValue(ctx, done);
    }
    JS_FreeValue(ctx, tell);
    JS_FreeValue(ctx, system);
}

static const char unsettled_text[] =
    "Warning: a top-level await waits for something that can no longer "
    "happen\n";

JSValue js_loop_await(JSContext *ctx, JSValue promise)
{
    JSPromiseStateEnum state = JS_PromiseState(ctx, promise);
    JSValue value;

    if (state == JS_PROMISE_NOT_A_PROMISE)
        return promise;
    awaited = promise;
    while (state == JS_PROMISE_PENDING && turn(ctx))
        state = JS_PromiseState(ctx, promise);
    if (state == JS_PROMISE_PENDING) {
        js_loop_run(ctx);
        state = JS_PromiseState(ctx, promise);
    }
    if (state == JS_PROMISE_PENDING) {
        if (js_tool_is_running())
            js_tool_exit(JS_EXIT_UNSETTLED, unsettled_text);
        fflush(stdout);
        fputs(unsettled_text, stderr);
        exit(JS_EXIT_UNSETTLED);
    }
    awaited = JS_UNDEFINED;
    value = JS_PromiseResult(ctx, promise);
    if (state == JS_PROMISE_REJECTED) {
        forget_rejection(ctx, promise);
        value = JS_Throw(ctx, value);
    }
    JS_FreeValue(ctx, promise);
    return value;
}
