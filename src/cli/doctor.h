/* What `boxagnts doctor` looked at, and how it says so. */
#ifndef BX_CLI_DOCTOR_H
#define BX_CLI_DOCTOR_H

#include "cli/cli.h"

typedef enum bx_doctor_state {
    BX_DOCTOR_OK,
    BX_DOCTOR_NOTE,    /* works, and could be better */
    BX_DOCTOR_MISSING, /* to be mended */
} bx_doctor_state;

typedef struct bx_doctor_finding {
    const char *section; /* static; as is name */
    const char *name;
    bx_doctor_state state;
    char *text;
    char *mend; /* NULL: nothing to do */
} bx_doctor_finding;

typedef struct bx_doctor {
    bx_doctor_finding *findings;
    size_t count;
    const char *section; /* of what is added next */
} bx_doctor;

/* text is a format. mend: a sentence, copied, or NULL. */
void bx_doctor_add(bx_doctor *doctor, const char *name, bx_doctor_state state,
                   const char *mend, const char *text, ...) BX_PRINTF(5, 6);
void bx_doctor_clear(bx_doctor *doctor);
size_t bx_doctor_missing(const bx_doctor *doctor);

/* For people: colours on a terminal, 80 columns. */
void bx_doctor_print(const bx_doctor *doctor);
void bx_doctor_print_json(const bx_doctor *doctor);

/* The parts of the examination. */
void bx_doctor_check_system(bx_doctor *doctor);
void bx_doctor_check_lockdown(bx_doctor *doctor);
void bx_doctor_check_files(bx_doctor *doctor);
void bx_doctor_check_tools(bx_doctor *doctor);

#endif
