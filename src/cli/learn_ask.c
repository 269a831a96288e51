/* Asking a person, on the terminal itself: the guest may have stdin. Names are
 * the guest's and are escaped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/learner.h"

static const struct {
    const char *kind;
    const char *words; /* before the name */
    const char *every; /* without one */
} kinds[] = {
    { "fs.read", "read", "read" },
    { "fs.list", "list the folder", "list" },
    { "fs.write", "write", "write" },
    { "fs.stat", "look at", "look at" },
    { "network", "connect to", "connect to" },
    { "env", "see the variable", "see of variables" },
    { "exec", "run the program", "run of programs" },
    { "tool", "call the tool", "call of tools" },
};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static size_t kind_index(const char *kind)
{
    size_t i = 0;

    while (i < KINDS_COUNT - 1 && strcmp(kinds[i].kind, kind) != 0)
        i++;
    return i;
}

/* The grant that "all" adds: beneath the path's folder, of the host, of the
 * kind. Owned by the caller. */
static char *wider(const bx_need_event *need)
{
    const char *kind =
        strcmp(need->kind, "fs.stat") == 0 || strcmp(need->kind, "fs.list") == 0
            ? "fs.read"
            : need->kind;
    const char *host = strstr(need->target, "://");
    const char *slash = strrchr(need->target, '/');
    char *text = NULL;
    int bytes;

    if (strncmp(kind, "fs.", 3) == 0 && slash != NULL)
        bytes =
            asprintf(&text, "%s:%.*s", kind,
                     slash == need->target ? 1 : (int)(slash - need->target),
                     need->target);
    else if (host != NULL)
        bytes =
            asprintf(&text, "network:*://%.*s:*",
                     (int)(strrchr(need->target, ':') - host - 3), host + 3);
    else
        bytes = asprintf(&text, "%s:*", kind);
    return bytes < 0 ? NULL : text;
}

static void put_name(FILE *out, const char *name)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, name, strlen(name), SIZE_MAX) == 0)
        fputs(shown.data, out);
}

static void put_question(FILE *out, const bx_need_event *need, const char *all)
{
    size_t kind = kind_index(need->kind);

    fprintf(out, "\nboxagnts: it wants to %s ", kinds[kind].words);
    put_name(out, need->target);
    fputs("\n  y  allow; of a folder, with all beneath it\n  n  deny\n"
          "  a  allow ",
          out);
    put_name(out, all);
    fprintf(out,
            "\n  d  deny it, and whatever else it wants to %s\n"
            "  q  stop\n",
            kinds[kind].every);
}

/* The first letter of a line; 'q' at the end or when interrupted. */
static char read_answer(FILE *terminal)
{
    char line[64];
    char answer;

    errno = 0;
    if (fgets(line, sizeof(line), terminal) == NULL)
        return 'q';
    answer = line[0];
    while (strchr(line, '\n') == NULL &&
           fgets(line, sizeof(line), terminal) != NULL)
        ;
    return answer;
}

static char ask(FILE *terminal)
{
    for (;;) {
        char answer;

        fputs("allow? [y/n/a/d/q] ", terminal);
        fflush(terminal);
        answer = read_answer(terminal);
        if (answer != '\0' && strchr("ynadq", answer) != NULL)
            return answer;
    }
}

static void note_look(bx_learner *learner, const char *path)
{
    char **grown = reallocarray((void *)learner->looked_at,
                                learner->looked_at_count + 1, sizeof(*grown));

    if (grown == NULL)
        return;
    learner->looked_at = grown;
    grown[learner->looked_at_count] = strdup(path);
    if (grown[learner->looked_at_count] != NULL)
        learner->looked_at_count++;
}

static bool was_looked_at(const bx_learner *learner, const bx_need_event *need)
{
    if (strcmp(need->kind, "fs.read") != 0)
        return false;
    for (size_t i = 0; i < learner->looked_at_count; i++) {
        if (strcmp(learner->looked_at[i], need->target) == 0)
            return true;
    }
    return false;
}

/* The grant of a path holds for all beneath it, so that is allowed with it. */
static void allow_beneath(bx_learner *learner, const bx_need_event *need)
{
    bx_autofree char *grant = NULL;

    const char *kind =
        strcmp(need->kind, "fs.list") == 0 ? "fs.read" : need->kind;

    if (strcmp(kind, "fs.stat") == 0)
        note_look(learner, need->target);
    if (strcmp(kind, "fs.read") != 0 && strcmp(kind, "fs.write") != 0)
        return;
    if (asprintf(&grant, "%s:%s", kind, need->target) < 0)
        grant = NULL;
    else
        (void)bx_grants_add(learner->allow, grant, "allowed", NULL);
}

bool bx_learner_ask(bx_learner *learner, const bx_need_event *need)
{
    bx_autofree char *all = wider(need);
    bool *denies_all = &learner->denies_all[kind_index(need->kind)];

    if (was_looked_at(learner, need))
        return true;
    if (*denies_all || learner->terminal == NULL || all == NULL)
        return false;
    put_question(learner->terminal, need, all);
    switch (ask(learner->terminal)) {
    case 'y':
        allow_beneath(learner, need);
        return true;
    case 'a':
        /* A host that no pattern can name is allowed this once. */
        (void)bx_grants_add(learner->allow, all, "all", NULL);
        return true;
    case 'd':
        *denies_all = true;
        return false;
    case 'q':
        learner->is_stopped = true;
        if (learner->cancel != NULL)
            bx_cancel_trigger(learner->cancel);
        return false;
    default:
        return false;
    }
}
