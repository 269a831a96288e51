/* What the policy tests share. */
#ifndef BX_TESTS_POLICY_SUPPORT_H
#define BX_TESTS_POLICY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

/* Parse or fail the test with the message. */
bx_policy *parse_policy(const char *text);

/* The message of the error, which parsing text must give; fails the test when
 * it is another one. name is "ci.yaml". */
void assert_refused(const char *text, const char *message);

/* Set a control or fail the test. */
void set_control(bx_policy *policy, const char *control, const char *value);

/* A URL as src/net makes it, for rules to be held against. The parts are
 * borrowed; no text is parsed here, so that these tests stand alone. */
bx_url make_url(const char *scheme, const char *host, unsigned port,
                const char *path);

bx_address make_address(const char *text);

#endif
