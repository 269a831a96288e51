/* Markdown on a terminal: what it looks like, however it is cut in pieces, and
 * that nothing of it steers the terminal; the history's file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/line_editor.h"
#include "cli/markdown.h"

/* Owned. */
static char *render(const char *text, size_t piece, unsigned columns,
                    bool has_colour)
{
    char *shown = NULL;
    size_t shown_bytes = 0;
    FILE *out = open_memstream(&shown, &shown_bytes);
    bx_screen screen;
    bx_markdown *markdown;
    size_t bytes = strlen(text);

    assert_non_null(out);
    bx_screen_init(&screen, out);
    screen.is_terminal = true;
    screen.has_colour = has_colour;
    screen.columns = columns;
    markdown = bx_markdown_new(&screen);
    assert_non_null(markdown);
    for (size_t at = 0; at < bytes;) {
        size_t part = bytes - at < piece ? bytes - at : piece;

        while (((unsigned char)text[at + part] & 0xc0) == 0x80)
            part++;
        bx_markdown_put(markdown, text + at, part);
        at += part;
    }
    bx_markdown_end(markdown);
    bx_markdown_free(markdown);
    fclose(out);
    return shown;
}

static void expect(const char *text, unsigned columns, const char *wanted)
{
    static const size_t pieces[] = { 1, 2, 5, 1000000 };

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        bx_autofree char *shown = render(text, pieces[i], columns, false);

        assert_string_equal(shown, wanted);
    }
}

static void expect_looks(const char *text, const char *wanted)
{
    bx_autofree char *shown = render(text, 3, 80, true);

    assert_string_equal(shown, wanted);
}

static void wraps_words(void **state)
{
    (void)state;
    expect("one two three four five six seven\neight", 21,
           "one two three four\nfive six seven eight\n");
    expect("abcdefghijklmnopqrstuvwxyz0123456789", 21,
           "abcdefghijklmnopqrst\nuvwxyz0123456789\n");
    /* Two cells each, and no spaces between. */
    expect("漢字漢字漢字漢字漢字漢字漢字", 21,
           "漢字漢字漢字漢字漢字\n漢字漢字\n");
    /* Marks that take no cell stay with their letter. */
    expect("e\xcc\x81", 21, "e\xcc\x81\n");
}

static void shows_blocks(void **state)
{
    (void)state;
    expect("# One\nTwo\n## Three", 40, "# One\n\nTwo\n\n## Three\n");
    expect("- a\n- b\n  1. c\n     d\n* e\n+ f", 40,
           "• a\n• b\n  1. c d\n• e\n• f\n");
    expect("- one two three four five", 21, "• one two three four\n  five\n");
    expect("> a\n> b\n\nc", 40, "│ a b\n\nc\n");
    expect("a\n***\nb", 40,
           "a\n─────────────────────────────────────"
           "──\nb\n");
    expect("```c\nint **x;\n  # no\n```\nend", 40,
           "    int **x;\n      # no\nend\n");
    expect("~~~~\n```\n~~~\n~~~~\nend", 40, "    ```\n    ~~~\nend\n");
    expect("| a | b |\n|--|--|\nend", 40, "| a | b |\n|--|--|\nend\n");
    expect("a\n\n\n\nb\n\n", 40, "a\n\nb\n");
    expect("a  \nb\\\nc", 40, "a\nb\nc\n");
    expect("1234567890. a\n#b\n#######c\n-d\n1.e", 80,
           "1234567890. a #b #######c -d 1.e\n");
    expect("", 40, "");
}

static void shows_what_is_inside_a_line(void **state)
{
    (void)state;
    expect("**b** *i* __b__ _i_ ***x*** a_b_c 2 * 3 * 4 a**b**c", 80,
           "b i b i x a_b_c 2 * 3 * 4 abc\n");
    expect("`a **b**` ``c ` d`` \\*e\\* \\f", 80,
           "`a **b**` ``c ` d`` *e* \\f\n");
    expect("[a](http://b) ![c](d(e)f) [g] [h]: [i](j", 80,
           "a (http://b) c (d(e)f) [g] [h]: [i](j\n");
    expect("[http://a](http://a)", 80, "http://a\n");
    /* What is said of a link is not where it leads. */
    expect("[http://good](http://evil)", 80, "http://good (http://evil)\n");
    expect_looks("**b** `c`", "\033[0;1mb\033[0m \033[0;36mc\033[0m\n");
    expect_looks("**open\n\nnext", "\033[0;1mopen\033[0m\n\nnext\n");
    expect_looks("```diff\n-a\n+b\n```",
                 "\033[0;2m    \033[0m\033[0;31m-a\033[0m\n"
                 "\033[0;2m    \033[0m\033[0;32m+b\033[0m\n");
}

static void escapes_what_steers_a_terminal(void **state)
{
    (void)state;
    expect("a\033[2Jb\a", 80, "a\\x1b[2Jb\\x07\n");
    expect("```\n\033]0;x\a\r\n```", 80, "    \\x1b]0;x\\x07\n");
    expect("# \033c\n> \b\n- \x7f", 80, "# \\x1bc\n\n│ \\x08\n• \\x7f\n");
    expect("\xe2\x80\xae"
           "a\xc2\x9b"
           "b\xff",
           80, "\\xe2\\x80\\xaea\\xc2\\x9bb\\xff\n");
    expect("[x](\033]8;;y\a)", 80, "x (\\x1b]8;;y\\x07)\n");
    expect("| \033[5m |", 80, "| \\x1b[5m |\n");
}

static void holds_no_more_than_its_caps(void **state)
{
    const size_t bytes = 100000;
    char *text = malloc(bytes + 1);
    bx_autofree char *shown = NULL;

    (void)state;
    assert_non_null(text);
    for (const char *c = "[-#`*1>"; *c != '\0'; c++) {
        memset(text, *c, bytes);
        text[bytes] = '\0';
        free(shown);
        shown = render(text, 4096, 80, false);
        assert_true(strlen(shown) < 4 * bytes);
    }
    free(text);
}

/* ---- history ---- */

static void history_keeps_what_it_was_given(void **state)
{
    char folder[] = "/tmp/bx-history-XXXXXX";
    char path[64];
    struct stat info;
    json_t *entries;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/history", folder);
    bx_line_history_add(path, "one");
    bx_line_history_add(path, "two\nlines\\n");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    file = fopen(path, "a");
    assert_non_null(file);
    fputs("bad \\x\nbad \033[31m\n\xff\nlast\n", file); /* others' lines */
    fclose(file);
    entries = bx_line_history_load(path);
    assert_int_equal(json_array_size(entries), 3);
    assert_string_equal(json_string_value(json_array_get(entries, 1)),
                        "two\nlines\\n");
    assert_string_equal(json_string_value(json_array_get(entries, 2)), "last");
    json_decref(entries);

    assert_int_equal(chmod(path, 0644), 0);
    entries = bx_line_history_load(path);
    assert_int_equal(json_array_size(entries), 0);
    json_decref(entries);
    bx_line_history_add(path, "three");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 4 + 13 + 7 + 11 + 2 + 5);
    unlink(path);
    assert_int_equal(symlink("/tmp/bx-history-elsewhere", path), 0);
    bx_line_history_add(path, "four");
    assert_int_equal(access("/tmp/bx-history-elsewhere", F_OK), -1);
    unlink(path);
    rmdir(folder);
}

static void history_keeps_the_newest(void **state)
{
    char folder[] = "/tmp/bx-history-XXXXXX";
    char path[64];
    char line[BX_HISTORY_ENTRY_BYTES + 2];
    struct stat info;
    json_t *entries;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/history", folder);
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    bx_line_history_add(path, line); /* one byte more than is kept */
    assert_int_equal(access(path, F_OK), -1);
    line[1000] = '\0';
    for (int i = 0; i < 800; i++) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%08d", i);
        memcpy(line, number, 8);
        bx_line_history_add(path, line);
    }
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size < 1 << 20);
    entries = bx_line_history_load(path);
    assert_in_range(json_array_size(entries), 100, BX_HISTORY_ENTRIES);
    assert_memory_equal(json_string_value(json_array_get(
                            entries, json_array_size(entries) - 1)),
                        "00000799", 8);
    json_decref(entries);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_words),
        cmocka_unit_test(shows_blocks),
        cmocka_unit_test(shows_what_is_inside_a_line),
        cmocka_unit_test(escapes_what_steers_a_terminal),
        cmocka_unit_test(holds_no_more_than_its_caps),
        cmocka_unit_test(history_keeps_what_it_was_given),
        cmocka_unit_test(history_keeps_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
