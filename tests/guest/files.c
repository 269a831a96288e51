/* A walk through the file calls in FOLDER:  files [FOLDER]
 *
 * Prints a transcript, one step a line; a step that fails prints the errno's
 * name and the program goes on, so that a test sees which ones a policy
 * refuses. It removes what it made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;

static int step(const char *what, long status)
{
    if (status >= 0) {
        printf("%s: ok\n", what);
        return 1;
    }
    printf("%s: %s\n", what, strerror(errno));
    failures++;
    return 0;
}

static void write_and_read(void)
{
    char text[64] = "";
    int fd = open("a.txt", O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (!step("open a.txt", fd))
        return;
    step("write", write(fd, "one\ntwo\n", 8));
    step("pwrite at 4", pwrite(fd, "TWO", 3, 4));
    step("lseek", lseek(fd, 0, SEEK_SET));
    step("read", read(fd, text, sizeof(text) - 1));
    printf("content: %s", text);
    step("truncate to 4", ftruncate(fd, 4));
    step("fsync", fsync(fd));
    close(fd);
    fd = open("a.txt", O_WRONLY | O_APPEND);
    if (step("open to append", fd)) {
        step("append", write(fd, "end\n", 4));
        close(fd);
    }
}

static void print_stat(const char *path)
{
    struct stat st;

    if (!step("stat", stat(path, &st)))
        return;
    printf("%s: %s, %lld bytes\n", path,
           S_ISDIR(st.st_mode)   ? "folder"
           : S_ISREG(st.st_mode) ? "file"
                                 : "other",
           (long long)st.st_size);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void list(const char *path)
{
    char *names[64];
    size_t count = 0;
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!step("opendir", dir == NULL ? -1 : 0))
        return;
    while (count < 64 && (entry = readdir(dir)) != NULL)
        names[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], ".") != 0 && strcmp(names[i], "..") != 0)
            printf("entry %s\n", names[i]);
        free(names[i]);
    }
}

static void links(void)
{
    char target[64] = "";
    struct stat st;

    step("symlink", symlink("b.txt", "link"));
    step("readlink", readlink("link", target, sizeof(target) - 1));
    printf("link leads to %s\n", target);
    if (step("lstat", lstat("link", &st)))
        printf("link: %s\n", S_ISLNK(st.st_mode) ? "symlink" : "other");
    print_stat("link");
    step("link", link("b.txt", "hard.txt"));
    if (step("stat", stat("b.txt", &st)))
        printf("b.txt has %d names\n", (int)st.st_nlink);
}

int main(int argc, char **argv)
{
    if (!step("chdir", chdir(argc > 1 ? argv[1] : ".")))
        return 1;
    write_and_read();
    print_stat("a.txt");
    step("mkdir", mkdir("dir", 0755));
    print_stat("dir");
    step("rename", rename("a.txt", "b.txt"));
    links();
    list(".");
    step("rename into dir", rename("b.txt", "dir/c.txt"));
    list("dir");
    step("rmdir of a full folder", rmdir("dir"));
    step("unlink", unlink("dir/c.txt"));
    step("unlink", unlink("link"));
    step("unlink", unlink("hard.txt"));
    step("rmdir", rmdir("dir"));
    step("open what is not there", open("nothing", O_RDONLY));
    printf("%d steps failed\n", failures);
    return 0;
}
