/* The template seen from the host: started when it is first asked for
 * something, and again when it died. */
#ifndef BX_WORKER_TEMPLATE_CLIENT_H
#define BX_WORKER_TEMPLATE_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/digest.h"
#include "worker/channel.h"

typedef struct bx_template_client {
    pthread_mutex_t mutex; /* one question at a time */
    char *program;         /* NULL: this process's own */
    uint32_t max_instances;
    bx_channel channel; /* fd -1: there is none */
    pid_t pid;
    atomic_int pidfd;                 /* -1: there is none */
    atomic_uint_least64_t generation; /* how many there were; what one has
                                       * loaded, the next has not */
    int64_t hang_ns;       /* without an answer for so long, it hangs */
    int64_t asked_ns;      /* when the last question was */
    bx_frame_type asked;   /* what it was */
    pthread_mutex_t debts; /* over what follows; taken last */
    pid_t *owed; /* children that nobody could wait for yet; 0: its last one */
    size_t owed_count;
    size_t owed_room;
} bx_template_client;

/* Of a module's code for some limits, in a sealed memory file. */
typedef struct bx_template_code {
    uint64_t module_id;
    const char *name;
    bool is_component;
    const uint8_t *digest;
    const bx_limits *limits;
    int fd;
    uint64_t generation; /* of the template that has it */
} bx_template_code;

int bx_template_client_init(bx_template_client *client, const char *program,
                            uint32_t max_instances, bx_error **err);
/* Ends the process: its children must have been reaped. */
void bx_template_client_clear(bx_template_client *client);

/* Start it if there is none. */
int bx_template_client_start(bx_template_client *client, bx_error **err);
/* Its pidfd, to be looked at while generation stays the same; -1: none. */
int bx_template_client_pidfd(bx_template_client *client);
/* It died, its pidfd says: forget it. Waits for nobody: who asks it something
 * just now finds out. */
void bx_template_client_forget(bx_template_client *client);

/* Questions. wait: the caller's own, for its turn and for the answer; who waits
 * no longer leaves the answer to be thrown away by the next. One that does not
 * answer for BX_TEMPLATE_HANG_MS is ended, and another asked. */
#define BX_TEMPLATE_HANG_MS 10000
int bx_template_client_variant(bx_template_client *client,
                               const bx_limits *limits, const bx_wait *wait,
                               uint64_t *ret_compatibility, bx_error **err);
/* generation: in and out, of the template that has the code; 0: none had. */
int bx_template_client_load(bx_template_client *client,
                            const bx_template_code *code, const bx_wait *wait,
                            uint64_t *generation, bx_error **err);
int bx_template_client_unload(bx_template_client *client, uint64_t module_id,
                              const bx_wait *wait);
/* control: the child's end of a pair, borrowed. */
int bx_template_client_fork(bx_template_client *client, int control,
                            const bx_wait *wait, pid_t *ret_pid, int *ret_pidfd,
                            uint64_t *ret_generation, bx_error **err);
/* How a child of that template ended, which it is about to do. Where nobody
 * says so in time, it is waited for later. */
int bx_template_client_reap(bx_template_client *client, pid_t pid,
                            uint64_t generation, const bx_wait *wait,
                            bool *ret_exited, int *ret_status, bx_error **err);

void bx_template_put_code(bx_wire_out *out, const bx_template_code *code);

#endif
