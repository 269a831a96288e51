#include "agent/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/one_line.h"
#include "agent/workspace_file.h"
#include "base/file.h"
#include "base/utf8.h"
#include "overlay/beneath.h"
#include "policy/text.h"

#define SUFFIX ".md"
#define FILE_NAME_BYTES (BX_MEMORY_NAME_MAX + sizeof(SUFFIX))
#define PATH_BYTES (sizeof(BX_MEMORY_FOLDER "/") + FILE_NAME_BYTES)
#define TEMPORARY_BYTES sizeof(".writing-0123456789abcdef")
/* Of any kind: people may keep other files there. */
#define NAMES_MAX 1024

/* ---- names ----------------------------------------------------------- */

static bool is_name(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > BX_MEMORY_NAME_MAX || name[0] == '-' ||
        name[0] == '_')
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", name[i]) == NULL)
            return false;
    }
    return true;
}

int bx_memory_check_name(const char *name, bx_error **err)
{
    bx_autofree char *shown = NULL;

    if (is_name(name, strlen(name)))
        return 0;
    shown = bx_text_show(name);
    return bx_error_set(err, BX_ERR_INVALID,
                        "note %s: expected a name of 1 to %d lower-case "
                        "letters, digits, '-' and '_', such as 'build-steps'",
                        BX_SHOWN(shown), BX_MEMORY_NAME_MAX);
}

/* Is it the file of a note? Anything else in the folder is someone else's. */
static bool is_note_file(const char *file, size_t *ret_name_bytes)
{
    size_t bytes = strlen(file);
    size_t suffix = sizeof(SUFFIX) - 1;

    if (bytes <= suffix || strcmp(file + bytes - suffix, SUFFIX) != 0)
        return false;
    *ret_name_bytes = bytes - suffix;
    return is_name(file, bytes - suffix);
}

/* ---- reading --------------------------------------------------------- */

int bx_memory_read(int workspace_fd, const char *name, char **ret_text,
                   bx_error **err)
{
    char path[PATH_BYTES];

    if (bx_memory_check_name(name, err) < 0)
        return -1;
    snprintf(path, sizeof(path), BX_MEMORY_FOLDER "/%s" SUFFIX, name);
    if (bx_workspace_file_read(workspace_fd, path, BX_MEMORY_NOTE_MAX, ret_text,
                               NULL, err) < 0)
        return bx_error_wrap(err, "note '%s'", name);
    return 0;
}

/* The first line that has something to say, without the marks of a heading. */
static char *make_title(const char *text)
{
    size_t bytes;

    text += strspn(text, "# \t\r\n");
    bytes = strcspn(text, "\r\n");
    return bx_one_line(text, bytes, BX_MEMORY_TITLE_MAX, NULL);
}

/* Add a note to the list, or why it cannot be read to the problems. */
static int add_note(int workspace_fd, const char *name, json_t *list,
                    json_t *problems)
{
    bx_autoerror bx_error *error = NULL;
    bx_autofree char *text = NULL;
    bx_autofree char *title = NULL;

    if (bx_memory_read(workspace_fd, name, &text, &error) < 0) {
        if (bx_error_code(error) != BX_ERR_NOT_FOUND) /* removed meanwhile */
            bx_problems_add(problems, error);
        return 0;
    }
    title = make_title(text);
    if (title == NULL)
        return -1;
    return json_array_append_new(
        list, json_pack("{s:s, s:s}", "name", name, "title", title));
}

json_t *bx_memory_list(int workspace_fd, json_t *problems, bx_error **err)
{
    json_t *files =
        bx_workspace_file_names(workspace_fd, BX_MEMORY_FOLDER, NAMES_MAX, err);
    json_t *list = json_array();
    bool is_made = files != NULL && list != NULL;
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        char name[BX_MEMORY_NAME_MAX + 1];
        size_t bytes;

        if (!is_made || !is_note_file(json_string_value(file), &bytes))
            continue;
        if (json_array_size(list) == BX_MEMORY_COUNT_MAX) {
            bx_autoerror bx_error *error = NULL;

            (void)bx_error_set(
                &error, BX_ERR_LIMIT,
                "'" BX_MEMORY_FOLDER "': more than %d notes; "
                "those behind '%s' are not listed",
                BX_MEMORY_COUNT_MAX,
                json_string_value(json_object_get(
                    json_array_get(list, BX_MEMORY_COUNT_MAX - 1), "name")));
            bx_problems_add(problems, error);
            break;
        }
        memcpy(name, json_string_value(file), bytes);
        name[bytes] = '\0';
        is_made = add_note(workspace_fd, name, list, problems) == 0;
    }
    if (files != NULL && !is_made)
        (void)bx_error_set_nomem(err);
    json_decref(files);
    if (is_made)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- writing --------------------------------------------------------- */

/* The folder of notes, made when is_made; -1 with err. */
static int open_folder(int workspace_fd, bool is_made, bx_error **err)
{
    static const char *const folders[] = { ".boxagnts", BX_MEMORY_FOLDER };
    bx_autofd int parent = -1;
    int fd;

    for (size_t i = 0; is_made && i < 2; i++) {
        const char *name;

        if (parent >= 0)
            close(parent);
        parent = bx_beneath_open_parent(workspace_fd, folders[i], &name);
        if (parent < 0 || (mkdirat(parent, name, 0777) < 0 && errno != EEXIST))
            break; /* what is wrong there is told below */
    }
    fd =
        bx_beneath_open(workspace_fd, BX_MEMORY_FOLDER, O_RDONLY | O_DIRECTORY);
    if (fd >= 0)
        return fd;
    if (errno == ELOOP || errno == ENOTDIR)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'" BX_MEMORY_FOLDER "': expected a folder, and "
                            "no link on the way");
    return bx_error_set_errno(err, errno, "'" BX_MEMORY_FOLDER "'");
}

/* Is there room for this note among the others? */
static int check_count(int workspace_fd, const char *name, bx_error **err)
{
    json_t *files =
        bx_workspace_file_names(workspace_fd, BX_MEMORY_FOLDER, NAMES_MAX, err);
    bool is_there = false;
    size_t count = 0;
    const json_t *file;
    size_t i;

    if (files == NULL)
        return -1;
    json_array_foreach(files, i, file)
    {
        const char *text = json_string_value(file);
        size_t bytes;

        if (!is_note_file(text, &bytes))
            continue;
        count++;
        is_there = is_there ||
                   (bytes == strlen(name) && memcmp(text, name, bytes) == 0);
    }
    json_decref(files);
    if (is_there || count < BX_MEMORY_COUNT_MAX)
        return 0;
    return bx_error_set(err, BX_ERR_LIMIT,
                        "note '%s': there are %zu notes already, the most "
                        "kept; remove one, or add to one",
                        name, count);
}

/* A kill before the rename leaves a hidden file, which nobody lists. */
static int replace(int folder_fd, const char *name, const char *text,
                   size_t bytes)
{
    char temporary[TEMPORARY_BYTES];
    char file[FILE_NAME_BYTES];
    bx_autofd int fd = -1;
    uint64_t random;
    int errnum;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -1;
    snprintf(temporary, sizeof(temporary), ".writing-%016" PRIx64, random);
    snprintf(file, sizeof(file), "%s" SUFFIX, name);
    fd = openat(folder_fd, temporary,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    /* Synced, or a crash may leave the new name without a text. */
    if (bx_file_write_all(fd, text, bytes) == 0 && fsync(fd) == 0 &&
        renameat(folder_fd, temporary, folder_fd, file) == 0)
        return 0;
    errnum = errno;
    (void)unlinkat(folder_fd, temporary, 0);
    errno = errnum;
    return -1;
}

static int check_note(const char *name, const char *text, size_t bytes,
                      bx_error **err)
{
    if (bx_memory_check_name(name, err) < 0)
        return -1;
    if (bytes > BX_MEMORY_NOTE_MAX)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "note '%s': %zu bytes; expected at most %d", name,
                            bytes, BX_MEMORY_NOTE_MAX);
    if (!bx_utf8_is_valid(text, bytes) || memchr(text, '\0', bytes) != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "note '%s': expected text in UTF-8 without NUL",
                            name);
    return 0;
}

int bx_memory_write(int workspace_fd, const char *name, const char *text,
                    size_t bytes, bx_error **err)
{
    bx_autofd int folder_fd = -1;

    if (check_note(name, text, bytes, err) < 0)
        return -1;
    folder_fd = open_folder(workspace_fd, true, err);
    if (folder_fd < 0 || check_count(workspace_fd, name, err) < 0)
        return bx_error_wrap(err, "memory");
    if (replace(folder_fd, name, text, bytes) < 0)
        return bx_error_set_errno(err, errno, "note '%s'", name);
    return 0;
}

int bx_memory_remove(int workspace_fd, const char *name, bx_error **err)
{
    bx_autofd int folder_fd = -1;
    char file[FILE_NAME_BYTES];

    if (bx_memory_check_name(name, err) < 0)
        return -1;
    folder_fd = open_folder(workspace_fd, false, err);
    if (folder_fd < 0)
        return bx_error_wrap(err, "note '%s'", name);
    snprintf(file, sizeof(file), "%s" SUFFIX, name);
    if (unlinkat(folder_fd, file, 0) < 0)
        return bx_error_set_errno(err, errno, "note '%s'", name);
    return 0;
}
