/* Bytes become a sequence of WASI calls with hostile arguments over a folder
 * that has links out of it. A file outside must stay as it is, and its bytes
 * must never appear in the guest's memory. */
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasi/resolve.h"
#include "wasi/wasi.h"

#define MEMORY_BYTES 16384u
#define CALLS_MAX 64
#define CANARY "CANARY-b1f0c2d4-OUTSIDE"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char root[] = "/tmp/bx-fuzz-wasi-XXXXXX";
static char canary_path[64];
static bx_policy *policy;

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_wasi: %s\n", what);
        abort();
    }
}

static int remove_one(const char *path, const struct stat *stat, int kind,
                      struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* An absolute path beneath the root; the working folder is the fuzzer's. */
static const char *beneath(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void remove_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text)
{
    int fd =
        open(beneath(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
         "no file");
    close(fd);
}

/* The mapped folder as it is at the beginning of each input. */
static void refill(void)
{
    static const char *const folders[] = { "work", "work/a", "work/a/b" };
    static const char *const links[][2] = {
        { "../outside", "work/o" }, { "../../outside/canary", "work/a/c" },
        { canary_path, "work/k" },  { "a/b", "work/l" },
        { "../ro", "work/r" },      { "/proc/self/root", "work/p" },
    };

    nftw(beneath("work"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        must(mkdir(beneath(folders[i]), 0777) == 0, "no folder");
    write_file("work/f", "inside");
    write_file("work/a/g", "inside");
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        must(symlink(links[i][0], beneath(links[i][1])) == 0, "no link");
}

static void prepare(void)
{
    must(mkdtemp(root) != NULL, "no folder");
    atexit(remove_root);
    snprintf(canary_path, sizeof(canary_path), "%s/outside/canary", root);
    mkdir(beneath("outside"), 0777);
    mkdir(beneath("ro"), 0777);
    write_file("outside/canary", CANARY);
    write_file("ro/f", "read-only");
    refill();
    policy = bx_policy_new();
    must(bx_policy_map_dir(policy, beneath("work"), "/", 3, NULL) == 0 &&
             bx_policy_map_dir(policy, beneath("ro"), "/ro", BX_ACCESS_READ,
                               NULL) == 0,
         "no policy");
    policy->limits.fs_write_bytes = 65536;
    policy->limits.fs_create_entries = 64;
    policy->limits.open_files = 32;
}

/* The fuzzer learns what inputs are compared with; one that brings the
 * canary's beginning along proves nothing by having it in memory. */
static bool is_forged(const uint8_t *data, size_t bytes)
{
    return memmem(data, bytes, CANARY, 8) != NULL;
}

static void check(const uint8_t *memory, bool may_have_canary)
{
    char text[64];
    int fd = open(canary_path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, text, sizeof(text));

    close(fd);
    must(len == (ssize_t)strlen(CANARY) && memcmp(text, CANARY, 23) == 0,
         "the canary changed");
    fd = open(beneath("ro/f"), O_RDONLY | O_CLOEXEC);
    len = read(fd, text, sizeof(text));
    close(fd);
    must(len == 9 && memcmp(text, "read-only", 9) == 0, "a file changed");
    must(may_have_canary ||
             memmem(memory, MEMORY_BYTES, CANARY, strlen(CANARY)) == NULL,
         "the canary was read");
}

/* Most arguments are made to fit, or no call would get far. */
static uint64_t argument(char kind, uint8_t byte)
{
    static const uint64_t wild[] = { 0,          UINT32_MAX,       MEMORY_BYTES,
                                     UINT64_MAX, MEMORY_BYTES - 1, 1u << 31 };

    if (byte >= 250)
        return wild[byte - 250];
    if (kind == 'I')
        return (byte & 1) != 0 ? UINT64_MAX >> (byte & 62) : byte;
    if (byte < 100)
        return byte & 15; /* descriptors, flags, short lengths */
    return (uint64_t)(byte - 100) * 64;
}

static void run_calls(bx_wasi *wasi, const bx_guest *guest, const uint8_t *data,
                      size_t bytes)
{
    const bx_host_call *calls = bx_wasi_preview1_calls;
    size_t count = bx_wasi_preview1_calls_count;

    for (int i = 0; i < CALLS_MAX && bytes > 0; i++) {
        const bx_host_call *call;
        bx_raw args[9] = { { .u64 = 0 } };
        size_t arity;

        if (data[0] >= 128) {
            calls = bx_wasi_snapshot0_calls;
            count = bx_wasi_snapshot0_calls_count;
        }
        call = &calls[(data[0] & 127) % count];
        arity = strlen(call->params);
        data++;
        bytes--;
        if (bytes < arity)
            return;
        for (size_t k = 0; k < arity; k++)
            args[k].u64 = argument(call->params[k], data[k]);
        data += arity;
        bytes -= arity;
        call->call(wasi, guest, args);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t memory[MEMORY_BYTES];
    bx_run run = { .is_deterministic = true };
    bx_buf output = BX_BUF_INIT;
    bx_stream in = { .fd = -1, .data = "input", .bytes = 5 };
    bx_stream out = { .fd = -1, .capture = &output, .capture_bytes = 4096 };
    const bx_guest guest = { memory, MEMORY_BYTES };
    bx_wasi_config config = { .run = &run, .stdio = { &in, &out, &out } };
    size_t head = bytes < 2048 ? bytes / 2 : 2048;
    bx_wasi *wasi;
    bx_fs *fs;

    if (policy == NULL)
        prepare();
    if (bytes == 0)
        return 0;
    /* The first half lies in the guest's memory, where paths are taken from;
     * the rest are calls. */
    memset(memory, 0, sizeof(memory));
    memcpy(memory, data, head);
    bx_resolve_force_walk((data[0] & 1) != 0);
    run.deadline_ns = bx_now_ns() + 1000000000;
    fs = bx_fs_new(policy, NULL);
    must(fs != NULL, "no folders");
    config.policy = policy;
    config.fs = fs;
    wasi = bx_wasi_new(&config, NULL);
    must(wasi != NULL, "no state");
    run_calls(wasi, &guest, data + head, bytes - head);
    bx_wasi_free(wasi);
    bx_fs_free(fs);
    bx_buf_clear(&output);
    check(memory, is_forged(data, bytes));
    refill();
    return 0;
}
