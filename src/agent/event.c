#include "agent/event.h"

void bx_event_tell(const bx_event_sink *sink, json_t *event)
{
    if (event != NULL && sink != NULL && sink->tell != NULL)
        sink->tell(sink->context, event);
    json_decref(event);
}
