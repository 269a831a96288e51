#include "record/press.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/guest.h"

#define WAIT_NS 20000000 /* between looks at the run's deadline and cancel */

struct bx_record_press {
    bx_record_sink sink;
    const bx_run *run;
    bx_sha256_parts chain; /* the thread's, once there is one */
    pthread_t thread;
    bool has_thread;
    bx_record_block *block; /* being filled; NULL: the queue was full */
    atomic_bool has_failed;
    pthread_mutex_t mutex; /* over the rest */
    pthread_cond_t changed;
    uint64_t filled; /* blocks handed over, and done with, in all */
    uint64_t emptied;
    bool is_ending;  /* nothing follows */
    bx_error *error; /* the first */
    bx_record_block blocks[BX_RECORD_PRESS_BLOCKS];
};

/* ---- what is written ------------------------------------------------- */

static int put(bx_record_press *press, const void *data, size_t bytes,
               bx_error **err)
{
    return press->sink.put(press->sink.context, data, bytes, err);
}

static int put_start(bx_record_press *press, bx_error **err)
{
    uint8_t start[BX_RECORD_START_BYTES] = { 0 };

    memcpy(start, BX_RECORD_MAGIC, BX_RECORD_MAGIC_BYTES);
    bx_store32(start + BX_RECORD_MAGIC_BYTES, BX_RECORD_VERSION);
    bx_sha256_begin(&press->chain);
    bx_sha256_add(&press->chain, start, sizeof(start));
    return put(press, start, sizeof(start), err);
}

static int put_block(bx_record_press *press, bx_record_block *block,
                     bx_error **err)
{
    size_t bytes = 4 + block->used;
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts so_far;

    bx_store32(block->data, (uint32_t)block->used);
    bx_sha256_add(&press->chain, block->data, bytes);
    so_far = press->chain;
    bx_sha256_end(&so_far, digest);
    memcpy(block->data + bytes, digest, BX_RECORD_CHECK_BYTES);
    bx_sha256_add(&press->chain, digest, BX_RECORD_CHECK_BYTES);
    return put(press, block->data, bytes + BX_RECORD_CHECK_BYTES, err);
}

static int put_end(bx_record_press *press, bx_error **err)
{
    uint8_t end[4 + BX_DIGEST_BYTES] = { 0 };

    bx_sha256_add(&press->chain, end, 4);
    bx_sha256_end(&press->chain, end + 4);
    return put(press, end, sizeof(end), err);
}

/* ---- the thread ------------------------------------------------------ */

static bx_record_block *block_of(bx_record_press *press, uint64_t number)
{
    return &press->blocks[number % BX_RECORD_PRESS_BLOCKS];
}

static void fail(bx_record_press *press, bx_error *error)
{
    pthread_mutex_lock(&press->mutex);
    press->error = error;
    pthread_mutex_unlock(&press->mutex);
    atomic_store_explicit(&press->has_failed, true, memory_order_relaxed);
}

/* The next block to write; NULL: there is none left and there comes none. */
static bx_record_block *take_block(bx_record_press *press, bool is_done)
{
    bx_record_block *block = NULL;

    pthread_mutex_lock(&press->mutex);
    if (is_done) {
        press->emptied++;
        pthread_cond_signal(&press->changed);
    }
    while (press->filled == press->emptied && !press->is_ending)
        pthread_cond_wait(&press->changed, &press->mutex);
    if (press->filled != press->emptied)
        block = block_of(press, press->emptied);
    pthread_mutex_unlock(&press->mutex);
    return block;
}

/* After a failure it goes on taking blocks, so that nobody waits for it. */
static void *work(void *argument)
{
    bx_record_press *press = argument;
    bx_record_block *block = take_block(press, false);
    bx_error *error = NULL;

    for (; block != NULL; block = take_block(press, true)) {
        if (error == NULL && put_block(press, block, &error) < 0)
            fail(press, error);
    }
    return NULL;
}

/* Signals are the program's own business. */
static void start_thread(bx_record_press *press)
{
    bx_error *error = NULL;
    sigset_t all;
    sigset_t before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&press->thread, NULL, work, press);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    press->has_thread = failed == 0;
    if (failed == 0)
        return;
    bx_error_set_errno(&error, failed, "recording: its thread");
    fail(press, error);
}

/* ---- the run's side -------------------------------------------------- */

static void wait_a_little(bx_record_press *press)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&press->changed, &press->mutex, &until);
}

bx_record_block *bx_record_press_next(bx_record_press *press, bool is_patient)
{
    bx_record_block *next = NULL;

    if (!press->has_thread && !bx_record_press_has_failed(press))
        start_thread(press);
    if (!press->has_thread)
        return NULL;
    pthread_mutex_lock(&press->mutex);
    if (press->block != NULL && press->block->used > 0) {
        press->filled++;
        pthread_cond_signal(&press->changed);
    }
    while (press->filled - press->emptied == BX_RECORD_PRESS_BLOCKS) {
        if (!is_patient && bx_run_is_over(press->run))
            break;
        wait_a_little(press);
    }
    if (press->filled - press->emptied < BX_RECORD_PRESS_BLOCKS) {
        next = block_of(press, press->filled);
        next->used = 0;
    }
    pthread_mutex_unlock(&press->mutex);
    press->block = next;
    return next;
}

bx_record_block *bx_record_press_first(bx_record_press *press)
{
    return press->block;
}

bool bx_record_press_has_failed(const bx_record_press *press)
{
    return atomic_load_explicit(&press->has_failed, memory_order_relaxed);
}

/* ---- its life -------------------------------------------------------- */

bx_record_press *bx_record_press_new(const bx_record_sink *sink,
                                     const bx_run *run, bx_error **err)
{
    bx_record_press *press = malloc(sizeof(*press));
    pthread_condattr_t monotonic;

    if (press == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(press, 0, offsetof(bx_record_press, blocks));
    press->sink = *sink;
    press->run = run;
    atomic_init(&press->has_failed, false);
    pthread_mutex_init(&press->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&press->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    press->block = &press->blocks[0];
    press->block->used = 0;
    if (put_start(press, err) == 0)
        return press;
    bx_record_press_free(press);
    return NULL;
}

/* Until the thread has written all that is handed over. */
static void join(bx_record_press *press)
{
    if (!press->has_thread)
        return;
    pthread_mutex_lock(&press->mutex);
    press->is_ending = true;
    pthread_cond_signal(&press->changed);
    pthread_mutex_unlock(&press->mutex);
    pthread_join(press->thread, NULL);
    press->has_thread = false;
}

int bx_record_press_finish(bx_record_press *press, bx_error **err)
{
    join(press);
    if (press->error != NULL) {
        if (err != NULL)
            *err = bx_take(press->error);
        return -1;
    }
    if (press->block != NULL && press->block->used > 0 &&
        put_block(press, press->block, err) < 0)
        return -1;
    return put_end(press, err);
}

void bx_record_press_free(bx_record_press *press)
{
    if (press == NULL)
        return;
    join(press);
    bx_error_free(press->error);
    pthread_cond_destroy(&press->changed);
    pthread_mutex_destroy(&press->mutex);
    free(press);
}
