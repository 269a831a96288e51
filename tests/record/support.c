#include "record/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const call_names[CALLS] = { "open", "read", "send" };

int make_file(void)
{
    int fd = memfd_create("recording", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

char *read_all(int fd, size_t *ret_bytes)
{
    struct stat stat;
    char *data;

    assert_int_equal(fstat(fd, &stat), 0);
    data = malloc((size_t)stat.st_size + 1);
    assert_non_null(data);
    assert_int_equal(pread(fd, data, (size_t)stat.st_size, 0), stat.st_size);
    *ret_bytes = (size_t)stat.st_size;
    return data;
}

int make_file_of(const void *data, size_t bytes)
{
    int fd = make_file();

    assert_int_equal(pwrite(fd, data, bytes, 0), bytes);
    return fd;
}

int begin_recording_to(bx_tape *tape, bx_run *run, const bx_record_sink *sink,
                       uint64_t max_bytes, bx_error **err)
{
    bx_record_head head = { .module_name = (char *)"guest.wasm",
                            .program = (char *)"test",
                            .seed = 7,
                            .is_deterministic = true };
    const bx_recorder_config config = { .sink = sink,
                                        .max_bytes = max_bytes,
                                        .names = call_names,
                                        .names_count = CALLS,
                                        .run = run,
                                        .head = &head };

    *run = (bx_run){ .deadline_ns = INT64_MAX };
    *tape = (bx_tape){ 0 };
    assert_int_equal(bx_record_words_add(&head.argv, "guest"), 0);
    assert_int_equal(bx_record_words_add(&head.argv, ""), 0);
    tape->recorder = bx_recorder_new(&config, err);
    bx_buf_clear(&head.argv.bytes);
    return tape->recorder == NULL ? -1 : 0;
}

void begin_recording(bx_tape *tape, bx_run *run, int fd, uint64_t max_bytes)
{
    bx_record_sink sink;
    bx_error *err = NULL;

    assert_int_equal(bx_record_sink_of_fd(fd, &sink, &err), 0);
    if (begin_recording_to(tape, run, &sink, max_bytes, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

void end_recording(bx_tape *tape, bx_code code, uint32_t exit_code)
{
    bx_record_end end = { .code = code, .exit_code = exit_code };
    bx_error *err = NULL;

    if (bx_recorder_finish(tape->recorder, &end, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_recorder_free(tape->recorder);
    tape->recorder = NULL;
}

bx_recording *open_recording(int fd)
{
    bx_error *err = NULL;
    bx_recording *recording = bx_recording_open(fd, "file", &err);

    if (recording == NULL)
        fail_msg("%s", bx_error_message(err));
    return recording;
}

void expect_refused(int fd, const char *text)
{
    bx_error *err = NULL;

    assert_null(bx_recording_open(fd, "file", &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("expected '%s' in '%s'", text, bx_error_message(err));
    bx_error_free(err);
}

int64_t do_call(bx_tape *tape, unsigned call, uint64_t value, const char *text,
                int64_t answer, void *out, size_t out_bytes)
{
    bx_tape_call(tape, call);
    bx_tape_value(tape, value);
    bx_tape_text(tape, text, strlen(text));
    if (!bx_tape_enter(tape))
        return INT64_MIN;
    answer = bx_tape_answer(tape, answer);
    if (!bx_tape_out(tape, out, out_bytes, true))
        return INT64_MIN;
    bx_tape_call_end(tape);
    return answer;
}
