/* --overlay[=NAME], as run, the tools and mcp have it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/learner.h"
#include "cli/overlay_cli.h"
#include "overlay/store.h"
#include "policy/grant.h"
#include "policy/policy.h"
#include "wasi/overlay.h"

#define TRIES_MAX 1000

int bx_overlay_cli_take(bx_overlay_cli *overlay, const char *value,
                        bx_error **err)
{
    if (overlay->is_given)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--overlay was given twice; expected one");
    if (bx_learner_is_on())
        return bx_error_set(err, BX_ERR_INVALID,
                            "--overlay stands before the '--' of learn, which "
                            "runs every command over an overlay");
    overlay->is_given = true;
    overlay->given = value;
    return 0;
}

int bx_overlay_cli_check_word(const bx_overlay_cli *overlay,
                              char *const *operands, int count, bool is_used,
                              bx_error **err)
{
    bx_autofree char *dir = NULL;
    bx_autoerror bx_error *why = NULL;

    if (!overlay->is_given || overlay->given != NULL || is_used || count == 0 ||
        strcmp(operands[-1], "--overlay") != 0)
        return 0;
    dir = bx_overlay_path(operands[0], &why);
    if (dir == NULL && bx_error_code(why) == BX_ERR_INVALID)
        return 0; /* no overlay's name */
    return bx_error_set(err, BX_ERR_INVALID,
                        "--overlay %s: an overlay's name stands behind '=': "
                        "--overlay=%s. Behind a space it would be what to run, "
                        "and there is nothing of that name",
                        operands[0], operands[0]);
}

/* ---- a new one ------------------------------------------------------- */

/* "20260131-otter": easy to tell from the others, and to type. */
static int choose_name(char name[64], unsigned tries, bx_error **err)
{
    static const char *const words[] = {
        "acorn",   "alder",  "amber",   "aspen",  "badger", "basil",  "beech",
        "birch",   "brook",  "cedar",   "clover", "coral",  "crane",  "delta",
        "dune",    "ember",  "falcon",  "fern",   "finch",  "flint",  "garnet",
        "grove",   "hazel",  "heron",   "iris",   "ivory",  "jade",   "juniper",
        "kestrel", "lake",   "larch",   "lark",   "linden", "lotus",  "maple",
        "marsh",   "meadow", "moss",    "nectar", "oasis",  "olive",  "onyx",
        "otter",   "pebble", "pine",    "plover", "quail",  "quartz", "raven",
        "reed",    "river",  "robin",   "sage",   "slate",  "sorrel", "spruce",
        "swift",   "tern",   "thistle", "topaz",  "tulip",  "umber",  "willow",
        "wren"
    };
    const size_t count = sizeof(words) / sizeof(words[0]);
    time_t now = time(NULL);
    struct tm local;
    uint32_t number;
    char day[16];

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number) ||
        localtime_r(&now, &local) == NULL ||
        strftime(day, sizeof(day), "%Y%m%d", &local) == 0)
        return bx_error_set_errno(err, errno, "a name for the overlay");
    if (tries < 20)
        snprintf(name, 64, "%s-%s", day, words[number % count]);
    else
        snprintf(name, 64, "%s-%s-%u", day, words[number % count],
                 number / 64 % 10000);
    return 0;
}

/* Made at once, so that nobody else gets the name. */
static int make_new(bx_overlay_cli *overlay, bx_error **err)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        bx_autofree char *dir = NULL;
        char name[64];
        char *slash;

        if (choose_name(name, tries, err) < 0)
            return -1;
        dir = bx_overlay_path(name, err);
        if (dir == NULL)
            return -1;
        slash = strrchr(dir, '/');
        *slash = '\0';
        if (bx_file_make_dirs(dir, 0700, err) < 0)
            return -1;
        *slash = '/';
        if (mkdir(dir, 0700) == 0) {
            overlay->dir = bx_take(dir);
            overlay->name = strdup(name);
            return overlay->name == NULL ? bx_error_set_nomem(err) : 0;
        }
        if (errno != EEXIST)
            return bx_error_set_errno(err, errno, "'%s'", dir);
    }
    return bx_error_set(err, BX_ERR_LIMIT,
                        "no free name for an overlay; name it with "
                        "--overlay=NAME");
}

static int open_named(bx_overlay_cli *overlay, bx_error **err)
{
    overlay->dir = bx_overlay_path(overlay->given, err);
    if (overlay->dir == NULL)
        return bx_error_wrap(err, "--overlay");
    overlay->name = strdup(overlay->given);
    if (overlay->name == NULL)
        return bx_error_set_nomem(err);
    return bx_file_make_dirs(overlay->dir, 0700, err);
}

/* ---- begin and end --------------------------------------------------- */

int bx_overlay_cli_begin(bx_overlay_cli *overlay, bx_policy *policy,
                         bx_error **err)
{
    bx_autofree char *overlays = NULL;

    if (!overlay->is_given)
        return 0;
    if ((overlay->given == NULL ? make_new(overlay, err)
                                : open_named(overlay, err)) < 0)
        return -1;
    overlays = strndup(overlay->dir,
                       (size_t)(strrchr(overlay->dir, '/') - overlay->dir));
    if (overlays == NULL)
        return bx_error_set_nomem(err);
    /* What waits to be committed is none of a guest's business. */
    if (bx_policy_protect(policy, overlays, "the user's overlays", err) < 0 ||
        bx_overlay_protect(overlay->dir, policy, err) < 0)
        return -1;
    return bx_policy_set_overlay(policy, overlay->dir, err);
}

static int drop_new(const char *name)
{
    bx_autoerror bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(name, BX_OVERLAY_END, &err);

    return store == NULL ? -1 : bx_overlay_store_drop(store, &err);
}

static bool has_begun(const bx_overlay_cli *overlay)
{
    bx_autofree char *path = NULL;

    if (asprintf(&path, "%s/overlay.json", overlay->dir) < 0) {
        path = NULL;
        return true;
    }
    return access(path, F_OK) == 0;
}

static void report(const bx_overlay_cli *overlay, bool is_quiet)
{
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_deltas_count count;
    bool is_new = overlay->given == NULL;

    if (!has_begun(overlay)) {
        (void)drop_new(overlay->name); /* the run never got as far */
        return;
    }
    store = bx_overlay_store_open(overlay->name, BX_OVERLAY_LOOK, &err);
    if (store == NULL || bx_deltas_find(store, &deltas, &err) < 0) {
        (void)bx_cli_fail(0, err);
        return;
    }
    count = bx_deltas_sum(&deltas);
    if (count.added + count.modified + count.removed == 0) {
        if (!is_quiet)
            fprintf(stderr, "boxagnts: overlay '%s': nothing was changed\n",
                    overlay->name);
        if (is_new)
            (void)drop_new(overlay->name);
        return;
    }
    if (is_quiet)
        return;
    fprintf(stderr, "boxagnts: overlay '%s': ", overlay->name);
    bx_overlay_cli_print_count(&count, stderr);
    fprintf(stderr,
            "; the folders are as they were\n"
            "  boxagnts overlay diff %s\n"
            "  boxagnts overlay commit %s    (or drop)\n",
            overlay->name, overlay->name);
}

void bx_overlay_cli_end(bx_overlay_cli *overlay, bool is_quiet)
{
    if (overlay->name != NULL && overlay->dir != NULL)
        report(overlay, is_quiet);
    free(overlay->name);
    free(overlay->dir);
    *overlay = (bx_overlay_cli){ 0 };
}

/* ---- a child that goes on -------------------------------------------- */

static volatile pid_t watched;

/* A terminal tells the child itself. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SI_USER || info->si_code == SI_TKILL)
        (void)kill(watched, number);
}

static int wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return BX_EXIT_NOT_RUN;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bx_overlay_cli_watch(bx_overlay_cli *overlay, bool is_quiet)
{
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_RESTART };
    struct sigaction former[2];
    sigset_t both;
    sigset_t mask;
    int held;
    pid_t parent = getpid();
    int status;

    fflush(NULL);
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, &mask);
    watched = fork();
    if (watched == 0) {
        /* Whoever ends the parent means the guest. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(BX_EXIT_NOT_RUN);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        return -1;
    }
    if (watched < 0) {
        bx_error *err = NULL;

        sigprocmask(SIG_SETMASK, &mask, NULL);
        (void)bx_error_set_errno(&err, errno, "a process for the run");
        bx_overlay_cli_end(overlay, true);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    sigaction(SIGINT, &action, &former[0]);
    sigaction(SIGTERM, &action, &former[1]);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    /* Of this process's own: native code in the child can give up the child's,
     * and change what a person looked at and is about to commit. One that is
     * dropped just now the child meets too. */
    held = bx_overlay_hold(overlay->dir, NULL);
    status = wait_for(watched);
    bx_closep(&held);
    sigaction(SIGINT, &former[0], NULL);
    sigaction(SIGTERM, &former[1], NULL);
    bx_overlay_cli_end(overlay, is_quiet);
    return status;
}
