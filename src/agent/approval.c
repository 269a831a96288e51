#include "agent/approval.h"

#include <string.h>

#include "agent/rules.h"

static const char *const names[] = {
    [BX_MODE_ASK] = "ask",     [BX_MODE_READS] = "reads",
    [BX_MODE_EDITS] = "edits", [BX_MODE_AUTO] = "auto",
    [BX_MODE_PLAN] = "plan",
};

#define MODES (sizeof(names) / sizeof(names[0]))

const char *bx_mode_name(bx_mode mode)
{
    return (size_t)mode < MODES ? names[mode] : "unknown";
}

int bx_mode_find(const char *name, bx_mode *ret_mode)
{
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_mode = (bx_mode)i;
            return 0;
        }
    }
    return -1;
}

static bx_ruling judge_by_mode(bx_mode mode, bx_level level,
                               const char **ret_why)
{
    static const struct {
        bx_level most; /* that goes unasked */
        const char *why;
    } modes[] = {
        [BX_MODE_ASK] = { BX_LEVEL_NONE, "mode ask" },
        [BX_MODE_READS] = { BX_LEVEL_READ_ONLY, "mode reads" },
        [BX_MODE_EDITS] = { BX_LEVEL_EXECUTE, "mode edits" },
        [BX_MODE_AUTO] = { BX_LEVEL_EXECUTE, "mode auto" },
        [BX_MODE_PLAN] = { BX_LEVEL_READ_ONLY, "mode plan" },
    };

    if ((size_t)mode >= MODES) {
        *ret_why = "no such mode";
        return BX_RULING_REFUSE;
    }
    *ret_why = modes[mode].why;
    return level <= modes[mode].most ? BX_RULING_ALLOW : BX_RULING_ASK;
}

bx_ruling bx_approval_judge(bx_mode mode, const bx_rules *rules,
                            const char *name, bx_level level,
                            const json_t *input, const char **ret_why)
{
    bx_ruling ruling;

    if (level >= BX_LEVEL_FORBIDDEN) {
        *ret_why = "the tool's level forbidden";
        return BX_RULING_REFUSE;
    }
    if (!bx_rules_judge(rules, name, level, input, &ruling, ret_why))
        ruling = judge_by_mode(mode, level, ret_why);
    if (ruling == BX_RULING_REFUSE)
        return ruling;
    if (mode == BX_MODE_PLAN && level > BX_LEVEL_READ_ONLY) {
        *ret_why = "mode plan";
        return BX_RULING_REFUSE;
    }
    if (ruling == BX_RULING_ALLOW && level >= BX_LEVEL_DANGEROUS) {
        *ret_why = "the tool's level dangerous";
        return BX_RULING_ASK;
    }
    return ruling;
}
