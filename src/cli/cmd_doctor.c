/* boxagnts doctor: is everything here that keeps guests in? */
#include <getopt.h>

#include "cli/doctor.h"

static void print_help(void)
{
    puts("Look at this machine: the kernel's layers that lock guests' "
         "processes down,\nlimits, versions, the module cache, the audit log, "
         "the tools; and say what is\nmissing and how to mend it.\n\n"
         "Usage: boxagnts doctor [--json]\n\n"
         "Exit status: 0 all is well; 1 something is missing; 2 usage. A note "
         "is no fault.");
}

int bx_cmd_doctor(int argc, char **argv)
{
    static const struct option table[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bx_doctor doctor = { 0 };
    bool wants_json = false;
    int flag;
    int status;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "doctor",
                                "'%s' is not an option", argv[optind - 1]);
        wants_json = true;
    }
    if (optind < argc)
        return bx_cli_usage(BX_EXIT_USAGE, "doctor",
                            "'%s': no operand is expected", argv[optind]);
    bx_doctor_check_system(&doctor);
    bx_doctor_check_lockdown(&doctor);
    bx_doctor_check_files(&doctor);
    bx_doctor_check_tools(&doctor);
    if (wants_json)
        bx_doctor_print_json(&doctor);
    else
        bx_doctor_print(&doctor);
    status = bx_doctor_missing(&doctor) == 0 ? 0 : BX_EXIT_FAILED;
    bx_doctor_clear(&doctor);
    return status;
}
