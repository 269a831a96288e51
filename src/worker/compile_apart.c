#include "worker/compile_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/file.h"
#include "worker/compile_bound.h"
#include "worker/lockdown.h"
#include "worker/template.h"

#define CODE_MAX_BYTES (1u << 30)

/* What comes back: this, then the code, or the words of an error. */
typedef struct reply_head {
    int32_t code; /* a bx_code */
    int32_t errnum;
} reply_head;

/* The child. Nothing of the parent's is left to it but the module's bytes,
 * which it has by fork(), and the pipe. */
_Noreturn static void serve(const bx_variant *variant, const void *bytes,
                            size_t count, bool is_component, int out)
{
    const bx_lockdown lockdown = { .memory_bytes = bx_template_data_bytes() +
                                                   BX_COMPILE_MEMORY_BYTES };
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_error *err = NULL;
    char *code = NULL;
    size_t code_bytes = 0;
    reply_head head = { BX_OK, 0 };
    const void *body;

    (void)prctl(PR_SET_NAME, "bx-compiler");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (bx_compile_bound_cpu(&err) < 0 ||
        bx_lockdown_apply(&lockdown, applied, &err) < 0 ||
        bx_compile(variant, bytes, count, is_component, &code, &code_bytes,
                   &err) < 0) {
        head.code = (int32_t)bx_error_code(err);
        head.errnum = bx_error_errno(err);
        body = bx_error_message(err);
        code_bytes = strlen(body);
    } else {
        body = code;
    }
    if (bx_file_write_all(out, &head, sizeof(head)) < 0 ||
        bx_file_write_all(out, body, code_bytes) < 0)
        _exit(1);
    _exit(0);
}

static int wait_for(pid_t pid, bx_error **err)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return bx_error_set_errno(err, errno, "the compiler's process");
    }
    if (WIFSIGNALED(status) && bx_compile_explain_signal(WTERMSIG(status), err))
        return -1;
    if (WIFSIGNALED(status))
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the compiler's process was ended by signal %d "
                            "(%s)",
                            WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the compiler's process could not answer");
    return 0;
}

/* reply came from a process that read a hostile module. */
static int read_reply(char *reply, size_t bytes, char **ret_code,
                      size_t *ret_code_bytes, bx_error **err)
{
    reply_head head;

    if (bytes < sizeof(head))
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the compiler's process answered %zu bytes; "
                            "expected %zu or more",
                            bytes, sizeof(head));
    memcpy(&head, reply, sizeof(head));
    bytes -= sizeof(head);
    memmove(reply, reply + sizeof(head), bytes);
    reply[bytes] = '\0';
    if (head.code == BX_OK) {
        *ret_code = reply;
        *ret_code_bytes = bytes;
        return 0;
    }
    if (head.code < 0 || head.code > BX_ERR_CANCELLED)
        head.code = BX_ERR_SYSTEM;
    return bx_error_set(err, (bx_code)head.code, "%s", reply);
}

int bx_compile_apart(const bx_variant *variant, const void *bytes, size_t count,
                     bool is_component, char **ret_code, size_t *ret_code_bytes,
                     bx_error **err)
{
    bx_autofree char *reply = NULL;
    bx_autofd int in = -1;
    bx_autofd int out = -1;
    size_t reply_bytes = 0;
    int pipe_[2];
    int failed;
    pid_t pid;

    if (pipe2(pipe_, O_CLOEXEC) < 0)
        return bx_error_set_errno(err, errno, "a pipe");
    in = pipe_[0];
    out = pipe_[1];
    pid = fork();
    if (pid < 0)
        return bx_error_set_errno(err, errno, "a process for the compiler");
    if (pid == 0)
        serve(variant, bytes, count, is_component, out);
    close(bx_take_fd(&out));
    failed = bx_file_read_fd(in, "compiled code", CODE_MAX_BYTES, &reply,
                             &reply_bytes, err);
    /* One that has more to say than it may is waiting to be read. */
    if (failed < 0)
        kill(pid, SIGKILL);
    close(bx_take_fd(&in));
    if (failed < 0) {
        (void)wait_for(pid, NULL);
        return -1;
    }
    if (wait_for(pid, err) < 0 ||
        read_reply(reply, reply_bytes, ret_code, ret_code_bytes, err) < 0)
        return -1;
    reply = NULL;
    return 0;
}
