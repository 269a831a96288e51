#include "cli/line_editor_api.h"

#include <dlfcn.h>
#include <string.h>

/* Debian's name, and upstream's. */
static const char *const names[] = { "libedit.so.2", "libedit.so.0" };

static const struct {
    const char *name;
    size_t offset; /* of the member in bx_edit_api */
} functions[] = {
#define BX_EDIT_ROW(name) { #name, offsetof(bx_edit_api, name) },
    BX_EDIT_FUNCTIONS(BX_EDIT_ROW)
#undef BX_EDIT_ROW
};

static bool find_functions(void *library, bx_edit_api *api)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *address = dlsym(library, functions[i].name);

        if (address == NULL)
            return false;
        memcpy((char *)api + functions[i].offset, &address, sizeof(address));
    }
    return true;
}

const bx_edit_api *bx_edit_load(void)
{
    static bx_edit_api api;
    static bool is_loaded;

    for (size_t i = 0; !is_loaded && i < sizeof(names) / sizeof(names[0]);
         i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

        if (library == NULL)
            continue;
        is_loaded = find_functions(library, &api);
        if (!is_loaded)
            dlclose(library);
    }
    return is_loaded ? &api : NULL;
}
