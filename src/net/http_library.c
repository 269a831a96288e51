#include "net/http_library.h"

#include "net/curl_api.h"

int bx_http_library_get(bx_http_library *ret_library, bx_error **err)
{
    const bx_curl_api *curl = bx_curl_load(err);
    const curl_version_info_data *info;

    if (curl == NULL)
        return -1;
    info = curl->version_info(CURLVERSION_NOW);
    snprintf(ret_library->version, sizeof(ret_library->version), "%s",
             info->version);
    ret_library->tls = info->ssl_version == NULL ? "" : info->ssl_version;
    ret_library->ca_file = info->cainfo;
    ret_library->ca_dir = info->capath;
    return 0;
}
