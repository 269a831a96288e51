/* Skills of the user and of a workspace whose front matter is hostile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "agent/skill.h"
#include "agent/skill_head.h"
#include "agent/support_folder.h"
#include "base/buf.h"
#include "base/file.h"

static folder workspace;
static folder user;
static json_t *problems;

static int set_up(void **state)
{
    (void)state;
    folder_make(&workspace);
    folder_make(&user);
    problems = json_array();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&workspace);
    folder_remove(&user);
    json_decref(problems);
    return 0;
}

static bx_skills *find(void)
{
    bx_skills *skills = bx_skills_find(workspace.fd, user.fd, problems, NULL);

    assert_non_null(skills);
    return skills;
}

static void put(const folder *at, const char *place, const char *name,
                const char *description)
{
    bx_autofree char *path = NULL;
    bx_autofree char *text = NULL;

    assert_true(asprintf(&path, "%s/%s/SKILL.md", place, name) > 0);
    assert_true(asprintf(&text,
                         "---\nname: %s\ndescription: %s\n---\nbody of %s\n",
                         name, description, description) > 0);
    folder_put(at, path, text);
}

static const char *problem(size_t i)
{
    const char *text = json_string_value(json_array_get(problems, i));

    return text == NULL ? "" : text;
}

/* ---- front matter ---------------------------------------------------- */

static void check_tools(const char *line, const char *expected)
{
    bx_autoskill bx_skill skill = { .name = NULL };
    bx_autobuf bx_buf got = BX_BUF_INIT;
    bx_autofree char *text = NULL;
    const char *body;
    const json_t *tool;
    size_t i;

    assert_true(
        asprintf(&text, "---\nname: a\ndescription: b\n%s\n---\n", line) > 0);
    assert_int_equal(bx_skill_head_parse(text, "a", &skill, &body, NULL), 0);
    assert_non_null(skill.tools);
    assert_int_equal(bx_buf_puts(&got, ""), 0);
    json_array_foreach(skill.tools, i, tool) assert_int_equal(
        bx_buf_printf(&got, "[%s]", json_string_value(tool)), 0);
    assert_string_equal(got.data, expected);
}

static void reads_front_matter(void **state)
{
    static const char text[] = "---\r\n"
                               "name: pdf-2 # its name\r\n"
                               "description: >\r\n"
                               "  Reads\r\n"
                               "  PDFs.\r\n"
                               "license: MIT\r\n"
                               "metadata: {author: x, version: \"1\"}\r\n"
                               "---\r\n"
                               "# PDFs\r\n---\r\nmore";
    bx_autoskill bx_skill skill = { .name = NULL };
    const char *body;

    (void)state;
    assert_int_equal(bx_skill_head_parse(text, "pdf-2", &skill, &body, NULL),
                     0);
    assert_string_equal(skill.name, "pdf-2");
    assert_string_equal(skill.description, "Reads PDFs.");
    assert_null(skill.tools);
    assert_string_equal(body, "# PDFs\r\n---\r\nmore");
}

/* The first indented block of docs/skills.md that begins with a fence. */
static char *read_example(void)
{
    const char *source = getenv("BX_SOURCE_DIR");
    bx_autofree char *path = NULL;
    bx_autofree char *page = NULL;
    bx_buf out = BX_BUF_INIT;
    const char *line;

    assert_true(asprintf(&path, "%s/docs/skills.md",
                         source != NULL ? source : ".") > 0);
    assert_int_equal(bx_file_read(path, 1 << 20, &page, NULL, NULL), 0);
    line = strstr(page, "\n    ---\n");
    assert_non_null(line);
    for (line++; strncmp(line, "    ", 4) == 0; line = strchr(line, '\n') + 1)
        assert_int_equal(
            bx_buf_append(&out, line + 4, strcspn(line, "\n") - 3, SIZE_MAX),
            0);
    return bx_buf_take(&out);
}

static void reads_the_example_of_the_page(void **state)
{
    bx_autofree char *text = read_example();
    bx_autoskill bx_skill skill = { .name = NULL };
    const char *body = NULL;

    (void)state;
    assert_int_equal(
        bx_skill_head_parse(text, "release-notes", &skill, &body, NULL), 0);
    assert_int_equal(json_array_size(skill.tools), 2);
    assert_string_equal(json_string_value(json_array_get(skill.tools, 1)),
                        "bash(git log *)");
    assert_string_equal(body, "# Release notes\n...\n");
}

static void reads_tools(void **state)
{
    (void)state;
    check_tools("allowed-tools:", "");
    check_tools("allowed-tools: read", "[read]");
    check_tools("allowed-tools: read, bash(git *),  grep",
                "[read][bash(git *)][grep]");
    check_tools("allowed-tools: read bash(a, (b c)) x",
                "[read][bash(a, (b c))][x]");
    check_tools("allowed-tools: [read, \"bash(git *)\"]",
                "[read][bash(git *)]");
    check_tools("allowed-tools:\n  - read\n  - mcp-github-*",
                "[read][mcp-github-*]");
}

static void check_malformed(const char *text, const char *why)
{
    bx_autoerror bx_error *error = NULL;
    bx_autoskill bx_skill skill = { .name = NULL };
    const char *body = NULL;

    assert_int_equal(bx_skill_head_parse(text, "a", &skill, &body, &error), -1);
    assert_null(skill.name);
    assert_null(body);
    if (strstr(bx_error_message(error), why) == NULL)
        fail_msg("'%s': %s; expected %s", text, bx_error_message(error), why);
}

static void refuses_malformed_front_matter(void **state)
{
    (void)state;
    check_malformed("", "line 1: expected '---'");
    check_malformed("# A skill\n", "line 1: expected '---'");
    check_malformed("----\nname: a\n---\n", "line 1: expected '---'");
    check_malformed("---", "without an end");
    check_malformed("---\nname: a\ndescription: b\n", "without an end");
    check_malformed("---\n---\n", "expected name and description");
    check_malformed("---\n- a\n---\n", "expected name and description");
    check_malformed("---\nx\n---\n", "expected name and description");
    check_malformed("---\ndescription: b\n---\n", "name: expected 'a'");
    check_malformed("---\nname: b\ndescription: b\n---\n",
                    "line 2: name: expected 'a'");
    check_malformed("---\nname: [a]\ndescription: b\n---\n",
                    "line 2: name: expected 'a'");
    check_malformed("---\nname: a\n---\n", "description: expected text");
    check_malformed("---\nname: a\ndescription: 7\n---\n",
                    "line 3: description: expected text");
    check_malformed("---\nname: a\ndescription: \" \\n \"\n---\n",
                    "line 3: description: expected text");
    check_malformed("---\nname: a\ndescription: \"\\e[2J\"\n---\n",
                    "control characters");
    check_malformed("---\nname: a\ndescription: \"\\U000E0041\"\n---\n",
                    "not seen");
    check_malformed("---\nname: a\ndescription: \"a\\0b\"\n---\n", "NUL");
    check_malformed("---\nname: a\nname: a\ndescription: b\n---\n",
                    "line 3: 'name': given twice");
    check_malformed("---\nname: &x a\ndescription: *x\n---\n", "anchor");
    check_malformed("---\nname: !!python/object a\n---\n", "tag");
    check_malformed("---\nname: a\ndescription: use: when\n---\n",
                    "line 3: not valid YAML");
}

static void refuses_malformed_tools(void **state)
{
#define HEAD "---\nname: a\ndescription: b\nallowed-tools: "
    (void)state;
    check_malformed(HEAD "7\n---\n", "line 4: allowed-tools: expected names");
    check_malformed(HEAD "[7]\n---\n", "expected names");
    check_malformed(HEAD "[\"\"]\n---\n", "1 to 128 bytes");
    check_malformed(HEAD "bash(git\n---\n", "parentheses");
    check_malformed(HEAD "bash)\n---\n", "parentheses");
    check_malformed(HEAD "b\xc3\xa4sh\n---\n", "ASCII");
    check_malformed(HEAD "[\"a\\nb\"]\n---\n", "ASCII");
}

/* ---- limits ---------------------------------------------------------- */

/* A front matter with so many bytes of a description, or names of tools. */
static char *make(size_t description_bytes, size_t tool_count,
                  size_t tool_bytes, size_t comment_bytes)
{
    bx_buf out = BX_BUF_INIT;

    assert_int_equal(bx_buf_puts(&out, "---\nname: a\ndescription: "), 0);
    for (size_t i = 0; i < description_bytes; i++)
        assert_int_equal(bx_buf_puts(&out, "d"), 0);
    assert_int_equal(bx_buf_puts(&out, "\nallowed-tools: "), 0);
    for (size_t i = 0; i < tool_count; i++) {
        for (size_t k = 0; k < tool_bytes; k++)
            assert_int_equal(bx_buf_puts(&out, "t"), 0);
        assert_int_equal(bx_buf_puts(&out, " "), 0);
    }
    assert_int_equal(bx_buf_puts(&out, "\n#"), 0);
    for (size_t i = 0; i < comment_bytes; i++)
        assert_int_equal(bx_buf_puts(&out, "c"), 0);
    assert_int_equal(bx_buf_puts(&out, "\n---\nbody"), 0);
    return bx_buf_take(&out);
}

static void check_fits(char *text)
{
    bx_autofree char *owned = text;
    bx_autoskill bx_skill skill = { .name = NULL };
    const char *body;

    assert_int_equal(bx_skill_head_parse(owned, "a", &skill, &body, NULL), 0);
    assert_string_equal(body, "body");
}

static void check_too_much(char *text, const char *why)
{
    bx_autofree char *owned = text;

    check_malformed(owned, why);
}

static void meets_the_limits_of_front_matter(void **state)
{
    (void)state;
    check_fits(make(BX_SKILL_DESCRIPTION_MAX, 1, 1, 0));
    check_too_much(make(BX_SKILL_DESCRIPTION_MAX + 1, 1, 1, 0), "1024 bytes");
    check_fits(make(1, BX_SKILL_TOOLS_MAX, 1, 0));
    check_too_much(make(1, BX_SKILL_TOOLS_MAX + 1, 1, 0), "64 tools");
    check_fits(make(1, 1, BX_SKILL_TOOL_MAX, 0));
    check_too_much(make(1, 1, BX_SKILL_TOOL_MAX + 1, 0), "128 bytes");
    check_fits(make(1, 1, 1, BX_SKILL_HEAD_MAX - 100));
    check_too_much(make(1, 1, 1, BX_SKILL_HEAD_MAX), "8192 bytes");
}

static void checks_names(void **state)
{
    static const char *const names[] = { "",   "-a",  "a-", "a--b", "A",
                                         "a_", "a.b", "..", "a/b",  "a b" };
    char longest[BX_SKILL_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_int_equal(bx_skill_check_name(names[i], NULL), -1);
    assert_int_equal(bx_skill_check_name("a-1-b", NULL), 0);
    memset(longest, 'n', sizeof(longest));
    longest[BX_SKILL_NAME_MAX + 1] = '\0';
    assert_int_equal(bx_skill_check_name(longest, NULL), -1);
    longest[BX_SKILL_NAME_MAX] = '\0';
    assert_int_equal(bx_skill_check_name(longest, NULL), 0);
}

static void lists_what_fits(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    bx_autofree char *listing = NULL;
    char description[BX_SKILL_DESCRIPTION_MAX + 1];
    char name[16];

    (void)state;
    memset(description, 'd', sizeof(description));
    description[BX_SKILL_DESCRIPTION_MAX] = '\0';
    for (int i = 0; i < BX_SKILLS_MAX + 1; i++) {
        snprintf(name, sizeof(name), "s%03d", i);
        put(&workspace, ".boxagnts/skills", name, description);
    }
    put(&user, "skills", "mine", "My own.");
    skills = find();
    assert_int_equal(bx_skills_count(skills), BX_SKILLS_MAX);
    assert_int_equal(json_array_size(problems), 2);
    assert_non_null(strstr(problem(0), "'s127' (workspace): there are 128"));
    listing = bx_skills_listing(skills, NULL);
    /* A workspace does not crowd out what is the user's. */
    assert_int_equal(strncmp(listing, "- mine (user): My own.\n", 23), 0);
    assert_non_null(strstr(listing, "\n(112 more skills, which do not fit "));
    assert_true(strlen(listing) < BX_SKILLS_LISTING_MAX + 100);
    assert_non_null(bx_skills_by_name(skills, "s126"));
}

static void lists_no_folder_that_is_too_full(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    char path[64];

    (void)state;
    put(&user, "skills", "mine", "My own.");
    for (int i = 0; i < BX_SKILLS_FOLDER_MAX + 1; i++) {
        snprintf(path, sizeof(path), ".claude/skills/f%d", i);
        folder_put(&workspace, path, "");
    }
    skills = find();
    assert_int_equal(bx_skills_count(skills), 1);
    assert_non_null(strstr(problem(0), "more than 256 names"));
}

/* ---- places ---------------------------------------------------------- */

static void finds_them_in_three_places(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    bx_autofree char *listing = NULL;
    bx_autofree char *body = NULL;

    (void)state;
    put(&workspace, ".claude/skills", "c-one", "Third.");
    put(&workspace, ".boxagnts/skills", "w-one", "Second.");
    put(&user, "skills", "z-one", "First.");
    /* None of these is a skill. */
    folder_put(&workspace, ".boxagnts/skills/README.md", "read me");
    folder_make_dirs(&workspace, ".boxagnts/skills/empty");
    folder_put(&workspace, ".boxagnts/skills/.hidden/SKILL.md", "x");
    skills = find();
    listing = bx_skills_listing(skills, NULL);
    assert_string_equal(listing, "- z-one (user): First.\n"
                                 "- w-one (workspace): Second.\n"
                                 "- c-one (workspace, .claude): Third.\n");
    assert_int_equal(bx_skill_load(skills, "w-one", &body, NULL), 0);
    assert_string_equal(body, "body of Second.\n");
}

static void has_none(void **state)
{
    bx_autoskills bx_skills *skills =
        bx_skills_find(workspace.fd, -1, problems, NULL);
    bx_autofree char *listing = bx_skills_listing(skills, NULL);
    bx_autoerror bx_error *error = NULL;
    char *body = NULL;

    (void)state;
    assert_string_equal(listing, "");
    assert_int_equal(json_array_size(problems), 0);
    assert_int_equal(bx_skill_load(skills, "../x", &body, &error), -1);
    assert_int_equal(bx_error_code(error), BX_ERR_NOT_FOUND);
}

static void takes_no_name_that_is_the_users(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    bx_autofree char *body = NULL;

    (void)state;
    put(&user, "skills", "deploy", "Mine.");
    put(&workspace, ".boxagnts/skills", "deploy", "Theirs.");
    put(&workspace, ".claude/skills", "deploy", "Theirs too.");
    skills = find();
    assert_int_equal(bx_skills_count(skills), 1);
    assert_int_equal(bx_skills_at(skills, 0)->place, BX_SKILL_USER);
    assert_int_equal(bx_skill_load(skills, "deploy", &body, NULL), 0);
    assert_string_equal(body, "body of Mine.\n");
    assert_int_equal(json_array_size(problems), 2);
    assert_non_null(strstr(problem(0), "'deploy' (workspace): the one of the "
                                       "user has the name"));
}

static void leaves_out_what_is_malformed(void **state)
{
    bx_autoskills bx_skills *skills = NULL;

    (void)state;
    put(&workspace, ".boxagnts/skills", "good", "Good.");
    put(&workspace, ".boxagnts/skills", "Bad Name", "Bad.");
    folder_put(&workspace, ".boxagnts/skills/other/SKILL.md",
               "---\nname: good\ndescription: x\n---\n");
    folder_put_bytes(&workspace, ".boxagnts/skills/nul/SKILL.md", "---\n\0", 5);
    folder_put_fill(&workspace, ".boxagnts/skills/large/SKILL.md",
                    BX_SKILL_FILE_MAX + 1);
    skills = find();
    assert_int_equal(bx_skills_count(skills), 1);
    assert_int_equal(json_array_size(problems), 4);
    assert_non_null(strstr(problem(0), "skill 'Bad Name'"));
    assert_non_null(strstr(problem(1), "'large' (workspace)"));
    assert_non_null(strstr(problem(1), "65536 bytes"));
    assert_non_null(strstr(problem(2), "NUL"));
    assert_non_null(strstr(problem(3), "line 2: name: expected 'other'"));
}

static void stays_beneath(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    char target[128];

    (void)state;
    put(&user, "elsewhere", "linked", "Out.");
    snprintf(target, sizeof(target), "%s/elsewhere/linked", user.path);
    folder_link(&workspace, ".boxagnts/skills/linked", target);
    snprintf(target, sizeof(target), "%s/elsewhere/linked/SKILL.md", user.path);
    folder_link(&workspace, ".boxagnts/skills/file/SKILL.md", target);
    folder_fifo(&workspace, ".boxagnts/skills/pipe/SKILL.md");
    snprintf(target, sizeof(target), "%s/elsewhere", user.path);
    folder_link(&workspace, ".claude/skills", target);
    skills = find();
    assert_int_equal(bx_skills_count(skills), 0);
    assert_int_equal(json_array_size(problems), 4);
}

/* A body is read when it is wanted: what the file is by then counts. */
static void checks_again_when_it_is_loaded(void **state)
{
    bx_autoskills bx_skills *skills = NULL;
    bx_autoerror bx_error *error = NULL;
    bx_autoerror bx_error *gone = NULL;
    char *body = NULL;

    (void)state;
    put(&workspace, ".boxagnts/skills", "a", "Before.");
    skills = find();
    folder_put(&workspace, ".boxagnts/skills/a/SKILL.md", "no front matter");
    assert_int_equal(bx_skill_load(skills, "a", &body, &error), -1);
    assert_int_equal(bx_error_code(error), BX_ERR_INVALID);
    unlinkat(workspace.fd, ".boxagnts/skills/a/SKILL.md", 0);
    assert_int_equal(bx_skill_load(skills, "a", &body, &gone), -1);
    assert_int_equal(bx_error_code(gone), BX_ERR_NOT_FOUND);
    assert_null(body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_front_matter),
        TEST(reads_the_example_of_the_page),
        TEST(reads_tools),
        TEST(refuses_malformed_front_matter),
        TEST(refuses_malformed_tools),
        TEST(meets_the_limits_of_front_matter),
        TEST(checks_names),
        TEST(lists_what_fits),
        TEST(lists_no_folder_that_is_too_full),
        TEST(finds_them_in_three_places),
        TEST(has_none),
        TEST(takes_no_name_that_is_the_users),
        TEST(leaves_out_what_is_malformed),
        TEST(stays_beneath),
        TEST(checks_again_when_it_is_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
