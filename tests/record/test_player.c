/* A played recording gives what was recorded, or says where it differs. */
#include "record/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE_BYTES 600000u

static char large[LARGE_BYTES];

/* What the guest of these tests does. Each step may be changed. */
typedef struct script {
    const char *path; /* of its first call */
    uint64_t fd;      /* of the second */
    const char *sent; /* of the third */
    const char *said; /* on stdout */
    unsigned third;   /* which call that is */
    unsigned calls;   /* how many it makes */
    uint32_t exit_code;
} script;

static const script usual = { "a.txt", 4, "body", "hello", CALL_SEND, 4, 0 };

static void follow(bx_tape *tape, const script *steps, char *ret_large)
{
    char small[6] = "small";

    if (steps->calls >= 1 &&
        do_call(tape, CALL_OPEN, 3, steps->path, 4, small, 6) == INT64_MIN)
        return;
    if (bx_tape_is_playing(tape))
        assert_string_equal(small, "small");
    if (steps->calls >= 2 &&
        do_call(tape, CALL_READ, steps->fd, "", LARGE_BYTES, ret_large,
                LARGE_BYTES) == INT64_MIN)
        return;
    if (steps->calls >= 3) {
        bx_tape_call(tape, steps->third);
        bx_tape_hash(tape, steps->sent, strlen(steps->sent), true);
        if (!bx_tape_enter(tape))
            return;
        assert_int_equal(bx_tape_answer(tape, -5), -5);
        bx_tape_output(tape, 0, steps->said, strlen(steps->said));
        bx_tape_call_end(tape);
    }
    for (unsigned i = 4; i <= steps->calls; i++) {
        if (do_call(tape, CALL_READ, 9, "", 0, NULL, 0) == INT64_MIN)
            return;
    }
}

static int record(const script *steps, bx_code code)
{
    int fd = make_file();
    bx_tape tape;
    bx_run run;

    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i * 7 + i / 1000);
    begin_recording(&tape, &run, fd, 1u << 30);
    follow(&tape, steps, large);
    end_recording(&tape, code, steps->exit_code);
    return fd;
}

/* Play; owned text "call N: RECORDED / NOW", or NULL when it is identical. */
static char *play(int fd, const script *steps, bx_code code)
{
    bx_recording *recording = open_recording(fd);
    bx_error *err = NULL;
    bx_tape tape = { .player =
                         bx_player_new(recording, call_names, CALLS, &err) };
    bx_record_end end = { .code = code, .exit_code = steps->exit_code };
    const bx_error *failed = NULL;
    const bx_difference *difference;
    char *got = malloc(LARGE_BYTES);
    char *text = NULL;

    assert_non_null(tape.player);
    memset(got, 0, LARGE_BYTES);
    follow(&tape, steps, got);
    bx_player_finish(tape.player, &end);
    difference = bx_player_difference(tape.player, &failed);
    assert_null(failed);
    if (difference != NULL)
        assert_true(asprintf(&text, "call %llu: %s / %s",
                             (unsigned long long)difference->call,
                             difference->recorded, difference->now) > 0);
    else if (steps->calls >= 2)
        assert_memory_equal(got, large, LARGE_BYTES);
    free(got);
    bx_player_free(tape.player);
    bx_recording_free(recording);
    return text;
}

static void expect(const script *now, const char *text)
{
    int fd = record(&usual, BX_OK);
    char *difference = play(fd, now, BX_OK);

    if (text == NULL)
        assert_null(difference);
    else
        assert_string_equal(difference == NULL ? "" : difference, text);
    free(difference);
    close(fd);
}

static void plays_what_was_recorded(void **state)
{
    (void)state;
    expect(&usual, NULL);
}

static void names_the_first_difference(void **state)
{
    script now = usual;

    (void)state;
    now.path = "b.txt";
    expect(&now, "call 1: open(3, 'a.txt') / open(3, 'b.txt')");
    now = usual;
    now.path = "a.txt\x1b[31m\n";
    expect(&now, "call 1: open(3, 'a.txt') / open(3, 'a.txt\\x1b[31m\\x0a')");
    now = usual;
    now.fd = 5;
    expect(&now, "call 2: read(4, '') / read(5, '')");
    now = usual;
    now.sent = "bodY";
    expect(&now, "call 3: send(4 bytes 230d8358) / send(4 bytes 9e77aab8)");
    now = usual;
    now.third = CALL_OPEN;
    expect(&now, "call 3: send(4 bytes 230d8358) / open(4 bytes 230d8358)");
    now = usual;
    now.calls = 5;
    expect(&now, "call 5: the run ended with status 0 / read(9, '')");
    now = usual;
    now.calls = 3;
    expect(&now, "call 4: read(9, '') / the run ended with status 0");
    now = usual;
    now.exit_code = 2;
    expect(&now, "call 5: the run ended with status 0 / the run ended with "
                 "status 2");
    now = usual;
    now.said = "hellO";
    expect(&now, "call 5: the run ended with status 0 / the run ended with "
                 "status 0, with another stdout");
}

/* A name too long to be kept is kept by its begin and a digest. */
static void compares_long_names_whole(void **state)
{
    static char one[3000];
    script now = usual;
    int fd;
    char *difference;

    (void)state;
    memset(one, 'n', sizeof(one) - 1);
    now.path = one;
    fd = record(&now, BX_OK);
    assert_null(play(fd, &now, BX_OK));
    one[2500] = 'm';
    difference = play(fd, &now, BX_OK);
    assert_non_null(difference);
    assert_non_null(strstr(difference, "call 1: open(3, 'nnn"));
    free(difference);
    close(fd);
}

static void stops_where_the_run_was_stopped(void **state)
{
    script now = usual;
    int fd = record(&usual, BX_ERR_TIMEOUT);
    char *difference;

    (void)state;
    assert_null(play(fd, &usual, BX_ERR_TIMEOUT));
    now.calls = 9; /* it would have gone on: it may not */
    assert_null(play(fd, &now, BX_ERR_CANCELLED));
    now = usual;
    now.calls = 2;
    difference = play(fd, &now, BX_OK);
    assert_string_equal(difference, "call 3: send(4 bytes 230d8358) / the run "
                                    "ended with status 0");
    free(difference);
    close(fd);
}

static void gives_no_more_than_is_asked_for(void **state)
{
    int fd = record(&usual, BX_OK);
    bx_recording *recording = open_recording(fd);
    bx_tape tape = { .player =
                         bx_player_new(recording, call_names, CALLS, NULL) };
    const bx_error *failed = NULL;
    const bx_difference *difference;
    char small[4] = { 0 };

    (void)state;
    assert_int_equal(do_call(&tape, CALL_OPEN, 3, "a.txt", 0, small, 4),
                     INT64_MIN);
    assert_false(bx_tape_is_fine(&tape));
    difference = bx_player_difference(tape.player, &failed);
    assert_non_null(difference);
    assert_non_null(strstr(difference->now, "has other bytes for it"));
    /* And nothing else comes of it. */
    assert_int_equal(do_call(&tape, CALL_READ, 4, "", 0, small, 4), INT64_MIN);
    bx_player_free(tape.player);
    bx_recording_free(recording);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plays_what_was_recorded),
        cmocka_unit_test(names_the_first_difference),
        cmocka_unit_test(compares_long_names_whole),
        cmocka_unit_test(stops_where_the_run_was_stopped),
        cmocka_unit_test(gives_no_more_than_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
