#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "overlay/content.h"

char test_dir[256];
char base_dir[300];
char overlay_dir[340];
bx_code last_code;
char last_message[2048];

/* ---- the world ------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

static void set_folder(const char *name, const char *tail)
{
    char path[400];

    snprintf(path, sizeof(path), "%s/%s", test_dir, tail);
    assert_int_equal(setenv(name, path, 1), 0);
}

static void make_folders(const char *path)
{
    assert_int_equal(bx_file_make_dirs(path, 0755, NULL), 0);
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void make_overlay(void)
{
    char path[400];
    char text[600];

    snprintf(path, sizeof(path), "%s/up/0", overlay_dir);
    make_folders(path);
    snprintf(path, sizeof(path), "%s/gone/0", overlay_dir);
    make_folders(path);
    snprintf(path, sizeof(path), "%s/tmp", overlay_dir);
    make_folders(path);
    snprintf(path, sizeof(path), "%s/overlay.json", overlay_dir);
    snprintf(text, sizeof(text),
             "{\"version\": 1, \"id\": \"0123\", \"created_s\": 1700000000, "
             "\"mappings\": [\"%s\"]}",
             base_dir);
    write_text(path, text);
}

int make_world(void **state)
{
    char template[] = "/tmp/bx-overlay-XXXXXX";
    bx_autofree char *real = NULL;

    (void)state;
    umask(022);
    assert_non_null(mkdtemp(template));
    real = realpath(template, NULL);
    assert_non_null(real);
    snprintf(test_dir, sizeof(test_dir), "%s", real);
    set_folder("HOME", "home");
    set_folder("XDG_STATE_HOME", "state");
    set_folder("XDG_CONFIG_HOME", "config");
    set_folder("XDG_DATA_HOME", "data");
    set_folder("XDG_CACHE_HOME", "cache");
    snprintf(base_dir, sizeof(base_dir), "%s/base", test_dir);
    snprintf(overlay_dir, sizeof(overlay_dir),
             "%s/state/boxagnts/overlays/" OVERLAY, test_dir);
    make_folders(base_dir);
    make_overlay();
    return 0;
}

int remove_world(void **state)
{
    (void)state;
    assert_int_equal(chdir("/"), 0);
    return nftw(test_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- paths ----------------------------------------------------------- */

const char *in_base(const char *path)
{
    static char whole[8192];

    snprintf(whole, sizeof(whole), "%s/%s", base_dir, path);
    return whole;
}

const char *in_up(const char *path)
{
    static char whole[8192];

    snprintf(whole, sizeof(whole), "%s/up/0/%s", overlay_dir, path);
    return whole;
}

static void make_parent(const char *path)
{
    bx_autofree char *copy = strdup(path);

    *strrchr(copy, '/') = '\0';
    make_folders(copy);
}

static void put(const char *whole, const char *text)
{
    make_parent(whole);
    write_text(whole, text);
}

void base_file(const char *path, const char *text)
{
    put(in_base(path), text);
}

void base_folder(const char *path)
{
    make_folders(in_base(path));
}

void base_link(const char *path, const char *content)
{
    make_parent(in_base(path));
    assert_int_equal(symlink(content, in_base(path)), 0);
}

/* ---- the overlay ----------------------------------------------------- */

void record(const char *path, bool has_digest)
{
    char log_path[400];
    char digest[65];
    bx_autofd int base_fd = open(base_dir, O_PATH | O_DIRECTORY);
    FILE *log;
    struct stat st;

    snprintf(log_path, sizeof(log_path), "%s/base.log", overlay_dir);
    log = fopen(log_path, "a");
    assert_non_null(log);
    if (lstat(in_base(path), &st) < 0) {
        fprintf(log, "{\"mapping\": 0, \"path\": \"%s\", \"kind\": \"none\"}\n",
                path);
    } else {
        fprintf(log,
                "{\"mapping\": 0, \"path\": \"%s\", \"kind\": \"%s\", "
                "\"size\": %lld, \"mtime_ns\": %lld, \"ino\": %llu, "
                "\"mode\": %u",
                path,
                S_ISREG(st.st_mode)   ? "file"
                : S_ISDIR(st.st_mode) ? "folder"
                                      : "link",
                (long long)st.st_size,
                (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                (unsigned long long)st.st_ino, st.st_mode & 07777u);
        if (has_digest) {
            assert_int_equal(bx_content_digest(base_fd, path, digest), 0);
            fprintf(log, ", \"sha256\": \"%s\"", digest);
        }
        fputs("}\n", log);
    }
    assert_int_equal(fclose(log), 0);
}

void up_file(const char *path, const char *text)
{
    record(path, false);
    put(in_up(path), text);
}

void up_folder(const char *path)
{
    record(path, false);
    make_folders(in_up(path));
}

void up_link(const char *path, const char *content)
{
    record(path, false);
    make_parent(in_up(path));
    assert_int_equal(symlink(content, in_up(path)), 0);
}

void gone(const char *path)
{
    char whole[8192];

    record(path, false);
    snprintf(whole, sizeof(whole), "%s/gone/0/%s", overlay_dir, path);
    put(whole, "");
}

/* ---- looking --------------------------------------------------------- */

char *read_text(const char *path)
{
    char *text = NULL;

    return bx_file_read(path, 64u << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

void assert_base(const char *path, const char *text)
{
    bx_autofree char *found = read_text(in_base(path));

    if (found == NULL)
        fail_msg("there is no '%s'", path);
    assert_string_equal(found, text);
}

void assert_no_base(const char *path)
{
    struct stat stat;

    assert_int_equal(lstat(in_base(path), &stat), -1);
}

static char **dumped;
static size_t dumped_count;
static size_t dumped_skip;

static int dump_one(const char *path, const struct stat *st, int type,
                    struct FTW *at)
{
    char content[4096] = "";
    char *line;

    (void)at;
    if (strlen(path) <= dumped_skip)
        return 0;
    if (type == FTW_SL) {
        assert_true(readlink(path, content, sizeof(content) - 1) > 0);
    } else if (type == FTW_F) {
        bx_autofree char *text = read_text(path);

        snprintf(content, sizeof(content), "%s", text);
    }
    assert_true(asprintf(&line, "%s %o %s: %s\n",
                         type == FTW_SL  ? "link"
                         : type == FTW_F ? "file"
                                         : "folder",
                         type == FTW_SL ? 0 : st->st_mode & 07777u,
                         path + dumped_skip + 1, content) > 0);
    dumped = realloc(dumped, (dumped_count + 1) * sizeof(*dumped));
    dumped[dumped_count++] = line;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *dump_tree(const char *dir)
{
    bx_buf text = BX_BUF_INIT;

    dumped = NULL;
    dumped_count = 0;
    dumped_skip = strlen(dir);
    assert_int_equal(nftw(dir, dump_one, 16, FTW_PHYS), 0);
    if (dumped_count > 0)
        qsort(dumped, dumped_count, sizeof(*dumped), compare);
    for (size_t i = 0; i < dumped_count; i++) {
        assert_int_equal(bx_buf_puts(&text, dumped[i]), 0);
        free(dumped[i]);
    }
    free(dumped);
    return bx_buf_take(&text);
}

/* ---- the code under test --------------------------------------------- */

void keep_error(bx_error *err)
{
    last_code = bx_error_code(err);
    snprintf(last_message, sizeof(last_message), "%s", bx_error_message(err));
    bx_error_free(err);
}

bx_overlay_store *open_store(bx_overlay_use use)
{
    bx_error *err = NULL;
    bx_overlay_store *store = bx_overlay_store_open(OVERLAY, use, &err);

    if (store == NULL)
        fail_msg("%s", bx_error_message(err));
    return store;
}

void find(const bx_overlay_store *store, bx_deltas *ret_deltas)
{
    bx_error *err = NULL;

    if (bx_deltas_find(store, ret_deltas, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

const bx_delta *row_of(const bx_deltas *deltas, const char *path)
{
    for (size_t i = 0; i < deltas->count; i++) {
        if (deltas->rows[i].what != BX_DELTA_NONE &&
            strcmp(deltas->rows[i].path, path) == 0)
            return &deltas->rows[i];
    }
    return NULL;
}

int commit(const bx_commit_options *options)
{
    static const bx_commit_options none = { 0 };
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(OVERLAY, BX_OVERLAY_ALONE, &err);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { NULL, 0, 0, 0 };
    bx_commit_result result;

    if (options == NULL)
        options = &none;
    last_code = BX_OK;
    last_message[0] = '\0';
    if (store == NULL || bx_deltas_find(store, &deltas, &err) < 0 ||
        bx_commit_make_plan(&deltas, options, &plan, &err) < 0 ||
        bx_overlay_commit(store, &deltas, &plan, options, &result, &err) < 0) {
        keep_error(err);
        return -1;
    }
    return 0;
}
