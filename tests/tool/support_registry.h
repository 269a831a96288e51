/* Shared by the registry's tests: a home with the three folders, tools made of
 * one guest, one engine. */
#ifndef BX_TESTS_TOOL_SUPPORT_REGISTRY_H
#define BX_TESTS_TOOL_SUPPORT_REGISTRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tool/registry.h"

extern bx_engine *test_engine;
extern char test_home[];    /* absolute path */
extern char test_builtin[]; /* the folders of tools */
extern char test_user[];
extern char test_workspace[]; /* the workspace; its tools in .boxagnts/tools */
extern char test_tools[];     /* those */

/* Group: one engine. Each test: a fresh home. */
int make_engine(void **state);
int free_engine(void **state);
int make_home(void **state);
int remove_home(void **state);

void write_file(const char *dir, const char *name, const void *data,
                size_t bytes);
void write_text(const char *dir, const char *name, const char *text);
char *read_text(const char *dir, const char *name); /* owned */
bool has_file(const char *dir, const char *name);
void remove_file(const char *dir, const char *name);

/* NAME.wasm, a copy of the guest actor, and NAME.tool.yaml beside it: manifest
 * is what stands beneath `tool:` besides name and description, each line
 * indented by two. */
void write_tool(const char *dir, const char *name, const char *manifest);

/* policy: NULL for the default one. */
bx_registry *open_registry(const bx_policy *policy, bx_audit_log *audit,
                           bool is_watching);

/* The status of a tool, and what is wrong; fails the test without such. */
bx_tool_status status_of(bx_registry *registry, const char *name);
/* Of the tool at NAME in a folder; why is copied into text. */
bx_tool_status status_at(bx_registry *registry, const char *dir,
                         const char *file, char *why, size_t why_bytes);

/* Call with input; the text of the result, owned. ret_result, may be NULL:
 * owned too. Fails the test when there is none. */
char *call_tool(bx_registry *registry, const char *name, const char *input,
                bx_tool_result **ret_result);
/* The error of a call that is not made, owned. */
bx_error *fail_tool(bx_registry *registry, const char *name, const char *input);

#define assert_contains(text, part)                                            \
    do {                                                                       \
        if (strstr((text), (part)) == NULL)                                    \
            fail_msg("'%s' is not in '%s'", (part), (text));                   \
    } while (0)

#endif
