/* Transcripts of a provider's wire and what becomes of them, for every
 * protocol; tests/models/golden/README.md has their form. */
#ifndef TESTS_MODELS_SUPPORT_GOLDEN_H
#define TESTS_MODELS_SUPPORT_GOLDEN_H

#include "agent/models/protocol.h"

/* Every golden/PROTOCOL-*.sse against its .json, in pieces of several sizes. */
void support_golden_replies(const bx_protocol *protocol);
/* The same, each ended at every byte: there are the calls that it has, or there
 * is no reply. */
void support_golden_cuts(const bx_protocol *protocol);
/* Every golden/PROTOCOL-*.request. */
void support_golden_requests(const bx_protocol *protocol);

#endif
