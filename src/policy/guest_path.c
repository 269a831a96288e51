/* Guest paths of rules and questions. The WASI host resolves what a guest asks
 * for itself; these are compared, never opened. */
#include "policy/policy.h"

#include <string.h>

#include "base/utf8.h"
#include "policy/text.h"

#define MAX_BYTES 4096 /* as PATH_MAX of Linux */

static char *refuse(const char *text, const char *why, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(text);

    (void)bx_error_set(err, BX_ERR_INVALID,
                       "%s %s; expected a guest path such as /data",
                       BX_SHOWN(shown), why);
    return NULL;
}

char *bx_guest_path_parse(const char *text, bx_error **err)
{
    bx_autofree char *path = NULL;
    size_t len = strlen(text);
    size_t out = 0;
    const char *rest = text;

    if (len == 0)
        return refuse(text, "is empty", err);
    if (len > MAX_BYTES)
        return refuse(text, "is longer than 4096 bytes", err);
    if (bx_text_has_control(text))
        return refuse(text, "has a control byte", err);
    if (!bx_utf8_is_valid(text, len))
        return refuse(text, "is not UTF-8", err);
    path = malloc(len + 2); /* '/' in front, NUL behind */
    if (path == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    while (*rest != '\0') {
        size_t part = strcspn(rest, "/");

        if (part == 2 && rest[0] == '.' && rest[1] == '.') {
            if (out == 0)
                return refuse(text, "climbs above the root", err);
            while (path[--out] != '/')
                ;
        } else if (part > 0 && !(part == 1 && rest[0] == '.')) {
            path[out++] = '/';
            memcpy(path + out, rest, part);
            out += part;
        }
        rest += part;
        rest += strspn(rest, "/");
    }
    if (out == 0)
        path[out++] = '/';
    path[out] = '\0';
    if (out > MAX_BYTES) /* with its '/', and what is taken is taken again */
        return refuse(text, "is longer than 4096 bytes", err);
    return bx_take(path);
}

bool bx_guest_path_is_beneath(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    if (len == 1) /* "/" */
        return true;
    return strncmp(path, dir, len) == 0 &&
           (path[len] == '\0' || path[len] == '/');
}
