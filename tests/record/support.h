/* Recordings made by hand: what the tests of src/record begin with. */
#ifndef BX_TESTS_RECORD_SUPPORT_H
#define BX_TESTS_RECORD_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/tape.h"
#include "record/writer.h"

enum { CALL_OPEN, CALL_READ, CALL_SEND, CALLS };
extern const char *const call_names[CALLS];

/* A file without a name; closed by the test. */
int make_file(void);
/* The whole of it, owned; and a file of these bytes. */
char *read_all(int fd, size_t *ret_bytes);
int make_file_of(const void *data, size_t bytes);

/* Begin to record; run and tape are filled in. */
void begin_recording(bx_tape *tape, bx_run *run, int fd, uint64_t max_bytes);
/* The same to a sink; -1: it did not begin. */
int begin_recording_to(bx_tape *tape, bx_run *run, const bx_record_sink *sink,
                       uint64_t max_bytes, bx_error **err);
/* End it so, and expect that it can be read. */
void end_recording(bx_tape *tape, bx_code code, uint32_t exit_code);
/* Open it; fails the test. */
bx_recording *open_recording(int fd);
/* Expect a refusal that says text. */
void expect_refused(int fd, const char *text);

/* One call: a number and a name in, an answer and bytes out. */
int64_t do_call(bx_tape *tape, unsigned call, uint64_t value, const char *text,
                int64_t answer, void *out, size_t out_bytes);

#endif
