#include "mcp/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct bx_pool {
    void (*run)(void *context, void *item);
    void *context;
    pthread_t *threads;
    unsigned threads_count;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t has_work;
    pthread_cond_t has_room;
    void **ring;
    size_t ring_size;
    size_t begin;
    size_t count;
    bool is_closing;
};

static void *work(void *context)
{
    bx_pool *pool = context;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        void *item;

        while (pool->count == 0 && !pool->is_closing)
            pthread_cond_wait(&pool->has_work, &pool->mutex);
        if (pool->count == 0)
            break;
        item = pool->ring[pool->begin];
        pool->begin = (pool->begin + 1) % pool->ring_size;
        pool->count--;
        pthread_cond_signal(&pool->has_room);
        pthread_mutex_unlock(&pool->mutex);
        pool->run(pool->context, item);
        pthread_mutex_lock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static int start(bx_pool *pool, unsigned threads, bx_error **err)
{
    for (; pool->threads_count < threads; pool->threads_count++) {
        int failed = pthread_create(&pool->threads[pool->threads_count], NULL,
                                    work, pool);

        if (failed != 0)
            return bx_error_set_errno(err, failed, "a thread");
    }
    return 0;
}

bx_pool *bx_pool_new(unsigned threads, size_t max_queued,
                     void (*run)(void *context, void *item), void *context,
                     bx_error **err)
{
    bx_pool *pool = calloc(1, sizeof(*pool));
    pthread_condattr_t attributes;

    if (pool == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pool->run = run;
    pool->context = context;
    pool->threads = calloc(threads, sizeof(*pool->threads));
    pool->ring = calloc(max_queued, sizeof(*pool->ring));
    pool->ring_size = max_queued;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->has_room, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pool->threads == NULL || pool->ring == NULL)
        bx_error_set_nomem(err);
    else if (start(pool, threads, err) == 0)
        return pool;
    bx_pool_free(pool);
    return NULL;
}

void bx_pool_free(bx_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->is_closing = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->threads_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->has_room);
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->ring);
    free(pool->threads);
    free(pool);
}

bool bx_pool_put(bx_pool *pool, void *item, uint32_t wait_ms)
{
    struct timespec until;
    bool is_taken = false;
    int failed = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&pool->mutex);
    while (pool->count == pool->ring_size && failed == 0)
        failed = pthread_cond_timedwait(&pool->has_room, &pool->mutex, &until);
    if (pool->count < pool->ring_size) {
        pool->ring[(pool->begin + pool->count++) % pool->ring_size] = item;
        pthread_cond_signal(&pool->has_work);
        is_taken = true;
    }
    pthread_mutex_unlock(&pool->mutex);
    return is_taken;
}
