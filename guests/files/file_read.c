/* file-read: a file as a model reads it: numbered lines a page at a time,
 * images and PDFs as blocks of their own. The file is hostile data; it is read
 * in parts of a fixed size. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boxagnts_tool.h"
#include "kind.h"
#include "page.h"
#include "place.h"
#include "text.h"

#define PART_BYTES (64u << 10)
#define LIMIT_DEFAULT 2000
#define LIMIT_MAX 100000
#define LINE_MAX 1000000000000 /* 10^12 */
#define IMAGE_MAX_BYTES (5u << 20)
/* As base64 within the 16 MiB that max-output gives. */
#define DOCUMENT_MAX_BYTES (10u << 20)
/* Past this the lines after the page are not counted. */
#define COUNT_MAX_BYTES (64u << 20)

typedef struct file {
    const char *path;
    int fd;
    uint64_t bytes; /* as stat says */
    uint8_t part[PART_BYTES];
    size_t part_bytes;
    bool is_at_end;
} file;

static void open_file(file *file)
{
    struct stat st;

    file->fd = open(file->path, O_RDONLY);
    if (file->fd < 0)
        place_fail(file->path, "read", errno);
    if (fstat(file->fd, &st) < 0)
        place_fail(file->path, "read", errno);
    if (S_ISDIR(st.st_mode))
        place_fail_folder(file->path, "list it with file-glob or read one of"
                                      " its files");
    if (!S_ISREG(st.st_mode))
        boxagnts_fail("'%s' is %s; only regular files are read", file->path,
                      place_kind(st.st_mode));
    file->bytes = (uint64_t)st.st_size;
}

/* The next part. Files in /proc and ones that grow are larger than stat said,
 * so their end is where read says. */
static void read_part(file *file)
{
    file->part_bytes = 0;
    while (file->part_bytes < PART_BYTES) {
        ssize_t got = read(file->fd, file->part + file->part_bytes,
                           PART_BYTES - file->part_bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            place_fail(file->path, "read", errno);
        if (got == 0) {
            file->is_at_end = true;
            return;
        }
        file->part_bytes += (size_t)got;
    }
}

static _Noreturn void answer_block(file *file, kind kind)
{
    bool is_image = strncmp(kind.mime_type, "image/", 6) == 0;
    size_t max = is_image ? IMAGE_MAX_BYTES : DOCUMENT_MAX_BYTES;
    size_t bytes = 0;
    uint8_t *data;

    boxagnts_put_text("path", file->path);
    boxagnts_put_text("type", kind.mime_type);
    boxagnts_put_int("bytes", (int64_t)file->bytes);
    if (file->bytes > max)
        boxagnts_fail("'%s' is a %s of %llu bytes; at most %zu are answered."
                      " Make a smaller one, or take out the part you need.",
                      file->path, kind.name, (unsigned long long)file->bytes,
                      max);
    data = boxagnts_alloc(max + PART_BYTES);
    for (;;) {
        memcpy(data + bytes, file->part, file->part_bytes);
        bytes += file->part_bytes;
        if (bytes > max)
            boxagnts_fail("'%s' grew past %zu bytes while it was read",
                          file->path, max);
        if (file->is_at_end)
            break;
        read_part(file);
    }
    if (is_image)
        boxagnts_image(kind.mime_type, data, bytes);
    else
        boxagnts_resource(boxagnts_format("file://%s", file->path),
                          kind.mime_type, data, bytes);
    boxagnts_finish();
}

static _Noreturn void fail_binary(const file *file, kind kind)
{
    boxagnts_put_text("path", file->path);
    boxagnts_put_text("type", kind.name != NULL ? kind.name : "binary");
    boxagnts_put_int("bytes", (int64_t)file->bytes);
    boxagnts_fail("'%s' is binary (%s, %llu bytes) and is not shown as text",
                  file->path, kind.name != NULL ? kind.name : "unknown kind",
                  (unsigned long long)file->bytes);
}

/* Feed the file's text until the page is done, or the file. */
static void show_lines(file *file, encoding encoding, page *page)
{
    static char decoded[TEXT_DECODED_MAX(PART_BYTES)];
    text_decoder decoder = { .encoding = encoding };
    size_t skipped = text_bom_bytes(encoding);

    for (;;) {
        const uint8_t *data = file->part + skipped;
        size_t len = file->part_bytes - skipped;

        if (encoding == ENCODING_UTF8 || encoding == ENCODING_UTF8_BOM)
            page_feed(page, (const char *)data, len);
        else
            page_feed(page, decoded, text_decode(&decoder, data, len, decoded));
        skipped = 0;
        if (file->is_at_end)
            break;
        if (page_is_done(page) && file->bytes > COUNT_MAX_BYTES)
            return;
        read_part(file);
    }
    page_feed(page, decoded, text_decode_end(&decoder, decoded));
    page_end(page);
}

/* Which lines these were and how to go on. */
static void print_rest(const file *file, const page *page)
{
    uint64_t last = page->first + page->shown - 1;
    uint64_t total = page_lines(page);

    if (!file->is_at_end)
        boxagnts_print(
            "\n[lines %llu to %llu of a file of %llu bytes; go on"
            " with offset %llu]\n",
            (unsigned long long)page->first, (unsigned long long)last,
            (unsigned long long)file->bytes, (unsigned long long)last + 1);
    else if (last < total)
        boxagnts_print("\n[lines %llu to %llu of %llu%s; go on with offset"
                       " %llu]\n",
                       (unsigned long long)page->first,
                       (unsigned long long)last, (unsigned long long)total,
                       page->is_full ? ", as much as one answer takes" : "",
                       (unsigned long long)last + 1);
    else if (page->first > 1)
        boxagnts_print("\n[lines %llu to %llu of %llu: the end]\n",
                       (unsigned long long)page->first,
                       (unsigned long long)last, (unsigned long long)total);
}

static void put_metadata(const file *file, const page *page, encoding encoding)
{
    const char *endings = page->crlf_lines == 0             ? "lf"
                          : page->crlf_lines == page->shown ? "crlf"
                                                            : "mixed";

    boxagnts_put_text("path", file->path);
    boxagnts_put_int("bytes", (int64_t)file->bytes);
    boxagnts_put_text("encoding", text_encoding_name(encoding));
    boxagnts_put_text("line_endings", endings);
    boxagnts_put_int("first_line", (int64_t)page->first);
    boxagnts_put_int("lines", (int64_t)page->shown);
    boxagnts_put_int("lines_cut", (int64_t)page->cut);
    if (file->is_at_end)
        boxagnts_put_int("total_lines", (int64_t)page_lines(page));
    boxagnts_put_bool("is_complete", file->is_at_end && page->first == 1 &&
                                         page->cut == 0 &&
                                         page->shown == page_lines(page));
}

int main(void)
{
    static file file;
    page page = { .line = 1 };
    encoding encoding;
    kind kind;

    file.path = boxagnts_input_path("path");
    page.first = (uint64_t)boxagnts_input_int("offset", 1, 0, LINE_MAX);
    page.limit =
        (uint64_t)boxagnts_input_int("limit", LIMIT_DEFAULT, 1, LIMIT_MAX);
    if (page.first == 0) /* counted from 0: the same first line */
        page.first = 1;
    open_file(&file);
    read_part(&file);

    kind = kind_find(file.part, file.part_bytes);
    if (kind.mime_type != NULL)
        answer_block(&file, kind);
    encoding = text_detect(file.part, file.part_bytes, file.is_at_end);
    if (encoding == ENCODING_BINARY)
        fail_binary(&file, kind);

    show_lines(&file, encoding, &page);
    put_metadata(&file, &page, encoding);
    if (page_lines(&page) == 0)
        boxagnts_print("['%s' is empty]\n", file.path);
    else if (page.shown == 0)
        boxagnts_fail("'%s' has %llu lines; offset %llu is past its end",
                      file.path, (unsigned long long)page_lines(&page),
                      (unsigned long long)page.first);
    else
        print_rest(&file, &page);
    boxagnts_finish();
}
