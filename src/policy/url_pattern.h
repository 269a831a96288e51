/* Patterns of block-url: [scheme://]host[:port][/path], '*' anywhere.
 *
 * '*' stands for any run of characters, '/' included. Without a scheme both
 * match, without a port every port. A pattern covers what lies beneath it:
 * "example.com/ads" also has /ads/x and /ads?x, but not /adsense. */
#ifndef BX_POLICY_URL_PATTERN_H
#define BX_POLICY_URL_PATTERN_H

#include "base/error.h"
#include "policy/url.h"

typedef struct bx_url_pattern bx_url_pattern;

bx_url_pattern *bx_url_pattern_parse(const char *text, bx_error **err);
void bx_url_pattern_free(bx_url_pattern *pattern);

BX_DEFINE_AUTO(bx_url_pattern, bx_url_pattern_free)

/* Its canonical text, which parses to the same pattern; borrowed. */
const char *bx_url_pattern_text(const bx_url_pattern *pattern);

/* Every spelling of one URL that a server may take for the same: as it is,
 * percent-decoded, with dot segments and doubled slashes removed. */
typedef struct bx_url_forms bx_url_forms;

bx_url_forms *bx_url_forms_new(const bx_url *url); /* NULL: no memory */
void bx_url_forms_free(bx_url_forms *forms);

BX_DEFINE_AUTO(bx_url_forms, bx_url_forms_free)

/* Encoded so many times over that the forms do not hold every spelling. */
bool bx_url_forms_is_too_deep(const bx_url_forms *forms);

bool bx_url_pattern_matches(const bx_url_pattern *pattern,
                            const bx_url_forms *forms);

#endif
