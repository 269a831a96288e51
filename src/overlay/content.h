/* Contents of files and links beneath held folders: compared, hashed, copied.
 */
#ifndef BX_OVERLAY_CONTENT_H
#define BX_OVERLAY_CONTENT_H

#include "base/error.h"
#include "overlay/beneath.h"

/* Are two files, or the contents of two links, the same? -1 with errno. */
int bx_content_compare(int a_fd, int b_fd, const char *path, bool is_link,
                       bool *ret_is_equal);

/* SHA-256 of a file as 64 hexadecimal digits; -1 with errno. */
int bx_content_digest(int root_fd, const char *path, char text[65]);

/* All of from behind what to has; both from where they stand. */
int bx_content_copy(int from_fd, int to_fd);

#endif
