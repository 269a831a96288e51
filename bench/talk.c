#include "talk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/models/message.h"
#include "base/buf.h"
#include "bench.h"
#include "store/session_import.h"

/* With what is said around it, 200 messages are about 250 KB. */
#define RESULT_BYTES 1700

double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- the disk ------------------------------------------------------------ */

static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;
static double disk_spent_us;
static unsigned disk_count;

/* In place of the C library's for all of this program: what SQLite calls. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    double begin = now_us();
    int result = (int)syscall(SYS_fdatasync, fd);

    pthread_mutex_lock(&disk_mutex);
    disk_spent_us += now_us() - begin;
    disk_count++;
    pthread_mutex_unlock(&disk_mutex);
    return result;
}

double disk_us(void)
{
    double us;

    pthread_mutex_lock(&disk_mutex);
    us = disk_spent_us;
    pthread_mutex_unlock(&disk_mutex);
    return us;
}

unsigned disk_syncs(void)
{
    unsigned count;

    pthread_mutex_lock(&disk_mutex);
    count = disk_count;
    pthread_mutex_unlock(&disk_mutex);
    return count;
}

/* ---- what is said -------------------------------------------------------- */

static const char brief[] =
    "Message %u, of about the length that people and models write to each "
    "other when they are brief and have little to say about a small change.";

static const char thought[] =
    "Step %u. The test still fails, so the length is checked in the wrong "
    "place: the caller counts the terminating byte and this function does "
    "not. I will read how the others do it and then change this one.";

static const char *const lines[] = {
    "static int read_head(const char *path, buffer *out, problem **why)\n",
    "{\n",
    "\tint fd = open(path, O_RDONLY | O_CLOEXEC);\n",
    "\n",
    "\tif (fd < 0)\n",
    "\t\treturn problem_set(why, errno, \"%s: cannot be opened\", path);\n",
    "\t/* the head is 12 bytes: \"magic\\n\", a version, a length */\n",
    "\tif (read_all(fd, out->data, 12) < 0 || out->data[11] != '\\n')\n",
    "\t\treturn close_with(fd, problem_set(why, EINVAL, \"no head\"));\n",
    "\treturn fd;\n",
    "}\n",
    "\n",
};

json_t *talk_result(unsigned number, size_t bytes)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    for (unsigned i = 0; text.len < bytes; i++)
        bx_buf_printf(&text, "%5u\t%s", number + i,
                      lines[i % (sizeof(lines) / sizeof(lines[0]))]);
    return json_pack("[{s:s, s:s%}]", "type", "text", "text", text.data,
                     text.len);
}

static json_t *said(const char *role, const char *format, unsigned number)
{
    char text[512];
    int bytes = snprintf(text, sizeof(text), format, number);

    return bx_message_new_text(role, text, (size_t)bytes);
}

static void put_entry(json_t *entries, json_t *entry)
{
    size_t number = json_array_size(entries) + 1;

    json_object_set_new(entry, "entry", json_integer((json_int_t)number));
    json_object_set_new(entry, "time_ms", json_integer(1700000000000));
    json_array_append_new(entries, entry);
}

static void put_message(json_t *entries, json_t *message)
{
    put_entry(entries,
              json_pack("{s:s, s:o}", "kind", "message", "message", message));
}

/* An assistant's message with a call, and the call's result. */
static void put_call(json_t *entries, unsigned number)
{
    json_t *message = said("assistant", thought, number);
    char id[32];
    json_t *block;

    snprintf(id, sizeof(id), "talk_%u", number);
    bx_message_add_call(message, id, "file-read",
                        json_pack("{s:s, s:i, s:i}", "path",
                                  "/workspace/source/store/read_head.c",
                                  "offset", (int)number, "limit", 40));
    put_message(entries, message);
    put_entry(entries, json_pack("{s:s, s:s, s:s}", "kind", "call", "id", id,
                                 "state", "begun"));
    block = json_pack("{s:s, s:s, s:s, s:b, s:o}", "type", "tool_result", "id",
                      id, "name", "file-read", "is_error", 0, "content",
                      talk_result(number, RESULT_BYTES));
    put_entry(entries, json_pack("{s:s, s:s, s:s, s:o, s:{s:i}}", "kind",
                                 "call", "id", id, "state", "done", "block",
                                 block, "meta", "wall_ms", 3));
}

static json_t *make_entries(talk_kind kind, unsigned messages)
{
    json_t *entries = json_array();

    put_message(entries, said("user", brief, 0));
    for (unsigned i = 1; i < messages; i++) {
        if (kind == TALK_CALLS && i + 1 < messages)
            put_call(entries, i++);
        else
            put_message(entries,
                        said(i % 2 == 0 ? "user" : "assistant", brief, i));
    }
    return entries;
}

char *talk_write(bx_session_store *store, const char *workspace, talk_kind kind,
                 unsigned messages)
{
    bx_error *err = NULL;
    json_t *file = json_pack(
        "{s:s, s:i, s:{s:s, s:s, s:s}, s:o}", "format", BX_SESSION_FORMAT,
        "version", BX_SESSION_FORMAT_VERSION, "session", "title", "a bench",
        "model", "m", "kind", "run", "entries", make_entries(kind, messages));
    bx_session_log *log = bx_session_log_import(store, file, workspace, &err);
    char *id = log == NULL ? NULL : strdup(bx_session_log_id(log));

    json_decref(file);
    bx_session_log_close(log);
    if (id == NULL)
        die("a session", err);
    return id;
}
