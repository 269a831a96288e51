/* What a model knows before the conversation begins: the system prompt, and the
 * own tools by which it asks people, plans, finds tools and reads and writes
 * notes. The same session makes the same prompt, byte for byte, so that caches
 * hold. */
#ifndef BX_AGENT_CONTEXT_H
#define BX_AGENT_CONTEXT_H

#include "agent/approval.h"
#include "agent/result.h"
#include "agent/toolset.h"

typedef struct bx_context bx_context;

/* Borrowed until the context is freed, but for what says copied. */
typedef struct bx_context_config {
    const char *workspace; /* host folder; copied. The model knows it as "/" */
    const char *role;      /* of a sub-agent; copied; NULL */
    const char *system;    /* more for the prompt, of who runs it; copied;
                            * NULL */
    bx_envelope envelope;
    bool has_person; /* somebody can be asked */
    char *(*ask)(void *context, const char *question, const json_t *choices);
    void *ask_context;
    /* Store a note of the session ("plan"); from any thread. */
    int (*note)(void *context, json_t *note, bx_error **err);
    void *note_context;
    bx_event_sink events;
    /* May the agent change this file of the workspace, a guest path? What the
     * sandbox's policy, the session's grants and its mode say of writing there;
     * the tool "memory" asks before each change, from any thread. -1: no, with
     * the reason for the model. NULL: nothing may be changed. */
    int (*allow_write)(void *context, const char *path, bx_error **err);
    void *allow_context;
} bx_context_config;

/* Reads instructions, skills and the list of notes. problems: an array that
 * gets messages for people; borrowed, NULL: nobody reads them. */
bx_context *bx_context_new(const bx_context_config *config, json_t *problems,
                           bx_error **err);
/* NULL is fine. */
void bx_context_free(bx_context *context);
BX_DEFINE_AUTO(bx_context, bx_context_free)
#define bx_autocontext BX_AUTO(bx_context_free)

/* The system prompt; owned, free(). date: "2026-11-21", of the session's begin;
 * NULL: none is told. */
char *bx_context_system(const bx_context *context, bx_mode mode,
                        const char *date, bx_error **err);

/* Add the own tools that make sense here: ask_user (when somebody can be
 * asked), plan, memory, skill (when there are skills), tool_search (when not
 * every tool is shown). The context outlives the toolset. */
int bx_context_add_tools(bx_context *context, bx_toolset *toolset,
                         bx_error **err);

/* A session that goes on: what its notes say of plans. */
int bx_context_load_note(bx_context *context, const json_t *note,
                         bx_error **err);

/* Names and descriptions of the skills, for people: [{"name", "description",
 * "place"}]; a reference of the caller's. */
json_t *bx_context_skills(const bx_context *context, bx_error **err);
/* The plan as it is now: [{"text", "status"}]; borrowed, NULL: none. */
const json_t *bx_context_plan(const bx_context *context);

#endif
