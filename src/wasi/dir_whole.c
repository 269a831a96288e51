/* Folders that are read whole before they are listed: mappings lie in them, an
 * overlay adds to them, or runs must repeat byte for byte. */
#include <limits.h>
#include <string.h>

#include "wasi/dir_state.h"

#define WHOLE_BYTES (4u << 20) /* of names in a folder read whole */
#define WHOLE_ENTRIES 65536u
#define LISTINGS_BYTES (16u << 20) /* of all folders a run holds whole */

static int32_t add_entry(bx_dir *dir, const char *name, size_t bytes,
                         uint64_t ino, uint8_t filetype)
{
    bx_entry entry = { .ino = ino,
                       .name = (uint32_t)dir->names.len,
                       .bytes = (uint16_t)bytes,
                       .filetype = filetype };

    if (dir->entries_count == WHOLE_ENTRIES)
        return BX_WASI_EOVERFLOW;
    if (dir->entries_count == dir->entries_cap) {
        size_t cap = dir->entries_cap == 0 ? 64 : dir->entries_cap * 2;
        bx_entry *grown = realloc(dir->entries, cap * sizeof(*grown));

        if (grown == NULL)
            return BX_WASI_ENOMEM;
        dir->entries = grown;
        dir->entries_cap = cap;
    }
    if (bytes > WHOLE_BYTES - dir->names.len)
        return BX_WASI_EOVERFLOW;
    if (bx_buf_append(&dir->names, name, bytes, WHOLE_BYTES) < 0)
        return BX_WASI_ENOMEM;
    dir->entries[dir->entries_count++] = entry;
    return 0;
}

int32_t bx_dir_add(bx_dir *dir, const struct dirent64 *entry)
{
    return add_entry(dir, entry->d_name, strlen(entry->d_name), entry->d_ino,
                     bx_dir_filetype(dir->fd, entry));
}

static bx_entry *find_entry(const bx_dir *dir, const char *name, size_t bytes)
{
    for (size_t i = 0; i < dir->entries_count; i++) {
        if (dir->entries[i].bytes == bytes &&
            memcmp(dir->names.data + dir->entries[i].name, name, bytes) == 0)
            return &dir->entries[i];
    }
    return NULL;
}

/* Mappings that lie in the folder, or in one that lies in it. */
static int32_t add_mounts(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd)
{
    for (size_t i = 0; i < wasi->fs->points_count; i++) {
        const bx_fs_point *point = &wasi->fs->points[i];
        const char *name = point->path + fd->guest_len + 1;
        struct stat stat = { .st_ino = 0 };
        bx_entry *entry;
        size_t bytes;

        if (!point->is_mount ||
            !bx_fs_is_beneath(point->path, point->len, fd->guest_path,
                              fd->guest_len))
            continue;
        bytes = strcspn(name, "/");
        if (bytes > NAME_MAX)
            continue;
        if (name[bytes] == '\0')
            (void)fstat(wasi->fs->mounts[point->mount].fd, &stat);
        entry = find_entry(dir, name, bytes);
        if (entry == NULL) {
            int32_t err =
                add_entry(dir, name, bytes, stat.st_ino, BX_FILETYPE_DIRECTORY);

            if (err != 0)
                return err;
        } else {
            entry->filetype = BX_FILETYPE_DIRECTORY;
            if (stat.st_ino != 0)
                entry->ino = stat.st_ino;
        }
    }
    return 0;
}

static int compare_entries(const void *left, const void *right, void *names)
{
    const bx_entry *a = left;
    const bx_entry *b = right;
    size_t bytes = a->bytes < b->bytes ? a->bytes : b->bytes;
    int order = memcmp((char *)names + a->name, (char *)names + b->name, bytes);

    return order != 0 ? order : (int)a->bytes - (int)b->bytes;
}

void bx_dir_sort(bx_dir *dir, size_t first)
{
    if (dir->entries_count > first)
        qsort_r(dir->entries + first, dir->entries_count - first,
                sizeof(*dir->entries), compare_entries, dir->names.data);
}

/* The entries of dir->fd. */
static int32_t add_folder(bx_dir *dir)
{
    int32_t err = bx_dir_rewind(dir);

    while (err == 0) {
        const struct dirent64 *entry = bx_dir_next(dir, &err);

        if (entry == NULL)
            break;
        err = bx_dir_add(dir, entry);
        bx_dir_pass(dir, entry);
    }
    return err;
}

static int32_t read_whole(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd)
{
    int32_t err = 0;

    bx_buf_clear(&dir->names);
    dir->entries_count = 0;
    err = add_entry(dir, ".", 1, dir->ino, BX_FILETYPE_DIRECTORY);
    if (err == 0)
        err = add_entry(dir, "..", 2, dir->ino, BX_FILETYPE_DIRECTORY);
    if (err == 0 && dir->is_merged)
        err = bx_dir_add_merged(dir, wasi, fd);
    else if (err == 0 && dir->fd >= 0)
        err = add_folder(dir);
    if (err == 0 && !fd->is_uniform)
        err = add_mounts(dir, wasi, fd);
    if (err == 0 && wasi->run->is_deterministic)
        bx_dir_sort(dir, 2);
    if (err != 0)
        dir->entries_count = 0;
    return err;
}

static size_t listing_bytes(const bx_dir *dir)
{
    return dir->names.cap + dir->entries_cap * sizeof(*dir->entries);
}

/* A guest may begin as many listings as it has descriptors: past the bound
 * only the newest is held, the others are read again when they go on. */
static void bound_listings(const bx_wasi *wasi, const bx_dir *newest)
{
    const bx_fd_table *table = &wasi->table;
    size_t total = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        if (table->fds[i].dir != NULL)
            total += listing_bytes(table->fds[i].dir);
    }
    if (total <= LISTINGS_BYTES)
        return;
    for (uint32_t i = 0; i < table->count; i++) {
        bx_dir *dir = table->fds[i].dir;

        if (dir == NULL || dir == newest)
            continue;
        free(dir->entries);
        dir->entries = NULL;
        dir->entries_count = 0;
        dir->entries_cap = 0;
        bx_buf_clear(&dir->names);
    }
}

int32_t bx_dir_list_whole(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd,
                          uint64_t cookie, bx_out *out)
{
    int32_t err = 0;

    /* Of a merged one bx_dir_open_covered() knows whether it is to be. */
    if ((cookie == 0 && !dir->is_merged) || dir->entries_count == 0) {
        err = read_whole(dir, wasi, fd);
        bound_listings(wasi, dir);
    }
    if (err != 0)
        return err;
    for (uint64_t i = cookie; i < dir->entries_count && out->left > 0; i++) {
        const bx_entry *entry = &dir->entries[i];

        if (!bx_dir_put(out, i + 1, entry->ino, entry->filetype,
                        dir->names.data + entry->name, entry->bytes))
            break;
    }
    return 0;
}
