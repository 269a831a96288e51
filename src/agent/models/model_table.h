/* The two tables as one; what model.c looks into and model_load.c makes. */
#ifndef BX_AGENT_MODELS_MODEL_TABLE_H
#define BX_AGENT_MODELS_MODEL_TABLE_H

#include <jansson.h>
#include <pthread.h>

#include "agent/models/model.h"

#define BX_MODELS_MAX_OTHERS 1000

/* A model that someone named as "PROVIDER/ID". */
typedef struct bx_other_model {
    struct bx_other_model *next;
    bx_model model;
    char name[]; /* "PROVIDER/ID" */
} bx_other_model;

struct bx_models {
    json_t *text; /* both tables merged: the names and texts below are its */
    bx_provider *providers;
    size_t providers_count;
    bx_model *models;
    size_t count;
    pthread_mutex_t mutex; /* of others */
    bx_other_model *others;
    size_t others_count;
};

const bx_provider *bx_models_find_provider(const bx_models *models,
                                           const char *name);

#endif
