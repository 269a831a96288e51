/* An overlay as people look at it, commit it and drop it, with one allocation
 * or system call failing at a time. Whatever fails, each path of the base is as
 * it was or as the overlay has it, and the same command given again finishes
 * what the first began. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/support_fault.h"
#include "overlay/apply.h"
#include "overlay/diff.h"
#include "overlay/support.h"
#include "policy/policy.h"

static char *rehearsed; /* the base after a whole run */

/* ---- what may be otherwise ------------------------------------------- */

typedef int32_t hunk_fn(void *context, const bx_diff_hunk *hunk);

int32_t __real_bx_engine_diff_lines(const void *before, size_t before_bytes,
                                    const void *after, size_t after_bytes,
                                    hunk_fn *on_hunk, void *context);
int32_t __wrap_bx_engine_diff_lines(const void *before, size_t before_bytes,
                                    const void *after, size_t after_bytes,
                                    hunk_fn *on_hunk, void *context);

typedef struct hunk_call {
    hunk_fn *on_hunk;
    void *context;
} hunk_call;

static int32_t resume_for_hunk(void *context, const bx_diff_hunk *hunk)
{
    const hunk_call *call = context;
    int32_t result;

    fault_resume();
    result = call->on_hunk(call->context, hunk);
    fault_pause();
    return result;
}

/* The engine ends the process without memory. */
int32_t __wrap_bx_engine_diff_lines(const void *before, size_t before_bytes,
                                    const void *after, size_t after_bytes,
                                    hunk_fn *on_hunk, void *context)
{
    hunk_call call = { on_hunk, context };
    int32_t result;

    fault_pause();
    result = __real_bx_engine_diff_lines(before, before_bytes, after,
                                         after_bytes, resume_for_hunk, &call);
    fault_resume();
    return result;
}

/* Without memory jansson 2.14 passes over bytes of a text, and a number behind
 * it hides that: a record that was not read is a conflict. */
static bool may_conflict(const bx_error *error)
{
    return bx_error_code(error) == BX_ERR_DENIED &&
           strstr(bx_error_message(error), "nothing was committed") != NULL;
}

static bool may_show_conflict(const char *line, const char *expected)
{
    return strncmp(line, expected, strlen(expected)) == 0 &&
           strstr(line, " meanwhile") != NULL;
}

/* ---- the folders ----------------------------------------------------- */

/* One of each kind of change. */
static void fill(void *context)
{
    (void)context;
    fault_pause();
    assert_int_equal(make_world(NULL), 0);
    base_file("changed", "old\n");
    base_file("d/removed", "x");
    base_file("d/kept", "kept");
    base_file("anew/1", "1");
    base_file("to-folder", "file");
    base_folder("to-file");
    base_link("link", "d");
    base_file("mode", "mode");
    base_file("time", "time");
    up_file("changed", "new\n");
    gone("d/removed");
    up_file("anew/2", "2");
    gone("anew");
    record("anew/1", false);
    record("to-folder", false);
    up_file("to-folder/in", "in");
    up_file("to-file", "now a file");
    up_link("link", "changed");
    up_file("new/deep", "deep");
    record("mode", true);
    up_file("mode", "mode");
    assert_int_equal(chmod(in_up("mode"), 0755), 0);
    up_file("time", "time");
    fault_resume();
}

static void clear(void *context)
{
    (void)context;
    fault_pause();
    assert_int_equal(remove_world(NULL), 0);
    fault_resume();
}

static void note_base(fault_log *log)
{
    fault_pause();
    {
        bx_autofree char *tree = dump_tree(base_dir);

        fault_note(log, "%s", tree);
        if (log->is_rehearsal) {
            free(rehearsed);
            rehearsed = strdup(tree);
        }
    }
    fault_resume();
}

/* ---- committing ------------------------------------------------------ */

static int try_commit(const bx_commit_options *options, bx_error **err)
{
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(OVERLAY, BX_OVERLAY_ALONE, err);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { NULL, 0, 0, 0 };
    bx_commit_result result;

    if (store == NULL || bx_deltas_find(store, &deltas, err) < 0 ||
        bx_commit_make_plan(&deltas, options, &plan, err) < 0)
        return -1;
    return bx_overlay_commit(store, &deltas, &plan, options, &result, err);
}

static int commit_it(fault_log *log, bx_error **err)
{
    if (try_commit(log->context, err) < 0)
        return -1;
    note_base(log);
    return 0;
}

static char *say(const char *what, const char *detail)
{
    char *text;

    return asprintf(&text, "%s: %s", what, detail) < 0 ? NULL : text;
}

static bool is_one_of(const char *path, const char *before, const char *after)
{
    bx_autofree char *text = read_text(in_base(path));

    return text != NULL &&
           (strcmp(text, before) == 0 || strcmp(text, after) == 0);
}

/* The next commit; the first may have gone as far as the overlay itself. */
static char *finish(void *context, const fault_log *log)
{
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *tree = NULL;

    (void)log;
    if (!is_one_of("changed", "old\n", "new\n") ||
        !is_one_of("time", "time", "time"))
        return say("a file is neither old nor new", "changed or time");
    if (try_commit(context, &err) < 0 && bx_error_code(err) != BX_ERR_NOT_FOUND)
        return say("the next commit", bx_error_message(err));
    tree = dump_tree(base_dir);
    return strcmp(tree, rehearsed) == 0
               ? NULL
               : say("committed again, the base is another", tree);
}

static void commit_with(const char *name, const bx_commit_options *options)
{
    const fault_scenario scenario = { .name = name,
                                      .context = (void *)options,
                                      .sampled = 9,
                                      .set_up = fill,
                                      .tear_down = clear,
                                      .run = commit_it,
                                      .may_fail = may_conflict,
                                      .check = finish };

    fault_run(&scenario);
}

static void committed(void **state)
{
    static const bx_commit_options options = { 0 };

    (void)state;
    commit_with(__func__, &options);
}

/* There a file that becomes a folder is removed first: what fails in between is
 * a conflict, and goes on when it is forced. */
static void committed_where_names_cannot_be_exchanged(void **state)
{
    static const bx_commit_options options = { .is_forced = true };

    (void)state;
    bx_apply_force_plain(true);
    commit_with(__func__, &options);
    bx_apply_force_plain(false);
}

static void committed_and_kept(void **state)
{
    static const bx_commit_options options = { .is_kept = true };

    (void)state;
    commit_with(__func__, &options);
}

/* ---- looking --------------------------------------------------------- */

static int look(fault_log *log, bx_error **err)
{
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(OVERLAY, BX_OVERLAY_LOOK, err);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };

    if (store == NULL || bx_deltas_find(store, &deltas, err) < 0)
        return -1;
    for (size_t i = 0; i < deltas.count; i++) {
        const bx_delta *row = &deltas.rows[i];
        bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };

        fault_note(log, "%s %s %s", row->path, bx_delta_word(row->what),
                   row->conflict == NULL ? "" : row->conflict);
        if (bx_diff_make(&deltas, row, &diff, err) < 0)
            return -1;
        fault_note(log, "%zu+ %zu- %s", diff.lines_added, diff.lines_removed,
                   diff.after_sha256);
    }
    return 0;
}

static void looked_at(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .sampled = 6,
                                      .set_up = fill,
                                      .tear_down = clear,
                                      .run = look,
                                      .may_say = may_show_conflict };

    (void)state;
    fault_run(&scenario);
}

/* ---- dropping -------------------------------------------------------- */

static int drop(fault_log *log, bx_error **err)
{
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(OVERLAY, BX_OVERLAY_END, err);
    bx_autonames bx_names names = { NULL, 0 };

    if (store == NULL || bx_overlay_store_drop(store, err) < 0 ||
        bx_overlays_list(&names, err) < 0)
        return -1;
    fault_note(log, "%zu are left", names.count);
    return 0;
}

/* It is there or not; the list clears away what is left of one that is not. */
static char *drop_again(void *context, const fault_log *log)
{
    bx_autoerror bx_error *err = NULL;
    bx_autonames bx_names names = { NULL, 0 };
    bx_autofree char *left = NULL;
    char path[400];

    (void)context;
    (void)log;
    if (bx_overlays_list(&names, &err) < 0)
        return say("the list", bx_error_message(err));
    if (names.count > 0) {
        bx_autooverlay bx_overlay_store *store =
            bx_overlay_store_open(OVERLAY, BX_OVERLAY_END, &err);

        if (store == NULL || bx_overlay_store_drop(store, &err) < 0)
            return say("dropped again", bx_error_message(err));
    }
    (void)snprintf(path, sizeof(path), "%s/state/boxagnts/overlays", test_dir);
    left = dump_tree(path);
    return left == NULL || left[0] == '\0' ? NULL : say("left over", left);
}

static void dropped(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .sampled = 3,
                                      .set_up = fill,
                                      .tear_down = clear,
                                      .run = drop,
                                      .check = drop_again };

    (void)state;
    fault_run(&scenario);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed),
        cmocka_unit_test(committed_where_names_cannot_be_exchanged),
        cmocka_unit_test(committed_and_kept),
        cmocka_unit_test(looked_at),
        cmocka_unit_test(dropped),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
