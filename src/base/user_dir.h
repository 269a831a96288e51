/* The folders of the user the process runs as, and files there that nobody
 * else may touch. */
#ifndef BX_BASE_USER_DIR_H
#define BX_BASE_USER_DIR_H

#include <sys/types.h>

#include "base/digest.h"
#include "base/error.h"

/* "$XDG_CACHE_HOME/boxagnts" or the home folder's, and "$XDG_STATE_HOME/
 * boxagnts". tail: what follows behind a slash, or NULL. Owned, free(); NULL
 * when no home is known (or without memory: errno is ENOMEM). */
char *bx_user_cache_path(const char *tail);
char *bx_user_state_path(const char *tail);
/* The same of $XDG_DATA_HOME (~/.local/share) and $XDG_CONFIG_HOME
 * (~/.config). */
char *bx_user_data_path(const char *tail);
char *bx_user_config_path(const char *tail);

/* -1 with BX_ERR_NOT_FOUND: why one of the four answers NULL. what: "overlays";
 * variable: the one that would name another folder, such as XDG_STATE_HOME. */
int bx_user_fail_home(const char *what, const char *variable, bx_error **err);

/* The folder that a file of ours is in, made when it is missing. Who may rename
 * files there may put another in place. errors: BX_ERR_DENIED: others may */
int bx_user_check_folder(const char *path, bx_error **err);

/* errors: BX_ERR_DENIED: the file belongs to another user, or its mode has a
 * bit of forbidden; path is its name in errors. */
int bx_user_check_owner(int fd, const char *path, mode_t forbidden,
                        bx_error **err);

/* The secret key NAME of the state folder, made of random bytes when it is
 * missing.
 * errors: BX_ERR_NOT_FOUND: no home; BX_ERR_DENIED: open to others;
 * BX_ERR_INVALID: not a key; BX_ERR_SYSTEM */
int bx_user_key_load(const char *name, uint8_t key[BX_DIGEST_BYTES],
                     bx_error **err);

#endif
