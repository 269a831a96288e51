/* libcurl, loaded on first use: it brings thirty libraries with it, and most
 * runs never dial. The only header of the project that includes curl.h, and
 * only for its types: every call goes through the table. */
#ifndef BX_NET_CURL_API_H
#define BX_NET_CURL_API_H

#include <curl/curl.h>

#include "base/error.h"

/* Each X(name) is curl_name. */
#define BX_CURL_FUNCTIONS(X)                                                   \
    X(easy_cleanup)                                                            \
    X(easy_getinfo)                                                            \
    X(easy_init)                                                               \
    X(easy_pause)                                                              \
    X(easy_setopt)                                                             \
    X(easy_strerror)                                                           \
    X(free)                                                                    \
    X(global_init)                                                             \
    X(multi_add_handle)                                                        \
    X(multi_cleanup)                                                           \
    X(multi_info_read)                                                         \
    X(multi_init)                                                              \
    X(multi_perform)                                                           \
    X(multi_poll)                                                              \
    X(multi_remove_handle)                                                     \
    X(multi_setopt)                                                            \
    X(multi_strerror)                                                          \
    X(slist_append)                                                            \
    X(slist_free_all)                                                          \
    X(url)                                                                     \
    X(url_cleanup)                                                             \
    X(url_get)                                                                 \
    X(url_set)                                                                 \
    X(url_strerror)                                                            \
    X(version_info)

typedef struct bx_curl_api {
#define BX_CURL_MEMBER(name) __typeof__(curl_##name) *name;
    BX_CURL_FUNCTIONS(BX_CURL_MEMBER)
#undef BX_CURL_MEMBER
} bx_curl_api;

#define BX_CURL_SONAME "libcurl.so.4"
#define BX_CURL_MIN_VERSION 0x075800u /* 7.88.0: CURLU_PUNYCODE */

/* The table, loaded once for the process and never unloaded: a name lookup
 * that was given up may still run in a thread of libcurl. Thread-safe.
 * errors: BX_ERR_NOT_FOUND: no libcurl, or one too old; every later call
 *         answers the same */
const bx_curl_api *bx_curl_load(bx_error **err);

/* What bx_curl_load() does, once, with the names above. */
int bx_curl_open(const char *soname, unsigned min_version, bx_curl_api *ret_api,
                 bx_error **err);

#endif
