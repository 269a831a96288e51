/* Nested calls. Each argument comes from the guest; every range is checked
 * before anything is done, and nothing of its memory is kept when a call
 * returns: while a nested run goes on, nobody else moves the guest's memory. */
#include "sandbox/call_host.h"

#include <string.h>

#include "policy/grant.h"
#include "sandbox/call_request.h"

#define REASON_MAX_BYTES 1024

/* WASI errnos, as guests know them. */
enum {
    OK = 0,
    E_ACCES = 2,
    E_BADF = 8,
    E_DQUOT = 19,
    E_FAULT = 21,
    E_FBIG = 22,
    E_INVAL = 28,
    E_IO = 29,
    E_MFILE = 33,
    E_NOENT = 44,
    E_NOMEM = 48,
    E_NOTSUP = 58,
    E_RANGE = 68
};

typedef struct call_slot {
    bool is_used;
    bx_service_result result;
    size_t read[2]; /* how much of each output the guest has */
} call_slot;

struct bx_call_host {
    bx_call_config config;
    call_slot *slots; /* handle h is slots[h - 1]; made with the first call */
    char *reason;     /* of the last failure */
};

void bx_service_result_clear(bx_service_result *result)
{
    bx_buf_clear(&result->head);
    bx_buf_clear(&result->output[0]);
    bx_buf_clear(&result->output[1]);
}

bx_call_host *bx_call_host_new(const bx_call_config *config, bx_error **err)
{
    bx_call_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    host->config = *config;
    return host;
}

void bx_call_host_set_cancel(bx_call_host *host, bx_cancel *cancel)
{
    host->config.cancel = cancel;
}

void bx_call_host_free(bx_call_host *host)
{
    if (host == NULL)
        return;
    for (size_t i = 0; host->slots != NULL && i < BX_CALL_HANDLES; i++)
        bx_service_result_clear(&host->slots[i].result);
    free(host->slots);
    free(host->reason);
    free(host);
}

/* ---- the budget ----------------------------------------------------- */

static void fill_budget(const bx_call_host *host, bx_budget *budget)
{
    const bx_run *run = host->config.run;
    const bx_limits *limits = &host->config.policy->limits;

    *budget = BX_BUDGET_FULL;
    host->config.lend(host->config.context, budget);
    budget->deadline_ns = run->deadline_ns;
    budget->output_bytes = BX_RUN_LEFT(run, output_bytes, limits->output_bytes);
    budget->fs_write_bytes =
        BX_RUN_LEFT(run, fs_write_bytes, limits->fs_write_bytes);
    budget->fs_create_entries =
        BX_RUN_LEFT(run, fs_create_entries, limits->fs_create_entries);
    budget->http_requests =
        BX_RUN_LEFT(run, http_requests, limits->http_requests);
    budget->calls = BX_RUN_LEFT(run, calls, limits->call_count);
    budget->depth = BX_RUN_LEFT(run, depth, limits->call_depth);
}

/* One nested call is counted, whatever becomes of it. */
static int take_budget(bx_call_host *host, const char *call, const char *target,
                       bx_budget *budget, bx_error **err)
{
    bx_run *run = host->config.run;
    const char *limit = NULL;

    fill_budget(host, budget);
    if (budget->depth == 0)
        limit = "max-call-depth";
    else if (budget->calls == 0)
        limit = "max-calls";
    if (limit != NULL) {
        bx_run_deny(run, call, target, strlen(target),
                    "no more nested calls are granted", limit);
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%s: no more nested calls are granted", limit);
    }
    budget->depth--;
    budget->calls--;
    run->used.calls++;
    return 0;
}

/* The callee's own time limit, where the caller's leaves it as much. */
static void limit_time(bx_budget *budget, uint64_t timeout_ms)
{
    const uint64_t most_ms = INT64_MAX / 2000000;
    int64_t end_ns;

    if (timeout_ms == 0 || timeout_ms > most_ms)
        return;
    end_ns = bx_now_ns() + (int64_t)timeout_ms * 1000000;
    if (end_ns < budget->deadline_ns)
        budget->deadline_ns = end_ns;
}

static void settle_budget(bx_call_host *host, const bx_budget *lent,
                          const bx_budget *left)
{
    bx_budget *used = &host->config.run->used;

    used->fs_write_bytes += lent->fs_write_bytes - left->fs_write_bytes;
    used->fs_create_entries +=
        lent->fs_create_entries - left->fs_create_entries;
    used->http_requests += lent->http_requests - left->http_requests;
    used->calls += lent->calls - left->calls;
    if (left->deadline_ns > lent->deadline_ns)
        bx_run_shift(host->config.run, left->deadline_ns - lent->deadline_ns);
    host->config.settle(host->config.context, left);
}

static bx_caller caller_of(const bx_call_host *host, bx_budget *budget)
{
    const bx_call_config *config = &host->config;

    return (bx_caller){ .policy = config->policy,
                        .budget = budget,
                        .cancel = config->cancel,
                        .audit = config->run->audit,
                        .audit_context = config->run->audit_context,
                        .need = config->run->need,
                        .need_context = config->run->need_context,
                        .hold = config->run->hold,
                        .hold_context = config->run->hold_context };
}

/* Refused by whoever is asked, though the policy grants it; what the policy
 * does not, the services refuse. */
static int ask(bx_call_host *host, const char *call, const char *kind,
               const char *name, const bx_verdict *verdict, bx_error **err)
{
    bx_run *run = host->config.run;

    if (!verdict->is_allowed || bx_run_need(run, kind, name, strlen(name)))
        return 0;
    bx_run_deny(run, call, name, strlen(name), BX_NEED_REASON, BX_NEED_RULE);
    return bx_error_set(err, BX_ERR_DENIED, "%s '%.64s': %s (%s)", call, name,
                        BX_NEED_REASON, BX_NEED_RULE);
}

static int ask_exec(bx_call_host *host, const char *path, bx_error **err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    bx_verdict verdict;

    if (host->config.run->need == NULL)
        return 0;
    verdict = bx_policy_check_exec(host->config.policy, name);
    return ask(host, "spawn", "exec", name, &verdict, err);
}

static int ask_tool(bx_call_host *host, const char *name, bx_error **err)
{
    bx_verdict verdict;

    if (host->config.run->need == NULL)
        return 0;
    verdict = bx_policy_check_tool(host->config.policy, name);
    return ask(host, "tool_call", "tool", name, &verdict, err);
}

static int check_services(const bx_call_host *host, bx_error **err)
{
    if (host->config.services != NULL)
        return 0;
    return bx_error_set(err, BX_ERR_SYSTEM,
                        "this run has no other programs and no tools");
}

int bx_call_host_spawn(bx_call_host *host, const bx_spawn_request *request,
                       bx_service_result *ret_result, bx_error **err)
{
    const bx_services *services = host->config.services;
    bx_budget lent;
    bx_budget left;
    bx_caller caller;
    int result;

    if (check_services(host, err) < 0 ||
        ask_exec(host, request->argv[0], err) < 0 ||
        take_budget(host, "spawn", request->argv[0], &lent, err) < 0)
        return -1;
    limit_time(&lent, request->timeout_ms);
    left = lent;
    caller = caller_of(host, &left);
    result =
        services->spawn(services->context, &caller, request, ret_result, err);
    settle_budget(host, &lent, &left);
    return result;
}

int bx_call_host_tool(bx_call_host *host, const char *name, const char *input,
                      size_t input_bytes, bx_service_result *ret_result,
                      bx_error **err)
{
    const bx_services *services = host->config.services;
    bx_budget lent;
    bx_budget left;
    bx_caller caller;
    int result;

    if (check_services(host, err) < 0 || ask_tool(host, name, err) < 0 ||
        take_budget(host, "tool_call", name, &lent, err) < 0)
        return -1;
    left = lent;
    caller = caller_of(host, &left);
    result = services->tool_call(services->context, &caller, name, input,
                                 input_bytes, ret_result, err);
    settle_budget(host, &lent, &left);
    return result;
}

int bx_call_host_list(bx_call_host *host, bx_service_result *ret_result,
                      bx_error **err)
{
    const bx_services *services = host->config.services;
    bx_budget budget;
    bx_caller caller;

    if (check_services(host, err) < 0)
        return -1;
    fill_budget(host, &budget);
    caller = caller_of(host, &budget);
    return services->tool_list(services->context, &caller, ret_result, err);
}

/* ---- handles -------------------------------------------------------- */

static call_slot *find_slot(const bx_call_host *host, uint32_t handle)
{
    if (host->slots == NULL || handle == 0 || handle > BX_CALL_HANDLES ||
        !host->slots[handle - 1].is_used)
        return NULL;
    return &host->slots[handle - 1];
}

static call_slot *free_slot(bx_call_host *host, int32_t *ret_errno)
{
    if (host->slots == NULL)
        host->slots = calloc(BX_CALL_HANDLES, sizeof(*host->slots));
    if (host->slots == NULL) {
        *ret_errno = E_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < BX_CALL_HANDLES; i++) {
        if (!host->slots[i].is_used)
            return &host->slots[i];
    }
    *ret_errno = E_MFILE;
    return NULL;
}

static uint64_t held_bytes(const call_slot *slot)
{
    return slot->result.output[0].len + slot->result.output[1].len;
}

/* What was captured counts as output for as long as it is held. */
static void keep_slot(bx_call_host *host, call_slot *slot, void *ret_handle)
{
    slot->is_used = true;
    host->config.run->used.output_bytes += held_bytes(slot);
    bx_store32(ret_handle, (uint32_t)(slot - host->slots) + 1);
}

static void clear_slot(bx_call_host *host, call_slot *slot)
{
    host->config.run->used.output_bytes -= held_bytes(slot);
    bx_service_result_clear(&slot->result);
    memset(slot, 0, sizeof(*slot));
}

static int32_t errno_of(const bx_error *error)
{
    switch (bx_error_code(error)) {
    case BX_ERR_NOT_FOUND:
        return E_NOENT;
    case BX_ERR_DENIED:
        return E_ACCES;
    case BX_ERR_INVALID:
        return E_INVAL;
    case BX_ERR_LIMIT:
        return E_DQUOT;
    case BX_ERR_TIMEOUT:
    case BX_ERR_CANCELLED:
        return BX_HOST_STOP;
    default:
        return E_IO;
    }
}

/* Answer a call that failed; the slot is left as free as it was. */
static int32_t fail(bx_call_host *host, call_slot *slot, const bx_error *error)
{
    bx_service_result_clear(&slot->result);
    free(host->reason);
    host->reason = strndup(bx_error_message(error), REASON_MAX_BYTES);
    if (bx_run_is_over(host->config.run))
        return BX_HOST_STOP;
    return host->config.services == NULL ? E_NOTSUP : errno_of(error);
}

/* ---- calls ---------------------------------------------------------- */

static int spawn_text(bx_call_host *host, const char *text, size_t bytes,
                      const void *input, size_t input_bytes,
                      bx_service_result *ret_result, bx_error **err)
{
    bx_spawn_request request;
    int result;

    if (bx_call_request_parse(text, bytes, &request, err) < 0)
        return -1;
    request.input = input;
    request.input_bytes = input_bytes;
    result = bx_call_host_spawn(host, &request, ret_result, err);
    bx_call_request_clear(&request);
    return result;
}

static int32_t spawn(void *context, const bx_guest *guest, const bx_raw *args)
{
    bx_call_host *host = context;
    const char *text = bx_guest_range(guest, args[0].u32, args[1].u32);
    const void *input = bx_guest_range(guest, args[2].u32, args[3].u32);
    void *ret_handle = bx_guest_range(guest, args[4].u32, 4);
    bx_autoerror bx_error *err = NULL;
    int32_t answer = OK;
    call_slot *slot;

    if (text == NULL || input == NULL || ret_handle == NULL)
        return E_FAULT;
    if (args[3].u32 > BX_CALL_INPUT_MAX_BYTES)
        return E_FBIG;
    slot = free_slot(host, &answer);
    if (slot == NULL)
        return answer;
    if (spawn_text(host, text, args[1].u32, input, args[3].u32, &slot->result,
                   &err) < 0)
        return fail(host, slot, err);
    keep_slot(host, slot, ret_handle);
    return OK;
}

/* A name with a NUL inside is no name. */
static char *copy_name(const char *text, uint32_t bytes)
{
    return bytes > 256 || memchr(text, '\0', bytes) != NULL
               ? NULL
               : strndup(text, bytes);
}

static int32_t tool_call(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    bx_call_host *host = context;
    const char *text = bx_guest_range(guest, args[0].u32, args[1].u32);
    const char *input = bx_guest_range(guest, args[2].u32, args[3].u32);
    void *ret_handle = bx_guest_range(guest, args[4].u32, 4);
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *name = NULL;
    int32_t answer = OK;
    call_slot *slot;

    if (text == NULL || input == NULL || ret_handle == NULL)
        return E_FAULT;
    if (args[3].u32 > BX_CALL_INPUT_MAX_BYTES)
        return E_FBIG;
    slot = free_slot(host, &answer);
    if (slot == NULL)
        return answer;
    name = copy_name(text, args[1].u32);
    if (name == NULL) {
        bx_error_set(&err, BX_ERR_INVALID, "not a tool's name");
        return fail(host, slot, err);
    }
    if (bx_call_host_tool(host, name, input, args[3].u32, &slot->result, &err) <
        0)
        return fail(host, slot, err);
    keep_slot(host, slot, ret_handle);
    return OK;
}

static int32_t tool_list(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    bx_call_host *host = context;
    void *ret_handle = bx_guest_range(guest, args[0].u32, 4);
    bx_autoerror bx_error *err = NULL;
    int32_t answer = OK;
    call_slot *slot;

    if (ret_handle == NULL)
        return E_FAULT;
    slot = free_slot(host, &answer);
    if (slot == NULL)
        return answer;
    if (bx_call_host_list(host, &slot->result, &err) < 0)
        return fail(host, slot, err);
    keep_slot(host, slot, ret_handle);
    return OK;
}

/* Copy a text out; ERANGE says how long it is. */
static int32_t put_text(const char *text, size_t bytes, void *buf,
                        uint32_t buf_bytes, void *ret_bytes)
{
    bx_store32(ret_bytes, (uint32_t)bytes);
    if (bytes > buf_bytes)
        return E_RANGE;
    if (bytes > 0)
        memcpy(buf, text, bytes);
    return OK;
}

static int32_t call_head(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    const bx_call_host *host = context;
    const call_slot *slot = find_slot(host, args[0].u32);
    void *buf = bx_guest_range(guest, args[1].u32, args[2].u32);
    void *ret_bytes = bx_guest_range(guest, args[3].u32, 4);

    if (slot == NULL)
        return E_BADF;
    if (buf == NULL || ret_bytes == NULL)
        return E_FAULT;
    return put_text(slot->result.head.data, slot->result.head.len, buf,
                    args[2].u32, ret_bytes);
}

static int32_t call_read(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    const bx_call_host *host = context;
    call_slot *slot = find_slot(host, args[0].u32);
    uint32_t stream = args[1].u32 - 1;
    void *buf = bx_guest_range(guest, args[2].u32, args[3].u32);
    void *ret_bytes = bx_guest_range(guest, args[4].u32, 4);
    const bx_buf *output;
    size_t bytes;

    if (slot == NULL)
        return E_BADF;
    if (buf == NULL || ret_bytes == NULL)
        return E_FAULT;
    if (stream > 1 || args[3].u32 == 0)
        return E_INVAL;
    output = &slot->result.output[stream];
    bytes = output->len - slot->read[stream];
    if (bytes > args[3].u32)
        bytes = args[3].u32;
    if (bytes > 0)
        memcpy(buf, output->data + slot->read[stream], bytes);
    slot->read[stream] += bytes;
    host->config.run->read_bytes += bytes;
    bx_store32(ret_bytes, (uint32_t)bytes);
    return OK;
}

static int32_t call_error(void *context, const bx_guest *guest,
                          const bx_raw *args)
{
    const bx_call_host *host = context;
    void *buf = bx_guest_range(guest, args[0].u32, args[1].u32);
    void *ret_bytes = bx_guest_range(guest, args[2].u32, 4);
    const char *reason = host->reason == NULL ? "" : host->reason;

    if (buf == NULL || ret_bytes == NULL)
        return E_FAULT;
    return put_text(reason, strlen(reason), buf, args[1].u32, ret_bytes);
}

static int32_t call_close(void *context, const bx_guest *guest,
                          const bx_raw *args)
{
    bx_call_host *host = context;
    call_slot *slot = find_slot(host, args[0].u32);

    (void)guest;
    if (slot == NULL)
        return E_BADF;
    clear_slot(host, slot);
    return OK;
}

const bx_host_call bx_call_calls[] = {
    { "spawn", "iiiii", true, spawn },
    { "tool_call", "iiiii", true, tool_call },
    { "tool_list", "i", true, tool_list },
    { "call_head", "iiii", true, call_head },
    { "call_read", "iiiii", true, call_read },
    { "call_error", "iii", true, call_error },
    { "call_close", "i", true, call_close },
};
const size_t bx_call_calls_count =
    sizeof(bx_call_calls) / sizeof(bx_call_calls[0]);
