/* Several runs in one overlay at once, each with its own open of it as workers
 * have, and in threads of one as calls have. Whatever comes in between, each
 * change is made once and whole. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasi/overlay.h"
#include "wasi/support.h"

#define THREADS 4
#define ROUNDS 60
#define FILES 12

typedef struct team {
    test_box box; /* the folder, the policy, one open of it */
    atomic_uint made[FILES];
    atomic_uint removed[FILES];
    atomic_uint moved[FILES];
    atomic_uint broken;
} team;

typedef struct member {
    team *all;
    int number;
    bool is_alone; /* opens the overlay itself */
    pthread_t thread;
} member;

/* A run of its own on the team's folders. */
static void join(member *one, test_box *box)
{
    static const char *const argv[] = { "prog" };
    bx_wasi_config config;

    memset(box, 0, sizeof(*box));
    box->used = BOX_SCRATCH_BYTES;
    box->policy = one->all->box.policy;
    box->run.deadline_ns = INT64_MAX;
    box->stdio[0].fd = -1;
    box->guest.size = BOX_MEMORY_BYTES;
    box->guest.data = calloc(1, BOX_MEMORY_BYTES);
    box->fs = one->is_alone ? bx_fs_new(box->policy, NULL) : one->all->box.fs;
    config = (bx_wasi_config){ .policy = box->policy,
                               .fs = box->fs,
                               .run = &box->run,
                               .argc = 1,
                               .argv = argv,
                               .stdio = { &box->stdio[0], &box->stdio[0],
                                          &box->stdio[0] } };
    box->wasi = box->fs == NULL ? NULL : bx_wasi_new(&config, NULL);
}

static void leave(member *one, test_box *box)
{
    bx_wasi_free(box->wasi);
    if (one->is_alone)
        bx_fs_free(box->fs);
    free(box->guest.data);
}

static void check(team *all, bool is_fine)
{
    if (!is_fine)
        atomic_fetch_add(&all->broken, 1);
}

/* Of a file only one run at a time can be the one that makes, moves or removes
 * it: the numbers tell. */
static void play(team *all, test_box *box, unsigned i)
{
    char name[32];
    char other[40];
    uint32_t fd;
    int32_t err;

    snprintf(name, sizeof(name), "dir/f%u", i);
    snprintf(other, sizeof(other), "dir/sub/f%u", i);
    box_rewind(box);
    err = box_path_open(box, name,
                        (box_open){ .rights = RIGHTS_RW,
                                    .oflags = BX_OFLAG_CREAT | BX_OFLAG_EXCL },
                        &fd);
    if (err == 0) {
        atomic_fetch_add(&all->made[i], 1);
        check(all, CALL(box, bx_wasi_fd_close, U32(fd)) == 0);
    } else {
        check(all, err == BX_WASI_EEXIST);
    }
    err = box_path_open(box, name, (box_open){ .rights = RIGHTS_RW }, &fd);
    if (err == 0)
        check(all, CALL(box, bx_wasi_fd_close, U32(fd)) == 0);
    else
        check(all, err == BX_WASI_ENOENT);
    err = CALL(box, bx_wasi_path_link, U32(BOX_PREOPEN), U32(0),
               PATH(box, name), U32(BOX_PREOPEN), PATH(box, other));
    check(all, err == 0 || err == BX_WASI_EEXIST || err == BX_WASI_ENOENT);
    if (err == 0)
        atomic_fetch_add(&all->moved[i], 1);
    err =
        CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN), PATH(box, name));
    check(all, err == 0 || err == BX_WASI_ENOENT);
    if (err == 0)
        atomic_fetch_add(&all->removed[i], 1);
    err =
        CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN), PATH(box, other));
    check(all, err == 0 || err == BX_WASI_ENOENT);
    if (err == 0)
        atomic_fetch_sub(&all->moved[i], 1);
    /* Never without its folder, and never another's half. */
    check(all, box_stat(box, "dir/still", 0, NULL) == 0);
    check(all, box_stat(box, "dir/sub/still", 0, NULL) == 0);
}

static void *run_member(void *context)
{
    member *one = context;
    test_box box;

    join(one, &box);
    check(one->all, box.wasi != NULL);
    for (unsigned round = 0; box.wasi != NULL && round < ROUNDS; round++) {
        for (unsigned i = 0; i < FILES; i++)
            play(one->all, &box, (i * 7 + (unsigned)one->number) % FILES);
    }
    leave(one, &box);
    return NULL;
}

static void start_team(team *all)
{
    char buf[512];

    memset(all, 0, sizeof(*all));
    box_init(&all->box);
    box_map(&all->box, "work", "/", BOX_RW);
    host_mkdir(&all->box, "work/dir");
    host_mkdir(&all->box, "work/dir/sub");
    host_write(&all->box, "work/dir/still", "x");
    host_write(&all->box, "work/dir/sub/still", "x");
    for (int i = 0; i < FILES; i += 2) { /* half of them are the base's */
        char name[32];

        snprintf(name, sizeof(name), "work/dir/f%d", i);
        host_write(&all->box, name, "base");
        atomic_store(&all->made[i], 1);
    }
    assert_int_equal(bx_policy_set_overlay(all->box.policy,
                                           host_path(&all->box, "over", buf),
                                           NULL),
                     0);
    box_start(&all->box);
}

static void play_together(bool is_alone)
{
    member members[THREADS];
    team all;

    start_team(&all);
    for (int i = 0; i < THREADS; i++) {
        members[i] = (member){ .all = &all, .number = i, .is_alone = is_alone };
        assert_int_equal(
            pthread_create(&members[i].thread, NULL, run_member, &members[i]),
            0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(members[i].thread, NULL);
    assert_int_equal(all.broken, 0);
    for (int i = 0; i < FILES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "dir/f%d", i);
        box_rewind(&all.box);
        assert_int_equal(all.made[i] - all.removed[i],
                         box_stat(&all.box, name, 0, NULL) == 0 ? 1 : 0);
        snprintf(name, sizeof(name), "dir/sub/f%d", i);
        assert_int_equal(all.moved[i],
                         box_stat(&all.box, name, 0, NULL) == 0 ? 1 : 0);
    }
    assert_true(host_exists(&all.box, "work/dir/f0"));
    assert_false(host_exists(&all.box, "work/dir/f1"));
    box_free(&all.box);
}

static void threads_of_one_open(void **state)
{
    (void)state;
    play_together(false);
}
BOTH(threads_of_one_open)

static void runs_with_their_own_open(void **state)
{
    (void)state;
    play_together(true);
}
BOTH(runs_with_their_own_open)

/* A folder is moved to and fro: who looks finds it in one place or the other,
 * whole. A file is replaced: it is never missing. */
static void *move_about(void *context)
{
    member *one = context;
    test_box box;

    join(one, &box);
    for (int round = 0; round < 150; round++) {
        uint32_t fd;

        box_rewind(&box);
        check(one->all,
              CALL(&box, bx_wasi_path_rename, U32(BOX_PREOPEN),
                   PATH(&box, round % 2 == 0 ? "dir/sub" : "dir/moved"),
                   U32(BOX_PREOPEN),
                   PATH(&box, round % 2 == 0 ? "dir/moved" : "dir/sub")) == 0);
        check(one->all, box_path_open(&box, "new",
                                      (box_open){ .rights = RIGHTS_RW,
                                                  .oflags = BX_OFLAG_CREAT },
                                      &fd) == 0);
        check(one->all, CALL(&box, bx_wasi_fd_close, U32(fd)) == 0);
        check(one->all, CALL(&box, bx_wasi_path_rename, U32(BOX_PREOPEN),
                             PATH(&box, "new"), U32(BOX_PREOPEN),
                             PATH(&box, "dir/still")) == 0);
    }
    leave(one, &box);
    atomic_store(&one->all->made[0], 77);
    return NULL;
}

static void what_moves_is_never_missing(void **state)
{
    member mover = { .is_alone = true };
    team all;

    (void)state;
    start_team(&all);
    mover.all = &all;
    assert_int_equal(pthread_create(&mover.thread, NULL, move_about, &mover),
                     0);
    while (atomic_load(&all.made[0]) != 77) {
        box_rewind(&all.box);
        check(&all, box_stat(&all.box, "dir/still", 0, NULL) == 0);
        check(&all, box_stat(&all.box, "dir", 0, NULL) == 0);
    }
    pthread_join(mover.thread, NULL);
    assert_int_equal(all.broken, 0);
    assert_int_equal(box_stat(&all.box, "dir/sub/still", 0, NULL), 0);
    box_free(&all.box);
}
BOTH(what_moves_is_never_missing)

/* Killed in the middle, again and again: each file is what it was or what it
 * was to be, and the next one goes on. */
static void a_kill_leaves_nothing_half_done(void **state)
{
    team all;

    (void)state;
    start_team(&all);
    for (int round = 0; round < 25; round++) {
        pid_t child = fork();

        if (child == 0) {
            member one = { .all = &all, .number = round, .is_alone = true };
            test_box box;

            join(&one, &box);
            for (;;) {
                for (unsigned i = 0; i < FILES; i++)
                    play(&all, &box, i);
            }
        }
        assert_true(child > 0);
        usleep(2000 + 1500 * (unsigned)(round % 7));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    box_stop(&all.box);
    box_start(&all.box);
    for (unsigned i = 0; i < FILES; i++)
        play(&all, &all.box, i);
    assert_int_equal(all.broken, 0);
    {
        char buf[512];

        assert_int_equal(rmdir(host_path(&all.box, "over/tmp", buf)), 0);
    }
    box_free(&all.box);
}

/* Whoever holds the lock may be stopped: a run ends all the same. */
static void a_held_lock_does_not_hold_a_run(void **state)
{
    team all;
    char buf[512];
    uint32_t fd;
    int lock;

    (void)state;
    start_team(&all);
    lock = open(host_path(&all.box, "over/lock", buf), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    all.box.run.deadline_ns = bx_now_ns() + 50000000;
    assert_int_equal(box_path_open(&all.box, "x",
                                   (box_open){ .rights = RIGHTS_RW,
                                               .oflags = BX_OFLAG_CREAT },
                                   &fd),
                     BX_WASI_ETIMEDOUT);
    assert_int_equal(box_stat(&all.box, "dir/still", 0, NULL), 0);
    close(lock);
    all.box.run.deadline_ns = INT64_MAX;
    box_opened(&all.box, "x",
               (box_open){ .rights = RIGHTS_RW, .oflags = BX_OFLAG_CREAT });
    box_free(&all.box);
}

static void whoever_uses_it_is_seen(void **state)
{
    team all;
    char buf[512];
    int use;

    (void)state;
    start_team(&all);
    use = open(host_path(&all.box, "over/in-use", buf), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(use, LOCK_EX | LOCK_NB), -1);
    box_stop(&all.box);
    assert_int_equal(flock(use, LOCK_EX | LOCK_NB), 0);
    close(use);
    box_free(&all.box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(threads_of_one_open),
        BOTH_TESTS(runs_with_their_own_open),
        BOTH_TESTS(what_moves_is_never_missing),
        cmocka_unit_test(a_kill_leaves_nothing_half_done),
        cmocka_unit_test(a_held_lock_does_not_hold_a_run),
        cmocka_unit_test(whoever_uses_it_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
