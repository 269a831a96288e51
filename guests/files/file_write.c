/* file-write: a whole file, made or replaced in one step. Path and content come
 * from a model. */
#include <string.h>

#include "boxagnts_tool.h"
#include "replace.h"

static size_t count_lines(const char *text, size_t len)
{
    size_t count = len > 0 && text[len - 1] != '\n';

    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    return count;
}

int main(void)
{
    char *path = boxagnts_input_path("path");
    size_t len;
    const char *content = boxagnts_input_get_text("content", &len);
    size_t lines = count_lines(content, len);
    replaced done;

    if (path[strlen(path) - 1] == '/')
        boxagnts_fail("'%s' ends in '/'; expected the path of a file", path);
    done = replace_file(path, content, len);

    boxagnts_put_text("path", path);
    if (strcmp(path, done.path) != 0)
        boxagnts_put_text("written_path", done.path);
    boxagnts_put_bool("created", done.was_created);
    boxagnts_put_int("bytes", (int64_t)len);
    boxagnts_put_int("lines", (int64_t)lines);
    if (done.was_created)
        boxagnts_print("Made '%s': %zu lines, %zu bytes", path, lines, len);
    else
        boxagnts_print("Replaced '%s': %zu lines, %zu bytes (before: %llu"
                       " bytes)",
                       path, lines, len, (unsigned long long)done.old_bytes);
    if (strcmp(path, done.path) != 0)
        boxagnts_print("; it is a link, so '%s' was written", done.path);
    boxagnts_finish();
}
