/* A recorded or played run from its begin to its end. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "policy/pack.h"
#include "sandbox/record.h"
#include "sandbox/result.h"

/* ---- the head ------------------------------------------------------- */

static int put_text(char **at, const char *text)
{
    *at = strdup(text);
    return *at == NULL ? -1 : 0;
}

/* Where the module lies, when its name is a path. */
static char *path_of(const char *name)
{
    struct stat stat_of;

    return stat(name, &stat_of) == 0 && S_ISREG(stat_of.st_mode)
               ? realpath(name, NULL)
               : NULL;
}

static int put_words(bx_record_words *words, size_t count,
                     const char *const *list)
{
    for (size_t i = 0; i < count; i++) {
        if (bx_record_words_add(words, list[i]) < 0)
            return -1;
    }
    return 0;
}

static int put_policy_env(bx_record_words *words, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->env_count; i++) {
        bx_autofree char *word = NULL;

        if (asprintf(&word, "%s=%s", policy->env[i].name,
                     policy->env[i].value) < 0) {
            word = NULL;
            return -1;
        }
        if (bx_record_words_add(words, word) < 0)
            return -1;
    }
    return 0;
}

static int make_head(const bx_instance *instance, size_t argc,
                     const char *const *argv, const bx_run_extra *extra,
                     bx_record_head *head)
{
    const bx_sandbox *sandbox = instance->sandbox;
    const bx_policy *policy = sandbox->policy;

    head->module_path = path_of(sandbox->name);
    memcpy(head->module_digest, sandbox->digest, sizeof(head->module_digest));
    if (bx_policy_pack(policy, &head->policy, NULL) < 0)
        return -1;
    bx_sha256(head->policy.data, head->policy.len, head->policy_digest);
    head->limits = policy->limits;
    head->limits.memory_bytes = instance->limiter.max_memory_bytes;
    head->limits.fuel_units = instance->fuel_units;
    head->created_s = (uint64_t)time(NULL);
    head->is_deterministic = policy->is_deterministic;
    head->seed = policy->seed;
    head->has_fuel = sandbox->variant->has_fuel;
    head->is_component = sandbox->prepared->component != NULL;
    if (asprintf(&head->program, "boxagnts %s, Wasmtime %s", bx_version(),
                 bx_engine_version()) < 0) {
        head->program = NULL;
        return -1;
    }
    if (extra->invocation != NULL &&
        (put_text(&head->function, extra->invocation->function) < 0 ||
         put_text(&head->args, extra->invocation->args) < 0))
        return -1;
    if (put_text(&head->module_name, sandbox->name) < 0 ||
        put_words(&head->argv, argc, argv) < 0)
        return -1;
    return extra->env != NULL
               ? put_words(&head->env, extra->env_count, extra->env)
               : put_policy_env(&head->env, policy);
}

/* ---- begin ---------------------------------------------------------- */

/* Note what is needed, and ask whoever wants to be asked. */
static bool on_need(void *context, const bx_need_event *event)
{
    bx_record *record = context;

    bx_recorder_need(record->tape.recorder, event->kind, event->target);
    return record->need == NULL || record->need(record->need_context, event);
}

static int start_recorder(bx_instance *instance, size_t argc,
                          const char *const *argv,
                          const bx_run_options *options,
                          const bx_run_extra *extra, bx_error **err)
{
    bx_record *record = instance->record;
    bx_record_head head = { 0 };
    bx_record_sink sink;
    bx_recorder_config config = { .sink = &sink,
                                  .max_bytes = options->record_max_bytes == 0
                                                   ? BX_RECORD_DEFAULT_BYTES
                                                   : options->record_max_bytes,
                                  .names = bx_record_names(),
                                  .names_count = BX_TAPE_CALLS,
                                  .run = &instance->run,
                                  .head = &head };

    if (extra->record != NULL)
        sink = *extra->record;
    else if (bx_record_sink_of_fd(options->record_fd, &sink, err) < 0)
        return -1;
    if (make_head(instance, argc, argv, extra, &head) < 0)
        bx_error_set(err, BX_ERR_LIMIT,
                     "recording: no memory, or more than %u arguments or "
                     "variables",
                     BX_RECORD_WORDS);
    else
        record->tape.recorder = bx_recorder_new(&config, err);
    bx_record_head_clear(&head);
    if (record->tape.recorder == NULL)
        return -1;
    record->need = instance->run.need;
    record->need_context = instance->run.need_context;
    instance->run.need = on_need;
    instance->run.need_context = record;
    instance->run.is_need_noted = record->need == NULL;
    return 0;
}

static void start_player(bx_instance *instance, bx_player *player)
{
    const bx_record_head *head = bx_recording_head(bx_player_recording(player));

    instance->record->tape.player = player;
    instance->run.is_deterministic = head->is_deterministic;
    instance->run.seed = head->seed;
    /* Stopped before its first call. */
    if (bx_player_is_stopped(player))
        instance->run.deadline_ns = 0;
}

int bx_record_open(bx_instance *instance, size_t argc, const char *const *argv,
                   const bx_run_options *options, const bx_run_extra *extra,
                   bx_error **err)
{
    if (options->record_fd < 0 && extra->record == NULL &&
        extra->player == NULL)
        return 0;
    instance->record = calloc(1, sizeof(*instance->record));
    if (instance->record == NULL)
        return bx_error_set_nomem(err);
    if (extra->player == NULL)
        return start_recorder(instance, argc, argv, options, extra, err);
    start_player(instance, extra->player);
    return 0;
}

/* ---- end ------------------------------------------------------------ */

static void finish_playing(bx_instance *instance, bx_result *result,
                           bx_record_end *end)
{
    bx_player *player = instance->record->tape.player;
    const bx_record_end *then = bx_recording_end(bx_player_recording(player));
    bool is_stopped =
        bx_player_is_stopped(player) &&
        (then->code == BX_ERR_TIMEOUT || then->code == BX_ERR_CANCELLED);
    const bx_error *failed;

    bx_player_finish(player, end);
    if (is_stopped && bx_player_difference(player, &failed) == NULL)
        bx_result_end(result, then->code, strdup(then->message));
}

int bx_record_finish(bx_instance *instance, bx_result *result, int returned,
                     bx_error **err)
{
    bx_record *record = instance->record;
    bx_autoerror bx_error *failed = NULL;
    bx_record_end end = { .is_failed = returned < 0,
                          .code = result->code,
                          .exit_code = result->exit_code,
                          .message = result->message };

    if (record == NULL)
        return returned;
    record->tape.is_over = true;
    if (returned < 0 && err != NULL)
        end.code = bx_error_code(*err);
    if (result->value != NULL) {
        end.value.bytes = strlen(result->value);
        bx_sha256(result->value, end.value.bytes, end.value.digest);
    }
    if (record->tape.player != NULL) {
        finish_playing(instance, result, &end);
        return returned;
    }
    if (bx_recorder_finish(record->tape.recorder, &end, &failed) == 0 ||
        returned < 0)
        return returned;
    if (err != NULL) {
        *err = bx_take(failed);
        bx_error_wrap(err, "the run was ended");
    }
    return -1;
}

void bx_record_close(bx_instance *instance)
{
    bx_record *record = instance->record;

    if (record == NULL)
        return;
    bx_recorder_free(record->tape.recorder);
    bx_buf_clear(&record->scratch);
    for (size_t i = 0; i < record->kept_count; i++)
        free(record->kept[i]);
    free(record->kept);
    free(record->exchanges);
    free(record);
    instance->record = NULL;
}
