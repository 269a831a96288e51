/* boxagnts init --trust, --distrust: make a workspace's files the user's own,
 * exactly as they were shown. */
#ifndef BX_CLI_INIT_TRUST_H
#define BX_CLI_INIT_TRUST_H

#include "agent/models/model.h"

/* Borrowed. */
typedef struct bx_init_place {
    const char *workspace; /* real path */
    int fd;                /* of it */
    const bx_models *models;
} bx_init_place;

/* Each answers the status to exit with. */
int bx_init_trust(const bx_init_place *place, bool is_agreed);
int bx_init_distrust(const bx_init_place *place);

#endif
