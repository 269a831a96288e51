/* Paths as the tools for files speak of them. Names of entries come from the
 * workspace and are data: they are printed in quotes and few. */
#include "place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boxagnts_tool.h"

#define NAME_MAX_BYTES 255
#define NEAR_MAX 3
#define ENTRIES_SHOWN 20
#define ENTRIES_READ                                                           \
    10000 /* a folder larger than this is not searched whole                   \
           */

const char *place_kind(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISREG(mode))
        return "a regular file";
    if (S_ISLNK(mode))
        return "a symbolic link";
    return "a device, FIFO or socket"; /* WASI tells no more */
}

static bool is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits (insert, delete, replace, swap neighbours) from one name to another,
 * letters' case aside: optimal string alignment, three rows. */
static size_t distance(const char *from, const char *to)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t from_bytes = strlen(from);
    size_t to_bytes = strlen(to);

    if (from_bytes > NAME_MAX_BYTES || to_bytes > NAME_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= to_bytes; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= from_bytes; i++) {
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= to_bytes; j++) {
            size_t best = above[j - 1] + !is_same(from[i - 1], to[j - 1]);

            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && is_same(from[i - 1], to[j - 2]) &&
                is_same(from[i - 2], to[j - 1]) && two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[from_bytes % 3][to_bytes];
}

typedef struct near_name {
    char name[NAME_MAX_BYTES + 1];
    size_t distance;
} near_name;

/* The entries of folder most like name, best first; returns how many. */
static size_t find_near(const char *folder, const char *name,
                        near_name nearest[NEAR_MAX])
{
    size_t limit = strlen(name) < 6 ? 1 : strlen(name) / 3;
    size_t count = 0;
    size_t seen = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir != NULL && seen++ < ENTRIES_READ &&
           (entry = readdir(dir)) != NULL) {
        size_t at;
        size_t d;

        if (strlen(entry->d_name) > NAME_MAX_BYTES ||
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        d = distance(name, entry->d_name);
        if (d > limit)
            continue;
        for (at = count; at > 0 && nearest[at - 1].distance > d; at--) {
            if (at < NEAR_MAX)
                nearest[at] = nearest[at - 1];
        }
        if (at == NEAR_MAX)
            continue;
        nearest[at].distance = d;
        strcpy(nearest[at].name, entry->d_name);
        if (count < NEAR_MAX)
            count++;
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

/* Split path into an existing folder and the first name that is missing. */
static void split_missing(const char *path, char **ret_folder, char **ret_name)
{
    char *folder = boxagnts_format("%s", path);
    char *name = NULL;
    struct stat st;

    for (;;) {
        char *slash = strrchr(folder, '/');

        if (slash == NULL)
            break;
        if (slash[1] == '\0' && slash != folder) { /* a final slash */
            *slash = '\0';
            continue;
        }
        name = boxagnts_format("%s", slash + 1);
        slash[slash == folder ? 1 : 0] = '\0';
        if (stat(folder, &st) == 0 || strcmp(folder, "/") == 0)
            break;
    }
    *ret_folder = folder;
    *ret_name = name != NULL ? name : "";
}

static const char *join(const char *folder)
{
    return strcmp(folder, "/") == 0 ? "" : folder;
}

static _Noreturn void fail_missing(const char *path)
{
    near_name nearest[NEAR_MAX];
    char *folder;
    char *name;
    char *text = "";
    size_t count;

    split_missing(path, &folder, &name);
    count = find_near(folder, name, nearest);
    for (size_t i = 0; i < count; i++)
        text = boxagnts_format("%s%s'%s/%s'", text, i == 0 ? "" : ", ",
                               join(folder), nearest[i].name);
    if (count > 0)
        boxagnts_fail("'%s' does not exist. Did you mean %s?", path, text);
    boxagnts_fail("'%s' does not exist: '%s' holds no '%s'. The workspace is"
                  " '/'; find the file with file-glob, such as pattern"
                  " '**/*%s*'.",
                  path, folder, name, name);
}

void place_fail(const char *path, const char *doing, int error)
{
    switch (error) {
    case ENOENT:
        fail_missing(path);
    case ENOTDIR:
        boxagnts_fail("'%s' cannot be %s: a part of the path is a file, not a"
                      " folder",
                      path, doing);
    case EACCES:
        boxagnts_fail("'%s' cannot be %s: the policy or the file's own mode"
                      " does not allow it, or it is a device",
                      path, doing);
    case EPERM:
        boxagnts_fail("'%s' cannot be %s: it leads out of the workspace, which"
                      " is '/'",
                      path, doing);
    case EROFS:
        boxagnts_fail("'%s' cannot be %s: it is read-only here", path, doing);
    case ELOOP:
        boxagnts_fail("'%s' cannot be %s: its symbolic links lead in circles",
                      path, doing);
    case EDQUOT:
        boxagnts_fail("'%s' cannot be %s: the call's limit of bytes or of new"
                      " files is used up",
                      path, doing);
    default:
        boxagnts_fail("'%s' cannot be %s: %s", path, doing, strerror(error));
    }
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void place_fail_folder(const char *path, const char *instead)
{
    char *names[ENTRIES_SHOWN];
    size_t count = 0;
    size_t total = 0;
    struct dirent *entry;
    char *text = "";
    DIR *dir = opendir(path);

    while (dir != NULL && total < ENTRIES_READ &&
           (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        total++;
        if (count < ENTRIES_SHOWN)
            names[count++] = boxagnts_format(
                "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
    }
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count; i++)
        text = boxagnts_format("%s\n  %s", text, names[i]);
    if (total > count)
        text = boxagnts_format("%s\n  ... and %s%zu more", text,
                               total == ENTRIES_READ ? "at least " : "",
                               total - count);
    boxagnts_fail("'%s' is a folder, not a file; %s.%s%s", path, instead,
                  count > 0 ? " It holds:" : " It is empty.", text);
}
