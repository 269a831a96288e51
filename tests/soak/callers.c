#include "soak/callers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "record/recording.h"
#include "soak/tally.h"

#define LEDGER (1u << 22) /* calls of one caller, at most */
#define PROBE_MS 60000

/* In the audit log a call is there once; where the log cannot be written it may
 * be missing, which the call's answer says. */
enum { LEDGER_ONCE = 1, LEDGER_MAYBE = 2 };

typedef struct seat {
    soak_caller caller;
    pthread_t thread;
    int record_fd;
    pthread_mutex_t mutex; /* over what follows, which others look at */
    const soak_call *call; /* under way; NULL: none */
    int64_t due_ns;
    bx_cancel *cancel;
    int64_t cancel_ns; /* when it is triggered */
    unsigned char *ledger;
} seat;

static seat seats[SOAK_CALLERS + 1];
static pthread_t canceller;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_open;

/* ---- one call -------------------------------------------------------- */

typedef struct answer {
    soak_outcome outcome;
    bool is_error;
    char *text; /* owned */
} answer;

/* What the spells of a call excuse. */
static bool may_be(const soak_call *call, soak_outcome outcome, unsigned spell,
                   bool is_cancelled)
{
    switch ((unsigned)outcome) {
    case SOAK_GOOD:
        return true;
    case SOAK_TOOL_ERROR:
        return call->is_network || (spell & (SOAK_DISK | SOAK_FDS)) != 0 ||
               ((call->is_nested || call->is_live) && spell != 0);
    case SOAK_BY_CODE + BX_ERR_TIMEOUT:
        return spell != 0 || call->refusal == BX_ERR_TIMEOUT;
    case SOAK_BY_CODE + BX_ERR_CANCELLED:
        return is_cancelled;
    case SOAK_BY_CODE + BX_ERR_SYSTEM:
        return (spell & (SOAK_PROCESSES | SOAK_DISK | SOAK_FDS)) != 0;
    case SOAK_BY_CODE + BX_ERR_INVALID:
        return call->is_live; /* it ended before */
    default:
        return false;
    }
}

static void judge(const soak_call *call, const answer *got, unsigned spell,
                  bool is_cancelled)
{
    /* No worker here is hostile. */
    static const char *const slanders[] = { "no frame", "none sends",
                                            "malformed", "not a sealed" };
    const char *wrong = NULL;

    if (call->refusal != BX_OK &&
        got->outcome == SOAK_BY_CODE + (unsigned)call->refusal)
        return;
    if (got->outcome == SOAK_GOOD)
        wrong = soak_mix_check(call, got->text);
    else if (!may_be(call, got->outcome, spell, is_cancelled))
        wrong = "nothing excuses this";
    else if (got->text[0] == '\0')
        wrong = "an error without words";
    for (size_t i = 0; i < sizeof(slanders) / sizeof(slanders[0]); i++) {
        if (got->outcome > SOAK_TOOL_ERROR && call->refusal == BX_OK &&
            strstr(got->text, slanders[i]) != NULL)
            wrong = "a worker is accused";
    }
    if (wrong != NULL)
        soak_fail("%s (spell %03x, side %u) %.300s: %s: outcome %d, '%.300s'",
                  call->tool, spell, call->side,
                  call->long_input == NULL ? call->input : "...", wrong,
                  (int)got->outcome, got->text);
}

static void take_answer(int failed, bx_tool_result *result, bx_error *err,
                        answer *ret)
{
    if (failed < 0) {
        ret->outcome = SOAK_BY_CODE + (unsigned)bx_error_code(err);
        ret->text = strdup(bx_error_message(err));
    } else {
        ret->outcome = result->code != BX_OK
                           ? SOAK_BY_CODE + (unsigned)result->code
                       : result->is_error ? SOAK_TOOL_ERROR
                                          : SOAK_GOOD;
        ret->text = bx_tool_result_text(result);
    }
    if (ret->text == NULL)
        soak_die("memory", NULL);
}

/* One whose call was answered is whole, whatever happened to others. */
static void check_recording(const seat *at)
{
    bx_error *err = NULL;
    bx_recording *recording = bx_recording_open(at->record_fd, "soak", &err);

    if (recording == NULL)
        soak_fail("the recording of a good answer: %s", bx_error_message(err));
    bx_error_free(err);
    bx_recording_free(recording);
}

static void begin(seat *at, const soak_call *call, uint64_t timeout_ms,
                  bx_cancel *cancel)
{
    int64_t now_ns = bx_now_ns();

    pthread_mutex_lock(&at->mutex);
    at->call = call;
    at->due_ns = now_ns + (int64_t)timeout_ms * 1000000;
    at->cancel = cancel;
    at->cancel_ns =
        now_ns +
        (int64_t)soak_below(&at->caller.random, (uint32_t)timeout_ms) * 500000;
    pthread_mutex_unlock(&at->mutex);
}

static void end(seat *at)
{
    pthread_mutex_lock(&at->mutex);
    at->call = NULL;
    at->cancel = NULL;
    pthread_mutex_unlock(&at->mutex);
}

/* True when the answer was good. */
static bool make_call(seat *at, unsigned kind, unsigned side,
                      uint64_t timeout_ms, bool may_cancel, bool must_record)
{
    char caller[32];
    soak_call call;
    bx_tool_call asked;
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    bx_cancel *cancel = may_cancel ? bx_cancel_new() : NULL;
    unsigned spell = atomic_load(&soak_all.spell);
    answer got = { 0 };
    int64_t begin_ns;
    int64_t due_ns;
    bool records;
    int failed;

    soak_mix_make(&at->caller, kind, side, &call);
    snprintf(caller, sizeof(caller), "soak-%u-%llu", at->caller.number,
             (unsigned long long)at->caller.calls);
    records = call.may_record &&
              (must_record || soak_below(&at->caller.random, 5) == 0) &&
              ftruncate(at->record_fd, 0) == 0 &&
              lseek(at->record_fd, 0, SEEK_SET) == 0;
    asked = (bx_tool_call){
        .name = call.tool,
        .input = call.long_input == NULL ? call.input : call.long_input,
        .caller = caller,
        .timeout_ms = timeout_ms,
        .cancel = cancel,
        .record_fd = records ? at->record_fd : 0,
    };
    asked.input_bytes = strlen(asked.input);
    begin(at, &call, timeout_ms, cancel);
    begin_ns = bx_now_ns();
    failed = bx_registry_call(soak_all.registries[side], &asked, &result, &err);
    take_answer(failed, result, err, &got);
    due_ns = at->due_ns;
    end(at);
    spell |= atomic_load(&soak_all.spell);
    at->ledger[at->caller.calls] =
        err != NULL && (spell & (SOAK_DISK | SOAK_FDS)) != 0 ? LEDGER_MAYBE
                                                             : LEDGER_ONCE;
    soak_tally_add(got.outcome, bx_now_ns() - begin_ns, bx_now_ns() - due_ns);
    judge(&call, &got, spell, cancel != NULL);
    if (records && got.outcome == SOAK_GOOD &&
        (spell & (SOAK_DISK | SOAK_FDS)) == 0)
        check_recording(at);
    soak_mix_learn(&at->caller, &call, got.outcome == SOAK_GOOD);
    at->caller.calls++;
    bx_cancel_free(cancel);
    bx_tool_result_free(result);
    bx_error_free(err);
    free(got.text);
    free(call.long_input);
    return got.outcome == SOAK_GOOD;
}

/* ---- callers --------------------------------------------------------- */

static bool wait_gate(void)
{
    pthread_mutex_lock(&gate);
    while (!is_open && !atomic_load(&soak_all.is_over))
        pthread_cond_wait(&opened, &gate);
    pthread_mutex_unlock(&gate);
    return !atomic_load(&soak_all.is_over);
}

static void *run_caller(void *argument)
{
    static const uint64_t timeouts[] = { 400, 800, 1400, 2000 };
    seat *at = argument;
    soak_random *random = &at->caller.random;

    while (wait_gate() && at->caller.calls < LEDGER) {
        unsigned kind = soak_mix_kind(&at->caller);
        unsigned side = soak_below(random, 3) == 0;
        uint64_t timeout_ms = timeouts[soak_below(random, 4)];
        bool may_cancel = soak_below(random, 8) == 0;

        (void)make_call(at, kind, side, timeout_ms, may_cancel, false);
        soak_sleep_us(soak_below(random, 40000));
    }
    return NULL;
}

static void *run_canceller(void *argument)
{
    (void)argument;
    while (!atomic_load(&soak_all.is_over)) {
        for (int i = 0; i < SOAK_CALLERS; i++) {
            pthread_mutex_lock(&seats[i].mutex);
            if (seats[i].cancel != NULL && bx_now_ns() > seats[i].cancel_ns)
                bx_cancel_trigger(seats[i].cancel);
            pthread_mutex_unlock(&seats[i].mutex);
        }
        soak_sleep_us(3000);
    }
    return NULL;
}

static void make_seat(unsigned number)
{
    seat *at = &seats[number];
    char path[128];

    at->caller.number = number;
    at->caller.random.state = soak_all.seed * 1000003 + number;
    pthread_mutex_init(&at->mutex, NULL);
    snprintf(path, sizeof(path), "%s/record-%u", soak_all.dir, number);
    at->record_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    at->ledger = mmap(NULL, LEDGER, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at->record_fd < 0 || at->ledger == MAP_FAILED)
        soak_die("a caller", NULL);
}

void soak_callers_start(void)
{
    for (unsigned i = 0; i <= SOAK_PROBER; i++)
        make_seat(i);
    for (unsigned i = 0; i < SOAK_CALLERS; i++) {
        if (pthread_create(&seats[i].thread, NULL, run_caller, &seats[i]) != 0)
            soak_die("a caller's thread", NULL);
    }
    if (pthread_create(&canceller, NULL, run_canceller, NULL) != 0)
        soak_die("the canceller's thread", NULL);
}

void soak_callers_go(void)
{
    pthread_mutex_lock(&gate);
    is_open = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

void soak_callers_look(void)
{
    int64_t now_ns = bx_now_ns();

    for (int i = 0; i <= SOAK_PROBER; i++) {
        pthread_mutex_lock(&seats[i].mutex);
        if (seats[i].call != NULL &&
            now_ns > seats[i].due_ns + SOAK_GRACE_MS * INT64_C(1000000)) {
            soak_fail("caller %d has no answer %lld ms after its deadline: %s "
                      "%.200s",
                      i, (long long)(now_ns - seats[i].due_ns) / 1000000,
                      seats[i].call->tool, seats[i].call->input);
            seats[i].due_ns = now_ns; /* once in a while */
        }
        pthread_mutex_unlock(&seats[i].mutex);
    }
}

static unsigned busy_seats(void)
{
    unsigned count = 0;

    for (int i = 0; i < SOAK_CALLERS; i++) {
        pthread_mutex_lock(&seats[i].mutex);
        count += seats[i].call != NULL;
        pthread_mutex_unlock(&seats[i].mutex);
    }
    return count;
}

bool soak_callers_pause(void)
{
    int64_t end_ns = bx_now_ns() + INT64_C(100000000000);

    pthread_mutex_lock(&gate);
    is_open = false;
    pthread_mutex_unlock(&gate);
    /* One may be between the gate and its call. */
    soak_sleep_us(50000);
    while (busy_seats() > 0) {
        soak_callers_look();
        if (bx_now_ns() > end_ns) {
            soak_fail("calls without an answer: %u", busy_seats());
            return false;
        }
        soak_sleep_us(5000);
    }
    return true;
}

void soak_callers_end(void)
{
    atomic_store(&soak_all.is_over, true);
    soak_callers_go();
    for (int i = 0; i < SOAK_CALLERS; i++)
        pthread_join(seats[i].thread, NULL);
    pthread_join(canceller, NULL);
    for (int i = 0; i <= SOAK_PROBER; i++)
        close(seats[i].record_fd);
}

const soak_caller *soak_callers_get(unsigned number)
{
    return &seats[number].caller;
}

void soak_callers_probe(void)
{
    seat *at = &seats[SOAK_PROBER];

    for (unsigned side = 0; side < 2; side++) {
        /* First a file, that others read. */
        (void)make_call(at, 4, side, PROBE_MS, false, true);
        for (unsigned kind = 0; kind < SOAK_FIRST_BAD; kind++) {
            /* A session is lost with its worker; the next call of the name has
             * another. */
            unsigned tries = kind == SOAK_LIVE ? SOAK_SESSIONS + 1 : 1;

            while (tries > 0 &&
                   !make_call(at, kind, side, PROBE_MS, false, true))
                tries--;
            if (tries == 0)
                soak_fail("after the spell: kind %u of side %u did not work",
                          kind, side);
        }
    }
}

/* ---- the audit log --------------------------------------------------- */

static void count_line(const json_t *line, unsigned char *const *seen)
{
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *caller = json_string_value(json_object_get(line, "caller"));
    unsigned number;
    unsigned long long call;

    if (event == NULL || caller == NULL || strcmp(event, "call") != 0 ||
        sscanf(caller, "soak-%u-%llu", &number, &call) != 2)
        return;
    if (number > SOAK_PROBER || call >= LEDGER)
        soak_fail("the audit log has a call of nobody: %s", caller);
    else if (seen[number][call] < 255)
        seen[number][call]++;
}

static bool read_log(const char *path, unsigned char *const *seen)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    uint64_t lines = 0;

    if (file == NULL)
        return false;
    while (getline(&text, &room, file) > 0) {
        json_t *line = json_loads(text, 0, NULL);

        lines++;
        if (line == NULL)
            soak_fail("'%s' line %llu is no JSON", path,
                      (unsigned long long)lines);
        count_line(line, seen);
        json_decref(line);
    }
    free(text);
    fclose(file);
    return true;
}

static void compare(const seat *at, const unsigned char *seen)
{
    unsigned told = 0;

    for (uint64_t i = 0; i < at->caller.calls; i++) {
        bool is_right =
            seen[i] == 1 || (seen[i] == 0 && at->ledger[i] == LEDGER_MAYBE);

        if (!is_right && told++ < 5)
            soak_fail("call soak-%u-%llu stands %u times in the audit log",
                      at->caller.number, (unsigned long long)i, seen[i]);
    }
}

void soak_callers_audit(void)
{
    unsigned char *seen[SOAK_CALLERS + 1];
    char path[256];

    for (int i = 0; i <= SOAK_PROBER; i++) {
        seen[i] = mmap(NULL, LEDGER, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (seen[i] == MAP_FAILED)
            soak_die("memory", NULL);
    }
    for (unsigned i = 1; i < 10000; i++) {
        snprintf(path, sizeof(path), "%s.%u", soak_all.audit_path, i);
        if (!read_log(path, seen))
            break;
    }
    if (!read_log(soak_all.audit_path, seen))
        soak_fail("there is no audit log");
    for (int i = 0; i <= SOAK_PROBER; i++) {
        compare(&seats[i], seen[i]);
        munmap(seen[i], LEDGER);
    }
}
