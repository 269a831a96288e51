/* What is read of an overlay's folder, as the commands that list and commit see
 * it and as a run does that goes on in it: overlay.json, base.log and
 * protected.log. They are the user's own, but a disk cut them short, another
 * version wrote them, or someone edited them.
 *
 * The first byte picks. Even: the three files follow, each ends with a NUL; '@'
 * stands for the folder beneath the overlay. Odd: a path that is written to
 * base.log and must be found again. */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "overlay/deltas.h"
#include "wasi/overlay_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define NAME "fuzz"

static char top[64];  /* a folder of this process */
static char base[96]; /* in it, as the rest */
static char dir[160];

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_overlay: %s\n", what);
        abort();
    }
}

/* ---- the folders ----------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_all(void)
{
    (void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *folder, const char *name, const void *data,
                size_t bytes)
{
    char path[256];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "we");
    must(file != NULL && fwrite(data, 1, bytes, file) == bytes &&
             fclose(file) == 0,
         "a file cannot be written");
}

static void make(const char *folder, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    must(bx_file_make_dirs(path, 0700, NULL) == 0, "a folder cannot be made");
}

/* One change of each kind: these names are in no other folder's top. */
static void make_world(void)
{
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(top, sizeof(top), "%s/bx-fuzz-overlay-XXXXXX", memory);
    must(mkdtemp(top) != NULL, "no folder to work in");
    (void)atexit(remove_all);
    (void)snprintf(base, sizeof(base), "%s/base", top);
    (void)snprintf(dir, sizeof(dir), "%s/boxagnts/overlays/" NAME, top);
    must(setenv("HOME", top, 1) == 0 && setenv("XDG_STATE_HOME", top, 1) == 0,
         "no home");
    make(base, "bx-f/kept");
    put(base, "bx-a", "old\n", 4);
    put(base, "bx-f/b", "gone\n", 5);
    make(dir, "up/0/bx-n");
    make(dir, "gone/0/bx-f");
    put(dir, "up/0/bx-a", "new\n", 4);
    put(dir, "up/0/bx-n/c", "made\n", 5);
    put(dir, "gone/0/bx-f/b", "", 0);
}

/* ---- what was read --------------------------------------------------- */

static void check_rows(const bx_deltas *deltas)
{
    bx_deltas_count sum = bx_deltas_sum(deltas);

    must(sum.added + sum.removed + sum.modified <= deltas->count,
         "more changes than there are");
    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];
        char *path = bx_delta_host_path(deltas, row);

        must(row->mapping < deltas->store->mappings_count, "a mapping of none");
        must(strncmp(row->path, "bx-", 3) == 0, "a path that nobody made");
        must(path != NULL && path[0] == '/', "a path of no folder");
        must(row->conflict == NULL || row->conflict[0] != '\0',
             "a conflict without a reason");
        free(path);
    }
}

/* Returns whether it is an overlay. */
static bool look(void)
{
    bx_autoerror bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(NAME, BX_OVERLAY_LOOK, &err);
    bx_autodeltas bx_deltas deltas = { .store = store };

    must((store == NULL) == (err != NULL), "refused without an error, or not");
    if (store == NULL)
        return false;
    must(store->id != NULL && strchr(store->id, '/') == NULL, "an id of none");
    for (size_t i = 0; i < store->mappings_count; i++)
        must(store->mappings[i].path[0] == '/', "a folder with no whole path");
    if (bx_deltas_find(store, &deltas, &err) == 0)
        check_rows(&deltas);
    else
        must(err != NULL, "a failure without an error");
    return true;
}

static void forget_mapping(unsigned number)
{
    static const char *const trees[] = { "up", "gone" };
    char path[256];

    for (size_t i = 0; i < 2 && number > 0; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s/%u", dir, trees[i], number);
        (void)rmdir(path);
    }
}

/* A run that goes on in it. What such a run was given is an overlay to all. */
static void go_on(void)
{
    const char *const mappings[] = { base };
    bx_autoerror bx_error *err = NULL;
    unsigned number = 0;
    bx_overlay *overlay = bx_overlay_open(dir, mappings, 1, &number, &err);

    must((overlay == NULL) == (err != NULL), "refused without an error");
    if (overlay == NULL)
        return;
    must(number < overlay->trees_count && overlay->trees[number].up_fd >= 0,
         "a mapping with no number");
    bx_overlay_free(overlay);
    forget_mapping(number);
}

static void read_files(const uint8_t *data, size_t bytes)
{
    static const char *const names[] = { "overlay.json", "base.log",
                                         "protected.log" };
    bx_autobuf bx_buf text = BX_BUF_INIT;

    for (size_t i = 0; i < 3; i++) {
        const uint8_t *end = bytes == 0 ? NULL : memchr(data, '\0', bytes);
        size_t len = end == NULL ? bytes : (size_t)(end - data);

        text.len = 0;
        for (size_t k = 0; k < len; k++)
            must((data[k] == '@' ? bx_buf_puts(&text, base)
                                 : bx_buf_append(&text, (const char *)data + k,
                                                 1, SIZE_MAX)) == 0,
                 "no memory");
        put(dir, names[i], text.data, text.len);
        data += len + (end != NULL);
        bytes -= len + (end != NULL);
    }
    (void)look();
    go_on();
}

/* ---- what was written ------------------------------------------------ */

static void write_and_find(const uint8_t *data, size_t bytes)
{
    static const char digest[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char head[] =
        "{\"version\": 1, \"id\": \"f\", \"mappings\": []}";
    bx_autofree char *path = strndup((const char *)data, bytes);
    bx_overlay overlay = { .log_fd = -1 };
    const bx_layers layers = { .overlay = &overlay, .number = 7 };
    const json_t *record;
    bx_overlay_store *store;
    struct stat stat_;
    char log[256];

    must(path != NULL && lstat(base, &stat_) == 0, "nothing to write");
    put(dir, "overlay.json", head, sizeof(head) - 1);
    put(dir, "base.log", "", 0);
    put(dir, "protected.log", "", 0);
    (void)snprintf(log, sizeof(log), "%s/base.log", dir);
    overlay.log_fd = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    must(bx_overlay_log(&layers, path, &stat_, digest) == 0 &&
             bx_overlay_log(&layers, path, NULL, NULL) == 0,
         "a path is not written");
    close(overlay.log_fd);
    store = bx_overlay_store_open(NAME, BX_OVERLAY_LOOK, NULL);
    must(store != NULL, "what was written is not read");
    record = bx_overlay_store_record(store, 7, path);
    must(record != NULL, "a path is not found again");
    must(strcmp(json_string_value(json_object_get(record, "kind")), "folder") ==
             0,
         "a path's first line does not count");
    must(json_object_size(store->records) == 1, "a path that nobody wrote");
    bx_overlay_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0 || bytes > 65536)
        return 0;
    if (top[0] == '\0')
        make_world();
    if (data[0] % 2 == 0)
        read_files(data + 1, bytes - 1);
    else
        write_and_find(data + 1, bytes - 1);
    return 0;
}
