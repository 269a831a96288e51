/* Shared by the tests of configured servers: a home, a workspace, and files
 * that name the scripted server. */
#ifndef BX_TESTS_MCP_SUPPORT_HUB_H
#define BX_TESTS_MCP_SUPPORT_HUB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

#define USER_FILE ".config/boxagnts/mcp.json" /* below the home */
#define WORK_FILE "work/.mcp.json"

extern char home[];
extern char work[]; /* the workspace */
extern char guard[];

/* Each test: a fresh home. */
int make_home(void **state);
int remove_home(void **state);

/* A path below the home; owned. */
char *at_home(const char *name);
void write_at(const char *name, const char *text);

/* Append an entry of "mcpServers": the scripted server in a mode, with more
 * keys, which begin with a comma. */
void put_entry(bx_buf *text, const char *name, const char *mode,
               const char *more);
/* A file with that one. */
void configure(const char *file, const char *name, const char *mode,
               const char *more);

#endif
