/* What happens beside the calls: progress of those that ask for it, and news
 * of tools and files for those who want it. */
#include <time.h>

#include "mcp/server_state.h"
#include "mcp/watched.h"

#define TICK_MS 1000

void bx_ticker_wake(bx_mcp_server *server)
{
    pthread_mutex_lock(&server->mutex);
    pthread_cond_signal(&server->tick);
    pthread_mutex_unlock(&server->mutex);
}

/* ---- progress -------------------------------------------------------- */

/* Under the mutex: a flight in the list is not answered yet, and nothing may
 * be told of it afterwards. */
static void tell_progress(bx_mcp_server *server)
{
    for (const bx_flight *flight = server->flights; flight != NULL;
         flight = flight->next) {
        double seconds = (double)(bx_now_ns() - flight->begin_ns) / 1e9;

        if (flight->terms.progress_token == NULL || !flight->is_running ||
            flight->is_cancelled)
            continue;
        bx_outbox_offer(
            server->outbox,
            bx_rpc_notification("notifications/progress",
                                json_pack("{s:O, s:f, s:o}", "progressToken",
                                          flight->terms.progress_token,
                                          "progress", seconds, "message",
                                          json_sprintf("%.0f s", seconds))));
    }
}

/* ---- news ------------------------------------------------------------ */

/* One message for who listens (flight), or for the whole connection (NULL).
 * Takes params. */
static void tell(bx_mcp_server *server, const bx_flight *flight,
                 const char *method, json_t *params)
{
    if (flight != NULL)
        json_object_set_new(
            params, "_meta",
            json_pack("{s:O}", BX_META_SUBSCRIPTION, flight->rpc.id));
    bx_outbox_offer(server->outbox, bx_rpc_notification(method, params));
}

/* News waits while the client does not read; it is put together, not lost. */
static void tell_tools(bx_mcp_server *server)
{
    static const char method[] = "notifications/tools/list_changed";

    if (!atomic_load(&server->has_tool_change) ||
        !bx_outbox_has_room(server->outbox))
        return;
    atomic_store(&server->has_tool_change, false);
    if (bx_agreement_is_ready(&server->agreement))
        tell(server, NULL, method, json_object());
    for (const bx_flight *flight = server->flights; flight != NULL;
         flight = flight->next) {
        if (flight->is_listening && flight->wants_tools)
            tell(server, flight, method, json_object());
    }
}

static void tell_watched(bx_mcp_server *server, const bx_flight *flight,
                         bx_watched *watched, size_t count)
{
    for (size_t i = 0; i < count && bx_outbox_has_room(server->outbox); i++) {
        if (bx_watched_look(server, &watched[i]))
            tell(server, flight, "notifications/resources/updated",
                 json_pack("{s:s}", "uri", watched[i].uri));
    }
}

static void tell_resources(bx_mcp_server *server)
{
    tell_watched(server, NULL, server->watched, server->watched_count);
    for (const bx_flight *flight = server->flights; flight != NULL;
         flight = flight->next) {
        if (flight->is_listening)
            tell_watched(server, flight, flight->watched,
                         flight->watched_count);
    }
}

/* ---- the thread ------------------------------------------------------ */

static bool has_work(const bx_mcp_server *server)
{
    if (server->watched_count > 0 || atomic_load(&server->has_tool_change))
        return true;
    for (const bx_flight *flight = server->flights; flight != NULL;
         flight = flight->next) {
        if (flight->terms.progress_token != NULL || flight->watched_count > 0)
            return true;
    }
    return false;
}

static void wait_tick(bx_mcp_server *server)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)TICK_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!server->is_ticker_done && !atomic_load(&server->has_tool_change) &&
           pthread_cond_timedwait(&server->tick, &server->mutex, &until) == 0)
        continue;
}

void *bx_ticker_run(void *context)
{
    bx_mcp_server *server = context;

    pthread_mutex_lock(&server->mutex);
    while (!server->is_ticker_done) {
        if (!has_work(server)) {
            pthread_cond_wait(&server->tick, &server->mutex);
            continue;
        }
        wait_tick(server);
        tell_tools(server);
        tell_progress(server);
        if (server->workspace != NULL)
            tell_resources(server);
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}
