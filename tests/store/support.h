/* A log in a folder of its own, and ways to spoil it. */
#ifndef BX_TESTS_STORE_SUPPORT_H
#define BX_TESTS_STORE_SUPPORT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/audit_log.h"

extern char log_path[128];
extern char head_path[128];

int make_log_dir(void **state); /* for each test; also XDG_STATE_HOME */
int remove_log_dir(void **state);

/* Append count events {"n": i} through a log that is opened and closed. */
void append_lines(int count, uint64_t file_bytes);

char *read_file(const char *path, size_t *ret_bytes);
void write_file(const char *path, const char *data, size_t bytes);
/* Start of line number (from 1) in data; one behind the last is its end. */
size_t line_start(const char *data, int number);

/* verify() finds lines good ones and nothing wrong; or a problem at that line
 * whose text has the word. */
void assert_good(uint64_t lines);
void assert_bad(uint64_t lines, uint64_t line, const char *word);

#endif
