/* Errors. Making one never fails: without memory a static one stands in. */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct bx_error {
    bx_code code;
    int errnum;
    char *message; /* owned */
};

static bx_error out_of_memory = {
    BX_ERR_SYSTEM,
    ENOMEM,
    (char *)"out of memory",
};

static int set(bx_error **err, bx_code code, int errnum, char *message)
{
    bx_error *error = NULL;

    if (err == NULL) {
        free(message);
        return -1;
    }
    assert(*err == NULL);
    if (message != NULL)
        error = malloc(sizeof(*error));
    if (error == NULL) {
        free(message);
        *err = &out_of_memory;
        return -1;
    }
    error->code = code;
    error->errnum = errnum;
    error->message = message;
    *err = error;
    return -1;
}

static char *format_message(const char *format, va_list args)
{
    char *message = NULL;

    if (vasprintf(&message, format, args) < 0)
        return NULL;
    return message;
}

int bx_error_set(bx_error **err, bx_code code, const char *format, ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = format_message(format, args);
    va_end(args);
    return set(err, code, 0, message);
}

int bx_error_set_errno(bx_error **err, int errnum, const char *format, ...)
{
    va_list args;
    bx_autofree char *what = NULL;
    char *message = NULL;
    char words[128];

    va_start(args, format);
    what = format_message(format, args);
    va_end(args);
    if (what != NULL && asprintf(&message, "%s: %s", what,
                                 strerror_r(errnum, words, sizeof(words))) < 0)
        message = NULL;
    return set(err, errnum == ENOENT ? BX_ERR_NOT_FOUND : BX_ERR_SYSTEM, errnum,
               message);
}

int bx_error_wrap(bx_error **err, const char *format, ...)
{
    va_list args;
    bx_autofree char *context = NULL;
    char *message = NULL;

    if (err == NULL || *err == NULL || *err == &out_of_memory)
        return -1;
    va_start(args, format);
    context = format_message(format, args);
    va_end(args);
    if (context == NULL ||
        asprintf(&message, "%s: %s", context, (*err)->message) < 0)
        return -1; /* the inner message alone is still true */
    free((*err)->message);
    (*err)->message = message;
    return -1;
}

int bx_error_restore(bx_error **err, bx_code code, int errnum,
                     const char *message)
{
    return set(err, code, errnum, strdup(message));
}

int bx_error_set_nomem(bx_error **err)
{
    return set(err, BX_ERR_SYSTEM, ENOMEM, NULL);
}

bx_code bx_error_code(const bx_error *error)
{
    return error == NULL ? BX_OK : error->code;
}

int bx_error_errno(const bx_error *error)
{
    return error == NULL ? 0 : error->errnum;
}

const char *bx_error_message(const bx_error *error)
{
    return error == NULL ? "" : error->message;
}

void bx_error_free(bx_error *error)
{
    if (error == NULL || error == &out_of_memory)
        return;
    free(error->message);
    free(error);
}

const char *bx_code_name(bx_code code)
{
    static const char *const names[] = {
        [BX_OK] = "ok",
        [BX_ERR_INVALID] = "invalid",
        [BX_ERR_DENIED] = "denied",
        [BX_ERR_NOT_FOUND] = "not-found",
        [BX_ERR_SYSTEM] = "system",
        [BX_ERR_LIMIT] = "limit",
        [BX_ERR_TRAP] = "trap",
        [BX_ERR_TIMEOUT] = "timeout",
        [BX_ERR_FUEL] = "fuel",
        [BX_ERR_MEMORY] = "memory",
        [BX_ERR_STACK] = "stack",
        [BX_ERR_CANCELLED] = "cancelled",
    };

    if ((unsigned)code >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[code];
}

const char *bx_version(void)
{
    return BX_VERSION;
}
