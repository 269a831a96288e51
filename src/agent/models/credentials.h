/* Keys of providers: from an environment variable, a file that nobody else can
 * read, or a program that prints it; the first of these that a provider has and
 * that holds one. No message, log or format has a key, nor what a file or
 * program said instead of one. */
#ifndef BX_AGENT_MODELS_CREDENTIALS_H
#define BX_AGENT_MODELS_CREDENTIALS_H

#include "agent/models/model.h"

#define BX_CREDENTIAL_MAX_BYTES 8192
#define BX_CREDENTIAL_COMMAND_BYTES 65536 /* what a program may print */
#define BX_CREDENTIAL_COMMAND_MS 10000    /* how long it may take */

/**
 * Read a provider's key, anew each time.
 *
 * cancel   ends the wait for a program; borrowed, NULL: none
 * ret_key  owned, bx_credential_free(); NULL: the provider wants none
 * errors   BX_ERR_DENIED     there is none, what is there is no key, or others
 *                            can read the file
 *          BX_ERR_TIMEOUT, BX_ERR_CANCELLED, BX_ERR_SYSTEM, BX_ERR_NOT_FOUND
 */
int bx_credential_read(const bx_provider *provider, bx_cancel *cancel,
                       char **ret_key, bx_error **err);

/* Overwrites it first. NULL is fine. */
void bx_credential_free(char *key);
BX_DEFINE_AUTO(char, bx_credential_free)
#define bx_autocredential BX_AUTO(bx_credential_free)

#endif
