/* Descriptor numbers. The table grows only when path_open fills it, which the
 * caller bounds: no number a guest invents makes it larger. */
#include "wasi/fd_table.h"

#define TABLE_FIRST 16u

void bx_fd_release(bx_fd *fd)
{
    bx_dir_free(fd->dir);
    free(fd->guest_path);
    if (fd->is_owned && fd->host_fd >= 0)
        close(fd->host_fd);
    *fd = (bx_fd){ .kind = BX_FD_FREE, .host_fd = -1, .preopen = -1 };
}

static int grow(bx_fd_table *table)
{
    uint32_t count = table->count == 0 ? TABLE_FIRST : table->count * 2;
    bx_fd *fds = realloc(table->fds, count * sizeof(*fds));

    if (fds == NULL)
        return -1;
    for (uint32_t i = table->count; i < count; i++)
        fds[i] = (bx_fd){ .kind = BX_FD_FREE, .host_fd = -1, .preopen = -1 };
    table->fds = fds;
    table->count = count;
    return 0;
}

int bx_fd_add(bx_fd_table *table, const bx_fd *fd)
{
    uint32_t number = table->lowest;

    while (number < table->count && table->fds[number].kind != BX_FD_FREE)
        number++;
    if (number == table->count && grow(table) < 0)
        return -1;
    table->fds[number] = *fd;
    table->lowest = number + 1;
    if (fd->is_owned)
        table->opened++;
    return (int)number;
}

static void free_number(bx_fd_table *table, const bx_fd *fd)
{
    uint32_t number = (uint32_t)(fd - table->fds);

    if (number < table->lowest)
        table->lowest = number;
}

void bx_fd_remove(bx_fd_table *table, bx_fd *fd)
{
    if (fd->is_owned)
        table->opened--;
    bx_fd_release(fd);
    free_number(table, fd);
}

void bx_fd_move(bx_fd_table *table, bx_fd *from, bx_fd *to)
{
    if (to->is_owned)
        table->opened--;
    bx_fd_release(to);
    *to = *from;
    *from = (bx_fd){ .kind = BX_FD_FREE, .host_fd = -1, .preopen = -1 };
    free_number(table, from);
}

void bx_fd_table_clear(bx_fd_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        bx_fd_release(&table->fds[i]);
    free(table->fds);
    *table = (bx_fd_table){ 0 };
}
