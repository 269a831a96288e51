#include "net/curl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset; /* of the member in bx_curl_api */
} functions[] = {
#define BX_CURL_ROW(name) { "curl_" #name, offsetof(bx_curl_api, name) },
    BX_CURL_FUNCTIONS(BX_CURL_ROW)
#undef BX_CURL_ROW
};

static pthread_once_t load_once = PTHREAD_ONCE_INIT;
static bx_curl_api loaded_api;
static bx_error *load_error; /* kept for the life of the process */
static bool is_loaded;

static int find_functions(void *library, const char *soname, bx_curl_api *api,
                          bx_error **err)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *address = dlsym(library, functions[i].name);

        if (address == NULL) {
            bx_error_set(err, BX_ERR_NOT_FOUND,
                         "%s has no function %s: not a libcurl", soname,
                         functions[i].name);
            return -1;
        }
        memcpy((char *)api + functions[i].offset, &address, sizeof(address));
    }
    return 0;
}

static int check_version(const bx_curl_api *api, const char *soname,
                         unsigned min_version, bx_error **err)
{
    const curl_version_info_data *info = api->version_info(CURLVERSION_NOW);

    if (info->version_num < min_version)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "%s is version %s; %u.%u.%u or newer is needed",
                            soname, info->version, min_version >> 16,
                            min_version >> 8 & 0xff, min_version & 0xff);
    if ((info->features & CURL_VERSION_SSL) == 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND, "%s was built without TLS",
                            soname);
    /* Without a resolver of its own a slow name would hold the run past its
     * deadline. */
    if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "%s resolves names blocking; one built with "
                            "AsynchDNS is needed",
                            soname);
    return 0;
}

int bx_curl_open(const char *soname, unsigned min_version, bx_curl_api *ret_api,
                 bx_error **err)
{
    bx_curl_api api;
    CURLcode result;
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "the network needs libcurl (Debian package "
                            "libcurl4): %s",
                            dlerror());
    if (find_functions(library, soname, &api, err) < 0 ||
        check_version(&api, soname, min_version, err) < 0) {
        dlclose(library);
        return -1;
    }
    result = api.global_init(CURL_GLOBAL_DEFAULT);
    if (result != CURLE_OK)
        return bx_error_set(err, BX_ERR_SYSTEM, "%s does not start: %s", soname,
                            api.easy_strerror(result));
    *ret_api = api;
    return 0;
}

static void load(void)
{
    is_loaded = bx_curl_open(BX_CURL_SONAME, BX_CURL_MIN_VERSION, &loaded_api,
                             &load_error) == 0;
}

const bx_curl_api *bx_curl_load(bx_error **err)
{
    pthread_once(&load_once, load);
    if (is_loaded)
        return &loaded_api;
    bx_error_set(err, bx_error_code(load_error), "%s",
                 bx_error_message(load_error));
    return NULL;
}
