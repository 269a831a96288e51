/* What `learn` found, as a manifest or a policy, with what was denied. Names
 * are a guest's: in files they are quoted or escaped, as are those shown. */
#include "cli/learn_report.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "tool/learned_manifest.h"

#define NOTES_REFUSED_MAX 100

typedef struct learn_outcome {
    char **grants;
    size_t count;
    bool is_cut;
    bx_buf *notes; /* one line each */
    const char **lines;
    size_t notes_count;
} learn_outcome;

static bx_buf *add_note(learn_outcome *outcome)
{
    bx_buf *grown =
        reallocarray(outcome->notes, outcome->notes_count + 1, sizeof(*grown));

    if (grown == NULL)
        return NULL;
    outcome->notes = grown;
    grown[outcome->notes_count] = BX_BUF_INIT;
    return &grown[outcome->notes_count++];
}

static void note(learn_outcome *outcome, const char *text)
{
    bx_buf *line = add_note(outcome);

    if (line != NULL)
        (void)bx_buf_puts(line, text);
}

static bool is_covered(const learn_outcome *outcome,
                       const bx_refused_need *refused)
{
    const bx_need_event need = { refused->kind, refused->target };
    bx_autogrants bx_grants *grants = bx_grants_new();

    for (size_t i = 0; grants != NULL && i < outcome->count; i++)
        (void)bx_grants_add(grants, outcome->grants[i], "", NULL);
    return grants != NULL && strcmp(refused->kind, "fs.stat") != 0 &&
           bx_learner_covers(grants, &need, false);
}

static void note_refused(learn_outcome *outcome, const bx_learner *learner)
{
    size_t shown = learner->refused_count < NOTES_REFUSED_MAX
                       ? learner->refused_count
                       : NOTES_REFUSED_MAX;

    for (size_t i = 0; i < shown; i++) {
        const bx_refused_need *refused = &learner->refused[i];
        bool covered = is_covered(outcome, refused);
        bx_buf *line = add_note(outcome);

        if (line == NULL)
            return;
        (void)bx_buf_printf(line, "denied %s:%s", refused->kind,
                            refused->target);
        if (refused->why != NULL)
            (void)bx_buf_printf(line, " (%s)", refused->why);
        if (covered)
            (void)bx_buf_puts(line, " (but the permissions below give it)");
    }
    if (learner->refused_count + learner->refused_more > shown) {
        bx_buf *line = add_note(outcome);

        if (line != NULL)
            (void)bx_buf_printf(line, "denied: %zu more",
                                learner->refused_count + learner->refused_more -
                                    shown);
    }
}

static void note_stats(learn_outcome *outcome, const bx_stats *stats)
{
    char time[32];
    char memory[32];
    char written[32];
    bx_buf *line = add_note(outcome);

    if (line != NULL)
        (void)bx_buf_printf(line, "used: %s, %s of memory, %s written",
                            bx_cli_duration(stats->wall_ns, time),
                            bx_cli_bytes(stats->memory_bytes, memory),
                            bx_cli_bytes(stats->write_bytes, written));
}

static void put_command(const bx_learn_report *report, bx_buf *out)
{
    for (int i = 0; i < report->command_count; i++) {
        const char *word = report->command[i];
        bool is_plain = *word != '\0' &&
                        strpbrk(word, " \t\n\"'\\$*?[]{}()<>|&;~#`!") == NULL;

        (void)bx_buf_puts(out, i == 0 ? "" : " ");
        (void)bx_buf_printf(out, is_plain ? "%s" : "'%s'", word);
    }
}

static int work_out(const bx_learn_report *report, learn_outcome *outcome,
                    bx_error **err)
{
    bx_buf *line;

    if (bx_learned_reduce(report->learner->learned, &outcome->grants,
                          &outcome->count, &outcome->is_cut, err) < 0)
        return -1;
    line = add_note(outcome);
    if (line != NULL) {
        (void)bx_buf_puts(line, "learned from: boxagnts ");
        put_command(report, line);
    }
    note_stats(outcome, &report->learner->stats);
    if (outcome->is_cut)
        note(outcome, "too many files to name each: folders stand for them");
    note_refused(outcome, report->learner);
    outcome->lines = calloc(outcome->notes_count + 1, sizeof(char *));
    if (outcome->lines == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < outcome->notes_count; i++)
        outcome->lines[i] =
            outcome->notes[i].data == NULL ? "" : outcome->notes[i].data;
    return 0;
}

static void clear_outcome(learn_outcome *outcome)
{
    bx_learned_free_texts(outcome->grants, outcome->count);
    for (size_t i = 0; i < outcome->notes_count; i++)
        bx_buf_clear(&outcome->notes[i]);
    free(outcome->notes);
    free((void *)outcome->lines);
}

static char *format_policy(const bx_learn_report *report,
                           const learn_outcome *outcome, bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_learned_policy(
        report->learner->offered, (const char *const *)outcome->grants,
        outcome->count, err);
    bx_autofree char *text =
        policy == NULL ? NULL : bx_policy_format(policy, false, err);
    bx_autobuf bx_buf out = BX_BUF_INIT;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < outcome->notes_count; i++) {
        if (bx_buf_puts(&out, "# ") < 0 ||
            bx_buf_put_escaped(&out, outcome->lines[i],
                               strlen(outcome->lines[i]), SIZE_MAX) < 0 ||
            bx_buf_puts(&out, "\n") < 0)
            break;
    }
    if (bx_buf_puts(&out, text) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&out);
}

static char *format_manifest(const bx_learn_report *report,
                             const learn_outcome *outcome, bx_error **err)
{
    bx_autobuf bx_buf description = BX_BUF_INIT;
    bx_learned_manifest manifest = {
        .name = report->name == NULL ? "learned" : report->name,
        .grants = (const char *const *)outcome->grants,
        .grants_count = outcome->count,
        .notes = outcome->lines,
        .notes_count = outcome->notes_count,
    };

    (void)bx_buf_puts(&description, "Runs ");
    for (int i = 0; i < report->command_count && i < 2; i++) {
        const char *word = report->command[i];

        (void)bx_buf_puts(&description, i == 0 ? "" : " ");
        (void)bx_buf_put_escaped(&description, word, strlen(word), 200);
    }
    manifest.description = description.data == NULL ? "" : description.data;
    if (report->name == NULL)
        manifest.base = report->learner->manifest;
    return bx_learned_manifest_format(&manifest, err);
}

static json_t *refused_json(const bx_learner *learner)
{
    json_t *list = json_array();

    for (size_t i = 0; i < learner->refused_count; i++) {
        const bx_refused_need *refused = &learner->refused[i];
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        if (bx_buf_put_escaped(&shown, refused->target, strlen(refused->target),
                               SIZE_MAX) < 0)
            continue;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s*}", "kind",
                                              refused->kind, "target",
                                              shown.data, "why", refused->why));
    }
    return list;
}

static void print_json(const bx_learn_report *report,
                       const learn_outcome *outcome, const char *text)
{
    json_t *grants = json_array();
    json_t *root;

    for (size_t i = 0; i < outcome->count; i++)
        json_array_append_new(grants, json_string(outcome->grants[i]));
    root = json_pack("{s:i, s:o, s:b, s:o, s:I, s:s}", "exit_status",
                     report->exit_status, "permissions", grants, "is_cut",
                     outcome->is_cut, "denied", refused_json(report->learner),
                     "denied_more", (json_int_t)report->learner->refused_more,
                     report->is_policy ? "policy" : "manifest", text);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static void print_refused(const bx_learner *learner)
{
    for (size_t i = 0; i < learner->refused_count && i < NOTES_REFUSED_MAX;
         i++) {
        const bx_refused_need *refused = &learner->refused[i];
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        if (bx_buf_put_escaped(&shown, refused->target, strlen(refused->target),
                               SIZE_MAX) == 0)
            fprintf(stderr, "boxagnts: denied %s:%s%s%s%s\n", refused->kind,
                    shown.data, refused->why == NULL ? "" : " (",
                    refused->why == NULL ? "" : refused->why,
                    refused->why == NULL ? "" : ")");
    }
}

int bx_learn_report_write(const bx_learn_report *report, bx_error **err)
{
    learn_outcome outcome = { 0 };
    bx_autofree char *text = NULL;
    int failed = work_out(report, &outcome, err);

    if (failed == 0) {
        text = report->is_policy ? format_policy(report, &outcome, err)
                                 : format_manifest(report, &outcome, err);
        failed = text == NULL ? -1 : 0;
    }
    if (failed == 0 && report->output != NULL)
        failed = bx_file_write(report->output, text, strlen(text), err);
    if (failed == 0) {
        if (report->wants_json)
            print_json(report, &outcome, text);
        else if (report->output == NULL)
            fprintf(stderr, "\n%s", text);
        else
            fprintf(stderr, "boxagnts: %zu permission%s, written to '%s'\n",
                    outcome.count, outcome.count == 1 ? "" : "s",
                    report->output);
        if (!report->wants_json && report->output != NULL)
            print_refused(report->learner);
    }
    clear_outcome(&outcome);
    return failed;
}
