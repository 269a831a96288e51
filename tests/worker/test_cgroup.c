/* Control groups, on a tree of plain files that says what a kernel would. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "worker/cgroup.h"

static char root[64];

static void put(const char *path, const char *text)
{
    char whole[256];
    char *slash;

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    slash = strrchr(whole, '/');
    *slash = '\0';
    assert_int_equal(bx_file_make_dirs(whole, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(bx_file_replace(whole, text, strlen(text), 0644, NULL), 0);
}

static void assert_holds(const char *path, const char *text)
{
    bx_autofree char *data = NULL;
    char whole[256];

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    assert_int_equal(bx_file_read(whole, 4096, &data, NULL, NULL), 0);
    assert_string_equal(data, text);
}

#define GROUP "sys/fs/cgroup/user.slice/app.scope/"

static void make_tree(void)
{
    put("proc/self/cgroup", "1:name=x:/\n0::/user.slice/app.scope\n");
    put(GROUP "cgroup.controllers", "cpuset cpu memory pids\n");
    put(GROUP "cgroup.procs", "");
    put(GROUP "cgroup.subtree_control", "");
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/bx-cgroup-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", root, (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void assert_lacks(const char *words)
{
    bx_error *err = NULL;

    assert_int_equal(bx_cgroup_check(root, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), words));
    bx_error_free(err);
    assert_null(bx_cgroup_open(root, NULL));
}

static void puts_a_process_under_limits(void **state)
{
    bx_cgroup *cgroup;

    (void)state;
    make_tree();
    assert_int_equal(bx_cgroup_check(root, NULL), 0);
    assert_holds(GROUP "cgroup.subtree_control", "");
    cgroup = bx_cgroup_open(root, NULL);
    assert_non_null(cgroup);
    assert_holds(GROUP "cgroup.subtree_control", "+memory +pids");
    assert_int_equal(bx_cgroup_add(cgroup, 4711, 1 << 30, 64, NULL), 0);
    assert_holds(GROUP "boxagnts.worker-4711/memory.max", "1073741824");
    assert_holds(GROUP "boxagnts.worker-4711/memory.swap.max", "0");
    assert_holds(GROUP "boxagnts.worker-4711/pids.max", "64");
    assert_holds(GROUP "boxagnts.worker-4711/cgroup.procs", "4711");
    bx_cgroup_free(cgroup);
}

static void removes_what_is_empty(void **state)
{
    bx_error *err = NULL;
    bx_cgroup *cgroup;
    char part[256];

    (void)state;
    make_tree();
    cgroup = bx_cgroup_open(root, NULL);
    snprintf(part, sizeof(part), "%s/" GROUP "boxagnts.worker-7", root);
    assert_int_equal(mkdir(part, 0755), 0);
    assert_int_equal(bx_cgroup_remove(cgroup, 7, NULL), 0);
    assert_int_equal(access(part, F_OK), -1);
    /* One that has gone is gone; one with a process in it stays. */
    assert_int_equal(bx_cgroup_remove(cgroup, 7, NULL), 0);
    assert_int_equal(bx_cgroup_add(cgroup, 8, 1, 1, NULL), 0);
    assert_int_equal(bx_cgroup_remove(cgroup, 8, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "worker-8"));
    bx_error_free(err);
    bx_cgroup_free(cgroup);
}

static void says_that_there_is_only_version_1(void **state)
{
    (void)state;
    put("proc/self/cgroup", "4:memory:/\n1:name=systemd:/\n");
    assert_lacks("only version 1");
}

static void says_that_there_are_no_groups(void **state)
{
    (void)state;
    assert_lacks("no control groups");
}

static void says_that_version_2_holds_no_limits(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/\n");
    assert_lacks("unified_cgroup_hierarchy");
    put("sys/fs/cgroup/x", "");
    assert_lacks("unified_cgroup_hierarchy");
}

static void says_which_controllers_are_needed(void **state)
{
    (void)state;
    make_tree();
    put(GROUP "cgroup.controllers", "cpu memory_other pids\n");
    assert_lacks("Delegate=yes");
}

static void says_whose_group_it_is(void **state)
{
    char path[256];

    (void)state;
    make_tree();
    if (geteuid() == 0)
        skip(); /* everything is root's */
    snprintf(path, sizeof(path), "%s/" GROUP "cgroup.procs", root);
    assert_int_equal(chmod(path, 0444), 0);
    assert_lacks("not this user's");
}

static void leaves_no_container(void **state)
{
    (void)state;
    make_tree();
    put("proc/self/cgroup", "0::/../../elsewhere\n");
    assert_lacks("outside");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(puts_a_process_under_limits),
        T(removes_what_is_empty),
        T(says_that_there_is_only_version_1),
        T(says_that_there_are_no_groups),
        T(says_that_version_2_holds_no_limits),
        T(says_which_controllers_are_needed),
        T(says_whose_group_it_is),
        T(leaves_no_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
