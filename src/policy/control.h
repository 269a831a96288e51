/* The controls: one table behind the flags of the CLI, the keys of a policy
 * file and bx_policy_set(). */
#ifndef BX_POLICY_CONTROL_H
#define BX_POLICY_CONTROL_H

#include "policy/entry.h"
#include "policy/unit.h"

typedef struct bx_control bx_control;

struct bx_control {
    const char *name;        /* "map-dir" */
    const char *placeholder; /* "HOST::GUEST[::ro|::rw]"; begins with '[' when
                              * the flag may stand without a value */
    const char *help;        /* one line, without the default */
    int (*set)(bx_policy *policy, const bx_control *control, const char *value,
               const bx_source *source, bx_error **err);
    /* Of limits: */
    size_t index; /* of the field in bx_limits */
    uint64_t min;
    uint64_t max;
    bx_unit_kind unit;
    bool is_list;
    bool is_value_optional; /* a flag may stand alone; the value is then "" */
};

extern const bx_control bx_controls[];
extern const size_t bx_controls_count;

/* NULL when there is none; '_' counts as '-'. */
const bx_control *bx_control_find(const char *name);
/* The control that name may be a misspelling of, or NULL. */
const bx_control *bx_control_guess(const char *name);

/* Is it a limit, with unit, index and bounds? */
bool bx_control_is_limit(const bx_control *control);
/* "30s" for wasm-timeout, NULL when there is no default to show. */
const char *bx_control_default(const bx_control *control, char text[32]);

/* Set it; messages begin with the control's name. */
int bx_control_set(const bx_control *control, bx_policy *policy,
                   const char *value, const bx_source *source, bx_error **err);

/* "map-dir ./data::/data::ro", what origins show; of env only the name, for
 * values may be secrets. Owned by the caller; NULL: no memory. */
char *bx_control_show(const bx_control *control, const char *value);

#endif
