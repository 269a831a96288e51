/* Arguments, environment, the end of the program, and sockets there are none
 * of. */
#include <sched.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/need.h"

static int32_t store_sizes(const bx_guest *guest, const bx_raw *args,
                           uint64_t count, uint64_t bytes)
{
    uint8_t *ret_count = bx_guest_range(guest, args[0].u32, 4);
    uint8_t *ret_bytes = bx_guest_range(guest, args[1].u32, 4);

    if (ret_count == NULL || ret_bytes == NULL)
        return BX_WASI_EFAULT;
    bx_store32(ret_count, (uint32_t)count);
    bx_store32(ret_bytes, (uint32_t)bytes);
    return 0;
}

int32_t bx_wasi_args_sizes_get(void *host, const bx_guest *guest,
                               const bx_raw *args)
{
    const bx_wasi *wasi = host;

    return store_sizes(guest, args, wasi->argc, wasi->argv_bytes);
}

/* The variables there are. A caller's are its own data; the policy's are asked
 * for, and the answers held while they are counted and copied. */
typedef struct given_env {
    size_t count;
    uint64_t bytes;
    bool *is_given; /* of the policy's; NULL: all are */
} given_env;

static int32_t find_given(bx_wasi *wasi, given_env *ret)
{
    const bx_policy *policy = wasi->policy;

    *ret = (given_env){ wasi->env_count, wasi->env_bytes, NULL };
    if (wasi->run->need == NULL || wasi->env != NULL)
        return 0;
    ret->is_given = calloc(policy->env_count + 1, sizeof(*ret->is_given));
    if (ret->is_given == NULL)
        return BX_WASI_ENOMEM;
    for (size_t i = 0; i < policy->env_count; i++) {
        ret->is_given[i] = bx_need_env(wasi, policy->env[i].name);
        if (ret->is_given[i])
            continue;
        ret->count--;
        ret->bytes -=
            strlen(policy->env[i].name) + strlen(policy->env[i].value) + 2;
    }
    return 0;
}

int32_t bx_wasi_environ_sizes_get(void *host, const bx_guest *guest,
                                  const bx_raw *args)
{
    given_env env;
    int32_t err = find_given(host, &env);

    if (err == 0)
        err = store_sizes(guest, args, env.count, env.bytes);
    free(env.is_given);
    return err;
}

/* Words of a list into the guest, and a pointer to each. */
static void store_words(uint8_t *list, char *text, uint32_t ptr, size_t count,
                        const char *const *words)
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(words[i]) + 1;

        memcpy(text, words[i], bytes);
        bx_store32(list + i * 4, ptr);
        text += bytes;
        ptr += (uint32_t)bytes;
    }
}

static void store_policy_env(uint8_t *list, char *text, uint32_t ptr,
                             const bx_policy *policy, const bool *is_given)
{
    for (size_t i = 0; i < policy->env_count; i++) {
        size_t name = strlen(policy->env[i].name);
        size_t value = strlen(policy->env[i].value) + 1;

        if (is_given != NULL && !is_given[i])
            continue;
        memcpy(text, policy->env[i].name, name);
        text[name] = '=';
        memcpy(text + name + 1, policy->env[i].value, value);
        bx_store32(list, ptr);
        list += 4;
        text += name + 1 + value;
        ptr += (uint32_t)(name + 1 + value);
    }
}

int32_t bx_wasi_args_get(void *host, const bx_guest *guest, const bx_raw *args)
{
    const bx_wasi *wasi = host;
    uint8_t *list =
        bx_guest_range(guest, args[0].u32, (uint64_t)wasi->argc * 4);
    char *text = bx_guest_range(guest, args[1].u32, wasi->argv_bytes);

    if (list == NULL || text == NULL)
        return BX_WASI_EFAULT;
    store_words(list, text, args[1].u32, wasi->argc, wasi->argv);
    return 0;
}

static int32_t store_env(const bx_wasi *wasi, const bx_guest *guest,
                         const bx_raw *args, const given_env *env)
{
    uint8_t *list =
        bx_guest_range(guest, args[0].u32, (uint64_t)env->count * 4);
    char *text = bx_guest_range(guest, args[1].u32, env->bytes);

    if (list == NULL || text == NULL)
        return BX_WASI_EFAULT;
    if (wasi->env == NULL)
        store_policy_env(list, text, args[1].u32, wasi->policy, env->is_given);
    else
        store_words(list, text, args[1].u32, wasi->env_count, wasi->env);
    return 0;
}

int32_t bx_wasi_environ_get(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    given_env env;
    int32_t err = find_given(host, &env);

    if (err == 0)
        err = store_env(host, guest, args, &env);
    free(env.is_given);
    return err;
}

int32_t bx_wasi_proc_exit(void *host, const bx_guest *guest, const bx_raw *args)
{
    bx_wasi *wasi = host;

    (void)guest;
    wasi->exit_code = args[0].u32;
    return BX_HOST_EXIT;
}

/* A guest has no process that a signal could go to. */
int32_t bx_wasi_proc_raise(void *host, const bx_guest *guest,
                           const bx_raw *args)
{
    (void)host;
    (void)guest;
    (void)args;
    return BX_WASI_ENOTSUP;
}

int32_t bx_wasi_sched_yield(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    (void)host;
    (void)guest;
    (void)args;
    sched_yield();
    return 0;
}

/* Descriptors are files, folders and streams: never sockets. */
static int32_t refuse_socket(const bx_wasi *wasi, const bx_raw *args)
{
    return bx_fd_find(&wasi->table, args[0].u32) == NULL ? BX_WASI_EBADF
                                                         : BX_WASI_ENOTSOCK;
}

int32_t bx_wasi_sock_accept(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    (void)guest;
    return refuse_socket(host, args);
}

int32_t bx_wasi_sock_recv(void *host, const bx_guest *guest, const bx_raw *args)
{
    (void)guest;
    return refuse_socket(host, args);
}

int32_t bx_wasi_sock_send(void *host, const bx_guest *guest, const bx_raw *args)
{
    (void)guest;
    return refuse_socket(host, args);
}

int32_t bx_wasi_sock_shutdown(void *host, const bx_guest *guest,
                              const bx_raw *args)
{
    (void)guest;
    return refuse_socket(host, args);
}
