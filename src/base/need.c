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
#define TEXTS_BYTES 16384u /* names that share one allocation */

typedef struct need {
    const char *kind;   /* static texts of the host's */
    const char *target; /* in texts */
    uint32_t bytes;
    bool is_given;
} need;

typedef struct slot {
    uint32_t hash;
    uint32_t number; /* of the need, from 1; 0: the slot is free */
} slot;

typedef struct texts {
    struct texts *next;
    size_t used;
    size_t size;
    char data[];
} texts;

struct bx_needs {
    slot *slots;
    size_t slots_count; /* a power of two, at most half of them used */
    need *list;         /* half as many */
    size_t used;
    texts *texts;
    size_t text_bytes;
    uint64_t key[2];
};

__extension__ typedef unsigned __int128 wide;

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash(const struct bx_needs *needs, const char *kind,
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
    return (uint32_t)mix(state, needs->key[0]);
}

/* The slot that has it, or the free one where it would be. */
static slot *find(const struct bx_needs *needs, const need *sought,
                  uint32_t sought_hash)
{
    size_t mask = needs->slots_count - 1;
    size_t at = sought_hash & mask;

    for (;; at = (at + 1) & mask) {
        slot *here = &needs->slots[at];
        const need *there;

        if (here->number == 0)
            return here;
        if (here->hash != sought_hash)
            continue;
        there = &needs->list[here->number - 1];
        if (there->bytes == sought->bytes &&
            strcmp(there->kind, sought->kind) == 0 &&
            memcmp(there->target, sought->target, sought->bytes) == 0)
            return here;
    }
}

static struct bx_needs *make(void)
{
    struct bx_needs *needs = calloc(1, sizeof(*needs));

    if (needs == NULL)
        return NULL;
    needs->slots = calloc(SLOTS_FIRST, sizeof(*needs->slots));
    needs->list = malloc(SLOTS_FIRST / 2 * sizeof(*needs->list));
    if (needs->slots == NULL || needs->list == NULL ||
        getrandom(needs->key, sizeof(needs->key), 0) !=
            (ssize_t)sizeof(needs->key)) {
        free(needs->slots);
        free(needs->list);
        free(needs);
        return NULL;
    }
    needs->key[0] |= 1; /* a factor of zero would mix nothing */
    needs->key[1] |= 1;
    needs->slots_count = SLOTS_FIRST;
    return needs;
}

static void free_texts(texts *first)
{
    while (first != NULL) {
        texts *next = first->next;

        free(first);
        first = next;
    }
}

/* They differ, so each goes to the first slot that is free. */
static bool grow(struct bx_needs *needs)
{
    size_t size = needs->slots_count * 2;
    slot *grown = calloc(size, sizeof(*grown));
    need *list = realloc(needs->list, size / 2 * sizeof(*list));

    if (list != NULL)
        needs->list = list;
    if (list == NULL || grown == NULL) {
        free(grown);
        return false;
    }
    for (size_t i = 0; i < needs->slots_count; i++) {
        size_t at = needs->slots[i].hash & (size - 1);

        if (needs->slots[i].number == 0)
            continue;
        while (grown[at].number != 0)
            at = (at + 1) & (size - 1);
        grown[at] = needs->slots[i];
    }
    free(needs->slots);
    needs->slots = grown;
    needs->slots_count = size;
    return true;
}

/* A copy with a NUL at its end, where the next one goes unless it is kept. */
static char *copy_of(texts **first, const char *target, size_t bytes)
{
    texts *at = *first;

    if (at == NULL || at->size - at->used <= bytes) {
        size_t size = bytes < TEXTS_BYTES ? TEXTS_BYTES : bytes + 1;

        at = malloc(sizeof(*at) + size);
        if (at == NULL)
            return NULL;
        *at = (texts){ .next = *first, .size = size };
        *first = at;
    }
    memcpy(at->data + at->used, target, bytes);
    at->data[at->used + bytes] = '\0';
    return at->data + at->used;
}

/* What does not fit, or finds no memory, is asked again. place: where it would
 * be. */
static bool keep(struct bx_needs *needs, slot *place, const need *asked,
                 uint32_t asked_hash)
{
    if (needs->used == NEEDS_MAX ||
        needs->text_bytes + asked->bytes > TEXT_MAX_BYTES)
        return false;
    if ((needs->used + 1) * 2 > needs->slots_count) {
        if (!grow(needs))
            return false;
        place = find(needs, asked, asked_hash);
    }
    needs->list[needs->used++] = *asked;
    *place = (slot){ asked_hash, (uint32_t)needs->used };
    needs->text_bytes += asked->bytes;
    needs->texts->used += asked->bytes + 1;
    return true;
}

static bool ask(bx_run *run, const char *kind, const char *target)
{
    const bx_need_event event = { .kind = kind, .target = target };
    int64_t paused_ns;
    bool is_given;

    if (run->is_need_noted)
        return run->need(run->need_context, &event);
    paused_ns = bx_run_pause(run);
    is_given = run->need(run->need_context, &event);
    bx_run_resume(run, paused_ns);
    return is_given;
}

/* Without the table, so that the next time it is asked again. */
static bool ask_once(bx_run *run, const char *kind, const char *target,
                     size_t bytes)
{
    texts *only = NULL;
    const char *copy = copy_of(&only, target, bytes);
    bool is_given = copy != NULL && ask(run, kind, copy);

    free_texts(only);
    return is_given;
}

bool bx_run_need(bx_run *run, const char *kind, const char *target,
                 size_t target_bytes)
{
    need asked = { .kind = kind, .target = target };
    struct bx_needs *needs;
    uint32_t asked_hash;
    slot *place;

    if (run->need == NULL)
        return true;
    if (run->needs == NULL)
        run->needs = make();
    needs = run->needs;
    if (needs == NULL || target_bytes > TEXT_MAX_BYTES)
        return ask_once(run, kind, target, target_bytes);
    asked.bytes = (uint32_t)target_bytes;
    asked_hash = hash(needs, kind, target, target_bytes);
    place = find(needs, &asked, asked_hash);
    if (place->number != 0)
        return needs->list[place->number - 1].is_given;
    asked.target = copy_of(&needs->texts, target, target_bytes);
    if (asked.target == NULL)
        return false;
    asked.is_given = ask(run, kind, asked.target);
    if (!keep(needs, place, &asked, asked_hash) && needs->texts->used == 0) {
        texts *unused = needs->texts;

        needs->texts = unused->next;
        free(unused);
    }
    return asked.is_given;
}

void bx_run_forget_needs(bx_run *run)
{
    if (run->needs == NULL)
        return;
    free_texts(run->needs->texts);
    free(run->needs->slots);
    free(run->needs->list);
    free(run->needs);
    run->needs = NULL;
}
