/* What takes a recording's bytes may be slow, stand still or fail. */
#include "record/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES 100000u

typedef struct slow_file {
    int fd;
    int puts;
    int fails_at;      /* this put and those after it; -1: none */
    bool is_of_others; /* a thread other than the test's put something */
    pthread_t self;
    pthread_mutex_t stands; /* each put but the first takes it */
} slow_file;

static int put(void *context, const void *data, size_t bytes, bx_error **err)
{
    slow_file *file = context;

    file->is_of_others |= !pthread_equal(file->self, pthread_self());
    if (file->fails_at >= 0 && file->puts >= file->fails_at)
        return bx_error_set_errno(err, ENOSPC, "put %d", file->puts);
    if (file->puts++ > 0) {
        pthread_mutex_lock(&file->stands);
        pthread_mutex_unlock(&file->stands);
    }
    assert_int_equal(write(file->fd, data, bytes), bytes);
    return 0;
}

static slow_file make_slow_file(void)
{
    return (slow_file){ .fd = make_file(),
                        .fails_at = -1,
                        .self = pthread_self(),
                        .stands = PTHREAD_MUTEX_INITIALIZER };
}

static void begin(bx_tape *tape, bx_run *run, slow_file *file)
{
    const bx_record_sink sink = { put, file };
    bx_error *err = NULL;

    if (begin_recording_to(tape, run, &sink, 1u << 30, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

/* Calls that bring other bytes each. */
static void record(bx_tape *tape, unsigned calls)
{
    static char data[BYTES];

    for (unsigned i = 0; i < calls && bx_tape_is_fine(tape); i++) {
        memcpy(data, &i, sizeof(i));
        do_call(tape, CALL_READ, i, "", 1, data, sizeof(data));
    }
}

static uint64_t calls_in(int fd)
{
    bx_recording *recording = open_recording(fd);
    uint64_t calls = bx_recording_end(recording)->calls;

    bx_recording_free(recording);
    return calls;
}

static void needs_no_thread_for_a_short_one(void **state)
{
    slow_file file = make_slow_file();
    bx_run run;
    bx_tape tape;

    (void)state;
    begin(&tape, &run, &file);
    record(&tape, 3);
    end_recording(&tape, BX_OK, 0);
    assert_false(file.is_of_others);
    assert_int_equal(calls_in(file.fd), 3);
    close(file.fd);

    file = make_slow_file();
    begin(&tape, &run, &file);
    record(&tape, 30);
    end_recording(&tape, BX_OK, 0);
    assert_true(file.is_of_others);
    assert_int_equal(calls_in(file.fd), 30);
    close(file.fd);
}

/* The run is over, nothing is taken: what did not fit is left out, whole calls
 * of it, and the rest can be read. */
static void leaves_out_what_no_one_takes_in_time(void **state)
{
    slow_file file = make_slow_file();
    uint64_t calls;
    bx_run run;
    bx_tape tape;

    (void)state;
    begin(&tape, &run, &file);
    run.deadline_ns = 0;
    pthread_mutex_lock(&file.stands);
    record(&tape, 1000);
    assert_false(bx_tape_is_fine(&tape));
    assert_false(bx_tape_enter(&tape));
    record(&tape, 1);
    pthread_mutex_unlock(&file.stands);
    end_recording(&tape, BX_ERR_TIMEOUT, 0);
    calls = calls_in(file.fd);
    assert_in_range(calls, 15, 25); /* four blocks of five */
    close(file.fd);
}

/* At whichever put: it is told, the run is stopped, nothing is left behind. */
static void tells_the_first_failure(void **state)
{
    (void)state;
    for (int at = 0; at < 6; at++) {
        slow_file file = make_slow_file();
        const bx_record_sink sink = { put, &file };
        bx_record_end end = { 0 };
        bx_error *err = NULL;
        char text[16];
        bx_run run;
        bx_tape tape;

        file.fails_at = at;
        snprintf(text, sizeof(text), "put %d", at);
        if (begin_recording_to(&tape, &run, &sink, 1u << 30, &err) == 0) {
            record(&tape, at < 4 ? 1000 : 12); /* a begin, 3 blocks, an end */
            assert_int_equal(bx_tape_is_fine(&tape), at >= 4);
            if (at == 5) {
                assert_int_equal(bx_recorder_finish(tape.recorder, &end, &err),
                                 0);
                bx_error_set(&err, BX_ERR_SYSTEM, "put 5");
            } else {
                assert_int_equal(bx_recorder_finish(tape.recorder, &end, &err),
                                 -1);
            }
        }
        assert_non_null(strstr(bx_error_message(err), text));
        bx_error_free(err);
        bx_recorder_free(tape.recorder);
        close(file.fd);
    }
}

static void may_be_given_up(void **state)
{
    slow_file file = make_slow_file();
    bx_run run;
    bx_tape tape;

    (void)state;
    begin(&tape, &run, &file);
    record(&tape, 30);
    bx_recorder_free(tape.recorder);
    expect_refused(file.fd, "cut: it ends");
    close(file.fd);
    bx_recorder_free(NULL);
}

/* A call may bring what makes its record larger than one may be. */
static void refuses_a_call_that_is_too_large(void **state)
{
    slow_file file = make_slow_file();
    char text[BX_RECORD_TEXT_BYTES] = "a";
    bx_record_end end = { 0 };
    bx_error *err = NULL;
    bx_run run;
    bx_tape tape;

    (void)state;
    begin(&tape, &run, &file);
    bx_tape_call(&tape, CALL_OPEN);
    for (int i = 0; i < 600; i++)
        bx_tape_text(&tape, text, sizeof(text));
    assert_false(bx_tape_is_fine(&tape));
    assert_int_equal(bx_recorder_finish(tape.recorder, &end, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_non_null(strstr(bx_error_message(err), "gives too much"));
    bx_error_free(err);
    bx_recorder_free(tape.recorder);
    close(file.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_no_thread_for_a_short_one),
        cmocka_unit_test(leaves_out_what_no_one_takes_in_time),
        cmocka_unit_test(tells_the_first_failure),
        cmocka_unit_test(may_be_given_up),
        cmocka_unit_test(refuses_a_call_that_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
