/* A recording is what was recorded, or it is refused. */
#include "record/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGE_BYTES 700000u

static void fill(char *data, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1103515245u + 12345u;
        data[i] = (char)(seed >> 16);
    }
}

/* A recording with each kind of thing in it. */
static int make_recording(void)
{
    static char large[LARGE_BYTES];
    char small[] = "small";
    int fd = make_file();
    bx_tape tape;
    bx_run run;

    fill(large, sizeof(large), 1);
    begin_recording(&tape, &run, fd, 1u << 30);
    bx_recorder_need(tape.recorder, "fs.read", "/a.txt");
    do_call(&tape, CALL_OPEN, 3, "a.txt", 4, small, sizeof(small));
    do_call(&tape, CALL_READ, 4, "", LARGE_BYTES, large, sizeof(large));
    do_call(&tape, CALL_READ, 4, "", 0, NULL, 0);
    bx_tape_call(&tape, CALL_SEND);
    bx_tape_hash(&tape, large, 1000, false);
    bx_tape_hash(&tape, large + 1000, 1000, true);
    assert_true(bx_tape_enter(&tape));
    bx_tape_answer(&tape, -5);
    bx_tape_output(&tape, 0, "hello ", 6);
    bx_tape_output(&tape, 0, "world", 5);
    bx_tape_call_end(&tape);
    end_recording(&tape, BX_OK, 3);
    return fd;
}

static void keeps_what_was_told(void **state)
{
    int fd = make_recording();
    bx_recording *recording = open_recording(fd);
    const bx_record_head *head = bx_recording_head(recording);
    const bx_record_end *end = bx_recording_end(recording);
    const char **argv = bx_record_words_list(&head->argv);
    char shown[3][100];
    bx_recorded next;
    bx_buf text = BX_BUF_INIT;

    (void)state;
    assert_string_equal(head->module_name, "guest.wasm");
    assert_string_equal(head->program, "test");
    assert_null(head->function);
    assert_int_equal(head->seed, 7);
    assert_true(head->is_deterministic);
    assert_int_equal(head->argv.count, 2);
    assert_string_equal(argv[0], "guest");
    assert_string_equal(argv[1], "");
    assert_null(argv[2]);
    assert_int_equal(end->calls, 4);
    assert_int_equal(end->exit_code, 3);
    assert_int_equal(end->output[0].bytes, 11);
    assert_int_equal(end->output[1].bytes, 0);

    assert_int_equal(bx_recording_next(recording, &next, NULL), 0);
    assert_int_equal(next.type, BX_RECORD_NEED);
    assert_int_equal(next.number, 1);
    assert_string_equal(next.name, "fs.read");
    assert_string_equal(next.target, "/a.txt");
    for (uint64_t i = 1; i <= 4; i++) {
        assert_int_equal(bx_recording_next(recording, &next, NULL), 0);
        assert_int_equal(next.type, BX_RECORD_CALL);
        assert_int_equal(next.number, i);
        text.len = 0;
        assert_int_equal(
            bx_call_format(&text, next.name, next.parts, next.bytes), 0);
        if (i != 3)
            snprintf(shown[i == 4 ? 2 : i - 1], sizeof(shown[0]), "%s",
                     text.data);
    }
    assert_string_equal(shown[0], "open(3, 'a.txt')");
    assert_string_equal(shown[1], "read(4, '')");
    assert_non_null(strstr(shown[2], "send(2000 bytes "));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bx_recording_next(recording, &next, NULL), 0);
        assert_int_equal(next.type, BX_RECORD_END);
    }
    bx_buf_clear(&text);
    free(argv);
    bx_recording_free(recording);
    close(fd);
}

static void stores_equal_bytes_once(void **state)
{
    static char data[200000];
    size_t once;
    size_t twice;
    bx_run run;
    bx_tape tape;

    (void)state;
    fill(data, sizeof(data), 2);
    for (int calls = 1; calls <= 2; calls++) {
        int fd = make_file();

        begin_recording(&tape, &run, fd, 1u << 30);
        for (int i = 0; i < calls; i++)
            do_call(&tape, CALL_READ, 4, "", 1, data, sizeof(data));
        end_recording(&tape, BX_OK, 0);
        free(read_all(fd, calls == 1 ? &once : &twice));
        close(fd);
    }
    assert_true(once > sizeof(data));
    assert_true(twice < once + 100);
}

static void refuses_a_cut_file(void **state)
{
    int whole = make_recording();
    size_t bytes;
    char *data = read_all(whole, &bytes);

    (void)state;
    for (size_t cut = 0; cut < bytes; cut += cut < 2000 ? 1 : 4999) {
        int fd = make_file_of(data, cut);

        expect_refused(fd, cut < 16 ? "not a recording" : "cut: it ends");
        close(fd);
    }
    free(data);
    close(whole);
}

static void refuses_an_altered_file(void **state)
{
    int whole = make_recording();
    size_t bytes;
    char *data = read_all(whole, &bytes);

    (void)state;
    for (size_t at = 0; at < bytes; at += at < 500 ? 1 : 1777) {
        int fd;

        data[at] ^= 4;
        fd = make_file_of(data, bytes);
        /* 16 to 19 is the first block's length; behind it, what it holds. */
        expect_refused(fd, at >= 20 && at < 500
                               ? "altered: this block is not what was written"
                               : "");
        close(fd);
        data[at] ^= 4;
    }
    data[bytes] = 'x';
    whole = (close(whole), make_file_of(data, bytes + 1));
    expect_refused(whole, "something follows its end");
    free(data);
    close(whole);
}

static void refuses_another_version_and_other_files(void **state)
{
    int whole = make_recording();
    size_t bytes;
    char *data = read_all(whole, &bytes);
    int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
    int fd;

    (void)state;
    data[8] = 2;
    fd = make_file_of(data, bytes);
    expect_refused(fd, "version 2; this program reads version 1");
    close(fd);
    fd = make_file_of("#!/bin/sh\necho this is no recording\n", 36);
    expect_refused(fd, "not a recording");
    expect_refused(folder, "expected a file");
    close(fd);
    close(folder);
    free(data);
    close(whole);
}

/* ---- records that a writer of ours would not write ------------------- */

typedef struct put {
    bx_record_type type;
    const char *data;
    size_t bytes;
} put;

#define PUT(type, text)                                                        \
    {                                                                          \
        type, text, sizeof(text) - 1                                           \
    }
#define NAME PUT(BX_RECORD_FIELD, "\x02\0guest")
#define A_CALL PUT(BX_RECORD_NAME, "open")

static void put_all(int fd, const put *puts, size_t calls)
{
    bx_record_end end = { .calls = calls };
    bx_error *err = NULL;
    const bx_run run = { .deadline_ns = INT64_MAX };
    bx_record_writer *writer;
    bx_record_sink sink;
    bx_buf bytes = BX_BUF_INIT;

    assert_int_equal(bx_record_sink_of_fd(fd, &sink, &err), 0);
    writer = bx_record_writer_new(&sink, 1 << 20, &run, &err);
    assert_non_null(writer);
    assert_int_equal(bx_record_end_put(&end, &bytes), 0);
    for (; puts->type != 0; puts++) {
        const char *data = puts->data == NULL ? bytes.data : puts->data;
        size_t count = puts->data == NULL ? bytes.len : puts->bytes;

        assert_int_equal(bx_record_writer_put(writer, puts->type, data, count,
                                              NULL, 0, &err),
                         0);
    }
    assert_int_equal(bx_record_writer_finish(writer, NULL, &err), 0);
    bx_record_writer_free(writer);
    bx_buf_clear(&bytes);
}

#define END                                                                    \
    {                                                                          \
        BX_RECORD_END, NULL, 0                                                 \
    }

static void refuses_what_makes_no_sense(void **state)
{
    static const struct {
        const char *says;
        put puts[8];
        size_t calls;
    } cases[] = {
        { "it has no end", { NAME }, 0 },
        { "names no module", { END }, 0 },
        { "behind the end", { NAME, END, END }, 0 },
        { "the end says", { NAME, END }, 0 }, /* changed below */
        { "its end says 1", { NAME, END }, 1 },
        { "out of place", { NAME, A_CALL, NAME, END }, 0 },
        { "there twice", { NAME, NAME, END }, 0 },
        { "field 77: unknown", { NAME, PUT(BX_RECORD_FIELD, "M\0x"), END }, 0 },
        { "without its begin",
          { PUT(BX_RECORD_FIELD, "\x02\1guest"), END },
          0 },
        { "words that do not end",
          { NAME, PUT(BX_RECORD_FIELD, "\x06\0guest"), END },
          0 },
        { "a digest of 3 bytes",
          { NAME, PUT(BX_RECORD_FIELD, "\x08\0abc"), END },
          0 },
        { "bytes of facts",
          { NAME, PUT(BX_RECORD_FIELD, "\x0b\0abc"), END },
          0 },
        { "a NUL in it", { PUT(BX_RECORD_FIELD, "\x02\0a\0b"), END }, 0 },
        { "a malformed name", { NAME, PUT(BX_RECORD_NAME, ""), END }, 0 },
        { "a malformed name", { NAME, PUT(BX_RECORD_NAME, "a\0b"), END }, 0 },
        { "a call without a name",
          { NAME, PUT(BX_RECORD_CALL, "\0\4\0"), END },
          1 },
        { "a blob of 0 bytes", { NAME, PUT(BX_RECORD_BLOB, ""), END }, 0 },
        { "a malformed need", { NAME, PUT(BX_RECORD_NEED, "exec"), END }, 0 },
        { "a malformed need", { NAME, PUT(BX_RECORD_NEED, "\0x"), END }, 0 },
        { "a malformed need",
          { NAME, PUT(BX_RECORD_NEED, "a\0b\0c"), END },
          0 },
        { "record of type 99",
          { NAME, { (bx_record_type)99, "", 0 }, END },
          0 },
        { "a malformed end", { NAME, PUT(BX_RECORD_END, "short") }, 0 },
        /* no answer; two; an input behind it; an output before it */
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\1\5"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\4\0\4\0"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\4\0\1\5"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\5\0\4\0"), END },
          1 },
        /* a text longer than the record; a number that is too long, or that
         * could be shorter; an unknown part */
        { "a malformed call",
          { NAME, A_CALL,
            PUT(BX_RECORD_CALL, "\0\2\x7f"
                                "abc"),
            END },
          1 },
        { "a malformed call",
          { NAME, A_CALL,
            PUT(BX_RECORD_CALL,
                "\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\4\0"),
            END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\1\x80\0\4\0"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\x09\0\4\0"), END },
          1 },
        /* blobs that are not there, or not as many bytes; a huge count */
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_CALL, "\0\4\0\6\3\1\0"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL, PUT(BX_RECORD_BLOB, "abc"),
            PUT(BX_RECORD_CALL, "\0\4\0\6\4\1\0"), END },
          1 },
        { "a malformed call",
          { NAME, A_CALL,
            PUT(BX_RECORD_CALL,
                "\0\4\0\6\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0"),
            END },
          1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = make_file();

        if (strcmp(cases[i].says, "the end says") == 0) {
            put_all(fd, cases[i].puts, 0); /* the plainest that is accepted */
            bx_recording_free(open_recording(fd));
        } else {
            put_all(fd, cases[i].puts, cases[i].calls);
            expect_refused(fd, cases[i].says);
        }
        close(fd);
    }
}

/* ---- what cannot be written ------------------------------------------ */

/* Tell calls of 1000 different bytes until the recorder gives up. */
static void record_until_it_fails(bx_tape *tape)
{
    char data[1000];

    for (unsigned i = 0; bx_tape_is_fine(tape); i++) {
        assert_true(i < 200000);
        fill(data, sizeof(data), i);
        do_call(tape, CALL_READ, i, "", 1, data, sizeof(data));
    }
}

static void expect_failure(bx_tape *tape, bx_code code, const char *text)
{
    bx_record_end end = { 0 };
    bx_error *err = NULL;

    assert_int_equal(bx_recorder_finish(tape->recorder, &end, &err), -1);
    assert_int_equal(bx_error_code(err), code);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("expected '%s' in '%s'", text, bx_error_message(err));
    bx_error_free(err);
    bx_recorder_free(tape->recorder);
}

static void says_when_it_grows_too_large(void **state)
{
    int fd = make_file();
    size_t bytes;
    bx_run run;
    bx_tape tape;

    (void)state;
    begin_recording(&tape, &run, fd, 2000000);
    record_until_it_fails(&tape);
    expect_failure(&tape, BX_ERR_LIMIT, "2000000 bytes it may have");
    free(read_all(fd, &bytes));
    assert_true(bytes > 1000000 && bytes <= 2000000);
    expect_refused(fd, "cut: it ends");
    close(fd);
}

/* At every size it is whole, or fails: it never writes more. */
static void keeps_to_its_size(void **state)
{
    int fits = 0;
    int fails = 0;

    (void)state;
    for (uint64_t max = 0; max < 1200; max++) {
        int fd = make_file();
        bx_record_end end = { 0 };
        char data[50] = "bytes";
        size_t bytes;
        bx_run run;
        bx_tape tape;

        begin_recording(&tape, &run, fd, max);
        do_call(&tape, CALL_READ, 1, "name", 1, data, sizeof(data));
        if (bx_recorder_finish(tape.recorder, &end, NULL) == 0) {
            bx_recording_free(open_recording(fd));
            fits++;
        } else {
            fails++;
        }
        bx_recorder_free(tape.recorder);
        free(read_all(fd, &bytes));
        assert_true(bytes <= max || bytes <= BX_RECORD_START_BYTES);
        close(fd);
    }
    assert_true(fits > 100 && fails > 100);
}

static void says_when_the_disk_is_full(void **state)
{
    bx_record_sink sink;
    const bx_recorder_config full = { .sink = &sink, .max_bytes = 1 << 20 };
    int full_fd = open("/dev/full", O_WRONLY);
    struct rlimit before;
    struct rlimit small;
    bx_error *err = NULL;
    int fd = make_file();
    bx_run run;
    bx_tape tape;

    (void)state;
    assert_int_equal(bx_record_sink_of_fd(full_fd, &sink, &err), 0);
    assert_null(bx_recorder_new(&full, &err));
    assert_int_equal(bx_error_errno(err), ENOSPC);
    bx_error_free(err);
    close(full_fd);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 3000000, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &small);
    begin_recording(&tape, &run, fd, 1u << 30);
    record_until_it_fails(&tape);
    expect_failure(&tape, BX_ERR_SYSTEM, "File too large");
    setrlimit(RLIMIT_FSIZE, &before);
    close(fd);
}

static void takes_no_pipe(void **state)
{
    bx_error *err = NULL;
    bx_record_sink sink;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(bx_record_sink_of_fd(fds[1], &sink, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    close(fds[0]);
    close(fds[1]);
}

/* Whether or not the writer keeps up: what is recorded is whole calls, and the
 * run is told when one is missing. */
static void waits_no_longer_than_the_run(void **state)
{
    static char data[100000];
    const uint64_t calls = 300;
    int fd = make_file();
    bx_recording *recording;
    bool was_fine;
    bx_run run;
    bx_tape tape;

    (void)state;
    begin_recording(&tape, &run, fd, 1u << 30);
    run.deadline_ns = 0;
    for (unsigned i = 0; i < calls; i++) {
        fill(data, 64, i);
        do_call(&tape, CALL_READ, i, "", 1, data, sizeof(data));
    }
    was_fine = bx_tape_is_fine(&tape);
    end_recording(&tape, BX_ERR_TIMEOUT, 0);
    recording = open_recording(fd);
    if (was_fine)
        assert_int_equal(bx_recording_end(recording)->calls, calls);
    else
        assert_true(bx_recording_end(recording)->calls < calls);
    bx_recording_free(recording);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_told),
        cmocka_unit_test(stores_equal_bytes_once),
        cmocka_unit_test(refuses_a_cut_file),
        cmocka_unit_test(refuses_an_altered_file),
        cmocka_unit_test(refuses_another_version_and_other_files),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(says_when_it_grows_too_large),
        cmocka_unit_test(keeps_to_its_size),
        cmocka_unit_test(says_when_the_disk_is_full),
        cmocka_unit_test(takes_no_pipe),
        cmocka_unit_test(waits_no_longer_than_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
