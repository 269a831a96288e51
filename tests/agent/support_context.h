/* A workspace, a user's folder and a context over both; calls of own tools. */
#ifndef TESTS_AGENT_SUPPORT_CONTEXT_H
#define TESTS_AGENT_SUPPORT_CONTEXT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/context.h"
#include "agent/models/message.h"
#include "agent/own.h"
#include "agent/support_folder.h"

typedef struct desk {
    folder workspace;
    folder user; /* XDG_CONFIG_HOME; the user's files are in boxagnts/ */
    bx_context_config config;
    json_t *problems;
    bx_context *context; /* NULL until desk_open() */
    json_t *notes;       /* that were stored */
    json_t *events;      /* that were told */
    int note_status;     /* what storing one returns */
    const char *answer;  /* of the person; NULL: nobody is there */
    char question[512];
    json_t *choices;
    char written[128];   /* the path that was asked for last; "" */
    const char *refusal; /* of writing; NULL: allowed */
} desk;

#define DESK_BOUNDARY "00112233445566778899aabbccddeeff"

void desk_make(desk *it);
void desk_remove(desk *it);
void desk_open(desk *it);

/* Owned. */
char *desk_system(desk *it, bx_mode mode);

/* The text that a tool answers, owned; its input fits its schema. */
char *desk_call(desk *it, const bx_own_tool *tool, const char *input);
void desk_refuse(desk *it, const bx_own_tool *tool, const char *input,
                 bx_code code, const char *word);
/* An input that the schema lets not through. */
void desk_misfit(const bx_own_tool *tool, const char *input);

/* "---\nname: ...": a SKILL.md in place ("workspace/folder" of a held one). */
void desk_skill(const folder *at, const char *place, const char *name,
                const char *body);

void check_contains(const char *text, const char *part);
void check_lacks(const char *text, const char *part);
/* part is in the text, between a begin and an end of data. */
void check_enveloped(const char *text, const char *part);

#endif
