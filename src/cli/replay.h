/* The two things `boxagnts replay` does with a recording. For cmd_replay.c. */
#ifndef BX_CLI_REPLAY_H
#define BX_CLI_REPLAY_H

#include "cli/cli.h"
#include "record/recording.h"

typedef struct bx_replay {
    const char *file;
    const char *module_path; /* of --module; NULL: as recorded */
    const char *policy_path; /* of --policy */
    bool wants_json;
    bool is_quiet;
    bx_recording *recording;
} bx_replay;

/* Run the module on the recording. Returns the exit status. */
int bx_replay_run(const bx_replay *replay);
/* Ask the policy for everything the run needed. The same. */
int bx_replay_check_policy(const bx_replay *replay);

#endif
