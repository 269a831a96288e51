/* Calls other programs and tools of its box, in each way that may go wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxagnts_guest.h"

static char text[1 << 20];

static int32_t spawn(const char *argv0, const char *argv1, const char *argv2,
                     uint32_t *ret_handle)
{
    char request[512];
    int len =
        snprintf(request, sizeof(request),
                 "{\"argv\": [\"%s\", \"%s\", \"%s\"], "
                 "\"env\": [[\"NESTED\", \"yes\"]], \"cwd\": \"/a/../b\"}",
                 argv0, argv1, argv2);

    return boxagnts_spawn(request, (size_t)len, "input", 5, ret_handle);
}

static void print_error(int32_t err)
{
    size_t len = 0;

    boxagnts_call_error(text, sizeof(text), &len);
    printf("errno %d: %.*s\n", (int)err, (int)len, text);
}

static void print_stream(uint32_t handle, uint32_t stream)
{
    size_t len = 0;

    while (boxagnts_call_read(handle, stream, text, 7, &len) == 0 && len > 0)
        fwrite(text, 1, len, stdout);
}

static void print_result(uint32_t handle)
{
    size_t len = 0;

    if (boxagnts_call_head(handle, text, sizeof(text), &len) == 0)
        printf("head %.*s\n", (int)len, text);
    print_stream(handle, 1);
    print_stream(handle, 2);
}

static int run_spawn(const char *name, const char *mode)
{
    uint32_t handle = 0;
    int32_t err = spawn(name, mode, "x", &handle);

    if (err != 0) {
        print_error(err);
        return 1;
    }
    print_result(handle);
    return boxagnts_call_close(handle);
}

/* A callee that does not end by itself, and what goes on after it. */
static int run_timed(const char *name, const char *mode)
{
    char request[256];
    int len = snprintf(request, sizeof(request),
                       "{\"argv\": [\"%s\", \"%s\"], \"timeout_ms\": 50}", name,
                       mode);
    uint32_t handle = 0;
    int32_t err = boxagnts_spawn(request, (size_t)len, "", 0, &handle);

    if (err != 0) {
        print_error(err);
        return 1;
    }
    print_result(handle);
    printf("went on\n");
    return boxagnts_call_close(handle);
}

static int run_tool(const char *name, const char *input)
{
    uint32_t handle = 0;
    int32_t err =
        boxagnts_tool_call(name, strlen(name), input, strlen(input), &handle);

    if (err != 0) {
        print_error(err);
        return 1;
    }
    print_result(handle);
    return boxagnts_call_close(handle);
}

/* Until it is refused. */
static int run_many(const char *name, const char *mode, int keeps)
{
    uint32_t handle = 0;
    int32_t err;
    int count = 0;

    while ((err = spawn(name, mode, "x", &handle)) == 0) {
        count++;
        if (!keeps)
            boxagnts_call_close(handle);
    }
    printf("%d times\n", count);
    print_error(err);
    return 0;
}

static int write_file(const char *path)
{
    FILE *file = fopen(path, "a");
    size_t done;

    if (file == NULL)
        return 1;
    setvbuf(file, NULL, _IONBF, 0);
    done = fwrite(text, 1, 1000, file);
    fclose(file);
    return done == 1000 ? 0 : 1;
}

static int burn(void)
{
    volatile unsigned count = 0;

    while (count < 1000000)
        count++;
    return 0;
}

static int malformed(void)
{
    static const char *const requests[] = {
        "",
        "[]",
        "{\"argv\": []}",
        "{\"argv\": [\"\"]}",
        "{\"argv\": [1]}",
        "{\"argv\": [\"x\"], \"more\": 1}",
        "{\"argv\": [\"x\"], \"env\": [1]}",
        "{\"argv\": [\"x\"], \"env\": [[\"A=B\", \"c\"]]}",
        "{\"argv\": [\"x\"], \"cwd\": \"/../..\"}",
        "{\"argv\": [\"x\\u0000y\"]}",
        "{\"argv\": [\"x\"], \"argv\": [\"y\"]}",
        "{\"argv\": [\"x\"], \"timeout_ms\": 0}",
        "{\"argv\": [\"x\"], \"timeout_ms\": \"1\"}",
    };
    uint32_t handle = 0;
    size_t len;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        print_error(
            boxagnts_spawn(requests[i], strlen(requests[i]), "", 0, &handle));
    printf("%d %d %d %d %d\n",
           (int)boxagnts_spawn((const char *)0xfffffff0, 64, "", 0, &handle),
           (int)boxagnts_spawn("{}", 2, "", 0, (uint32_t *)0xfffffffe),
           (int)boxagnts_call_head(7, text, 4, &len),
           (int)boxagnts_call_close(0),
           (int)boxagnts_tool_call("a\0b", 3, "{}", 2, &handle));
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    const char *name = argc > 2 ? argv[2] : "nested";

    if (strcmp(mode, "echo") == 0) {
        size_t len = fread(text, 1, sizeof(text), stdin);

        printf("%s in %s of %s: %.*s\n", argv[0], getenv("PWD"),
               getenv("NESTED"), (int)len, text);
        fprintf(stderr, "said\n");
        return 3;
    }
    if (strcmp(mode, "spawn") == 0)
        return run_spawn(name, argc > 3 ? argv[3] : "echo");
    if (strcmp(mode, "timed") == 0)
        return run_timed(name, argc > 3 ? argv[3] : "loop");
    if (strcmp(mode, "deep") == 0)
        return run_spawn("nested", "deep");
    if (strcmp(mode, "many") == 0)
        return run_many("nested", name, 0);
    if (strcmp(mode, "hoard") == 0)
        return run_many("nested", "flood", 1);
    if (strcmp(mode, "flood") == 0) {
        memset(text, 'x', sizeof(text));
        fwrite(text, 1, sizeof(text), stdout);
        return 0;
    }
    if (strcmp(mode, "write") == 0)
        return write_file("/quota.txt");
    if (strcmp(mode, "burn") == 0)
        return burn();
    if (strcmp(mode, "loop") == 0)
        for (;;)
            burn();
    if (strcmp(mode, "grow") == 0)
        return malloc(12u << 20) == NULL ? 9 : 0;
    if (strcmp(mode, "grow-spawn") == 0) {
        char *held = malloc(12u << 20);

        if (held == NULL)
            return 8;
        held[0] = 1;
        return run_spawn("nested", "grow") + (held[0] - 1);
    }
    if (strcmp(mode, "tool") == 0)
        return run_tool(name, argc > 3 ? argv[3] : "{}");
    if (strcmp(mode, "malformed") == 0)
        return malformed();
    return 2;
}
