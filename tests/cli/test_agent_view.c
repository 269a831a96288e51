/* What chat shows of events: those of sub-agents stand apart, strangers' texts
 * are escaped, and events that are not as they should be harm nothing. The
 * words go to stdout, the rest to stderr, both files here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "cli/agent_view.h"

typedef struct fixture {
    bx_agent_view *view;
    char out[32];
    char err[32];
    int saved_out;
    int saved_err;
} fixture;

static int divert(int fd, char *path)
{
    int saved = dup(fd);
    int file = mkstemp(path);

    assert_true(saved >= 0 && file >= 0);
    assert_true(dup2(file, fd) == fd);
    close(file);
    return saved;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fflush(stdout);
    strcpy(f->out, "/tmp/bx-view-XXXXXX");
    strcpy(f->err, "/tmp/bx-view-XXXXXX");
    f->saved_out = divert(STDOUT_FILENO, f->out);
    f->saved_err = divert(STDERR_FILENO, f->err);
    f->view = bx_agent_view_new(BX_VIEW_CHAT, NULL);
    *state = f;
    return f->view == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    bx_agent_view_free(f->view);
    fflush(stdout);
    fflush(stderr);
    dup2(f->saved_out, STDOUT_FILENO);
    dup2(f->saved_err, STDERR_FILENO);
    close(f->saved_out);
    close(f->saved_err);
    unlink(f->out);
    unlink(f->err);
    free(f);
    return 0;
}

static void tell(fixture *f, const char *text)
{
    json_t *event = json_loads(text, 0, NULL);

    assert_non_null(event);
    bx_agent_view_tell(f->view, event);
    json_decref(event);
}

/* Owned. */
static char *shown(const char *path)
{
    char *text = NULL;

    fflush(stdout);
    fflush(stderr);
    assert_int_equal(bx_file_read(path, 1 << 20, &text, NULL, NULL), 0);
    return text;
}

static void words_and_the_rest_go_apart(void **state)
{
    fixture *f = *state;
    bx_autofree char *out = NULL;
    bx_autofree char *err = NULL;

    tell(f, "{\"type\": \"text\", \"text\": \"Some \"}");
    tell(f, "{\"type\": \"text\", \"text\": \"words.\"}");
    tell(f, "{\"type\": \"call\", \"id\": \"a\", \"name\": \"bash\", "
            "\"input\": {\"command\": \"ls\"}}");
    tell(f, "{\"type\": \"call\", \"id\": \"b\", \"name\": \"file-read\", "
            "\"input\": {\"path\": \"/x\"}}");
    tell(f, "{\"type\": \"result\", \"id\": \"a\", \"name\": \"bash\", "
            "\"is_error\": false, \"wall_ms\": 7, \"content\": [{\"type\": "
            "\"text\", \"text\": \"<data from=\\\"bash\\\" "
            "boundary=\\\"0123456789abcdef0123456789abcdef\\\">"
            "\\none\\ntwo\\n</data "
            "boundary=\\\"0123456789abcdef0123456789abcdef\\\">\"}]}");
    tell(f, "{\"type\": \"denied\", \"id\": \"b\", \"call\": \"path_open\", "
            "\"target\": \"/x\", \"reason\": \"no\", \"rule\": \"r\"}");
    tell(f, "{\"type\": \"approval\", \"id\": \"b\", \"name\": \"file-read\", "
            "\"decision\": \"refused\", \"by\": \"mode plan\"}");
    out = shown(f->out);
    err = shown(f->err);
    assert_string_equal(out, "Some words.\n");
    assert_string_equal(err, "> bash ls\n"
                             "> file-read /x\n"
                             "< bash\n"
                             "  2 lines, 8 B, 7 ms\n"
                             "  | one\n"
                             "  | two\n"
                             "< file-read\n"
                             "  policy refused path_open '/x': no (r)\n"
                             "  refused: mode plan\n");
}

static void agents_stand_apart(void **state)
{
    fixture *f = *state;
    bx_autofree char *out = NULL;
    bx_autofree char *err = NULL;

    tell(f, "{\"type\": \"agent\", \"id\": \"1\", \"name\": \"tester\", "
            "\"event\": {\"type\": \"session\"}}");
    tell(f, "{\"type\": \"agent\", \"id\": \"1\", \"name\": \"tester\", "
            "\"event\": {\"type\": \"text\", \"text\": "
            "\"its words\"}}");
    tell(f, "{\"type\": \"agent\", \"id\": \"1\", \"name\": \"tester\", "
            "\"event\": {\"type\": \"call\", \"id\": "
            "\"a\", \"name\": \"bash\", \"input\": {}}}");
    tell(f, "{\"type\": \"agent\", \"id\": \"1\", \"name\": \"tester\", "
            "\"event\": {\"type\": \"agent\", \"id\": \"2\", \"name\": "
            "\"helper\", \"event\": "
            "{\"type\": \"notice\", \"text\": \"deep\"}}}");
    tell(f, "{\"type\": \"agent\", \"id\": \"1\", \"name\": \"tester\", "
            "\"event\": {\"type\": \"end\", \"status\": "
            "\"done\"}}");
    out = shown(f->out);
    err = shown(f->err);
    assert_string_equal(out, "");
    assert_string_equal(err, "  agent tester\n"
                             "    > bash\n"
                             "      agent helper\n"
                             "        note: deep\n"
                             "  agent tester\n"
                             "    ended: done\n");
}

static void strangers_texts_are_escaped(void **state)
{
    static const char *const events[] = {
        "{\"type\": \"text\", \"text\": \"%s\"}",
        "{\"type\": \"call\", \"id\": \"%s\", \"name\": \"%s\", \"input\": "
        "{\"command\": \"%s\", \"%s\": 1}}",
        "{\"type\": \"call\", \"id\": \"2\", \"name\": \"x\", \"input\": "
        "{\"%s\": \"%s\"}}",
        "{\"type\": \"result\", \"id\": \"9\", \"name\": \"%s\", \"is_error\": "
        "true, \"content\": [{\"type\": \"text\", \"text\": \"%s\"}]}",
        "{\"type\": \"denied\", \"id\": \"8\", \"call\": \"%s\", \"target\": "
        "\"%s\", \"reason\": \"%s\", \"rule\": \"%s\"}",
        "{\"type\": \"approval\", \"id\": \"7\", \"name\": \"%s\", "
        "\"decision\": \"refused\", \"by\": \"%s\", \"reason\": \"%s\"}",
        "{\"type\": \"effect\", \"id\": \"6\", \"call\": \"%s\", \"target\": "
        "\"%s\", \"detail\": \"%s\"}",
        "{\"type\": \"plan\", \"items\": [{\"text\": \"%s\", \"status\": "
        "\"%s\"}]}",
        "{\"type\": \"notice\", \"text\": \"%s\"}",
        "{\"type\": \"retry\", \"reason\": \"%s\"}",
        "{\"type\": \"agent\", \"name\": \"%s\", \"event\": {\"type\": "
        "\"session\"}}",
        "{\"type\": \"end\", \"status\": \"%s\", \"reason\": \"%s\"}",
    };
    static const char hostile[] = "a\\u001b]0;x\\u0007\\u009b\\u202e";
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        char text[2048];
        bx_autofree char *out = NULL;
        bx_autofree char *err = NULL;

        (void)snprintf(text, sizeof(text), events[i], hostile, hostile, hostile,
                       hostile);
        tell(f, text);
        out = shown(f->out);
        err = shown(f->err);
        assert_null(strpbrk(out, "\033\a"));
        assert_null(strpbrk(err, "\033\a"));
        assert_null(strstr(err, "\xc2\x9b"));
        assert_null(strstr(err, "\xe2\x80\xae"));
    }
}

static void odd_events_harm_nothing(void **state)
{
    static const char *const types[] = {
        "session", "turn",   "text",       "thinking", "retry",  "message",
        "call",    "effect", "approval",   "denied",   "result", "usage",
        "plan",    "agent",  "compaction", "notice",   "end",    "from tomorrow"
    };
    static const char *const members[] = {
        "",
        ", \"id\": 1, \"name\": [], \"text\": {}, \"input\": 7, \"content\": "
        "\"x\", \"items\": 1, \"event\": [], \"usage\": [], \"cost\": \"x\"",
        ", \"content\": [1, {}], \"items\": [1, {}], \"event\": {\"type\": "
        "\"agent\", \"event\": {}}, \"wall_ms\": -5, \"delay_ms\": -5",
        ", \"decision\": \"refused\", \"is_error\": true",
    };
    fixture *f = *state;
    json_t *deep = json_pack("{s:s}", "type", "notice");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (size_t j = 0; j < sizeof(members) / sizeof(members[0]); j++) {
            char text[512];

            (void)snprintf(text, sizeof(text), "{\"type\": \"%s\"%s}", types[i],
                           members[j]);
            tell(f, text);
        }
    }
    for (int i = 0; i < 1000; i++)
        deep = json_pack("{s:s, s:o}", "type", "agent", "event", deep);
    bx_agent_view_tell(f->view, deep);
    json_decref(deep);
    tell(f, "[]");
    for (int i = 0; i < 200; i++)
        tell(f, "{\"type\": \"call\", \"id\": \"same\", \"name\": \"x\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_and_the_rest_go_apart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(agents_stand_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_texts_are_escaped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(odd_events_harm_nothing, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
