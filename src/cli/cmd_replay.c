/* boxagnts replay: a recorded run again, offline. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cli/replay.h"

static void print_help(void)
{
    puts(
        "Run a recorded run again: no files, no network, no clock, every "
        "answer "
        "from the\nrecording. Prints what the run printed and says whether all "
        "of it is identical;\notherwise at which call it differs first.\n\n"
        "Usage: boxagnts replay [options] FILE\n\n"
        "  --module FILE.wasm  Run this module, not the recorded one: a "
        "changed "
        "build\n"
        "  --policy FILE       Do not run; show the first call that this "
        "policy\n"
        "                      would refuse\n"
        "  --json              Print one JSON object\n"
        "  --quiet             Say nothing when it is identical\n"
        "  --help              This text\n\n"
        "Exit status: as of the recorded run when it is identical (see "
        "`boxagnts run\n--help`), 1 when it differs, 125 when it was not run. "
        "With --policy: 0 when all\nis granted, 1 when something is not.\n\n"
        "Examples:\n"
        "  boxagnts run --record run.bxr --map-dir ./data::/data::ro "
        "tool.wasm\n"
        "  boxagnts replay run.bxr\n"
        "  boxagnts replay --module build/tool.wasm run.bxr\n"
        "  boxagnts replay --policy stricter.yaml run.bxr");
}

static int replay_file(bx_replay *replay)
{
    bx_autofd int fd =
        open(replay->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bx_error *err = NULL;
    int status;

    if (fd < 0) {
        bx_error_set_errno(&err, errno, "'%s'", replay->file);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    replay->recording = bx_recording_open(fd, replay->file, &err);
    if (replay->recording == NULL)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    status = replay->policy_path == NULL ? bx_replay_run(replay)
                                         : bx_replay_check_policy(replay);
    bx_recording_free(replay->recording);
    return status;
}

int bx_cmd_replay(int argc, char **argv)
{
    static const struct option table[] = {
        { "module", required_argument, NULL, 'm' },
        { "policy", required_argument, NULL, 'p' },
        { "json", no_argument, NULL, 'j' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bx_replay replay = { 0 };
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (flag) {
        case 'h':
            print_help();
            return 0;
        case 'm':
            replay.module_path = optarg;
            break;
        case 'p':
            replay.policy_path = optarg;
            break;
        case 'j':
            replay.wants_json = true;
            break;
        case 'q':
            replay.is_quiet = true;
            break;
        default:
            return bx_cli_usage(BX_EXIT_NOT_RUN, "replay",
                                "'%s' is not an option, or lacks its value",
                                argv[optind - 1]);
        }
    }
    if (optind + 1 != argc)
        return bx_cli_usage(BX_EXIT_NOT_RUN, "replay",
                            "expected one FILE, a recording");
    if (replay.policy_path != NULL && replay.module_path != NULL)
        return bx_cli_usage(BX_EXIT_NOT_RUN, "replay",
                            "--policy runs nothing: --module does not go with "
                            "it");
    replay.file = argv[optind];
    return replay_file(&replay);
}
