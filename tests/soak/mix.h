/* What is called, and what must come back. Each caller has files of its own,
 * in each of the two workspaces (plain and overlaid), and knows what is in
 * them unless a write of its was lost. */
#ifndef BX_TESTS_SOAK_MIX_H
#define BX_TESTS_SOAK_MIX_H

#include "soak/soak.h"

#define SOAK_FILES 4

typedef struct soak_caller {
    unsigned number;
    soak_random random;
    uint64_t calls;
    /* Of each workspace: the mark of the content; 0: not known, or not there */
    uint64_t marks[2][SOAK_FILES];
} soak_caller;

typedef struct soak_call {
    const char *tool;
    char input[1024];
    char *long_input; /* owned; in its place */
    unsigned side;    /* registry */
    bool is_network;
    bool is_nested; /* what goes wrong inside is the tool's error */
    bool is_live;   /* of a session, that others may have ended */
    bool may_record;
    bx_code refusal;       /* that must come; BX_OK: none */
    char expected[256];    /* part of the text of a good answer */
    size_t expected_bytes; /* of it at least */
    /* The file that it changes; -1: none. Its mark then. */
    int file;
    uint64_t mark;
} soak_call;

#define SOAK_KINDS 19
#define SOAK_LIVE 11
#define SOAK_SESSIONS 3
#define SOAK_FIRST_BAD 14 /* from here on: no good answer is to be expected */

/* kind: below SOAK_KINDS. */
void soak_mix_make(soak_caller *caller, unsigned kind, unsigned side,
                   soak_call *ret);
unsigned soak_mix_kind(soak_caller *caller);
/* NULL, or what is wrong with the text of a good answer. */
const char *soak_mix_check(const soak_call *call, const char *text);
/* What the caller knows of its files afterwards. */
void soak_mix_learn(soak_caller *caller, const soak_call *call, bool is_good);
/* The host path of a file and how its content begins; false: not known. */
bool soak_mix_file(const soak_caller *caller, unsigned side, unsigned file,
                   char *ret_name, size_t name_bytes, char *ret_begin,
                   size_t begin_bytes);

#endif
