/* What a run was asked so far: one capability each, and the answer. The names
 * are the guest's, and so is how many there are: the table is bounded, and its
 * hash has a key that no guest knows. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/run.h"

#define NEEDS_MAX 65536u        /* kept; a power of two */
#define TEXT_MAX_BYTES 8388608u /* of all names kept */
#define SLOTS_FIRST 64u

typedef struct need {
    const char *kind; /* static texts of the host's */
    char *target;     /* NULL: the slot is free */
    size_t bytes;
    bool is_given;
} need;

struct bx_needs {
    need *slots;
    size_t slots_count; /* a power of two, at most half of them used */
    size_t used;
    size_t text_bytes;
    uint64_t key[2];
};

__extension__ typedef unsigned __int128 wide;

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct bx_needs *needs, const char *kind,
                     const char *target, size_t bytes)
{
    uint64_t state = needs->key[0] ^ bytes;

    for (size_t i = 0; kind[i] != '\0'; i++)
        state = mix(state ^ (unsigned char)kind[i], needs->key[1]);
    while (bytes > 0) {
        size_t part = bytes < 8 ? bytes : 8;
        uint64_t word = 0;

        memcpy(&word, target, part);
        state = mix(state ^ word, needs->key[1]);
        target += part;
        bytes -= part;
    }
    return mix(state, needs->key[0]);
}

/* The slot that has it, or the free one where it would be. */
static need *find(const struct bx_needs *needs, const char *kind,
                  const char *target, size_t bytes)
{
    size_t mask = needs->slots_count - 1;
    size_t at = (size_t)hash(needs, kind, target, bytes) & mask;

    for (;; at = (at + 1) & mask) {
        need *slot = &needs->slots[at];

        if (slot->target == NULL ||
            (slot->bytes == bytes && strcmp(slot->kind, kind) == 0 &&
             memcmp(slot->target, target, bytes) == 0))
            return slot;
    }
}

static struct bx_needs *make(void)
{
    struct bx_needs *needs = calloc(1, sizeof(*needs));

    if (needs == NULL)
        return NULL;
    needs->slots = calloc(SLOTS_FIRST, sizeof(*needs->slots));
    if (needs->slots == NULL || getrandom(needs->key, sizeof(needs->key), 0) !=
                                    (ssize_t)sizeof(needs->key)) {
        free(needs->slots);
        free(needs);
        return NULL;
    }
    needs->key[0] |= 1; /* a factor of zero would mix nothing */
    needs->key[1] |= 1;
    needs->slots_count = SLOTS_FIRST;
    return needs;
}

static bool grow(struct bx_needs *needs)
{
    need *old = needs->slots;
    size_t old_count = needs->slots_count;
    need *grown = calloc(old_count * 2, sizeof(*grown));

    if (grown == NULL)
        return false;
    needs->slots = grown;
    needs->slots_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].target != NULL)
            *find(needs, old[i].kind, old[i].target, old[i].bytes) = old[i];
    }
    free(old);
    return true;
}

/* What does not fit, or finds no memory, is asked again. */
static void keep(struct bx_needs *needs, const char *kind, char *target,
                 size_t bytes, bool is_given)
{
    need *slot;

    if (needs->used == NEEDS_MAX ||
        needs->text_bytes + bytes > TEXT_MAX_BYTES ||
        ((needs->used + 1) * 2 > needs->slots_count && !grow(needs))) {
        free(target);
        return;
    }
    slot = find(needs, kind, target, bytes);
    *slot = (need){ kind, target, bytes, is_given };
    needs->used++;
    needs->text_bytes += bytes;
}

bool bx_run_need(bx_run *run, const char *kind, const char *target,
                 size_t target_bytes)
{
    bx_need_event event = { .kind = kind };
    const need *known;
    char *copy;
    int64_t paused_ns;
    bool is_given;

    if (run->need == NULL)
        return true;
    if (run->needs == NULL)
        run->needs = make();
    if (run->needs != NULL) {
        known = find(run->needs, kind, target, target_bytes);
        if (known->target != NULL)
            return known->is_given;
    }
    copy = malloc(target_bytes + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, target, target_bytes);
    copy[target_bytes] = '\0';
    event.target = copy;
    paused_ns = bx_run_pause(run);
    is_given = run->need(run->need_context, &event);
    bx_run_resume(run, paused_ns);
    if (run->needs != NULL)
        keep(run->needs, kind, copy, target_bytes, is_given);
    else
        free(copy);
    return is_given;
}

void bx_run_forget_needs(bx_run *run)
{
    if (run->needs == NULL)
        return;
    for (size_t i = 0; i < run->needs->slots_count; i++)
        free(run->needs->slots[i].target);
    free(run->needs->slots);
    free(run->needs);
    run->needs = NULL;
}
