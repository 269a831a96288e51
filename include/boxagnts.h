/* BoxAgnts: run untrusted WebAssembly under an explicit policy.
 *
 * A policy says what a guest may touch; nothing given means nothing granted.
 * An engine compiles and caches modules. A sandbox joins one module and one
 * policy, and every run of it gets a fresh instance.
 *
 *     bx_engine *engine; bx_policy *policy; bx_module *module;
 *     bx_sandbox *sandbox; bx_result *result; bx_error *err = NULL;
 *     ...
 *
 * Conventions. A function that can fail returns -1 or NULL and sets *err,
 * which the caller frees with bx_error_free(); passing err as NULL is allowed.
 * Result parameters (ret_...) are written only on success. Strings are UTF-8
 * and NUL-terminated; they are copied unless the comment says borrowed.
 * An object may be used by many threads at once unless its comment says one.
 */
#ifndef BOXAGNTS_H
#define BOXAGNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BX_API __attribute__((visibility("default")))

#define BX_VERSION_MAJOR 0
#define BX_VERSION_MINOR 1
#define BX_VERSION_PATCH 0
#define BX_VERSION "0.1.0"

/** Version of the library in use, such as "0.1.0"; static. */
BX_API const char *bx_version(void);

/* ---- errors --------------------------------------------------------- */

/** What went wrong, to branch on; the message is for people. */
typedef enum bx_code {
    BX_OK = 0,
    BX_ERR_INVALID = 1,   /* an argument, a file or a module is malformed */
    BX_ERR_DENIED = 2,    /* the policy refuses */
    BX_ERR_NOT_FOUND = 3, /* what was named does not exist */
    BX_ERR_SYSTEM = 4,    /* the host failed; bx_error_errno() says how */
    BX_ERR_LIMIT = 5,     /* a cap of the host was met */
    BX_ERR_TRAP = 6,      /* the guest trapped */
    BX_ERR_TIMEOUT = 7,   /* wasm-timeout was reached */
    BX_ERR_FUEL = 8,      /* wasm-fuel was used up */
    BX_ERR_MEMORY = 9,    /* wasm-max-memory-size does not fit the module */
    BX_ERR_STACK = 10,    /* wasm-max-wasm-stack was reached */
    BX_ERR_CANCELLED = 11 /* bx_cancel_trigger() ended the run */
} bx_code;

typedef struct bx_error bx_error;

/** The code; BX_OK for NULL. */
BX_API bx_code bx_error_code(const bx_error *error);
/** The errno of a BX_ERR_SYSTEM error, otherwise 0. */
BX_API int bx_error_errno(const bx_error *error);
/** The message chain, outermost first; borrowed, "" for NULL. */
BX_API const char *bx_error_message(const bx_error *error);
/** NULL is fine. */
BX_API void bx_error_free(bx_error *error);
/** Lower-case name of a code, such as "denied"; static. */
BX_API const char *bx_code_name(bx_code code);

/* ---- policy --------------------------------------------------------- */

/** What a guest may do. Filled by one thread; may be shared once filled. */
typedef struct bx_policy bx_policy;

/** An empty policy: no files, no network, no environment, default limits. */
BX_API bx_policy *bx_policy_new(void);
/** Read a YAML policy file; relative host paths count from its folder.
 *  errors: BX_ERR_INVALID names file, line, key and what was expected. */
BX_API bx_policy *bx_policy_load(const char *path, bx_error **err);
/** The same from memory. name: what messages call it. base_dir: the folder
 *  relative host paths count from, NULL for the current one. */
BX_API bx_policy *bx_policy_parse(const char *text, size_t text_bytes,
                                  const char *name, const char *base_dir,
                                  bx_error **err);
BX_API bx_policy *bx_policy_clone(const bx_policy *policy);
/** NULL is fine. */
BX_API void bx_policy_free(bx_policy *policy);

/** Set one control by the name its flag has, without the dashes, such as
 *  ("map-dir", "data::/data::ro"). Lists grow, single values are replaced.
 *  origin: what explanations cite, such as "--map-dir data::/data::ro". */
BX_API int bx_policy_set(bx_policy *policy, const char *control,
                         const char *value, const char *origin, bx_error **err);

#define BX_ACCESS_READ 1u
#define BX_ACCESS_WRITE 2u

/** The eleven controls as functions. */
BX_API int bx_policy_work_dir(bx_policy *policy, const char *host_dir,
                              bx_error **err);
BX_API int bx_policy_map_dir(bx_policy *policy, const char *host_dir,
                             const char *guest_dir, unsigned access,
                             bx_error **err);
BX_API int bx_policy_env(bx_policy *policy, const char *name, const char *value,
                         bx_error **err);
BX_API int bx_policy_allowed_outbound_host(bx_policy *policy,
                                           const char *pattern, bx_error **err);
BX_API int bx_policy_block_url(bx_policy *policy, const char *pattern,
                               bx_error **err);
BX_API int bx_policy_block_network(bx_policy *policy, const char *cidr,
                                   bx_error **err);
/** 1 to 86400000 ms. */
BX_API int bx_policy_wasm_timeout(bx_policy *policy, uint64_t timeout_ms,
                                  bx_error **err);
/** 64 KiB to 4 GiB, bytes of linear memory. */
BX_API int bx_policy_wasm_max_memory_size(bx_policy *policy, uint64_t bytes,
                                          bx_error **err);
/** 16 KiB to 64 MiB. */
BX_API int bx_policy_wasm_max_wasm_stack(bx_policy *policy, uint64_t bytes,
                                         bx_error **err);
/** Fuel units, about one per instruction; 0 means not metered. */
BX_API int bx_policy_wasm_fuel(bx_policy *policy, uint64_t units,
                               bx_error **err);
/** Where compiled modules are kept; "" turns the cache off. */
BX_API int bx_policy_wasm_cache_dir(bx_policy *policy, const char *dir,
                                    bx_error **err);

/** The effective policy as text. json: machine readable, otherwise YAML that
 *  bx_policy_parse() reads back. Owned by the caller, free(). */
BX_API char *bx_policy_format(const bx_policy *policy, bool json,
                              bx_error **err);

/* ---- engine and modules --------------------------------------------- */

/** Compiles modules and keeps the pools that instances come from. Costs tens
 *  of milliseconds of address space set-up: make one for each process. A child
 *  of fork() makes its own: nothing runs on its parent's. */
typedef struct bx_engine bx_engine;

typedef struct bx_engine_options {
    size_t struct_bytes;    /* sizeof(bx_engine_options) */
    uint32_t max_instances; /* live at once; 0 takes the default, 1 suits a
                             * process that runs one guest and ends */
} bx_engine_options;

/** options: NULL takes the defaults. */
BX_API bx_engine *bx_engine_new(const bx_engine_options *options,
                                bx_error **err);
/** NULL is fine. Every module and sandbox of it must be freed before. */
BX_API void bx_engine_free(bx_engine *engine);

/** A validated, compiled module; immutable. */
typedef struct bx_module bx_module;

/** Load .wasm or .wat, from the cache when policy's wasm-cache-dir has it.
 *  policy: which cache and whether fuel is metered; NULL takes the defaults.
 *  errors: BX_ERR_INVALID: not a module, with where and why. */
BX_API bx_module *bx_module_load(bx_engine *engine, const char *path,
                                 const bx_policy *policy, bx_error **err);
/** The same from memory; name: what messages call it. */
BX_API bx_module *bx_module_parse(bx_engine *engine, const void *bytes,
                                  size_t bytes_len, const char *name,
                                  const bx_policy *policy, bx_error **err);
/** NULL is fine. Runs under way keep what they need. */
BX_API void bx_module_free(bx_module *module);
/** True when the compiled code came from the cache. */
BX_API bool bx_module_is_cached(const bx_module *module);
/** What the module imports, exports and will ask for, as JSON. Owned by the
 *  caller, free(). */
BX_API char *bx_module_inspect(const bx_module *module, bx_error **err);

/* ---- runs ----------------------------------------------------------- */

/** One module under one policy, ready to run; immutable. */
typedef struct bx_sandbox bx_sandbox;

/** The policy is copied, mapped folders are opened now.
 *  errors: BX_ERR_SYSTEM, BX_ERR_NOT_FOUND: a mapped folder; BX_ERR_INVALID:
 *          an import the sandbox does not have; BX_ERR_MEMORY */
BX_API bx_sandbox *bx_sandbox_new(bx_module *module, const bx_policy *policy,
                                  bx_error **err);
/** NULL is fine. */
BX_API void bx_sandbox_free(bx_sandbox *sandbox);

/** A refusal, as the audit trail records it. All strings are borrowed and
 *  printable: bytes a guest chose are escaped. */
typedef struct bx_audit_event {
    const char *call;   /* "path_open", "http_open" */
    const char *target; /* the path, URL or name asked for */
    const char *reason; /* "the mapping is read-only" */
    const char *rule;   /* what decided: "ci.yaml:7: map-dir ./d::/d::ro" */
} bx_audit_event;

typedef void (*bx_audit_fn)(void *context, const bx_audit_event *event);

/** Something a guest did to the world outside it: a file opened for writing,
 *  made, moved or removed, a request sent, a connection begun. Strings as
 *  above. */
typedef struct bx_effect_event {
    const char *call;   /* "path_unlink_file", "http_request" */
    const char *target; /* the path, URL or address */
    const char *detail; /* "write", "create", the method, the new path; "" */
} bx_effect_event;

typedef void (*bx_effect_fn)(void *context, const bx_effect_event *event);

/** A capability that the policy grants and the guest is about to use: the first
 *  use of each in a run; seldom again, in a run that uses very many. */
typedef struct bx_need_event {
    const char *kind;   /* as a grant is written: "fs.read", "fs.write",
                         * "network", "env", "exec", "tool". "fs.list" is the
                         * reading of a folder. Or what grants give by the way:
                         * "fs.stat", to see that the path is
                         * there or is not, by any grant at, above or beneath
                         * it; "fs.remove" of a folder, when no grant lies
                         * beneath; "fs.move" from "/from//to", when also both
                         * have the same access */
    const char *target; /* the guest path, "https://host:443", the name.
                         * Exact, not escaped: a guest chose the bytes */
} bx_need_event;

/** False: refuse it, as if the policy did. */
typedef bool (*bx_need_fn)(void *context, const bx_need_event *event);

/** A request that would change something elsewhere (any method but GET, HEAD
 *  and OPTIONS), before anything of it is sent; a redirect that repeats it is
 *  another one. A socket is held as a whole, since nobody knows what will go
 *  over it: method "CONNECT", url "tcp://1.2.3.4:80" or "udp://...". */
typedef struct bx_hold_event {
    const char *method;
    const char *url;  /* without credentials */
    const void *body; /* borrowed, as it will be sent, secrets masked */
    size_t body_bytes;
} bx_hold_event;

/** False: refuse it. The run's time stands still meanwhile. */
typedef bool (*bx_hold_fn)(void *context, const bx_hold_event *event);

/** Ends runs from another thread. */
typedef struct bx_cancel bx_cancel;
BX_API bx_cancel *bx_cancel_new(void);
BX_API void bx_cancel_trigger(bx_cancel *cancel);
/** NULL is fine; no run may still use it. */
BX_API void bx_cancel_free(bx_cancel *cancel);

#define BX_FD_CAPTURE (-1) /* keep the output in the result */
#define BX_FD_NONE (-2)    /* input is empty, output is dropped */

typedef struct bx_run_options {
    size_t struct_bytes;    /* sizeof(bx_run_options) */
    const void *stdin_data; /* borrowed; read when stdin_fd is BX_FD_NONE */
    size_t stdin_bytes;
    int stdin_fd;  /* borrowed, or BX_FD_NONE */
    int stdout_fd; /* borrowed, BX_FD_CAPTURE or BX_FD_NONE */
    int stderr_fd;
    uint64_t timeout_ms; /* 0 takes the policy's; never more than it */
    bx_cancel *cancel;   /* borrowed, or NULL */
    bx_audit_fn audit;   /* called on the running thread, or NULL */
    void *audit_context;
    bx_effect_fn effect; /* the same, or NULL */
    void *effect_context;
    bx_need_fn need; /* the same; NULL: what is granted is given */
    void *need_context;
    bx_hold_fn hold; /* the same; NULL: requests are sent at once */
    void *hold_context;
    int record_fd; /* borrowed: what enters the guest is written there as a
                    * recording; -1: none */
    uint64_t record_max_bytes; /* the most it may have; 0: 1 GiB */
} bx_run_options;

#define BX_RUN_OPTIONS_INIT                                                    \
    {                                                                          \
        sizeof(bx_run_options), NULL, 0, BX_FD_NONE, BX_FD_CAPTURE,            \
            BX_FD_CAPTURE, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,  \
            NULL, -1, 0                                                        \
    }

typedef struct bx_result bx_result;

/**
 * Run a module's _start in a fresh instance until it returns, traps or meets
 * a limit.
 *
 * argv        argc strings, argv[0] the program's name
 * options     borrowed; NULL captures output and gives no input
 * ret_result  owned by the caller, bx_result_free(); how the guest ended, a
 *             trap or a limit included, is in it
 * returns     0 when the guest was started, or -1 with err set
 * source      WASI application ABI (command); preview1 proc_exit
 */
BX_API int bx_sandbox_run(const bx_sandbox *sandbox, size_t argc,
                          const char *const *argv,
                          const bx_run_options *options, bx_result **ret_result,
                          bx_error **err);

/**
 * Call a function that a component exports, in a fresh instance.
 *
 * function    "NAME", or "INTERFACE#NAME" such as "ns:pkg/iface@1.0.0#run";
 *             version, package and interface may be left out where that is
 *             enough
 * args_json   an object by the parameters' names, or an array in their order;
 *             NULL is {}. docs/components.md says how types map to JSON
 * ret_result  as of bx_sandbox_run(), with bx_result_value()
 * errors      BX_ERR_INVALID: no such function, or arguments that do not fit,
 *             with the place and what was expected
 */
BX_API int bx_sandbox_invoke(const bx_sandbox *sandbox, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err);

/** A live instance of a component: what it keeps in its memory is there for
 *  the next call. One thread at a time. */
typedef struct bx_session bx_session;

/** Nothing is run yet. The sandbox must outlive the session. */
BX_API bx_session *bx_session_open(const bx_sandbox *sandbox, bx_error **err);
/**
 * As bx_sandbox_invoke(), in the session's instance. Each call has a deadline,
 * streams and fuel of its own; quotas of files and requests are the session's.
 * After a trap, a limit, a cancel or an exit the instance is gone: that call's
 * result says so, later calls are BX_ERR_INVALID.
 */
BX_API int bx_session_invoke(bx_session *session, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err);
/** False once a call has ended the instance. */
BX_API bool bx_session_is_alive(const bx_session *session);
/** NULL is fine. */
BX_API void bx_session_close(bx_session *session);

/** What an invoked function returned, as JSON, "null" for nothing; NULL when it
 *  did not return, or nothing was invoked. Borrowed. */
BX_API const char *bx_result_value(const bx_result *result);
/** BX_OK when the guest returned or called proc_exit; otherwise the limit it
 *  met, BX_ERR_TRAP or BX_ERR_CANCELLED. */
BX_API bx_code bx_result_code(const bx_result *result);
/** The guest's exit code; 0 unless bx_result_code() is BX_OK. */
BX_API uint32_t bx_result_exit_code(const bx_result *result);
/** What ended the run, naming the limit; "" when the guest returned. */
BX_API const char *bx_result_message(const bx_result *result);
/** Captured output, NUL-terminated for convenience; borrowed. ret_bytes may be
 *  NULL. */
BX_API const char *bx_result_stdout(const bx_result *result, size_t *ret_bytes);
BX_API const char *bx_result_stderr(const bx_result *result, size_t *ret_bytes);
/** True when output went past the policy's limit and was cut. */
BX_API bool bx_result_is_cut(const bx_result *result);

typedef struct bx_stats {
    uint64_t wall_ns;      /* store, instance, run, drop */
    uint64_t memory_bytes; /* peak linear memory */
    uint64_t fuel_units;   /* used; 0 when not metered */
    uint64_t read_bytes;   /* files, streams and network, by the guest */
    uint64_t write_bytes;
    uint64_t calls; /* host calls */
    uint64_t calls_denied;
} bx_stats;

/** stats is filled; stats_bytes is sizeof(bx_stats). */
BX_API void bx_result_stats(const bx_result *result, bx_stats *stats,
                            size_t stats_bytes);
/** NULL is fine. */
BX_API void bx_result_free(bx_result *result);

#ifdef __cplusplus
}
#endif

#endif
