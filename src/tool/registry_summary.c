#include "tool/registry_summary.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/user_dir.h"

#define MIN_MODULE_BYTES (64u << 10) /* smaller ones are as soon read */
#define MAX_SKELETON_BYTES                                                     \
    (2u << 20) /* manifest and script at their largest                         \
                */

/* Two writes within one tick of the clock leave one time behind: what is as
 * young as that may change and keep its identity. */
#define MIN_AGE_NS 2000000000

/* Then the skeleton. The file is this machine's own, as are its numbers. */
typedef struct summary_head {
    char magic[8];
    bx_file_id id;
    char digest[64];
} summary_head;

static bool is_digest(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        if (!is_digit && (text[i] < 'a' || text[i] > 'f'))
            return false;
    }
    return true;
}

static const char summary_magic[8] = { 'B', 'X', 'S', 'U', 'M', 'M', 'R', '1' };

/* One file for each path: a module that changed replaces its summary. */
char *bx_summary_path(const char *state_dir, const char *module)
{
    uint8_t digest[BX_DIGEST_BYTES];
    char name[65];
    char *path = NULL;

    if (state_dir == NULL || module == NULL)
        return NULL;
    bx_sha256(module, strlen(module), digest);
    bx_digest_format(digest, name);
    return asprintf(&path, "%s/tool-modules/%s", state_dir, name) < 0 ? NULL
                                                                      : path;
}

bool bx_summary_load(const char *path, const bx_file_id *id,
                     bx_summary *ret_summary)
{
    bx_autofd int fd =
        path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bx_autofree char *data = NULL;
    summary_head head;
    size_t bytes;

    if (fd < 0 || bx_user_check_owner(fd, path, 0022, NULL) < 0 ||
        bx_file_read_fd(fd, path, sizeof(head) + MAX_SKELETON_BYTES, &data,
                        &bytes, NULL) < 0 ||
        bytes < sizeof(head))
        return false;
    memcpy(&head, data, sizeof(head));
    if (memcmp(head.magic, summary_magic, sizeof(summary_magic)) != 0 ||
        !bx_file_id_equals(&head.id, id) ||
        !is_digest(head.digest, sizeof(head.digest)))
        return false;
    memcpy(ret_summary->digest, head.digest, sizeof(head.digest));
    ret_summary->digest[sizeof(head.digest)] = '\0';
    ret_summary->bytes = bytes - sizeof(head);
    memmove(data, data + sizeof(head), ret_summary->bytes);
    ret_summary->skeleton = bx_take(data);
    return true;
}

static bool is_settled(const bx_file_id *id)
{
    struct timespec now;
    int64_t now_ns;

    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        return false;
    now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return id->modified_ns < now_ns - MIN_AGE_NS &&
           id->changed_ns < now_ns - MIN_AGE_NS;
}

static int make_folder(char *path)
{
    char *slash = strrchr(path, '/');
    int result;

    *slash = '\0';
    result = bx_file_make_dirs(path, 0700, NULL);
    *slash = '/';
    return result;
}

void bx_summary_save(const char *path, const bx_file_id *id, const char *digest,
                     const void *module, size_t bytes)
{
    bx_autofree char *copy = path == NULL ? NULL : strdup(path);
    bx_autofree uint8_t *skeleton = NULL;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    summary_head head = { .id = *id };
    size_t skeleton_bytes;

    if (copy == NULL || bytes < MIN_MODULE_BYTES || !is_settled(id) ||
        bx_manifest_skeleton(module, bytes, &skeleton, &skeleton_bytes, NULL) <
            0 ||
        skeleton_bytes > MAX_SKELETON_BYTES || skeleton_bytes > bytes / 2)
        return;
    memcpy(head.magic, summary_magic, sizeof(summary_magic));
    memcpy(head.digest, digest, sizeof(head.digest));
    if (bx_buf_append(&out, &head, sizeof(head), SIZE_MAX) == 0 &&
        bx_buf_append(&out, skeleton, skeleton_bytes, SIZE_MAX) == 0 &&
        make_folder(copy) == 0)
        (void)bx_file_replace(path, out.data, out.len, 0600, NULL);
}
