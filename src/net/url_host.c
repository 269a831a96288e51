/* The host of a URL: whatever a name or an address was written in, one form
 * comes out, or none. */
#include "net/url_host.h"

#include <arpa/inet.h>
#include <locale.h>
#include <string.h>

#include "net/curl_api.h"

#define LABEL_MAX_BYTES 63 /* RFC 1035 section 2.3.4 */

static int refuse(bx_error **err, const char *why)
{
    bx_error_set(err, BX_ERR_INVALID, "%s", why);
    return -1;
}

/* Ask libcurl's parser for the host of "http://HOST/". */
static char *curl_host(const bx_curl_api *curl, const char *host,
                       unsigned flags, bx_error **err)
{
    CURLU *handle = curl->url();
    bx_autofree char *text = NULL;
    char *found = NULL;
    char *copy = NULL;
    CURLUcode result = CURLUE_OUT_OF_MEMORY;

    if (handle != NULL && asprintf(&text, "http://%s/", host) >= 0)
        result = curl->url_set(handle, CURLUPART_URL, text, 0);
    else
        text = NULL;
    if (result == CURLUE_OK)
        result = curl->url_get(handle, CURLUPART_HOST, &found, flags);
    if (result == CURLUE_OK)
        copy = strdup(found);
    if (result != CURLUE_OK)
        bx_error_set(err, BX_ERR_INVALID, "the host is malformed: %s",
                     curl->url_strerror(result));
    else if (copy == NULL)
        bx_error_set_nomem(err);
    curl->free(found);
    curl->url_cleanup(handle);
    return copy;
}

/* libcurl takes host names to be in the locale's encoding, and the program
 * runs in whichever the user has: lend it a UTF-8 one. */
static char *idn_host(const bx_curl_api *curl, const char *host, bx_error **err)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before;
    char *ascii;

    if (utf8 == (locale_t)0) {
        refuse(err, "an international host name; write its xn-- form");
        return NULL;
    }
    before = uselocale(utf8);
    ascii = curl_host(curl, host, CURLU_PUNYCODE, err);
    uselocale(before);
    freelocale(utf8);
    return ascii;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

static void lower_case(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

static const char host_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* In lower case already. */
static int check_labels(const char *host, bx_error **err)
{
    size_t label_bytes = 0;

    if (strlen(host) > BX_URL_HOST_MAX_BYTES)
        return refuse(err, "the host name is longer than 253 bytes");
    for (const char *at = host;; at++) {
        if (*at == '.' || *at == '\0') {
            if (label_bytes == 0)
                return refuse(err, "the host name has an empty label");
            if (label_bytes > LABEL_MAX_BYTES)
                return refuse(err, "a label of the host name is longer than "
                                   "63 bytes");
            label_bytes = 0;
            if (*at == '\0')
                return 0;
            continue;
        }
        if (strchr(host_chars, *at) == NULL)
            return refuse(err, "the host name has a character other than "
                               "letters, digits, '-', '_' and '.'");
        label_bytes++;
    }
}

/* The last label is a number, as inet_aton() and browsers read numbers: then
 * the whole must have been an address. */
static bool ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot != NULL ? dot + 1 : host;

    if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
        return label[2 + strspn(label + 2, "0123456789abcdefABCDEF")] == '\0';
    return label[strspn(label, "0123456789")] == '\0';
}

/* A name or IPv4 address: lower case, ASCII, no final dot, numbers in dotted
 * decimal whatever they were written in. */
static char *canonical_name(const bx_curl_api *curl, const char *host,
                            bx_error **err)
{
    bx_autofree char *ascii = NULL;
    struct in_addr ipv4;
    size_t bytes;
    char *found;

    ascii = is_ascii(host) ? strdup(host) : idn_host(curl, host, err);
    if (ascii == NULL) {
        if (is_ascii(host))
            bx_error_set_nomem(err);
        return NULL;
    }
    lower_case(ascii);
    bytes = strlen(ascii);
    if (bytes > 1 && ascii[bytes - 1] == '.')
        ascii[bytes - 1] = '\0';
    if (check_labels(ascii, err) < 0)
        return NULL;
    found = curl_host(curl, ascii, 0, err);
    if (found == NULL)
        return NULL;
    lower_case(found);
    if (ends_in_number(found) && inet_pton(AF_INET, found, &ipv4) != 1) {
        free(found);
        refuse(err, "the host ends in a number but is not an IPv4 address");
        return NULL;
    }
    return found;
}

static char *canonical_ipv6(const char *host, bx_error **err)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];
    char *copy;

    if (inet_pton(AF_INET6, host, &address) != 1 ||
        inet_ntop(AF_INET6, &address, text, sizeof(text)) == NULL) {
        refuse(err, "not an IPv6 address between '[' and ']'");
        return NULL;
    }
    copy = strdup(text);
    if (copy == NULL)
        bx_error_set_nomem(err);
    return copy;
}

char *bx_url_host_parse(const char *text, size_t bytes, bool is_ipv6,
                        bx_error **err)
{
    bx_autofree char *host = strndup(text, bytes);
    const bx_curl_api *curl;

    if (host == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bytes == 0) {
        refuse(err, "no host");
        return NULL;
    }
    if (is_ipv6)
        return canonical_ipv6(host, err);
    curl = bx_curl_load(err);
    return curl == NULL ? NULL : canonical_name(curl, host, err);
}
