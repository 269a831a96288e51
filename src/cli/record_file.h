/* The file of --record. It is written without a name and put in its place at
 * the end, whole: a guest that sees the folder does not read it as it grows,
 * and a run that fails leaves nothing, or an empty file where the process may
 * no longer remove it. 0600. */
#ifndef BX_CLI_RECORD_FILE_H
#define BX_CLI_RECORD_FILE_H

#include "base/error.h"

typedef struct bx_record_file {
    const char *path; /* borrowed; NULL: nothing is recorded */
    uint64_t max_bytes;
    int fd;     /* what is written to */
    int there;  /* the file of that name, empty till the end; -1: fd is it */
    int folder; /* it lies in */
    const char *name; /* in folder; borrowed from path */
} bx_record_file;

#define BX_RECORD_FILE_INIT ((bx_record_file){ NULL, 0, -1, -1, -1, NULL })

/* Is a flag one of these two, and take it in. */
bool bx_record_file_flag(const bx_record_file *file, const char *name);
int bx_record_file_set(bx_record_file *file, const char *name,
                       const char *value, bx_error **err);

/* Make it, when --record was given. */
int bx_record_file_open(bx_record_file *file, bx_error **err);
/* For bx_run_options. */
int bx_record_file_fd(const bx_record_file *file);
/* The recording is whole: it gets its name. */
int bx_record_file_keep(bx_record_file *file, bx_error **err);
/* It is not: nothing is left. Fine after all of the above. */
void bx_record_file_drop(bx_record_file *file);

#endif
