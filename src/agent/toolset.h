/* The tools a model is shown: those of the registry, and the agent's own, which
 * touch the session and not the world (ask_user, plan, tool_search, skill,
 * memory, agent). A name is one tool's: an own tool never takes a built-in
 * one's, and a tool that came from elsewhere never an own one's, which would
 * let it be told what is meant for that: it is not shown and not called. */
#ifndef BX_AGENT_TOOLSET_H
#define BX_AGENT_TOOLSET_H

#include "agent/event.h"
#include "tool/registry.h"

typedef struct bx_toolset bx_toolset;

/* Which of the registry's tools an agent has: those that fit one of its
 * patterns, have at most that level, and are its parent's as well. */
typedef struct bx_tool_filter {
    const json_t *patterns; /* names, or begins of names with '*' behind; NULL:
                             * all */
    bool has_most;
    bx_level most;
    const struct bx_tool_filter *parent; /* NULL: none */
} bx_tool_filter;

/* filter: NULL has all. */
bool bx_tool_filter_has(const bx_tool_filter *filter, const bx_tool *tool);

/* What one call is made with. All borrowed. */
typedef struct bx_own_call {
    const char *id;
    const json_t *input; /* fits the tool's schema */
    bx_cancel *cancel;
    const bx_event_sink *events;
    bool *is_error; /* the callee sets it when content tells of a failure */
} bx_own_call;

typedef struct bx_own_tool {
    const char *name; /* "ask_user" */
    const char *description;
    const char *input_schema; /* JSON text */
    bool is_serial;           /* never beside other calls of a message */
    /* What a call with this input is decided as, by rules, mode and people;
     * NULL: it is BX_LEVEL_NONE, whatever its input. */
    bx_level (*level)(const json_t *input);
    /* content: an array of text and image blocks, the callee's to make. errors:
     * told to the model as the call's error */
    int (*run)(void *context, const bx_own_call *call, json_t **ret_content,
               bx_error **err);
} bx_own_tool;

/* registry: borrowed. */
bx_toolset *bx_toolset_new(bx_registry *registry, bx_error **err);
/* NULL is fine. */
void bx_toolset_free(bx_toolset *toolset);
BX_DEFINE_AUTO(bx_toolset, bx_toolset_free)

/* Have no more of the registry's than these; borrowed until it is freed. */
void bx_toolset_limit(bx_toolset *toolset, const bx_tool_filter *filter);

/* tool: borrowed, with its context, until the toolset is freed. */
int bx_toolset_add(bx_toolset *toolset, const bx_own_tool *tool, void *context,
                   bx_error **err);

/* Most definitions that a model is shown at once; where there are more, those
 * that are not built in are found by tool_search. */
#define BX_TOOLSET_SHOWN_MAX 40

/* What the model is shown now, as bx_turn_request wants it: a reference of the
 * caller's. The order is the same from turn to turn, so that caches hold. */
json_t *bx_toolset_definitions(bx_toolset *toolset, bx_error **err);
/* Are there more than are shown? */
bool bx_toolset_has_hidden(bx_toolset *toolset);
/* From now on show these too: found by a search. */
int bx_toolset_reveal(bx_toolset *toolset, const char *name, bx_error **err);

/* Names and first lines of descriptions that fit words, best first:
 * [{"name", "description"}]. */
json_t *bx_toolset_search(bx_toolset *toolset, const char *words, size_t most,
                          bx_error **err);

/* Which one a name means: an own tool with its context, or the registry's.
 * errors: BX_ERR_NOT_FOUND, with a guess, for the model to read */
typedef struct bx_toolset_entry {
    const bx_own_tool *own; /* NULL: it is the registry's */
    void *context;
    const json_t *schema; /* of an own one's input; borrowed */
    bx_tool *tool;        /* a reference of the caller's; NULL for an own one */
} bx_toolset_entry;

int bx_toolset_get(bx_toolset *toolset, const char *name,
                   bx_toolset_entry *ret_entry, bx_error **err);
void bx_toolset_entry_clear(bx_toolset_entry *entry);

#endif
