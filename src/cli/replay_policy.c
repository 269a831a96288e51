/* replay --policy: what was needed, asked of a policy. */
#include <jansson.h>
#include <string.h>

#include "cli/replay.h"
#include "policy/need.h"

/* A need that is refused, and the call that it came up in. */
typedef struct bx_refusal {
    char *kind;
    char *target;
    bx_verdict verdict;
    uint64_t call;
    bx_buf shown; /* the call */
} bx_refusal;

static void clear_refusal(bx_refusal *refusal)
{
    free(refusal->kind);
    free(refusal->target);
    bx_buf_clear(&refusal->shown);
}

/* The call of a need is told behind it. */
static int show_call(bx_recording *recording, bx_buf *shown, bx_error **err)
{
    bx_recorded next;

    do {
        if (bx_recording_next(recording, &next, err) < 0)
            return -1;
    } while (next.type == BX_RECORD_NEED);
    if (next.type != BX_RECORD_CALL)
        return bx_buf_puts(shown, "the end") < 0 ? bx_error_set_nomem(err) : 0;
    return bx_call_format(shown, next.name, next.parts, next.bytes) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

/* 1 with ret_refusal: something is refused; 0: nothing is; -1. */
static int find_refusal(bx_recording *recording, const bx_policy *policy,
                        uint64_t *ret_needs, bx_refusal *ret_refusal,
                        bx_error **err)
{
    bx_recorded next;

    bx_recording_rewind(recording);
    for (;;) {
        if (bx_recording_next(recording, &next, err) < 0)
            return -1;
        if (next.type == BX_RECORD_END)
            return 0;
        if (next.type != BX_RECORD_NEED)
            continue;
        (*ret_needs)++;
        ret_refusal->verdict =
            bx_policy_check_need(policy, next.name, next.target);
        if (ret_refusal->verdict.is_allowed)
            continue;
        ret_refusal->call = next.number;
        ret_refusal->kind = strdup(next.name);
        ret_refusal->target = strdup(next.target);
        if (ret_refusal->kind == NULL || ret_refusal->target == NULL)
            return bx_error_set_nomem(err);
        return show_call(recording, &ret_refusal->shown, err) < 0 ? -1 : 1;
    }
}

static void print_json(uint64_t needs, const bx_refusal *refusal)
{
    json_t *root = json_pack("{s:b, s:I}", "is_granted", refusal == NULL,
                             "needs", (json_int_t)needs);

    if (refusal != NULL)
        json_object_set_new(root, "refused",
                            json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "call",
                                      (json_int_t)refusal->call, "shown",
                                      refusal->shown.data, "kind",
                                      refusal->kind, "target", refusal->target,
                                      "reason", refusal->verdict.reason, "rule",
                                      refusal->verdict.rule));
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static void print_refusal(const bx_refusal *refusal)
{
    bx_autobuf bx_buf target = BX_BUF_INIT;

    bx_buf_put_escaped(&target, refusal->target, strlen(refusal->target), 1024);
    printf("call %llu, %s: %s:%s would be refused: %s (%s)\n",
           (unsigned long long)refusal->call, refusal->shown.data,
           refusal->kind, target.data == NULL ? "" : target.data,
           refusal->verdict.reason, refusal->verdict.rule);
}

int bx_replay_check_policy(const bx_replay *replay)
{
    bx_error *err = NULL;
    bx_autopolicy bx_policy *policy = bx_policy_load(replay->policy_path, &err);
    bx_refusal refusal = { 0 };
    uint64_t needs = 0;
    int found;

    if (policy == NULL)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    found = find_refusal(replay->recording, policy, &needs, &refusal, &err);
    if (found < 0) {
        clear_refusal(&refusal);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    if (replay->wants_json)
        print_json(needs, found > 0 ? &refusal : NULL);
    else if (found > 0)
        print_refusal(&refusal);
    else if (!replay->is_quiet)
        printf("everything this run needed is granted (%llu capabilities)\n",
               (unsigned long long)needs);
    clear_refusal(&refusal);
    return found > 0 ? BX_EXIT_FAILED : 0;
}
