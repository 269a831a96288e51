/* An overlay made by hand, as a run would have left it. */
#ifndef TESTS_OVERLAY_SUPPORT_H
#define TESTS_OVERLAY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "overlay/commit.h"
#include "overlay/deltas.h"

#define OVERLAY "t"

/* The folder of the test, its base and its overlay: absolute. */
extern char test_dir[256];
extern char base_dir[300];
extern char overlay_dir[340];

/* cmocka's setup and teardown: a home of its own, an empty base and overlay. */
int make_world(void **state);
int remove_world(void **state);

/* In the base; folders on the way are made. */
void base_file(const char *path, const char *text);
void base_folder(const char *path);
void base_link(const char *path, const char *content);
/* In the overlay; the base as it is now is recorded first. */
void up_file(const char *path, const char *text);
void up_folder(const char *path);
void up_link(const char *path, const char *content);
void gone(const char *path);
/* A line of base.log for the path; with the content's digest. */
void record(const char *path, bool has_digest);

/* "BASE/path"; a static buffer, overwritten by the next. */
const char *in_base(const char *path);
const char *in_up(const char *path);
void write_text(const char *path, const char *text);
char *read_text(const char *path); /* owned; NULL: there is no file */
void assert_base(const char *path, const char *text);
void assert_no_base(const char *path);
/* Every entry beneath with kind, mode and content, sorted; owned. */
char *dump_tree(const char *dir);

/* Open, find, and expect success. */
bx_overlay_store *open_store(bx_overlay_use use);
void find(const bx_overlay_store *store, bx_deltas *ret_deltas);
/* The row of a path that is a change; NULL: there is none. */
const bx_delta *row_of(const bx_deltas *deltas, const char *path);
/* Everything in one: 0, or -1 with the error's code and message kept. */
int commit(const bx_commit_options *options);
extern bx_code last_code;
extern char last_message[2048];
void keep_error(bx_error *err);

#endif
