/* preview1 as components reach it, recorded and played. */
#include <pthread.h>

#include "sandbox/record_component.h"
#include "wasi/calls.h"

#define FDS_MAX (1u << 20)

/* engine/ calls these with the instance as their host. */
#define RAW_CALLS(X)                                                           \
    X(args_get, "ii")                                                          \
    X(args_sizes_get, "ii")                                                    \
    X(environ_get, "ii")                                                       \
    X(environ_sizes_get, "ii")                                                 \
    X(clock_res_get, "ii")                                                     \
    X(clock_time_get, "iIi")                                                   \
    X(fd_advise, "iIIi")                                                       \
    X(fd_close, "i")                                                           \
    X(fd_datasync, "i")                                                        \
    X(fd_fdstat_get, "ii")                                                     \
    X(fd_fdstat_set_flags, "ii")                                               \
    X(fd_filestat_get, "ii")                                                   \
    X(fd_filestat_set_size, "iI")                                              \
    X(fd_filestat_set_times, "iIIi")                                           \
    X(fd_pread, "iiiIi")                                                       \
    X(fd_prestat_dir_name, "iii")                                              \
    X(fd_prestat_get, "ii")                                                    \
    X(fd_pwrite, "iiiIi")                                                      \
    X(fd_read, "iiii")                                                         \
    X(fd_readdir, "iiiIi")                                                     \
    X(fd_sync, "i")                                                            \
    X(fd_write, "iiii")                                                        \
    X(path_create_directory, "iii")                                            \
    X(path_filestat_get, "iiiii")                                              \
    X(path_filestat_set_times, "iiiiIIi")                                      \
    X(path_link, "iiiiiii")                                                    \
    X(path_open, "iiiiiIIii")                                                  \
    X(path_readlink, "iiiiii")                                                 \
    X(path_remove_directory, "iii")                                            \
    X(path_rename, "iiiiii")                                                   \
    X(path_symlink, "iiiii")                                                   \
    X(path_unlink_file, "iii")                                                 \
    X(poll_oneoff, "iiii")                                                     \
    X(random_get, "ii")

enum {
#define NUMBER(name, params) RAW_##name,
    RAW_CALLS(NUMBER)
#undef NUMBER
        RAW_COUNT
};

static const char *const raw_names[RAW_COUNT] = {
#define NAME(name, params) #name,
    RAW_CALLS(NAME)
#undef NAME
};

static unsigned raw_numbers[RAW_COUNT];

static void number_raw(void)
{
    for (unsigned i = 0; i < RAW_COUNT; i++)
        raw_numbers[i] = bx_record_find(raw_names[i]);
}

static uint32_t load(const bx_guest *guest, uint32_t ptr)
{
    const void *at = bx_guest_range(guest, ptr, 4);

    return at == NULL ? 0 : bx_load32(at);
}

/* Played numbers that engine/ makes room by. */
static bool is_sane(unsigned raw, const bx_guest *guest, const bx_raw *args)
{
    switch (raw) {
    case RAW_path_open:
        return load(guest, args[8].u32) < FDS_MAX;
    case RAW_fd_prestat_get:
        return load(guest, args[1].u32 + 4) <= BX_PATH_BYTES;
    case RAW_args_sizes_get:
    case RAW_environ_sizes_get:
        return load(guest, args[0].u32) <= BX_RECORD_WORDS &&
               load(guest, args[1].u32) <= BX_RECORD_FIELD_BYTES;
    default:
        return true;
    }
}

static int32_t relay(bx_instance *instance, unsigned raw, bx_host_fn *function,
                     const bx_guest *guest, const bx_raw *args)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int32_t answer;

    if (instance->record == NULL)
        return function(instance->wasi, guest, args);
    pthread_once(&once, number_raw);
    answer = bx_record_call(instance, raw_numbers[raw], function,
                            instance->wasi, guest, args);
    if (!instance->is_played || answer != 0 || is_sane(raw, guest, args))
        return answer;
    bx_player_refuse(instance->record->tape.player,
                     "the recorded answer cannot be");
    return BX_HOST_STOP;
}

#define RELAY(name, params)                                                    \
    static int32_t raw_##name(void *host, const bx_guest *guest,               \
                              const bx_raw *args)                              \
    {                                                                          \
        return relay(host, RAW_##name, bx_wasi_##name, guest, args);           \
    }
RAW_CALLS(RELAY)
#undef RELAY

static const bx_host_call raw_calls[RAW_COUNT] = {
#define CALL(name, params) { #name, params, true, raw_##name },
    RAW_CALLS(CALL)
#undef CALL
};
static const size_t raw_calls_count = RAW_COUNT;

void bx_record_put_raw(bx_component_api *api)
{
    api->calls = raw_calls;
    api->calls_count = &raw_calls_count;
}
