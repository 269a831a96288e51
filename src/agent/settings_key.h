/* The keys of settings: what each may be, who may say it, where it goes. */
#ifndef BX_AGENT_SETTINGS_KEY_H
#define BX_AGENT_SETTINGS_KEY_H

#include "agent/settings.h"

typedef enum bx_settings_layer {
    BX_SETTINGS_USER,      /* also a workspace's that the user approved */
    BX_SETTINGS_WORKSPACE, /* a stranger's */
    BX_SETTINGS_FLAG,
} bx_settings_layer;

typedef struct bx_settings_key bx_settings_key;

/* A value as it was said. */
typedef struct bx_settings_value {
    const char *text;
    uint64_t number; /* counts, times, modes and such */
    double cost;
} bx_settings_value;

struct bx_settings_key {
    const char *name; /* "budget/turns" */
    int (*parse)(const bx_settings_key *key, bx_settings_layer layer,
                 bx_settings_value *value, bx_error **err);
    /* Why a workspace's value does not count, beginning with "expected"; NULL:
     * it does. Owned by text, which is at hand for that. */
    const char *(*refuse)(const bx_settings_key *key,
                          const bx_settings *settings, const bx_models *models,
                          const bx_settings_value *value, char text[128]);
    int (*store)(const bx_settings_key *key, bx_settings *settings,
                 const bx_settings_value *value, bx_error **err);
    size_t offset; /* of a budget's member, a text; of a rule its ruling */
    uint64_t max;
    bool is_list; /* said as a list of texts in a file */
};

extern const bx_settings_key bx_settings_keys[];
extern const size_t bx_settings_keys_count;

const bx_settings_key *bx_settings_key_find(const char *name);
/* What counts when nobody says anything, as text. Returns text. */
const char *bx_settings_key_default(const bx_settings_key *key,
                                    const bx_settings *settings, char text[32]);

#endif
