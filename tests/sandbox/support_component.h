/* The test components (tests/guest/component) and what the tests do with them.
 */
#ifndef BX_TESTS_SANDBOX_SUPPORT_COMPONENT_H
#define BX_TESTS_SANDBOX_SUPPORT_COMPONENT_H

#include "sandbox/sandbox.h"
#include "sandbox/support.h"

/* build/tests/guest/component/NAME.wasm, loaded once for the process. */
bx_module *load_component(const char *name);
/* To be freed before the engine: in the group's tear-down. */
void free_components(void);

/* A sandbox of it; the caller frees it. */
bx_sandbox *make_sandbox(const char *name, const bx_policy *policy);

/* For run_component() while it is not NULL; borrowed. */
extern const bx_run_extra *run_component_extra;
/* Run its command with up to five arguments, NULL ends them. */
bx_result *run_component(const char *name, const bx_policy *policy,
                         const bx_run_options *options, ...);
/* The same, for its output alone: expects it to return. Borrowed until the next
 * call. */
const char *output_of(const char *name, const bx_policy *policy,
                      const char *one, const char *two, const char *three);

/* Call a function and expect this result, or this error. */
void expect_json(const char *function, const char *args, const char *value);
void expect_invalid(const char *function, const char *args, const char *text);

#endif
