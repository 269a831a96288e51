/* The history file: an entry a line, '\n' and '\' of its text escaped. What a
 * person typed may be private: the file is theirs alone, or not used. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/user_dir.h"
#include "base/utf8.h"
#include "cli/line_editor.h"

/* At twice the entries the file is written anew. */
#define FILE_MAX_BYTES (2u * BX_HISTORY_ENTRIES * 256u)

static int open_history(const char *path, int flags)
{
    bx_autofd int fd = -1;

    if (bx_user_check_folder(path, NULL) < 0)
        return -1;
    fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0 || bx_user_check_owner(fd, path, 077, NULL) < 0)
        return -1;
    return bx_take_fd(&fd);
}

static int escape(const char *line, bx_buf *out)
{
    for (; *line != '\0'; line++) {
        const char *text = *line == '\n'   ? "\\n"
                           : *line == '\\' ? "\\\\"
                                           : NULL;

        if ((text != NULL ? bx_buf_puts(out, text)
                          : bx_buf_append(out, line, 1, SIZE_MAX)) < 0)
            return -1;
    }
    return bx_buf_puts(out, "\n");
}

/* In place; false: it is none of ours. */
static bool unescape(char *line)
{
    char *to = line;

    for (; *line != '\0'; line++) {
        if (*line == '\\') {
            line++;
            if (*line != 'n' && *line != '\\')
                return false;
            *to++ = *line == 'n' ? '\n' : '\\';
        } else {
            if ((unsigned char)*line < 0x20 && *line != '\t')
                return false;
            *to++ = *line;
        }
    }
    *to = '\0';
    return true;
}

json_t *bx_line_history_load(const char *path)
{
    bx_autofree char *text = NULL;
    bx_autofd int fd = open_history(path, O_RDONLY);
    json_t *entries = json_array();
    char *rest;
    char *line;

    if (entries == NULL || fd < 0 ||
        bx_file_read_fd(fd, path, (size_t)FILE_MAX_BYTES * 2, &text, NULL,
                        NULL) < 0)
        return entries;
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0' && strlen(line) <= 2 * BX_HISTORY_ENTRY_BYTES &&
            unescape(line))
            (void)json_array_append_new(entries, json_string(line));
        if (json_array_size(entries) > BX_HISTORY_ENTRIES)
            (void)json_array_remove(entries, 0);
    }
    return entries;
}

static void shorten(const char *path)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *entries = bx_line_history_load(path);
    size_t count = json_array_size(entries);

    for (size_t i = count > BX_HISTORY_ENTRIES / 2
                        ? count - BX_HISTORY_ENTRIES / 2
                        : 0;
         i < count; i++)
        (void)escape(json_string_value(json_array_get(entries, i)), &text);
    if (text.len > 0)
        (void)bx_file_replace(path, text.data, text.len, 0600, NULL);
    json_decref(entries);
}

void bx_line_history_add(const char *path, const char *line)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofd int fd = -1;
    struct stat info;

    if (strlen(line) > BX_HISTORY_ENTRY_BYTES ||
        !bx_utf8_is_valid(line, strlen(line)) || escape(line, &text) < 0)
        return;
    fd = open_history(path, O_WRONLY | O_CREAT | O_APPEND);
    if (fd < 0 || bx_file_write_all(fd, text.data, text.len) < 0 ||
        fstat(fd, &info) < 0)
        return;
    if (info.st_size > (off_t)FILE_MAX_BYTES)
        shorten(path);
}
