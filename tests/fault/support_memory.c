/* Wrappers of what allocates. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "fault/support_wrap.h"

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);
void __real_free(void *ptr);
void __wrap_free(void *ptr);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t bytes);
int __real_vasprintf(char **ret, const char *format, va_list args);
int __wrap_vasprintf(char **ret, const char *format, va_list args);
int __wrap___vasprintf_chk(char **ret, int flag, const char *format,
                           va_list args);
int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);
char *__real_getcwd(char *buf, size_t bytes);
char *__wrap_getcwd(char *buf, size_t bytes);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
ssize_t __real___getdelim(char **line, size_t *room, int end, FILE *file);
ssize_t __wrap___getdelim(char **line, size_t *room, int end, FILE *file);
ssize_t __wrap_getline(char **line, size_t *room, FILE *file);
int __real_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);

void *__wrap_malloc(size_t bytes)
{
    void *ptr = FAULT("malloc", ENOMEM) ? NULL : __real_malloc(bytes);

    fault_gain(ptr);
    return ptr;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    void *ptr = FAULT("calloc", ENOMEM) ? NULL : __real_calloc(count, bytes);

    fault_gain(ptr);
    return ptr;
}

void *__wrap_realloc(void *old, size_t bytes)
{
    void *ptr;

    if (FAULT("realloc", ENOMEM))
        return NULL;
    ptr = __real_realloc(old, bytes);
    if (old == NULL)
        fault_gain(ptr);
    return ptr;
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return __wrap_realloc(old, total);
}

void __wrap_free(void *ptr)
{
    fault_lose(ptr);
    __real_free(ptr);
}

char *__wrap_strndup(const char *text, size_t bytes)
{
    size_t len = strnlen(text, bytes);
    char *copy = FAULT("strndup", ENOMEM) ? NULL : __real_malloc(len + 1);

    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    fault_gain(copy);
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

/* glibc leaves *ret as it was when it fails; nobody may count on that. */
int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
    int bytes;

    if (FAULT("vasprintf", ENOMEM)) {
        *ret = (char *)0x10;
        return -1;
    }
    bytes = __real_vasprintf(ret, format, args);
    if (bytes >= 0)
        fault_gain(*ret);
    return bytes;
}

int __wrap___vasprintf_chk(char **ret, int flag, const char *format,
                           va_list args)
{
    (void)flag;
    return __wrap_vasprintf(ret, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = __wrap_vasprintf(ret, format, args);
    va_end(args);
    return bytes;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
    va_list args;
    int bytes;

    (void)flag;
    va_start(args, format);
    bytes = __wrap_vasprintf(ret, format, args);
    va_end(args);
    return bytes;
}

char *__wrap_getcwd(char *buf, size_t bytes)
{
    char *path =
        FAULT("getcwd", ENOMEM, EIO) ? NULL : __real_getcwd(buf, bytes);

    if (buf == NULL)
        fault_gain(path);
    return path;
}

char *__wrap_realpath(const char *path, char *resolved)
{
    char *real =
        FAULT("realpath", ENOMEM, EIO) ? NULL : __real_realpath(path, resolved);

    if (resolved == NULL)
        fault_gain(real);
    return real;
}

/* What getline() is where it is inlined. */
ssize_t __wrap___getdelim(char **line, size_t *room, int end, FILE *file)
{
    const char *old = *line;
    ssize_t bytes = -1;

    if (FAULT("getline", ENOMEM, EIO))
        return -1;
    bytes = __real___getdelim(line, room, end, file);
    if (old == NULL)
        fault_gain(*line);
    return bytes;
}

ssize_t __wrap_getline(char **line, size_t *room, FILE *file)
{
    return __wrap___getdelim(line, room, '\n', file);
}

/* libyaml's own allocations are not ours to fail; its answers are. */
WRAP(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), 0, ENOMEM)

int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event)
{
    if (!FAULT("yaml_parser_parse", ENOMEM))
        return __real_yaml_parser_parse(parser, event);
    memset(event, 0, sizeof(*event));
    parser->error = YAML_MEMORY_ERROR;
    return 0;
}
