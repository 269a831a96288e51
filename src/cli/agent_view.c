#include "cli/agent_view.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/models/message.h"
#include "cli/cli.h"
#include "cli/markdown.h"
#include "cli/view_call.h"
#include "cli/view_sums.h"
#include "cli/view_merge.h"

#define RESULT_LINES 3u
#define OPEN_MAX 64u
#define DEPTH_MAX 4u
#define TICK_NS 120000000L
#define NAME_CELLS 40u

typedef struct open_call {
    char id[64];
    char name[68];
} open_call;

struct bx_agent_view {
    bx_view_kind kind;
    bx_screen text;   /* of the model */
    bx_screen notes;  /* of everything else */
    bx_screen *out;   /* notes: on a terminal the same as text */
    bx_screen *words; /* of the model, but for last ones that wait */
    bool streams;     /* none wait */
    bool has_air;     /* blank lines between words and calls: all of it is for
                       * people */
    bx_markdown *markdown;
    bool is_speaking; /* the cursor may stand in a line of the model's */
    bool has_spoken;  /* words were streamed since the agent began */
    bool has_above;   /* something stands above, without a blank line between */
    open_call open[OPEN_MAX];
    size_t open_count;
    char refused[64];   /* the call that was refused last */
    char last_call[64]; /* whose line was the last thing written */
    char speaker[16];   /* the sub-agent that was shown last; "" */
    json_t *plan;
    int64_t begin_ns;

    pthread_mutex_t lock; /* of all that is above */
    pthread_cond_t wake;
    pthread_t ticker;
    bool has_ticker;
    bool is_working;
    bool is_ending;
    bool has_status; /* the last line of the terminal is ours */
    unsigned ticks;
    const char *doing; /* static */
    bool is_quiet;     /* the terminal does not echo */
    struct termios terminal;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the last line ---- */

static void clear_status(bx_agent_view *view)
{
    if (!view->has_status)
        return;
    fputs("\r\033[K", view->out->out);
    view->has_status = false;
}

static int name_work(const bx_agent_view *view, bx_buf *text)
{
    const char *name = view->doing;

    if (view->open_count == 0)
        return bx_buf_puts(text, name);
    name = view->open[view->open_count - 1].name;
    if (view->open_count == 1)
        return bx_buf_puts(text, name);
    return bx_buf_printf(text, "%s and %zu more", name, view->open_count - 1);
}

static void put_status(bx_agent_view *view)
{
    static const char frames[] = "|/-\\";
    bx_autobuf bx_buf text = BX_BUF_INIT;
    int64_t seconds = (now_ns() - view->begin_ns) / 1000000000;
    bx_screen *out = view->out;

    if (view->is_speaking)
        return;
    clear_status(view);
    bx_screen_print(out, BX_LOOK_CYAN, "%c ", frames[view->ticks++ % 4]);
    if (name_work(view, &text) == 0 &&
        bx_buf_printf(&text, "  %lld s, Ctrl-C stops", (long long)seconds) == 0)
        bx_screen_put_line(out, BX_LOOK_DIM, text.data, text.len,
                           out->columns - 3);
    view->has_status = true;
    fflush(out->out);
}

static void *tick(void *context)
{
    bx_agent_view *view = context;

    pthread_mutex_lock(&view->lock);
    while (!view->is_ending) {
        struct timespec until;

        if (!view->is_working) {
            pthread_cond_wait(&view->wake, &view->lock);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        (void)pthread_cond_timedwait(&view->wake, &view->lock, &until);
        if (view->is_working)
            put_status(view);
    }
    pthread_mutex_unlock(&view->lock);
    return NULL;
}

/* Keys wait for the next prompt, and are not shown amid the answer. */
static void be_quiet(bx_agent_view *view, bool is_quiet)
{
    struct termios terminal;

    if (!isatty(STDIN_FILENO) || is_quiet == view->is_quiet)
        return;
    if (is_quiet) {
        if (tcgetattr(STDIN_FILENO, &view->terminal) < 0)
            return;
        terminal = view->terminal;
        terminal.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        if (tcsetattr(STDIN_FILENO, TCSANOW, &terminal) < 0)
            return;
    } else {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &view->terminal);
    }
    view->is_quiet = is_quiet;
}

/* ---- life ---- */

/* Who sees both streams in one place gets words as they come. Elsewhere stdout
 * is for the last words of a task, and it is only known at its end which these
 * are. */
static void find_screens(bx_agent_view *view)
{
    bx_screen_init(&view->text, stdout);
    bx_screen_init(&view->notes, stderr);
    view->streams = view->kind == BX_VIEW_CHAT ||
                    (view->text.is_terminal && view->notes.is_terminal);
    view->out =
        view->streams && view->text.is_terminal ? &view->text : &view->notes;
    view->words = view->streams ? &view->text : view->out;
    view->has_air = view->kind == BX_VIEW_RUN || view->text.is_terminal;
}

bx_agent_view *bx_agent_view_new(bx_view_kind kind, bx_error **err)
{
    bx_agent_view *view = calloc(1, sizeof(*view));

    if (view == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    view->kind = kind;
    find_screens(view);
    view->doing = "waiting for the model";
    pthread_mutex_init(&view->lock, NULL);
    pthread_cond_init(&view->wake, NULL);
    view->markdown = bx_markdown_new(view->words);
    if (view->markdown == NULL) {
        bx_error_set_nomem(err);
        bx_agent_view_free(view);
        return NULL;
    }
    /* Without the thread there is no last line, and nothing else is amiss. */
    view->has_ticker = view->out->is_terminal && !bx_cli_is_dumb() &&
                       pthread_create(&view->ticker, NULL, tick, view) == 0;
    return view;
}

void bx_agent_view_free(bx_agent_view *view)
{
    if (view == NULL)
        return;
    if (view->has_ticker) {
        pthread_mutex_lock(&view->lock);
        view->is_ending = true;
        pthread_cond_signal(&view->wake);
        pthread_mutex_unlock(&view->lock);
        pthread_join(view->ticker, NULL);
    }
    be_quiet(view, false);
    bx_markdown_free(view->markdown);
    json_decref(view->plan);
    pthread_cond_destroy(&view->wake);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

void bx_agent_view_begin(bx_agent_view *view)
{
    pthread_mutex_lock(&view->lock);
    bx_screen_measure(&view->text);
    bx_screen_measure(&view->notes);
    be_quiet(view, true);
    view->begin_ns = now_ns();
    view->open_count = 0;
    view->has_above = true;
    view->has_spoken = false;
    view->doing = "waiting for the model";
    view->is_working = true;
    pthread_cond_signal(&view->wake);
    pthread_mutex_unlock(&view->lock);
}

static void end_words(bx_agent_view *view)
{
    if (!view->is_speaking)
        return;
    bx_markdown_end(view->markdown);
    view->is_speaking = false;
}

void bx_agent_view_end(bx_agent_view *view)
{
    pthread_mutex_lock(&view->lock);
    view->is_working = false;
    end_words(view);
    clear_status(view);
    be_quiet(view, false);
    fflush(view->text.out);
    pthread_mutex_unlock(&view->lock);
}

bx_screen *bx_agent_view_hold(bx_agent_view *view)
{
    pthread_mutex_lock(&view->lock);
    end_words(view);
    clear_status(view);
    be_quiet(view, false);
    /* What was typed before the question stood there is no answer to it. */
    if (isatty(STDIN_FILENO))
        (void)tcflush(STDIN_FILENO, TCIFLUSH);
    return view->out;
}

void bx_agent_view_release(bx_agent_view *view)
{
    fflush(view->out->out);
    view->last_call[0] = '\0';
    if (view->is_working)
        be_quiet(view, true);
    pthread_mutex_unlock(&view->lock);
}

bx_screen *bx_agent_view_notes(bx_agent_view *view)
{
    return view->out;
}

bx_screen *bx_agent_view_text(bx_agent_view *view)
{
    return &view->text;
}

void bx_agent_view_problems(bx_agent_view *view, const json_t *problems)
{
    size_t i;
    json_t *problem;

    json_array_foreach(problems, i, problem)
    {
        const char *text = json_string_value(problem);

        if (text != NULL)
            bx_view_put_wrapped(view->out, 0, BX_LOOK_YELLOW, "note: ", text);
    }
}

const json_t *bx_agent_view_plan(const bx_agent_view *view)
{
    return view->plan;
}

/* ---- what is told ---- */

/* indent: cells, of sub-agents more. */
typedef void (*show_fn)(bx_agent_view *view, const json_t *event,
                        unsigned indent);

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text == NULL ? "" : text;
}

static long long number_of(const json_t *event, const char *key)
{
    return (long long)json_integer_value(json_object_get(event, key));
}

static void indent_by(const bx_agent_view *view, unsigned cells)
{
    fprintf(view->out->out, "%*s", (int)cells, "");
}

/* A line of its own, so that calls stand apart from words. */
static void begin_part(bx_agent_view *view)
{
    if (view->has_above && view->has_air)
        putc('\n', view->out->out);
    view->has_above = false;
}

static void put_words(bx_agent_view *view, const char *text)
{
    if (!view->is_speaking && text[strspn(text, " \n")] == '\0' &&
        view->words->is_terminal)
        return; /* nothing to see yet */
    clear_status(view);
    if (!view->is_speaking && view->has_air)
        putc('\n', view->words->out);
    view->is_speaking = true;
    view->has_spoken = view->streams;
    view->has_above = true;
    bx_markdown_put(view->markdown, text, strlen(text));
    fflush(view->words->out);
}

static void show_text(bx_agent_view *view, const json_t *event, unsigned indent)
{
    const char *text = text_of(event, "text");

    if (indent > 0)
        return; /* a sub-agent's words go to its parent */
    view->last_call[0] = '\0';
    view->doing = "writing";
    if (view->streams)
        put_words(view, text);
}

static void show_thinking(bx_agent_view *view, const json_t *event,
                          unsigned indent)
{
    (void)event;
    (void)indent;
    view->doing = "thinking";
}

static void show_turn(bx_agent_view *view, const json_t *event, unsigned indent)
{
    (void)event;
    (void)indent;
    view->doing = "waiting for the model";
}

static bool has_calls(const json_t *message)
{
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_call"))
            return true;
    }
    return false;
}

/* What is said with calls is said on the way; the rest are last words. */
static void show_message(bx_agent_view *view, const json_t *event,
                         unsigned indent)
{
    const json_t *message = json_object_get(event, "message");
    bx_autofree char *text = NULL;

    if (indent > 0)
        return;
    if (!view->streams && has_calls(message)) {
        text = bx_message_text(message);
        if (text != NULL)
            put_words(view, text);
    }
    end_words(view);
}

static void show_session(bx_agent_view *view, const json_t *event,
                         unsigned indent)
{
    const char *model = text_of(event, "model");
    bool is_resumed = json_is_true(json_object_get(event, "is_resumed"));

    if (view->kind != BX_VIEW_RUN || indent > 0)
        return;
    bx_screen_print(view->out, BX_LOOK_DIM, "session %s, model ",
                    text_of(event, "id"));
    bx_screen_put_line(view->out, BX_LOOK_DIM, model, strlen(model),
                       NAME_CELLS);
    bx_screen_print(view->out, BX_LOOK_DIM, "%s\n",
                    is_resumed ? ", resumed" : "");
}

static void show_retry(bx_agent_view *view, const json_t *event,
                       unsigned indent)
{
    char delay[32];
    bool was_speaking = view->is_speaking;
    long long ms = number_of(event, "delay_ms");

    end_words(view);
    indent_by(view, indent);
    bx_screen_print(
        view->out, BX_LOOK_YELLOW, "trying again in %s: ",
        bx_cli_duration(ms < 0 ? 0 : (uint64_t)ms * 1000000u, delay));
    bx_screen_put_line(view->out, 0, text_of(event, "reason"),
                       strlen(text_of(event, "reason")),
                       view->out->columns * 2);
    if (was_speaking)
        fputs("; what it said above is void", view->out->out);
    putc('\n', view->out->out);
}

static void note_open(bx_agent_view *view, const json_t *event)
{
    open_call *call;

    if (view->open_count == OPEN_MAX)
        return;
    call = &view->open[view->open_count++];
    (void)snprintf(call->id, sizeof(call->id), "%s", text_of(event, "id"));
    (void)snprintf(call->name, sizeof(call->name), "%s",
                   text_of(event, "name"));
}

static void note_closed(bx_agent_view *view, const char *id)
{
    for (size_t i = 0; i < view->open_count; i++) {
        if (strncmp(view->open[i].id, id, sizeof(view->open[i].id) - 1) != 0)
            continue;
        view->open_count--;
        memmove(&view->open[i], &view->open[i + 1],
                (view->open_count - i) * sizeof(view->open[0]));
        return;
    }
}

static void set_last(bx_agent_view *view, const char *id)
{
    (void)snprintf(view->last_call, sizeof(view->last_call), "%s", id);
}

/* What follows a call's line needs no name; otherwise it is said whose it is.
 */
static void name_call(bx_agent_view *view, const json_t *event, unsigned indent)
{
    const char *id = text_of(event, "id");
    const char *name = text_of(event, "name");

    if (strncmp(view->last_call, id, sizeof(view->last_call) - 1) == 0)
        return;
    for (size_t i = 0; name[0] == '\0' && i < view->open_count; i++) {
        if (strncmp(view->open[i].id, id, sizeof(view->open[i].id) - 1) == 0)
            name = view->open[i].name;
    }
    if (name[0] == '\0')
        return; /* a sub-agent's, which stands above */
    indent_by(view, indent);
    bx_screen_print(view->out, BX_LOOK_DIM, "< ");
    bx_screen_put_line(view->out, BX_LOOK_BOLD, name, strlen(name), NAME_CELLS);
    putc('\n', view->out->out);
    set_last(view, id);
}

static void show_call(bx_agent_view *view, const json_t *event, unsigned indent)
{
    if (indent == 0) {
        end_words(view);
        note_open(view, event);
    }
    begin_part(view);
    bx_view_put_call(view->out, indent, text_of(event, "name"),
                     json_object_get(event, "input"));
    set_last(view, text_of(event, "id"));
}

static void show_result(bx_agent_view *view, const json_t *event,
                        unsigned indent)
{
    note_closed(view, text_of(event, "id"));
    /* What the model is told of a refusal was said already. */
    if (view->refused[0] != '\0' &&
        strcmp(view->refused, text_of(event, "id")) == 0) {
        view->has_above = true;
        return;
    }
    name_call(view, event, indent);
    bx_view_put_result(view->out, indent + 2, event,
                       indent == 0 ? RESULT_LINES : 0);
    view->last_call[0] = '\0';
    view->has_above = true;
}

static void show_approval(bx_agent_view *view, const json_t *event,
                          unsigned indent)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const char *by = text_of(event, "by");
    const char *reason = text_of(event, "reason");
    /* A person knows what they said. */
    bool is_person = strcmp(by, "person") == 0;

    if (strcmp(text_of(event, "decision"), "refused") != 0)
        return;
    name_call(view, event, indent);
    if (bx_buf_printf(&text, "%s%s%s", is_person ? "by you" : by,
                      is_person || reason[0] == '\0' ? "" : ": ",
                      is_person ? "" : reason) < 0)
        return;
    bx_view_put_wrapped(view->out, indent + 2, BX_LOOK_YELLOW,
                        "refused: ", text.data);
    (void)snprintf(view->refused, sizeof(view->refused), "%s",
                   text_of(event, "id"));
}

static void show_denied(bx_agent_view *view, const json_t *event,
                        unsigned indent)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    name_call(view, event, indent);
    if (bx_buf_printf(&text, "%s '%s': %s (%s)", text_of(event, "call"),
                      text_of(event, "target"), text_of(event, "reason"),
                      text_of(event, "rule")) == 0)
        bx_view_put_wrapped(view->out, indent + 2, BX_LOOK_YELLOW,
                            "policy refused ", text.data);
}

static void show_effect(bx_agent_view *view, const json_t *event,
                        unsigned indent)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (strcmp(text_of(event, "call"), "overlay") == 0)
        return; /* its diff stands in the question that follows */
    name_call(view, event, indent);
    if (bx_buf_printf(&text, "%s %s %s", text_of(event, "call"),
                      text_of(event, "target"), text_of(event, "detail")) == 0)
        bx_view_put_wrapped(view->out, indent + 2, BX_LOOK_DIM,
                            "effect: ", text.data);
}

static void show_plan(bx_agent_view *view, const json_t *event, unsigned indent)
{
    json_t *items = json_object_get(event, "items");

    if (indent == 0) {
        json_decref(view->plan);
        view->plan = json_incref(items);
    }
    begin_part(view);
    bx_view_put_plan(view->out, indent + 2, items);
    view->last_call[0] = '\0';
}

static void show_compaction(bx_agent_view *view, const json_t *event,
                            unsigned indent)
{
    end_words(view);
    indent_by(view, indent);
    bx_screen_print(view->out, BX_LOOK_DIM,
                    "(the conversation was made shorter: about %lld tokens "
                    "instead of %lld)\n",
                    number_of(event, "after_tokens"),
                    number_of(event, "before_tokens"));
}

static void show_notice(bx_agent_view *view, const json_t *event,
                        unsigned indent)
{
    end_words(view);
    bx_view_put_wrapped(view->out, indent, BX_LOOK_YELLOW,
                        "note: ", text_of(event, "text"));
}

static bool is_one_file(int a, int b)
{
    struct stat one;
    struct stat two;

    return fstat(a, &one) == 0 && fstat(b, &two) == 0 &&
           one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static void put_last_words(bx_agent_view *view, const char *text)
{
    bx_automarkdown bx_markdown *markdown =
        text[0] == '\0' ? NULL : bx_markdown_new(&view->text);

    if (markdown == NULL)
        return;
    /* Only who sees both sees a gap. */
    if (is_one_file(fileno(view->text.out), fileno(view->out->out)))
        putc('\n', view->out->out);
    fflush(view->out->out);
    bx_markdown_put(markdown, text, strlen(text));
    bx_markdown_end(markdown);
    fflush(view->text.out);
}

static void show_end(bx_agent_view *view, const json_t *event, unsigned indent)
{
    const char *status = text_of(event, "status");
    const char *reason = text_of(event, "reason");
    char label[64];

    end_words(view);
    if (indent > 0) {
        bx_view_put_wrapped(view->out, indent, BX_LOOK_DIM, "ended: ", status);
        return;
    }
    if (view->kind == BX_VIEW_RUN && !view->has_spoken)
        put_last_words(view, text_of(event, "text"));
    if (view->has_air)
        putc('\n', view->out->out);
    if (strcmp(status, "done") != 0) {
        (void)snprintf(label, sizeof(label), "%.40s%s", status,
                       reason[0] == '\0' ? "" : ": ");
        bx_view_put_wrapped(view->out, 0,
                            strcmp(status, "failed") == 0 ? BX_LOOK_RED
                                                          : BX_LOOK_YELLOW,
                            label, reason);
    }
    bx_view_put_sums(view->out, event, now_ns() - view->begin_ns);
}

static void show_merge(bx_agent_view *view, const json_t *event,
                       unsigned indent)
{
    end_words(view);
    if (strcmp(text_of(event, "type"), "merge") == 0)
        bx_view_put_merge(view->out, indent, event);
    else
        bx_view_put_conflict(view->out, indent, event);
}

static void show(bx_agent_view *view, const json_t *event, unsigned depth);

static const struct {
    const char *type;
    show_fn show;
    bool is_silent; /* it writes nothing, or clears the last line itself */
} shows[] = {
    { "session", show_session, false },
    { "text", show_text, true },
    { "thinking", show_thinking, true },
    { "turn", show_turn, true },
    { "message", show_message, true },
    { "retry", show_retry, false },
    { "call", show_call, false },
    { "result", show_result, false },
    { "approval", show_approval, false },
    { "denied", show_denied, false },
    { "effect", show_effect, false },
    { "plan", show_plan, false },
    { "compaction", show_compaction, false },
    { "notice", show_notice, false },
    { "end", show_end, false },
    { "conflict", show_merge, false },
    { "merge", show_merge, false },
};

static bool is_silent(const char *type)
{
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
        if (strcmp(type, shows[i].type) == 0)
            return shows[i].is_silent;
    return true;
}

static void show_agent(bx_agent_view *view, const json_t *event, unsigned depth)
{
    const json_t *inner = json_object_get(event, "event");
    const char *type = text_of(inner, "type");

    if (depth >= DEPTH_MAX)
        return;
    /* Several work at once: who it is stands above what it does. */
    if (!is_silent(type) && strcmp(view->speaker, text_of(event, "id")) != 0) {
        end_words(view);
        clear_status(view);
        begin_part(view);
        bx_view_put_wrapped(view->out, depth * 4 + 2, BX_LOOK_CYAN, "agent ",
                            text_of(event, "name"));
        (void)snprintf(view->speaker, sizeof(view->speaker), "%.15s",
                       text_of(event, "id"));
    }
    show(view, inner, depth + 1);
}

static void show(bx_agent_view *view, const json_t *event, unsigned depth)
{
    const char *type = text_of(event, "type");

    if (strcmp(type, "agent") == 0) {
        show_agent(view, event, depth);
        return;
    }
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        if (strcmp(type, shows[i].type) != 0)
            continue;
        if (!shows[i].is_silent) {
            clear_status(view);
            if (depth == 0)
                view->speaker[0] = '\0';
            /* A sub-agent tells beside its parent's words. */
            if (depth > 0 && strcmp(type, "text") != 0)
                end_words(view);
        }
        shows[i].show(view, event, depth * 4);
    }
}

void bx_agent_view_tell(void *context, const json_t *event)
{
    bx_agent_view *view = context;

    pthread_mutex_lock(&view->lock);
    show(view, event, 0);
    fflush(view->out->out);
    pthread_mutex_unlock(&view->lock);
}
