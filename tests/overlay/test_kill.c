/* A commit that is killed before each of its system calls that change anything:
 * what it replaced is whole, and the next commit finishes it. */
#include "support.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "overlay/apply.h"

#define LONG_BYTES 5000

static char old_long[LONG_BYTES + 1];
static char new_long[LONG_BYTES + 1];

/* Every kind of change, and some that only work in the right order. */
static void fill(void)
{
    memset(old_long, 'o', LONG_BYTES);
    memset(new_long, 'n', LONG_BYTES);
    base_file("long", old_long);
    base_file("d/x", "x");
    base_file("d/keep", "keep");
    base_file("old/a", "a");
    base_file("old/b/c", "c");
    base_file("anew/1", "1");
    base_file("anew/2", "2");
    base_file("to-folder", "file");
    base_folder("to-file");
    base_file("to-file/in", "in");
    base_link("link", "d");
    base_file("run", "run");
    up_file("long", new_long);
    gone("d/x");
    record("old/a", false);
    record("old/b", false);
    record("old/b/c", false);
    gone("old");
    record("anew/2", false);
    up_file("anew/1", "one");
    up_file("anew/3", "3");
    gone("anew");
    record("to-folder", false);
    up_file("to-folder/f", "f");
    record("to-file/in", false);
    up_file("to-file", "now a file");
    up_link("link", "old");
    up_file("new/deep/er", "deeper");
    up_file("run", "run");
    assert_int_equal(chmod(in_up("run"), 0755), 0);
    up_file(".boxagnts/config", "protected");
}

static void assert_whole(const char *path, const char *before,
                         const char *after)
{
    bx_autofree char *text = read_text(in_base(path));

    if (text == NULL)
        fail_msg("'%s' is missing", path);
    if (strcmp(text, before) != 0 && strcmp(text, after) != 0)
        fail_msg("'%s' is neither old nor new: %zu bytes", path, strlen(text));
}

/* ---- the kill -------------------------------------------------------- */

/* Everything that leaves a trace on the disk. */
static const unsigned changing[] = {
    SYS_openat,  SYS_write,     SYS_copy_file_range, SYS_ioctl,
    SYS_fchmod,  SYS_fchmodat,  SYS_fchown,          SYS_utimensat,
    SYS_fsync,   SYS_syncfs,    SYS_renameat2,       SYS_unlinkat,
    SYS_mkdirat, SYS_symlinkat, SYS_linkat,          SYS_ftruncate,
#ifdef SYS_rename
    SYS_rename,  SYS_unlink,    SYS_mkdir,           SYS_open,
#endif
};
#define CHANGING_COUNT (sizeof(changing) / sizeof(changing[0]))

/* Stop before each of them, and nowhere else. */
static void filter(void)
{
    struct sock_filter code[2 * CHANGING_COUNT + 2];
    struct sock_fprog program = { .filter = code };
    size_t at = 0;

    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (size_t i = 0; i < CHANGING_COUNT; i++) {
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                  changing[i], 0, 1);
        code[at++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    code[at++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = (unsigned short)at;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(3);
}

static void run_traced(const bx_commit_options *options)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(3);
    raise(SIGSTOP);
    filter();
    _exit(commit(options) == 0 ? 0 : 4);
}

/* Let it go as far as its stops-th stop. True: it ended before. */
static bool run_until(const bx_commit_options *options, unsigned stops)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0)
        run_traced(options);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status))
        fail_msg("ptrace is not allowed here");
    assert_int_equal(
        ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESECCOMP), 0);
    for (unsigned i = 0; i < stops; i++) {
        assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return true;
        }
        assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return false;
}

static char *commit_at_once(const bx_commit_options *options)
{
    char *tree;

    assert_int_equal(make_world(NULL), 0);
    fill();
    if (commit(options) < 0)
        fail_msg("%s", last_message);
    tree = dump_tree(base_dir);
    assert_int_equal(remove_world(NULL), 0);
    return tree;
}

static void check_kills(const bx_commit_options *options)
{
    bx_autofree char *expected = commit_at_once(options);
    unsigned stops = 0;
    bool is_over = false;

    while (!is_over) {
        bx_autofree char *tree = NULL;
        struct stat stat;

        assert_int_equal(make_world(NULL), 0);
        fill();
        is_over = run_until(options, ++stops);
        assert_whole("long", old_long, new_long);
        assert_whole("run", "run", "run");
        /* The overlay is there until all is done, and then nothing is left to
         * commit. */
        if (lstat(overlay_dir, &stat) == 0 && commit(options) < 0 &&
            last_code != BX_ERR_NOT_FOUND)
            fail_msg("killed at stop %u: %s", stops, last_message);
        tree = dump_tree(base_dir);
        if (strcmp(tree, expected) != 0)
            fail_msg("killed at stop %u:\n%s\nexpected:\n%s", stops, tree,
                     expected);
        assert_int_equal(remove_world(NULL), 0);
    }
    print_message("killed at %u places\n", stops - 1);
    assert_true(stops > 30);
}

static const char *const named[] = { ".", ".boxagnts" };

static void finishes_after_a_kill(void **state)
{
    static const bx_commit_options all = { .only = named, .only_count = 2 };

    (void)state;
    check_kills(&all);
}

static void finishes_where_names_cannot_be_exchanged(void **state)
{
    static const char *const some[] = { "long", "d",    "old", "anew",
                                        "new",  "link", "run" };
    static const bx_commit_options options = { .only = some, .only_count = 7 };

    (void)state;
    bx_apply_force_plain(true);
    check_kills(&options);
    bx_apply_force_plain(false);
}

static void finishes_a_part(void **state)
{
    static const char *const some[] = { "anew/3", "to-file", "long", "d" };
    static const bx_commit_options options = { .only = some, .only_count = 4 };

    (void)state;
    check_kills(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finishes_after_a_kill),
        cmocka_unit_test(finishes_where_names_cannot_be_exchanged),
        cmocka_unit_test(finishes_a_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
