/* A plain client of http_*:  http_get URL [METHOD [BODY]]
 *
 * Prints "head JSON" and the body; a failure prints "CALL errno N: REASON",
 * exit status 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxagnts_guest.h"

static int fail(const char *call, uint32_t handle, int errnum)
{
    char reason[4096];
    size_t len = 0;

    if (boxagnts_http_error(handle, reason, sizeof(reason), &len) != 0)
        len = 0;
    printf("%s errno %d: %.*s\n", call, errnum, (int)len, reason);
    return 1;
}

static int print_head(uint32_t handle)
{
    size_t len = 0;
    char *head = NULL;
    int errnum = boxagnts_http_head(handle, NULL, 0, &len);

    if (errnum == BOXAGNTS_ERANGE) {
        head = malloc(len);
        errnum = boxagnts_http_head(handle, head, len, &len);
    }
    if (errnum != 0)
        return fail("http_head", handle, errnum);
    printf("head %.*s\n", (int)len, head);
    free(head);
    return 0;
}

static int print_body(uint32_t handle)
{
    static char block[16384];
    size_t len;

    for (;;) {
        int errnum = boxagnts_http_read(handle, block, sizeof(block), &len);

        if (errnum != 0)
            return fail("http_read", handle, errnum);
        if (len == 0)
            return 0;
        fwrite(block, 1, len, stdout);
    }
}

int main(int argc, char **argv)
{
    static char request[70000];
    uint32_t handle;
    int errnum;
    int status;

    if (argc < 2) {
        fprintf(stderr, "usage: http_get URL|JSON [METHOD [BODY]]\n");
        return 2;
    }
    if (argv[1][0] == '{')
        snprintf(request, sizeof(request), "%s", argv[1]);
    else
        snprintf(request, sizeof(request),
                 "{\"method\": \"%s\", \"url\": \"%s\"}",
                 argc > 2 ? argv[2] : "GET", argv[1]);
    errnum = boxagnts_http_open(request, strlen(request), &handle);
    if (errnum != 0)
        return fail("http_open", 0, errnum);
    if (argc > 3) {
        errnum = boxagnts_http_write(handle, argv[3], strlen(argv[3]));
        if (errnum != 0)
            return fail("http_write", handle, errnum);
    }
    status = print_head(handle);
    if (status == 0)
        status = print_body(handle);
    if (boxagnts_http_close(handle) != 0 ||
        boxagnts_http_close(handle) != BOXAGNTS_EBADF) {
        printf("http_close: expected success once, then EBADF\n");
        return 1;
    }
    return status;
}
