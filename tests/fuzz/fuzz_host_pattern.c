/* Any bytes as a host pattern, a URL pattern and a network, held against URLs
 * made of the rest of the bytes. */
#include <stdint.h>
#include <string.h>

#include "policy/host_pattern.h"
#include "policy/url_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void try_host_pattern(const char *text, const bx_url *url,
                             const bx_address *address)
{
    bx_error *err = NULL;
    bx_host_pattern *pattern = bx_host_pattern_parse(text, &err);
    bx_host_pattern *again;

    if ((pattern == NULL) != (err != NULL))
        abort();
    bx_error_free(err);
    if (pattern == NULL)
        return;
    again = bx_host_pattern_parse(bx_host_pattern_text(pattern), NULL);
    if (again == NULL ||
        strcmp(bx_host_pattern_text(again), bx_host_pattern_text(pattern)) !=
            0 ||
        bx_host_pattern_matches(pattern, url) !=
            bx_host_pattern_matches(again, url) ||
        bx_host_pattern_names_address(pattern, url, address) !=
            bx_host_pattern_names_address(again, url, address))
        abort();
    bx_host_pattern_free(pattern);
    bx_host_pattern_free(again);
}

static void try_url_pattern(const char *text, const bx_url *url)
{
    bx_error *err = NULL;
    bx_url_pattern *pattern = bx_url_pattern_parse(text, &err);
    bx_url_pattern *again;
    bx_url_forms *forms = bx_url_forms_new(url);

    if ((pattern == NULL) != (err != NULL) || forms == NULL)
        abort();
    bx_error_free(err);
    if (pattern != NULL) {
        again = bx_url_pattern_parse(bx_url_pattern_text(pattern), NULL);
        if (again == NULL ||
            strcmp(bx_url_pattern_text(again), bx_url_pattern_text(pattern)) !=
                0 ||
            bx_url_pattern_matches(pattern, forms) !=
                bx_url_pattern_matches(again, forms))
            abort();
        bx_url_pattern_free(again);
    }
    bx_url_pattern_free(pattern);
    bx_url_forms_free(forms);
}

static void try_network(const char *text, const bx_address *address)
{
    bx_error *err = NULL;
    bx_network network;
    bx_network again;
    char canonical[50];

    if (bx_network_parse(text, &network, &err) < 0) {
        bx_error_free(err);
        return;
    }
    bx_network_format(&network, canonical);
    if (bx_network_parse(canonical, &again, NULL) < 0 ||
        memcmp(&network.address, &again.address, sizeof(network.address)) !=
            0 ||
        network.prefix_bits != again.prefix_bits ||
        network.is_private != again.is_private ||
        (bx_network_has(&network, address) &&
         !bx_network_blocks(&network, address)))
        abort();
}

/* 16 bytes of address, the pattern, a NUL byte, the URL's host and path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_address address;
    bx_autofree char *text = NULL;
    bx_autofree char *rest = NULL;
    bx_url url = { NULL, (char *)"http", NULL, 80, NULL };
    size_t len;

    if (bytes < sizeof(address) || bytes > 10000)
        return 0;
    memcpy(&address, data, sizeof(address));
    data += sizeof(address);
    bytes -= sizeof(address);
    text = strndup((const char *)data, bytes);
    len = strlen(text);
    rest = len < bytes ? strndup((const char *)data + len + 1, bytes - len - 1)
                       : strdup("");
    url.host = rest;
    url.path = rest;
    try_host_pattern(text, &url, &address);
    try_url_pattern(text, &url);
    try_network(text, &address);
    return 0;
}
