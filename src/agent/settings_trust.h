/* Which of a workspace's files the user has made theirs: a copy of each, as it
 * was when they did (`boxagnts init`), in ~/.local/state/boxagnts/workspaces.
 * A file counts as the user's own while it is the same, byte for byte; one that
 * is no longer so is an error and no stranger's file, since what stands without
 * it may let more through. */
#ifndef BX_AGENT_SETTINGS_TRUST_H
#define BX_AGENT_SETTINGS_TRUST_H

#include <stddef.h>

#include "base/error.h"

typedef enum bx_trust {
    BX_TRUST_NONE, /* a stranger's */
    BX_TRUST_SAME,
    BX_TRUST_OTHER, /* it was approved as something else */
} bx_trust;

/* workspace: host folder; name: "agent.yaml", "policy.yaml"; text: NULL: the
 * file is not there. errors: BX_ERR_DENIED: others may write the copy */
int bx_trust_find(const char *workspace, const char *name, const char *text,
                  size_t bytes, bx_trust *ret_trust, bx_error **err);
/* errors: BX_ERR_NOT_FOUND: no home; BX_ERR_DENIED, BX_ERR_SYSTEM */
int bx_trust_keep(const char *workspace, const char *name, const char *text,
                  size_t bytes, bx_error **err);
/* Of a file that was not approved too. */
int bx_trust_forget(const char *workspace, const char *name, bx_error **err);

#endif
