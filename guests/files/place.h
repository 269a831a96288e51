/* Paths as the tools for files speak of them: what went wrong there, in words
 * that let a model take its next step. */
#ifndef BOXAGNTS_PLACE_H
#define BOXAGNTS_PLACE_H

#include <sys/stat.h>

/* End the call: doing ("read", "written") to path failed with error, an errno.
 * A missing path names what is like it. */
_Noreturn void place_fail(const char *path, const char *doing, int error);
/* End the call: path is a folder; names some of its entries. */
_Noreturn void place_fail_folder(const char *path, const char *instead);
/* "a folder", "a regular file", ... */
const char *place_kind(mode_t mode);

#endif
