/* What file calls cost:  bench_files CASE ITERATIONS FOLDER
 *
 * One program for both worlds: built for WebAssembly and for this machine. It
 * prints the nanoseconds of one operation and nothing else. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, DIR_ENTRIES = 16 };

static char folder[512];
static char file[640];
static char block[BLOCK_BYTES];

static void check(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static int make_file(void)
{
    int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);

    check(fd >= 0, file);
    memset(block, 'x', sizeof(block));
    check(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block), file);
    return fd;
}

static void open_close(long count)
{
    close(make_file());
    for (long i = 0; i < count; i++) {
        int fd = open(file, O_RDONLY);

        check(fd >= 0, file);
        close(fd);
    }
}

static void stat_file(long count)
{
    struct stat st;

    close(make_file());
    for (long i = 0; i < count; i++)
        check(stat(file, &st) == 0, file);
}

static void read4k(long count)
{
    int fd = make_file();

    for (long i = 0; i < count; i++)
        check(pread(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block),
              file);
    close(fd);
}

static void write4k(long count)
{
    int fd = make_file();

    for (long i = 0; i < count; i++)
        check(pwrite(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block),
              file);
    close(fd);
}

static void fill_folder(char path[600], int is_making)
{
    snprintf(path, 600, "%s/bench_dir", folder);
    if (is_making)
        mkdir(path, 0700);
    for (int i = 0; i < DIR_ENTRIES; i++) {
        char name[640];

        snprintf(name, sizeof(name), "%s/entry-%02d", path, i);
        if (is_making)
            close(open(name, O_WRONLY | O_CREAT, 0600));
        else
            unlink(name);
    }
    if (!is_making)
        rmdir(path);
}

/* Through the folder of 16 once for each operation. */
static void list_folder(const char *path, long count)
{
    DIR *dir = opendir(path);

    check(dir != NULL, path);
    for (long i = 0; i < count; i++) {
        int seen = 0;

        rewinddir(dir);
        while (readdir(dir) != NULL)
            seen++;
        check(seen >= DIR_ENTRIES, path);
    }
    closedir(dir);
}

static void read_dir(long count)
{
    char path[600];

    fill_folder(path, 1);
    list_folder(path, count);
}

/* What is there already, in FOLDER/there: a file, and 16 more beside it. */
static void set_there(char path[640], const char *name)
{
    snprintf(path, 640, "%s/there/%s", folder, name);
}

static void open_there(long count)
{
    char path[640];

    set_there(path, "file");
    for (long i = 0; i < count; i++) {
        int fd = open(path, O_RDONLY);

        check(fd >= 0 && read(fd, block, sizeof(block)) > 0, path);
        close(fd);
    }
}

static void stat_there(long count)
{
    char path[640];
    struct stat st;

    set_there(path, "file");
    for (long i = 0; i < count; i++)
        check(stat(path, &st) == 0, path);
}

static void readdir_there(long count)
{
    char path[640];

    set_there(path, "");
    list_folder(path, count);
}

/* The same after something came to the folder. */
static void change_there(int is_making)
{
    char path[640];

    set_there(path, "more");
    if (is_making)
        close(open(path, O_WRONLY | O_CREAT, 0600));
    else
        unlink(path);
}

static void open_beside(long count)
{
    change_there(1);
    open_there(count);
}

static void stat_beside(long count)
{
    change_there(1);
    stat_there(count);
}

static void readdir_beside(long count)
{
    change_there(1);
    readdir_there(count);
}

static const struct {
    const char *name;
    void (*run)(long count);
} cases[] = {
    { "open_close", open_close },
    { "stat", stat_file },
    { "read4k", read4k },
    { "write4k", write4k },
    { "readdir", read_dir },
    { "open_there", open_there },
    { "stat_there", stat_there },
    { "readdir_there", readdir_there },
    { "open_beside", open_beside },
    { "stat_beside", stat_beside },
    { "readdir_beside", readdir_beside },
};

static long long now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

int main(int argc, char **argv)
{
    long count = argc > 3 ? atol(argv[2]) : 0;
    char path[600];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        long long begin;
        long long end;

        if (count <= 0 || strcmp(cases[i].name, argv[1]) != 0)
            continue;
        snprintf(folder, sizeof(folder), "%s", argv[3]);
        snprintf(file, sizeof(file), "%s/bench_file", folder);
        cases[i].run(1); /* what only the first one pays */
        begin = now_ns();
        cases[i].run(count);
        end = now_ns();
        unlink(file);
        fill_folder(path, 0);
        change_there(0);
        printf("%.1f\n", (double)(end - begin) / (double)count);
        return 0;
    }
    fprintf(stderr,
            "usage: bench_files "
            "open_close|stat|read4k|write4k|readdir ITERATIONS FOLDER\n"
            "       bench_files open|stat|readdir_there|beside ITERATIONS "
            "FOLDER\n");
    return 2;
}
