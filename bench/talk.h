/* What the parts about agents share: sessions as work makes them, and what of
 * a time is the disk's. */
#ifndef BX_BENCH_TALK_H
#define BX_BENCH_TALK_H

#include <jansson.h>

#include "store/session_store.h"

typedef enum talk_kind {
    TALK_TEXT,  /* brief messages back and forth */
    TALK_CALLS, /* a task, then calls of tools and their results, of the sizes
                 * that reading and changing source files has */
} talk_kind;

/* A session whose conversation is of so many messages; its id is owned. */
char *talk_write(bx_session_store *store, const char *workspace, talk_kind kind,
                 unsigned messages);
/* A call's result of about so many bytes: lines of a program; owned. */
json_t *talk_result(unsigned number, size_t bytes);

/* Processor time of this thread: other programs' load does not move it. */
double cpu_us(void);
/* Time in fdatasync(), and how often it was called, since the program began: of
 * all threads, SQLite's among them. */
double disk_us(void);
unsigned disk_syncs(void);

#endif
