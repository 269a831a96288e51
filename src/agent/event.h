/* What an agent tells while it works: one JSON object for each event, the same
 * for `--json`, the terminal, the dashboard and sub-agents' parents. Members
 * may be added; what is here stays as it is. docs/agent.md lists them:
 *
 *     {"type": "session", "id", "model", "workspace", "is_resumed"}
 *     {"type": "turn", "number"}
 *     {"type": "text" | "thinking", "text"}          a piece of a stream
 *     {"type": "retry", "attempt", "delay_ms", "reason"}   pieces are void
 *     {"type": "message", "message"}                 whole and stored
 *     {"type": "call", "id", "name", "input"}        about to be decided
 *     {"type": "approval", "id", "name", "decision", "by", "reason"}
 *     {"type": "effect", "id", "call", "target", "detail"}
 *     {"type": "denied", "id", "call", "target", "reason", "rule"}
 *     {"type": "result", "id", "name", "is_error", "content", "wall_ms",
 *      "is_cut", "kept"}
 *     {"type": "usage", "usage", "cost", "total": {...}}
 *     {"type": "plan", "items": [{"text", "status"}]}
 *     {"type": "compaction", "before_tokens", "after_tokens"}
 *     {"type": "agent", "id", "name", "event": {...}}     of a sub-agent
 *     {"type": "conflict", "id", "path", "why", "agents": [{"id", "name",
 *      "diff"}], "taken"}
 *     {"type": "merge", "id", "is_refused", "written", "left", "kept": [...]}
 *     {"type": "notice", "text"}
 *     {"type": "end", "status", "reason", "text", "usage", "cost", "turns",
 *      "calls", "refusals"}
 *
 * status of "end": "done", "cancelled", "budget", "refused", "failed". */
#ifndef BX_AGENT_EVENT_H
#define BX_AGENT_EVENT_H

#include <jansson.h>

#include "base/error.h"

/* Called on the agent's thread, or with its calls' lock held: one at a time.
 * event: borrowed. */
typedef void (*bx_event_fn)(void *context, const json_t *event);

typedef struct bx_event_sink {
    bx_event_fn tell; /* NULL: nobody listens */
    void *context;
} bx_event_sink;

/* Tell an event made as json_pack() does, and release it; without memory
 * nothing is told. */
void bx_event_tell(const bx_event_sink *sink, json_t *event);

#endif
