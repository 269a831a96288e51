#include "mcp/client_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"

struct bx_mcp_log {
    pthread_mutex_t mutex;
    char *path;
    char *old_path;
    int fd; /* -1: it cannot be opened */
};

bx_mcp_log *bx_mcp_log_open(const char *state_dir)
{
    bx_mcp_log *log = calloc(1, sizeof(*log));

    if (log == NULL)
        return NULL;
    pthread_mutex_init(&log->mutex, NULL);
    log->fd = -1;
    if (asprintf(&log->path, "%s/mcp.log", state_dir) < 0)
        log->path = NULL;
    if (asprintf(&log->old_path, "%s/mcp.log.1", state_dir) < 0)
        log->old_path = NULL;
    if (log->path != NULL && log->old_path != NULL &&
        bx_file_make_dirs(state_dir, 0700, NULL) == 0)
        return log;
    bx_mcp_log_close(log);
    return NULL;
}

/* Several processes append to one file; whoever finds it full moves it. */
static void prepare(bx_mcp_log *log)
{
    const int flags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    struct stat st;

    if (log->fd >= 0 && fstat(log->fd, &st) == 0 &&
        st.st_size < (off_t)BX_MCP_LOG_MAX_BYTES && st.st_nlink > 0)
        return;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = open(log->path, flags, 0600);
    if (log->fd < 0 || fstat(log->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size < (off_t)BX_MCP_LOG_MAX_BYTES)
        return;
    (void)rename(log->path, log->old_path);
    close(log->fd);
    log->fd = open(log->path, flags, 0600);
}

void bx_mcp_log_put(bx_mcp_log *log, const char *server, const char *text)
{
    bx_autobuf bx_buf line = BX_BUF_INIT;
    time_t now = time(NULL);
    struct tm parts;
    char shown[32];

    if (gmtime_r(&now, &parts) == NULL ||
        strftime(shown, sizeof(shown), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0 ||
        bx_buf_printf(&line, "%s %s: %s\n", shown, server, text) < 0)
        return;
    pthread_mutex_lock(&log->mutex);
    prepare(log);
    if (log->fd >= 0)
        (void)bx_file_write_all(log->fd, line.data, line.len);
    pthread_mutex_unlock(&log->mutex);
}

void bx_mcp_log_close(bx_mcp_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    pthread_mutex_destroy(&log->mutex);
    free(log->path);
    free(log->old_path);
    free(log);
}
