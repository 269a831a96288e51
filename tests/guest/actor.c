/* A tool, and a program, that does what its input says, the hostile included:
 * {"do": "exit", "text": "..."}. Input is JSON on stdin, or argv[1] when it is
 * run as a program. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boxagnts_guest.h"

static char input[1 << 20];
static char text[1 << 16];
static char path[4096];
static char reply[1 << 20];

/* The string of a key, unescaped as far as these tests write. */
static const char *field(const char *name, char *out, size_t size)
{
    char key[64];
    const char *at;
    size_t len = 0;

    snprintf(key, sizeof(key), "\"%s\"", name);
    at = strstr(input, key);
    out[0] = '\0';
    if (at == NULL)
        return out;
    at += strlen(key);
    at += strspn(at, ": ");
    if (*at++ != '"')
        return out;
    while (*at != '\0' && *at != '"' && len + 1 < size) {
        if (*at == '\\') {
            at++;
            out[len++] = *at == 'n' ? '\n' : *at;
        } else {
            out[len++] = *at;
        }
        at++;
    }
    out[len] = '\0';
    return out;
}

static void read_input(int argc, char **argv)
{
    if (argc > 1)
        snprintf(input, sizeof(input), "%s", argv[1]);
    else
        input[fread(input, 1, sizeof(input) - 1, stdin)] = '\0';
}

static int echo(void)
{
    fputs(input, stdout);
    return 0;
}

static int print(void)
{
    fputs(text, stdout);
    return 0;
}

static int garbage(void)
{
    static const char bytes[] = "a\xff\xfe\x00z\xc3";

    fwrite(bytes, 1, sizeof(bytes) - 1, stdout);
    return 0;
}

static int flood(void)
{
    memset(reply, 'x', sizeof(reply));
    for (;;)
        fwrite(reply, 1, sizeof(reply), stdout);
}

static int loop(void)
{
    for (volatile unsigned turns = 0;; turns++)
        ;
}

static int fail(void)
{
    fputs("so far", stdout);
    fputs(text, stderr);
    return 3;
}

static int trap(void)
{
    __builtin_trap();
}

static int nap(void)
{
    usleep(300000);
    puts("slept");
    return 0;
}

static int read_file(void)
{
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, reply, sizeof(reply));

    if (len < 0) {
        perror(path);
        return 1;
    }
    fwrite(reply, 1, (size_t)len, stdout);
    return 0;
}

static int write_file(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        perror(path);
        return 1;
    }
    puts("written");
    return 0;
}

static int environment(void)
{
    const char *value = getenv(text);

    puts(value == NULL ? "(unset)" : value);
    return 0;
}

static int show(int32_t err, uint32_t handle)
{
    size_t len = 0;

    if (err != 0) {
        boxagnts_call_error(reply, sizeof(reply), &len);
        printf("errno %d: %.*s\n", (int)err, (int)len, reply);
        return 0;
    }
    boxagnts_call_head(handle, reply, sizeof(reply), &len);
    printf("%.*s ", (int)len, reply);
    while (boxagnts_call_read(handle, 1, reply, sizeof(reply), &len) == 0 &&
           len > 0)
        fwrite(reply, 1, len, stdout);
    boxagnts_call_close(handle);
    return 0;
}

/* path: the tool, text: its input. */
static int call(void)
{
    uint32_t handle = 0;
    int32_t err =
        boxagnts_tool_call(path, strlen(path), text, strlen(text), &handle);

    return show(err, handle);
}

static int list(void)
{
    uint32_t handle = 0;
    int32_t err = boxagnts_tool_list(&handle);

    return show(err, handle);
}

/* path: the program, text: its one argument. */
static int spawn(void)
{
    static char request[1 << 16];
    uint32_t handle = 0;
    size_t len = (size_t)snprintf(request, sizeof(request),
                                  "{\"argv\": [\"%s\", \"", path);

    for (const char *at = text; *at != '\0' && len + 8 < sizeof(request);
         at++) {
        if (*at == '"' || *at == '\\')
            request[len++] = '\\';
        request[len++] = *at;
    }
    len += (size_t)snprintf(request + len, sizeof(request) - len, "\"]}");
    return show(boxagnts_spawn(request, len, NULL, 0, &handle), handle);
}

static const struct {
    const char *name;
    int (*act)(void);
} acts[] = {
    { "echo", echo },   { "print", print },      { "garbage", garbage },
    { "flood", flood }, { "loop", loop },        { "fail", fail },
    { "trap", trap },   { "nap", nap },          { "read", read_file },
    { "call", call },   { "write", write_file }, { "env", environment },
    { "list", list },   { "spawn", spawn },
};

int main(int argc, char **argv)
{
    char name[32];

    read_input(argc, argv);
    field("do", name, sizeof(name));
    field("text", text, sizeof(text));
    field("path", path, sizeof(path));
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strcmp(acts[i].name, name) == 0)
            return acts[i].act();
    }
    fprintf(stderr, "no act '%s'\n", name);
    return 2;
}
