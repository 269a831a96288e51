/* A component's functions, recorded and played: those of component_host.c with
 * a tape in between. What is played comes from a file: numbers that engine/
 * would make room by are held against the most there can be. */
#include "sandbox/record_component.h"

#include <errno.h>
#include <pthread.h>

bool bx_tape_is_within(bx_tape *tape, int64_t answer, int64_t most)
{
    if (tape->player == NULL || answer <= most)
        return true;
    bx_player_refuse(tape->player, "the recorded answer cannot be");
    return false;
}

int64_t bx_tape_end(void *context, bx_tape *tape, int64_t answer, int64_t most)
{
    answer = bx_tape_answer(tape, answer);
    if (!bx_tape_is_within(tape, answer, most))
        return -EIO;
    bx_record_call_end(context);
    return answer;
}

/* ---- the run -------------------------------------------------------- */

static int32_t enter(void *context)
{
    const bx_tape *tape = bx_tape_of(context);

    if (tape != NULL && !bx_tape_is_fine(tape))
        return BX_HOST_STOP;
    return bx_component_host.enter(context);
}

static bool is_over(void *context)
{
    const bx_tape *tape = bx_tape_of(context);

    return (tape != NULL && !bx_tape_is_fine(tape)) ||
           bx_component_host.is_over(context);
}

int32_t bx_tape_end_fd(void *context, bx_tape *tape, int32_t fd)
{
    int64_t answer = bx_tape_end(context, tape, fd < 0 ? -1 : 0, 0);

    return bx_tape_is_playing(tape) ? (int32_t)answer : fd;
}

static int32_t stream_fd(void *context, uint32_t fd, bool is_read)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t found = -1;

    if (tape == NULL)
        return bx_component_host.stream_fd(context, fd, is_read);
    if (!bx_tape_begin(tape, BX_TAPE_STREAM_FD, fd))
        return -1;
    if (!bx_tape_is_playing(tape))
        found = bx_component_host.stream_fd(context, fd, is_read);
    return bx_tape_end_fd(context, tape, found);
}

static int32_t wait_taped(void *context, unsigned number, struct pollfd *fds,
                          size_t count, int64_t timeout_ns)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = 0;

    bx_tape_call(tape, number);
    for (size_t i = 0; i < count; i++)
        bx_tape_value(tape, (uint16_t)fds[i].events);
    if (!bx_tape_may_go(tape))
        return BX_HOST_STOP;
    if (!bx_tape_is_playing(tape))
        answer = (number == BX_TAPE_WAIT ? bx_component_host.wait
                                         : bx_component_host.http_wait)(
            context, fds, count, timeout_ns);
    answer = (int32_t)bx_tape_answer(tape, answer);
    for (size_t i = 0; i < count; i++)
        (void)bx_tape_out(tape, &fds[i].revents, sizeof(fds[i].revents),
                          i + 1 == count);
    bx_record_call_end(context);
    return answer;
}

static int32_t wait_for(void *context, struct pollfd *fds, size_t count,
                        int64_t timeout_ns)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.wait(context, fds, count, timeout_ns)
               : wait_taped(context, BX_TAPE_WAIT, fds, count, timeout_ns);
}

static int32_t http_wait(void *context, struct pollfd *fds, size_t count,
                         int64_t timeout_ns)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.http_wait(context, fds, count, timeout_ns)
               : wait_taped(context, BX_TAPE_HTTP_WAIT, fds, count, timeout_ns);
}

/* ---- the table ------------------------------------------------------- */

static bx_component_api table;

static void fill_table(void)
{
    table = bx_component_host; /* what no tape is about */
    table.enter = enter;
    table.is_over = is_over;
    table.stream_fd = stream_fd;
    table.wait = wait_for;
    table.http_wait = http_wait;
    bx_record_put_sockets(&table);
    bx_record_put_requests(&table);
    bx_record_put_raw(&table);
}

const bx_component_api *bx_component_taped(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fill_table);
    return &table;
}
