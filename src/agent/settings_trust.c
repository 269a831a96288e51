#include "agent/settings_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/settings.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/user_dir.h"

/* Workspaces are told apart by their real path, whatever it has in it. NULL
 * with err; without a home *ret_path stays NULL and 0 is answered. */
static int make_path(const char *workspace, const char *name, char **ret_path,
                     bx_error **err)
{
    bx_autofree char *real = realpath(workspace, NULL);
    bx_autofree char *tail = NULL;
    uint8_t digest[BX_DIGEST_BYTES];
    char hex[65];

    if (real == NULL)
        return bx_error_set_errno(err, errno, "workspace '%.300s'", workspace);
    bx_sha256(real, strlen(real), digest);
    bx_digest_format(digest, hex);
    if (asprintf(&tail, "workspaces/%s-%s", hex, name) < 0) {
        tail = NULL;
        return bx_error_set_nomem(err);
    }
    errno = 0;
    *ret_path = bx_user_state_path(tail);
    return *ret_path == NULL && errno == ENOMEM ? bx_error_set_nomem(err) : 0;
}

int bx_trust_find(const char *workspace, const char *name, const char *text,
                  size_t bytes, bx_trust *ret_trust, bx_error **err)
{
    bx_autofree char *path = NULL;
    bx_autofree char *kept = NULL;
    bx_autofd int fd = -1;
    size_t kept_bytes = 0;

    *ret_trust = BX_TRUST_NONE;
    if (make_path(workspace, name, &path, err) < 0)
        return -1;
    if (path == NULL)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (bx_user_check_folder(path, err) < 0 ||
        bx_user_check_owner(fd, path, 0022, err) < 0 ||
        bx_file_read_fd(fd, path, BX_SETTINGS_MAX_BYTES, &kept, &kept_bytes,
                        err) < 0)
        return -1;
    *ret_trust =
        text != NULL && kept_bytes == bytes && memcmp(kept, text, bytes) == 0
            ? BX_TRUST_SAME
            : BX_TRUST_OTHER;
    return 0;
}

int bx_trust_keep(const char *workspace, const char *name, const char *text,
                  size_t bytes, bx_error **err)
{
    bx_autofree char *path = NULL;

    if (make_path(workspace, name, &path, err) < 0)
        return -1;
    if (path == NULL)
        return bx_user_fail_home("approvals", "XDG_STATE_HOME", err);
    if (bytes > BX_SETTINGS_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%s has %zu bytes, at most %u are read", name,
                            bytes, BX_SETTINGS_MAX_BYTES);
    if (bx_user_check_folder(path, err) < 0)
        return -1;
    return bx_file_replace(path, text, bytes, 0600, err);
}

int bx_trust_forget(const char *workspace, const char *name, bx_error **err)
{
    bx_autofree char *path = NULL;

    if (make_path(workspace, name, &path, err) < 0)
        return -1;
    if (path == NULL || unlink(path) == 0 || errno == ENOENT ||
        errno == ENOTDIR)
        return 0;
    return bx_error_set_errno(err, errno, "'%s'", path);
}
