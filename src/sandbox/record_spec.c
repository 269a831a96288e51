#include "sandbox/record_spec.h"

#include <pthread.h>
#include <string.h>

static bx_call_spec specs[] = {
    { "args_get", "", .is_own = true },
    { "args_sizes_get", "44" },
    { "environ_get", "", .is_own = true },
    { "environ_sizes_get", "44" },
    { "clock_res_get", ".8" },
    { "clock_time_get", "..8" },
    { "fd_advise", "...." },
    { "fd_allocate", "..." },
    { "fd_close", "." },
    { "fd_datasync", "." },
    { "fd_fdstat_get", ".f" },
    { "fd_fdstat_set_flags", ".." },
    { "fd_fdstat_set_rights", "..." },
    { "fd_filestat_get", ".s" },
    { "fd_filestat_set_size", ".." },
    { "fd_filestat_set_times", "...." },
    { "fd_pread", ".rn.u" },
    { "fd_prestat_get", ".8" },
    { "fd_prestat_dir_name", ".bl" },
    { "fd_pwrite", ".wn.u" },
    { "fd_read", ".rnu" },
    { "fd_readdir", ".bl.u" },
    { "fd_renumber", ".." },
    { "fd_seek", "...8" },
    { "fd_sync", "." },
    { "fd_tell", ".8" },
    { "fd_write", ".wnu" },
    { "path_create_directory", ".pl" },
    { "path_filestat_get", "..pls" },
    { "path_filestat_set_times", "..pl..." },
    { "path_link", "..pl.pl" },
    { "path_open", "..pl....4" },
    { "path_readlink", ".plblu" },
    { "path_remove_directory", ".pl" },
    { "path_rename", ".pl.pl" },
    { "path_symlink", "pl.pl" },
    { "path_unlink_file", ".pl" },
    { "poll_oneoff", "", .is_own = true },
    { "proc_exit", ".", .is_always = true },
    { "proc_raise", "." },
    { "sched_yield", "" },
    { "random_get", "bl" },
    { "sock_accept", "..-" },
    { "sock_recv", ".--.--" },
    { "sock_send", ".--.-" },
    { "sock_shutdown", ".." },
    { "http_open", "jl4" },
    { "http_write", ".dl" },
    { "http_head", ".blu" },
    { "http_read", ".blu" },
    { "http_error", ".blu" },
    { "http_close", "." },
    { "spawn", "jldl4", .takes_fuel = true },
    { "tool_call", "pldl4", .takes_fuel = true },
    { "tool_list", "4" },
    { "call_head", ".blu" },
    { "call_read", "..blu" },
    { "call_error", "blu" },
    { "call_close", "." },
    { "wasi_unstable.fd_filestat_get", ".z" },
    { "wasi_unstable.fd_seek", "...8" },
    { "wasi_unstable.path_filestat_get", "..plz" },
    { "wasi_unstable.poll_oneoff", "", .is_own = true },
    { "path_replace", ".pldl" },
};
#define SPECS_COUNT (sizeof(specs) / sizeof(specs[0]))
_Static_assert(SPECS_COUNT <= BX_TAPE_COMPONENT, "numbers are taken");

#define MODULES_MAX 8
#define MODULE_CALLS_MAX 64

/* ---- names and numbers ---------------------------------------------- */

static const char *names[BX_TAPE_CALLS];
static uint8_t numbers[MODULES_MAX][MODULE_CALLS_MAX];

static const char *const component_names[] = {
    "poll",           "stream_fd",      "socket_open",   "socket_close",
    "socket_connect", "socket_finish",  "socket_bind",   "socket_listen",
    "socket_fd",      "socket_receive", "socket_send",   "socket_shutdown",
    "socket_name",    "socket_get",     "socket_set",    "socket_resolve",
    "http_request",   "http_send",      "http_is_ready", "http_poll",
    "http_response",  "http_field",     "http_receive",  "http_drop",
    "call_service",
};
_Static_assert(sizeof(component_names) / sizeof(component_names[0]) ==
                   BX_TAPE_CALLS - BX_TAPE_COMPONENT,
               "each has its name");

static unsigned find_spec(const char *prefix, const char *name)
{
    size_t bytes = strlen(prefix);

    for (unsigned i = 0; i < SPECS_COUNT; i++) {
        const char *at = specs[i].name;

        if (bytes == 0 ? strcmp(at, name) == 0
                       : strncmp(at, prefix, bytes) == 0 && at[bytes] == '.' &&
                             strcmp(at + bytes + 1, name) == 0)
            return i;
    }
    return BX_TAPE_CALLS;
}

static void number_calls(void)
{
    for (unsigned i = 0; i < SPECS_COUNT; i++) {
        const char *used = strchr(specs[i].letters, 'u');

        specs[i].used_at = used == NULL ? -1 : (int)(used - specs[i].letters);
        specs[i].is_written = strchr(specs[i].letters, 'w') != NULL;
        specs[i].params = ""; /* until a module is seen to have it */
    }
    for (unsigned i = 0; i < BX_TAPE_CALLS; i++)
        names[i] = i < SPECS_COUNT ? specs[i].name
                   : i < BX_TAPE_COMPONENT
                       ? ""
                       : component_names[i - BX_TAPE_COMPONENT];
    for (size_t m = 0; m < bx_host_modules_count && m < MODULES_MAX; m++) {
        const bx_host_module *module = &bx_host_modules[m];

        for (size_t i = 0; i < *module->calls_count && i < MODULE_CALLS_MAX;
             i++) {
            unsigned spec = BX_TAPE_CALLS;

            if (strcmp(module->name, BX_SNAPSHOT0) == 0)
                spec = find_spec(BX_SNAPSHOT0, module->calls[i].name);
            if (spec == BX_TAPE_CALLS)
                spec = find_spec("", module->calls[i].name);
            numbers[m][i] = (uint8_t)spec;
            if (spec < SPECS_COUNT)
                specs[spec].params = module->calls[i].params;
        }
    }
}

static void ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, number_calls);
}

const char *const *bx_record_names(void)
{
    ready();
    return names;
}

unsigned bx_record_find(const char *name)
{
    return find_spec("", name);
}

unsigned bx_record_number(const bx_host_call *call)
{
    ready();
    for (size_t m = 0; m < bx_host_modules_count && m < MODULES_MAX; m++) {
        const bx_host_module *module = &bx_host_modules[m];

        if (call >= module->calls &&
            call < module->calls + *module->calls_count)
            return numbers[m][call - module->calls];
    }
    return BX_TAPE_CALLS;
}

const bx_call_spec *bx_record_spec(unsigned number)
{
    return number < SPECS_COUNT ? &specs[number] : NULL;
}
