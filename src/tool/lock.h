/* What was approved: the digest and the manifest of each tool that did not come
 * with the program, as they were when a person agreed to them. The file lies in
 * the user's state folder, which no guest writes; one that cannot be read
 * approves nothing. */
#ifndef BX_TOOL_LOCK_H
#define BX_TOOL_LOCK_H

#include "tool/tool.h"

#define BX_LOCK_MAX_BYTES (16u << 20)

typedef struct bx_lock bx_lock;

/* state_dir: holds "tools.lock"; a missing file is an empty lock. */
bx_lock *bx_lock_load(const char *state_dir, bx_error **err);
/* NULL is fine. */
void bx_lock_free(bx_lock *lock);
BX_DEFINE_AUTO(bx_lock, bx_lock_free)
#define bx_autolock BX_AUTO(bx_lock_free)

/* The pin of a tool, borrowed; NULL when nobody approved it. scope: "user", or
 * the real path of a workspace. */
const json_t *bx_lock_find(const bx_lock *lock, const char *scope,
                           const char *name);

/* What approving tool would pin; a new reference. */
json_t *bx_lock_pin(const bx_tool *tool);
/* Does the tool match? The time of approval does not count. */
bool bx_lock_pin_equals(const json_t *a, const json_t *b);

/* Pin tools: pins is an object by name. Other processes may do the same at
 * once. */
int bx_lock_record(const char *state_dir, const char *scope, json_t *pins,
                   bx_error **err);
/* errors: BX_ERR_NOT_FOUND: it was not pinned */
int bx_lock_forget(const char *state_dir, const char *scope, const char *name,
                   bx_error **err);

/* What is different, for people, line by line: "-" as it was approved, "+" as
 * it is; "" when nothing is. old: NULL when it was never approved. Bytes that a
 * terminal acts on are escaped. Owned by the caller, free(). */
char *bx_lock_difference(const json_t *old, const json_t *now, bx_error **err);

#endif
