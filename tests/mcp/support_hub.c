#include "support_hub.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

char home[64];
char work[96];
char guard[512];
static char script[512];

char *at_home(const char *name)
{
    char *path;

    assert_true(asprintf(&path, "%s/%s", home, name) > 0);
    return path;
}

void write_at(const char *name, const char *text)
{
    bx_autofree char *path = at_home(name);
    bx_error *err = NULL;

    if (bx_file_replace(path, text, strlen(text), 0600, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

/* An entry of "mcpServers". */
void put_entry(bx_buf *text, const char *name, const char *mode,
               const char *more)
{
    bx_buf_printf(text,
                  "%s\"%s\": {\"command\": \"/usr/bin/python3\", \"args\": "
                  "[\"%s\", \"%s\"]%s}",
                  strchr(text->data, '\n') == NULL ? "\n" : ", ", name, script,
                  mode, more);
}

void configure(const char *file, const char *name, const char *mode,
               const char *more)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    bx_buf_puts(&text, "{\"mcpServers\": {");
    put_entry(&text, name, mode, more);
    bx_buf_puts(&text, "}}");
    write_at(file, text.data);
}

int make_home(void **state)
{
    static const char *const folders[] = { ".config/boxagnts", "builtin",
                                           ".local/state/boxagnts", "work" };
    const char *source = getenv("BX_SOURCE_DIR");
    const char *build = getenv("BX_BUILD_DIR");

    (void)state;
    snprintf(guard, sizeof(guard), "%s/bin/boxagnts",
             build == NULL ? "build" : build);
    snprintf(script, sizeof(script), "%s/tests/mcp/hostile_server.py",
             source == NULL ? "." : source);
    strcpy(home, "/tmp/bx-hub-XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    setenv("HOME", home, 1);
    snprintf(work, sizeof(work), "%s/work", home);
    for (size_t i = 0; i < 4; i++) {
        bx_autofree char *path = at_home(folders[i]);

        if (bx_file_make_dirs(path, 0700, NULL) < 0)
            return -1;
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

int remove_home(void **state)
{
    (void)state;
    return nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
