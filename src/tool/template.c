#include "tool/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "policy/text.h"
#include "tool/manifest.h"
#include "tool/manifest_text.h"

#define MAX_FILE_BYTES (2u << 20)
#define MAX_DEPTH 8
#define NAME_MARK "@NAME@"

static const struct {
    const char *lang;
    const char *sdk; /* folder of the SDK that goes along as sdk/ */
} languages[] = {
    { "c", "c" },
    { "rust", NULL },
    { "js", NULL },
    { "python", NULL },
};

static void closedirp(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* text with the tool's name for each mark; owned by the caller. */
static char *fill_in(const char *text, size_t bytes, const char *name,
                     size_t *ret_bytes)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    const char *end = text + bytes;

    while (text < end) {
        const char *mark =
            memmem(text, (size_t)(end - text), NAME_MARK, strlen(NAME_MARK));
        size_t length = (size_t)((mark != NULL ? mark : end) - text);

        if (bx_buf_append(&out, text, length, SIZE_MAX) < 0 ||
            (mark != NULL && bx_buf_puts(&out, name) < 0))
            return NULL;
        text += length + (mark != NULL ? strlen(NAME_MARK) : 0);
    }
    *ret_bytes = out.len;
    return bx_buf_take(&out);
}

/* A new file; one that is there already is not touched. */
static int write_new(const char *path, const char *data, size_t bytes,
                     bx_error **err)
{
    bx_autofd int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

    while (fd >= 0 && bytes > 0) {
        ssize_t wrote = write(fd, data, bytes);

        if (wrote < 0 && errno != EINTR)
            break;
        if (wrote > 0) {
            data += wrote;
            bytes -= (size_t)wrote;
        }
    }
    if (fd < 0 || bytes > 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return 0;
}

static int copy_file(const char *from, const char *to, const char *name,
                     bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autofree char *filled = NULL;
    size_t bytes;

    if (bx_file_read(from, MAX_FILE_BYTES, &text, &bytes, err) < 0)
        return -1;
    filled = fill_in(text, bytes, name, &bytes);
    if (filled == NULL)
        return bx_error_set_nomem(err);
    return write_new(to, filled, bytes, err);
}

/* Everything of a folder of ours into a new one. Depth is bounded. */
static int copy_dir(const char *from, const char *to, const char *name,
                    unsigned depth, bx_error **err);

static int copy_entry(const char *from, const char *to, const char *entry,
                      const char *name, unsigned depth, bx_error **err)
{
    bx_autofree char *source = NULL;
    bx_autofree char *target = NULL;
    bx_autofree char *renamed = NULL;
    struct stat st;
    size_t unused;

    renamed = fill_in(entry, strlen(entry), name, &unused);
    if (asprintf(&source, "%s/%s", from, entry) < 0)
        source = NULL;
    if (renamed == NULL || asprintf(&target, "%s/%s", to, renamed) < 0)
        target = NULL;
    if (source == NULL || target == NULL)
        return bx_error_set_nomem(err);
    if (stat(source, &st) < 0)
        return bx_error_set_errno(err, errno, "template '%s'", source);
    return S_ISDIR(st.st_mode) ? copy_dir(source, target, name, depth + 1, err)
                               : copy_file(source, target, name, err);
}

static int copy_dir(const char *from, const char *to, const char *name,
                    unsigned depth, bx_error **err)
{
    __attribute__((cleanup(closedirp))) DIR *dir = opendir(from);
    struct dirent *entry;

    if (dir == NULL)
        return bx_error_set_errno(err, errno,
                                  "no template '%s'; expected an installed "
                                  "share/boxagnts/sdk",
                                  from);
    if (depth > MAX_DEPTH)
        return bx_error_set(err, BX_ERR_INVALID,
                            "template '%s': deeper than %d folders", from,
                            MAX_DEPTH);
    if (mkdir(to, 0777) < 0)
        return errno == EEXIST
                   ? bx_error_set(err, BX_ERR_INVALID,
                                  "'%s' is there already; expected a new "
                                  "folder's name",
                                  to)
                   : bx_error_set_errno(err, errno, "'%s'", to);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (copy_entry(from, to, entry->d_name, name, depth, err) < 0)
            return -1;
    }
    return 0;
}

static int find_language(const char *lang, size_t *ret_index, bx_error **err)
{
    bx_autofree char *shown = NULL;

    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        if (strcmp(languages[i].lang, lang) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    shown = bx_text_show(lang);
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s is no language with a template; expected c, rust, "
                        "js or python (any other that compiles to wasm32-wasi "
                        "works by hand, see docs/tools.md)",
                        BX_SHOWN(shown));
}

int bx_template_write(const char *lang, const char *name, const char *dir,
                      const char *sdk_dir, bx_error **err)
{
    bx_autofree char *from = NULL;
    bx_autofree char *sdk = NULL;
    bx_autofree char *sdk_to = NULL;
    bx_autofree char *shown = NULL;
    size_t index = 0;

    if (find_language(lang, &index, err) < 0)
        return -1;
    if (!bx_tool_name_is_valid(name)) {
        shown = bx_text_show(name);
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s is no tool's name; expected 1 to %d letters, "
                            "digits, '-' and '_'",
                            BX_SHOWN(shown), BX_TOOL_NAME_MAX);
    }
    dir = dir != NULL ? dir : name;
    if (asprintf(&from, "%s/templates/%s", sdk_dir, lang) < 0)
        from = NULL;
    if (asprintf(&sdk, "%s/%s", sdk_dir,
                 languages[index].sdk != NULL ? languages[index].sdk : "") < 0)
        sdk = NULL;
    if (asprintf(&sdk_to, "%s/sdk", dir) < 0)
        sdk_to = NULL;
    if (from == NULL || sdk == NULL || sdk_to == NULL)
        return bx_error_set_nomem(err);
    if (copy_dir(from, dir, name, 0, err) < 0)
        return -1;
    return languages[index].sdk == NULL ? 0
                                        : copy_dir(sdk, sdk_to, name, 0, err);
}
