/* Requests under way: taken in, run, answered once, forgotten. */
#include <string.h>

#include "mcp/server_state.h"

static bx_flight *find(const bx_mcp_server *server, const json_t *id)
{
    bx_flight *flight = server->flights;

    while (flight != NULL && !json_equal(flight->rpc.id, id))
        flight = flight->next;
    return flight;
}

static void free_flight(bx_flight *flight)
{
    bx_watched_clear(flight->watched, flight->watched_count);
    bx_cancel_free(flight->cancel);
    bx_rpc_clear(&flight->rpc);
    free(flight);
}

/* ---- taken in -------------------------------------------------------- */

static json_t *refuse_duplicate(const json_t *id)
{
    json_t *error =
        bx_rpc_error(BX_RPC_INVALID_REQUEST,
                     "a request with this id is under way: it goes on, this "
                     "one is not served; each needs an id of its own");

    bx_rpc_error_put_data(error, json_pack("{s:O}", "id", id));
    return error;
}

bx_flight *bx_flight_begin(bx_mcp_server *server, bx_rpc *rpc,
                           const bx_terms *terms, const bx_method *method,
                           bx_batch *batch, size_t bytes, json_t **ret_error)
{
    bx_flight *flight = calloc(1, sizeof(*flight));
    bool is_taken = false;

    if (flight == NULL || (flight->cancel = bx_cancel_new()) == NULL) {
        free(flight);
        *ret_error = bx_rpc_error(BX_RPC_INTERNAL_ERROR, "out of memory");
        return NULL;
    }
    flight->server = server;
    flight->terms = *terms;
    flight->method = method;
    flight->batch = batch;
    flight->bytes = bytes;
    flight->begin_ns = bx_now_ns();
    pthread_mutex_lock(&server->mutex);
    if (find(server, rpc->id) == NULL) {
        flight->rpc = *rpc;
        *rpc = (bx_rpc){ .kind = BX_RPC_INVALID };
        flight->next = server->flights;
        server->flights = flight;
        server->flights_count++;
        server->bytes += bytes;
        is_taken = true;
    }
    pthread_mutex_unlock(&server->mutex);
    if (is_taken)
        return flight;
    *ret_error = refuse_duplicate(rpc->id);
    free_flight(flight);
    return NULL;
}

/* ---- answered -------------------------------------------------------- */

static void unlink_flight(bx_mcp_server *server, bx_flight *flight)
{
    bx_flight **at = &server->flights;

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    if (flight->is_listening)
        server->listening_count--;
    else
        server->flights_count--;
    server->bytes -= flight->bytes;
    server->landings++;
}

/* 2026-07-28: each result says what it is, and who made it. */
static json_t *complete(const bx_flight *flight, json_t *result)
{
    json_t *meta;

    if (!flight->terms.is_stateless)
        return result;
    json_object_set_new(result, "resultType", json_string("complete"));
    if (flight->method->is_cacheable) {
        json_object_set_new(result, "ttlMs", json_integer(0));
        json_object_set_new(result, "cacheScope", json_string("private"));
    }
    meta = json_object_get(result, "_meta");
    if (meta == NULL) {
        meta = json_object();
        json_object_set_new(result, "_meta", meta);
    }
    json_object_set_new(meta, BX_META_SERVER, bx_server_info());
    return result;
}

void bx_batch_answer(bx_mcp_server *server, bx_batch *batch, json_t *answer)
{
    json_t *answers = NULL;
    bool is_last;

    if (batch == NULL) {
        bx_server_send(server, answer);
        return;
    }
    pthread_mutex_lock(&server->mutex);
    if (answer != NULL)
        json_array_append_new(batch->answers, answer);
    is_last = --batch->missing == 0;
    if (is_last)
        answers = batch->answers;
    pthread_mutex_unlock(&server->mutex);
    if (!is_last)
        return;
    free(batch);
    /* JSON-RPC 2.0 section 6: no empty array */
    if (json_array_size(answers) == 0)
        json_decref(answers);
    else
        bx_server_send(server, answers);
}

/* It must be gone from the list before it is answered: the client may use its
 * id again, and hears nothing of it afterwards. */
void bx_flight_end(bx_flight *flight, json_t *result, json_t *error)
{
    bx_mcp_server *server = flight->server;
    json_t *answer = NULL;
    bool is_cancelled;

    pthread_mutex_lock(&server->mutex);
    unlink_flight(server, flight);
    is_cancelled = flight->is_cancelled;
    pthread_mutex_unlock(&server->mutex);
    if (is_cancelled) {
        json_decref(result);
        json_decref(error);
    } else if (result != NULL) {
        json_decref(error);
        answer = bx_rpc_result(flight->rpc.id, complete(flight, result));
    } else {
        answer = bx_rpc_failure(
            flight->rpc.id, error != NULL ? error
                                          : bx_rpc_error(BX_RPC_INTERNAL_ERROR,
                                                         "out of memory"));
    }
    bx_batch_answer(server, flight->batch, answer);
    free_flight(flight);
}

/* ---- run ------------------------------------------------------------- */

static bool is_listening(bx_flight *flight)
{
    bool answer;

    pthread_mutex_lock(&flight->server->mutex);
    answer = flight->is_listening;
    pthread_mutex_unlock(&flight->server->mutex);
    return answer;
}

void bx_flight_run(void *server_of_pool, void *item)
{
    bx_mcp_server *server = server_of_pool;
    bx_flight *flight = item;
    json_t *error = NULL;
    json_t *result = NULL;
    bool is_cancelled;

    pthread_mutex_lock(&server->mutex);
    flight->is_running = true;
    flight->begin_ns = bx_now_ns();
    is_cancelled = flight->is_cancelled;
    pthread_mutex_unlock(&server->mutex);
    if (atomic_load(&server->is_ending))
        error = bx_rpc_error(BX_RPC_INTERNAL_ERROR,
                             "the server ends: this request was not begun");
    else if (!is_cancelled)
        result = flight->method->call(flight, &error);
    if (!is_listening(flight))
        bx_flight_end(flight, result, error);
}

/* ---- cancelled ------------------------------------------------------- */

void bx_flight_cancel(bx_mcp_server *server, const json_t *id)
{
    bx_flight *flight;
    bx_flight *ended = NULL;

    pthread_mutex_lock(&server->mutex);
    flight = find(server, id);
    if (flight != NULL) {
        flight->is_cancelled = true;
        bx_cancel_trigger(flight->cancel);
        if (flight->is_listening)
            ended = flight;
    }
    pthread_mutex_unlock(&server->mutex);
    /* Those that listen belong to nobody but this, the reader's thread. */
    if (ended != NULL)
        bx_flight_end(ended, NULL, NULL);
}

size_t bx_flight_cancel_all(bx_mcp_server *server)
{
    size_t count = 0;

    pthread_mutex_lock(&server->mutex);
    for (bx_flight *flight = server->flights; flight != NULL;
         flight = flight->next) {
        if (flight->is_listening)
            continue;
        flight->is_cancelled = true;
        bx_cancel_trigger(flight->cancel);
        count++;
    }
    pthread_mutex_unlock(&server->mutex);
    return count;
}

static bx_flight *first_listening(bx_mcp_server *server)
{
    bx_flight *flight;

    pthread_mutex_lock(&server->mutex);
    flight = server->flights;
    while (flight != NULL && !flight->is_listening)
        flight = flight->next;
    pthread_mutex_unlock(&server->mutex);
    return flight;
}

void bx_flight_end_listening(bx_mcp_server *server)
{
    bx_flight *flight;

    while ((flight = first_listening(server)) != NULL)
        bx_flight_end(flight,
                      json_pack("{s:{s:O}}", "_meta", BX_META_SUBSCRIPTION,
                                flight->rpc.id),
                      NULL);
}
