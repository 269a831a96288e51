/* What the sub-commands of `boxagnts model` share. */
#ifndef BX_CLI_MODEL_CLI_H
#define BX_CLI_MODEL_CLI_H

#include <jansson.h>

#include "agent/models/model.h"
#include "cli/cli.h"

#define BX_MODEL_TEST_TIMEOUT_S 60

typedef struct bx_model_cli {
    bx_models *models; /* borrowed */
    const char *name;  /* of a model; NULL: the default one */
    bool wants_json;
    bool wants_all;
    unsigned timeout_s;
} bx_model_cli;

/* Each returns the exit status. */
int bx_model_list_run(const bx_model_cli *cli);
int bx_model_show_run(const bx_model_cli *cli);
int bx_model_test_run(const bx_model_cli *cli);

/* The model that is meant; NULL with err set. */
const bx_model *bx_model_cli_get(const bx_model_cli *cli, bx_error **err);
/* Does the provider want no key at all? */
bool bx_provider_is_open(const bx_provider *provider);
/* "name        text" on stdout; what a terminal would act on is escaped. */
void bx_model_print_field(const char *name, const char *text);
/* Print and free. Returns 0. */
int bx_model_print_json(json_t *value);

#endif
