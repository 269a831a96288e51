/* The person at the terminal, as an agent asks: may this call run, what is the
 * answer, may this request go out. For `chat` and `agent run`. */
#ifndef BX_CLI_AGENT_PERSON_H
#define BX_CLI_AGENT_PERSON_H

#include "cli/agent_cli.h"
#include "cli/agent_view.h"
#include "cli/line_editor.h"

typedef struct bx_agent_person {
    bx_agent_cli *cli; /* all borrowed */
    bx_agent_view *view;
    bx_line_editor *editor; /* NULL: nobody is read from */
    bool is_there;          /* and can be asked */
    bool is_leaving;        /* Ctrl-D, which answers nothing */
} bx_agent_person;

/* Have the agent ask them: fills cli->config. Without somebody there, requests
 * are held all the same, and not sent. */
void bx_agent_person_attach(bx_agent_person *person);

#endif
