#include "cli/mcp_cli.h"
#include "cli/cli.h"
int bx_mcp_install_run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return BX_EXIT_USAGE;
}
