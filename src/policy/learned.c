/* Names come from a guest: each is checked as a grant's text would be, and all
 * together are bounded. */
#include "policy/learned.h"

#include <string.h>

#include "policy/layer.h"
#include "policy/learned_paths.h"
#include "policy/need.h"

/* Kinds that are not of paths, in the order of a manifest. */
static const char *const name_kinds[] = { "network", "env", "exec", "tool" };
#define NAME_KINDS (sizeof(name_kinds) / sizeof(name_kinds[0]))

typedef struct text_list {
    char **texts;
    size_t count;
    size_t cap;
} text_list;

struct bx_learned {
    bx_learned_paths paths;
    text_list names[NAME_KINDS]; /* "network:https://host:443" */
    size_t count;
    size_t bytes;
};

bx_learned *bx_learned_new(void)
{
    return calloc(1, sizeof(bx_learned));
}

void bx_learned_free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts != NULL && i < count; i++)
        free(texts[i]);
    free((void *)texts);
}

void bx_learned_free(bx_learned *learned)
{
    if (learned == NULL)
        return;
    bx_learned_paths_clear(&learned->paths);
    for (size_t i = 0; i < NAME_KINDS; i++)
        bx_learned_free_texts(learned->names[i].texts, learned->names[i].count);
    free(learned);
}

/* Takes text. */
static int put_text(text_list *list, char *text, bx_error **err)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        char **grown = realloc((void *)list->texts, cap * sizeof(*grown));

        if (grown == NULL) {
            free(text);
            return bx_error_set_nomem(err);
        }
        list->texts = grown;
        list->cap = cap;
    }
    list->texts[list->count++] = text;
    return 0;
}

static int charge(bx_learned *learned, size_t bytes, bx_error **err)
{
    if (learned->count == BX_LEARNED_MAX ||
        learned->bytes + bytes > BX_LEARNED_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "more than %u capabilities or %u bytes of their "
                            "names are not learned",
                            BX_LEARNED_MAX, BX_LEARNED_MAX_BYTES);
    learned->count++;
    learned->bytes += bytes;
    return 0;
}

/* A path that a grant can say: the one told is canonical already. */
static int check_path(const char *path, bx_error **err)
{
    bx_autofree char *parsed = bx_guest_path_parse(path, err);

    if (parsed == NULL)
        return -1;
    return strcmp(parsed, path) == 0
               ? 0
               : bx_error_set(err, BX_ERR_INVALID, "not a canonical path");
}

static int add_path(bx_learned *learned, unsigned use, const char *path,
                    bx_error **err)
{
    if (check_path(path, err) < 0 || charge(learned, strlen(path), err) < 0)
        return -1;
    return bx_learned_paths_add(&learned->paths, use, path, err);
}

static int add_move(bx_learned *learned, const char *target, bx_error **err)
{
    bx_autofree char *from = NULL;
    const char *to;

    if (!bx_need_split_move(target, &from, &to))
        return bx_error_set(err, BX_ERR_INVALID, "not a move");
    if (check_path(from, err) < 0 || check_path(to, err) < 0 ||
        charge(learned, strlen(target), err) < 0)
        return -1;
    return bx_learned_paths_add_move(&learned->paths, from, to, err);
}

static int add_name(bx_learned *learned, size_t kind, const char *target,
                    bx_error **err)
{
    bx_autogrants bx_grants *probe = bx_grants_new();
    char *text;

    if (probe == NULL || asprintf(&text, "%s:%s", name_kinds[kind], target) < 0)
        return bx_error_set_nomem(err);
    /* A name with '*' at its end would be a pattern of many. */
    if (kind > 0 && strchr(target, '*') != NULL) {
        free(text);
        return bx_error_set(err, BX_ERR_INVALID, "a name with '*' in it");
    }
    if (bx_grants_add(probe, text, "", err) < 0 ||
        charge(learned, strlen(text), err) < 0) {
        free(text);
        return -1;
    }
    for (size_t i = 0; i < learned->names[kind].count; i++) {
        if (strcmp(learned->names[kind].texts[i], text) == 0) {
            free(text);
            return 0;
        }
    }
    return put_text(&learned->names[kind], text, err);
}

int bx_learned_add(bx_learned *learned, const char *kind, const char *target,
                   bx_error **err)
{
    static const struct {
        const char *kind;
        unsigned use;
    } path_kinds[] = {
        { "fs.read", BX_LEARNED_READ },    { "fs.list", BX_LEARNED_READ },
        { "fs.write", BX_LEARNED_WRITE },  { "fs.stat", BX_LEARNED_SEE },
        { "fs.remove", BX_LEARNED_WHOLE },
    };

    for (size_t i = 0; i < sizeof(path_kinds) / sizeof(path_kinds[0]); i++) {
        if (strcmp(path_kinds[i].kind, kind) == 0)
            return add_path(learned, path_kinds[i].use, target, err);
    }
    if (strcmp(kind, "fs.move") == 0)
        return add_move(learned, target, err);
    for (size_t i = 0; i < NAME_KINDS; i++) {
        if (strcmp(name_kinds[i], kind) == 0)
            return add_name(learned, i, target, err);
    }
    return bx_error_set(err, BX_ERR_INVALID, "no kind of capability '%.32s'",
                        kind);
}

/* ---- grants --------------------------------------------------------- */

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int put_paths(text_list *out, const bx_learned_paths *paths,
                     unsigned use, const char *prefix, bx_error **err)
{
    for (size_t i = 0; i < paths->count; i++) {
        char *text;

        if ((paths->items[i].kept & use) == 0)
            continue;
        if (asprintf(&text, "%s:%s", prefix,
                     paths->items[i].len == 0 ? "/" : paths->items[i].path) < 0)
            return bx_error_set_nomem(err);
        if (put_text(out, text, err) < 0)
            return -1;
    }
    return 0;
}

/* To look a host's name up needs no grant where a request to it has one. */
static bool is_lookup_of_other(const text_list *names, size_t at)
{
    static const char any[] = "network:*://";
    const char *host = names->texts[at] + strlen(any);
    size_t bytes = strlen(names->texts[at]);

    if (strncmp(names->texts[at], any, strlen(any)) != 0 ||
        strcmp(names->texts[at] + bytes - 2, ":*") != 0)
        return false;
    bytes = strlen(host) - 1; /* with the ':' */
    for (size_t i = 0; i < names->count; i++) {
        const char *other = strstr(names->texts[i], "://");

        if (i != at && other != NULL && strncmp(other + 3, host, bytes) == 0 &&
            strchr(other + 3 + bytes, ':') == NULL)
            return true;
    }
    return false;
}

static int put_names(text_list *out, const text_list *names, bx_error **err)
{
    size_t begin = out->count;

    for (size_t i = 0; i < names->count; i++) {
        char *copy;

        if (is_lookup_of_other(names, i))
            continue;
        copy = strdup(names->texts[i]);
        if (copy == NULL)
            return bx_error_set_nomem(err);
        if (put_text(out, copy, err) < 0)
            return -1;
    }
    if (out->count > begin)
        qsort((void *)(out->texts + begin), out->count - begin, sizeof(char *),
              compare_texts);
    return 0;
}

int bx_learned_reduce(const bx_learned *learned, char ***ret_grants,
                      size_t *ret_count, bool *ret_is_cut, bx_error **err)
{
    bx_learned_paths paths;
    text_list out = { NULL, 0, 0 };
    size_t names = 0;
    int failed;

    for (size_t i = 0; i < NAME_KINDS; i++)
        names += learned->names[i].count;
    if (names > BX_LEARNED_GRANTS_MAX)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%zu hosts, variables, programs and tools are more "
                            "than the %u grants of a manifest",
                            names, BX_LEARNED_GRANTS_MAX);
    failed =
        bx_learned_paths_reduce(&learned->paths, BX_LEARNED_GRANTS_MAX - names,
                                &paths, ret_is_cut, err);
    if (failed < 0)
        return -1;
    if (put_paths(&out, &paths, BX_LEARNED_READ, "fs.read", err) < 0 ||
        put_paths(&out, &paths, BX_LEARNED_WRITE, "fs.write", err) < 0)
        failed = -1;
    for (size_t i = 0; failed == 0 && i < NAME_KINDS; i++)
        failed = put_names(&out, &learned->names[i], err);
    bx_learned_paths_clear(&paths);
    if (failed < 0) {
        bx_learned_free_texts(out.texts, out.count);
        return -1;
    }
    *ret_grants = out.texts;
    *ret_count = out.count;
    return 0;
}
