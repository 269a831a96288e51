/* boxagnts audit: what was called, what was refused, and is that all of it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/audit_table.h"
#include "cli/cli.h"
#include "store/audit_log.h"

#define TAIL_LINES 10
#define LAST_MAX 1000000
#define FOLLOW_NS 200000000

typedef struct audit_options {
    const char *file;
    bx_audit_filter filter;
    const char *expect;
    uint64_t last;
    bool has_last;
    bool is_following;
    bool is_headless;
    bool is_json;
    char since[32];
} audit_options;

static void print_help(void)
{
    puts(
        "Show the audit log, follow it, or verify it.\n\n"
        "Usage: boxagnts audit show [FILTER...] [--last N] [--json]\n"
        "       boxagnts audit tail [-f] [FILTER...] [--last N] [--json]\n"
        "       boxagnts audit verify [--expect HASH] [--no-head] [--json]\n"
        "       boxagnts audit head [--json]\n\n"
        "show prints the log as a table; tail its last 10 lines, and with -f "
        "what comes\nafter. verify checks that no line was changed, removed, "
        "reordered or cut off;\nhead prints the number and hash of the last "
        "line of a good log, to be kept\nelsewhere: 'verify --expect HASH' "
        "fails when that line is no longer there.\n\n"
        "  --file FILE       the log; ~/.local/state/boxagnts/audit.jsonl\n"
        "  --last N          the last N lines\n"
        "  --tool NAME       lines of that tool, or of the program of that "
        "name\n"
        "  --decision WORD   such as denied\n"
        "  --since TIME      2026-01-31, 2026-01-31T14:00:00 (UTC), or 90s, "
        "15m, 2h, 7d\n"
        "  -f, --follow      wait for more\n"
        "  --no-head         a copy without its .head file: do not ask "
        "whether lines were\n                    removed from the end\n"
        "  --json            for programs; show and tail: one object a line\n\n"
        "Exit status of verify and head: 0 good; 1 not; 2 the log cannot be "
        "read, usage.");
}

/* ---- options ---- */

/* "15m": so long ago. */
static bool parse_ago(const char *text, time_t *ret_time)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    char *end;
    uint64_t count;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    count = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (errno == 0 && count <= 100000000 && end[0] == units[i].unit &&
            end[1] == '\0') {
            *ret_time = time(NULL) - (time_t)(count * units[i].seconds);
            return true;
        }
    }
    return false;
}

static bool parse_date(const char *text, struct tm *ret_utc)
{
    static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M",
                                           "%Y-%m-%d %H:%M", "%Y-%m-%dT%T",
                                           "%Y-%m-%d %T" };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm utc = { 0 };
        const char *end = strptime(text, formats[i], &utc);

        if (end != NULL && (*end == '\0' || strcmp(end, "Z") == 0)) {
            *ret_utc = utc;
            return true;
        }
    }
    return false;
}

static bool parse_since(const char *text, char since[32])
{
    struct tm utc;
    time_t at;

    if (parse_ago(text, &at)) {
        if (gmtime_r(&at, &utc) == NULL)
            return false;
    } else if (!parse_date(text, &utc)) {
        return false;
    }
    return strftime(since, 32, "%Y-%m-%dT%H:%M:%S", &utc) > 0;
}

static bool parse_last(const char *text, uint64_t *ret_last)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret_last = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *ret_last <= LAST_MAX;
}

/* 0, or a status to end with. */
static int take_option(audit_options *options, int flag)
{
    switch (flag) {
    case 'F':
        options->file = optarg;
        break;
    case 't':
        options->filter.tool = optarg;
        break;
    case 'd':
        options->filter.decision = optarg;
        break;
    case 'e':
        options->expect = optarg;
        if (!bx_audit_hash_is_valid(optarg))
            return bx_cli_usage(BX_EXIT_USAGE, "audit",
                                "--expect: expected 64 hexadecimal digits in "
                                "lower case");
        break;
    case 'n':
        options->has_last = true;
        if (!parse_last(optarg, &options->last))
            return bx_cli_usage(BX_EXIT_USAGE, "audit",
                                "--last: expected a number from 0 to %d",
                                LAST_MAX);
        break;
    case 's':
        if (!parse_since(optarg, options->since))
            return bx_cli_usage(BX_EXIT_USAGE, "audit",
                                "--since: expected a time such as 2026-01-31, "
                                "2026-01-31T14:00:00 or 15m");
        options->filter.since = options->since;
        break;
    case 'f':
        options->is_following = true;
        break;
    case 'N':
        options->is_headless = true;
        break;
    default:
        options->is_json = true;
    }
    return 0;
}

/* ---- show and tail ---- */

static bool print(bx_buf *out)
{
    bool is_out =
        out->len == 0 || fwrite(out->data, 1, out->len, stdout) == out->len;

    out->len = 0;
    return is_out;
}

/* The last lines that a filter takes, as they will be printed. */
typedef struct ring {
    bx_buf *rows;
    size_t size;
    size_t count; /* in all */
} ring;

static void ring_clear(ring *kept)
{
    for (size_t i = 0; kept->rows != NULL && i < kept->size; i++)
        bx_buf_clear(&kept->rows[i]);
    free(kept->rows);
}

static bool ring_print(ring *kept)
{
    size_t first = kept->count > kept->size ? kept->count - kept->size : 0;

    for (size_t i = first; i < kept->count; i++) {
        if (!print(&kept->rows[i % kept->size]))
            return false;
    }
    return true;
}

/* One row into out, or nothing when the filter does not take it. -1: no
 * memory. */
static int put_text(const audit_options *options, const bx_audit_text *text,
                    bool has_colour, bx_buf *out)
{
    json_t *line = bx_audit_table_parse(text);
    int failed = 0;

    if (bx_audit_filter_takes(&options->filter, line))
        failed = options->is_json
                     ? bx_audit_table_put_json(out, text, line)
                     : bx_audit_table_put_row(out, text, line, has_colour);
    json_decref(line);
    return failed;
}

/* What is there. kept NULL: print at once. 1: stdout takes no more. */
static int print_lines(const audit_options *options, bx_audit_reader *reader,
                       ring *kept, bx_error **err)
{
    bool has_colour = bx_cli_has_colour(stdout);
    bx_autobuf bx_buf row = BX_BUF_INIT;
    bx_audit_text text;
    int found;

    while ((found = bx_audit_reader_next(reader, &text, err)) > 0) {
        bx_buf *out = kept != NULL && kept->size > 0
                          ? &kept->rows[kept->count % kept->size]
                          : &row;
        bx_buf former = *out; /* given up only for a row that is taken */

        *out = BX_BUF_INIT;
        if (put_text(options, &text, has_colour, out) < 0) {
            bx_buf_clear(&former);
            return bx_error_set_nomem(err);
        }
        if (out->len == 0) {
            bx_buf_clear(out);
            *out = former;
            continue;
        }
        bx_buf_clear(&former);
        if (kept == NULL && !print(out))
            return 1;
        if (kept != NULL)
            kept->count++;
    }
    return found;
}

static int follow(const audit_options *options, bx_audit_reader *reader,
                  bx_error **err)
{
    const struct timespec pause = { 0, FOLLOW_NS };

    for (;;) {
        int status;

        if (fflush(stdout) != 0)
            return 0; /* the reader of our output has left, or it is full */
        nanosleep(&pause, NULL);
        if (bx_audit_reader_follow(reader, err) < 0)
            return -1;
        status = print_lines(options, reader, NULL, err);
        if (status != 0)
            return status;
    }
}

static int print_log(const audit_options *options, bx_audit_reader *reader,
                     bx_error **err)
{
    bx_autobuf bx_buf head = BX_BUF_INIT;
    ring kept = { .size = options->last };
    int status = 0;

    if (!options->is_json) {
        if (bx_audit_table_put_head(&head, bx_cli_has_colour(stdout)) < 0)
            return bx_error_set_nomem(err);
        print(&head);
    }
    if (!options->has_last)
        return print_lines(options, reader, NULL, err);
    if (kept.size > 0) {
        kept.rows = calloc(kept.size, sizeof(*kept.rows));
        if (kept.rows == NULL)
            return bx_error_set_nomem(err);
    }
    status = print_lines(options, reader, &kept, err);
    if (status == 0 && kept.size > 0)
        ring_print(&kept);
    ring_clear(&kept);
    return status;
}

static int show(const audit_options *options)
{
    bx_error *err = NULL;
    bx_autoreader bx_audit_reader *reader =
        bx_audit_reader_open(options->file, &err);
    int status;

    if (reader == NULL)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    /* From the start, so that a line under way is waited for. */
    if (options->is_following && bx_audit_reader_follow(reader, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    status = print_log(options, reader, &err);
    if (status == 0 && options->is_following)
        status = follow(options, reader, &err);
    return status < 0 ? bx_cli_fail(BX_EXIT_USAGE, err) : 0;
}

static int tail(const audit_options *options)
{
    audit_options last = *options;

    if (!last.has_last) {
        last.has_last = true;
        last.last = TAIL_LINES;
    }
    return show(&last);
}

/* ---- verify and head ---- */

static json_t *check_json(const bx_audit_check *check, bool is_good)
{
    const bx_audit_problem *problem = &check->problem;
    json_t *root =
        json_pack("{s:b, s:I, s:I, s:I, s:s}", "good", is_good, "lines",
                  (json_int_t)check->lines, "files", (json_int_t)check->files,
                  "seq", (json_int_t)check->seq, "hash", check->hash);

    if (!is_good)
        json_object_set_new(root, "problem",
                            json_pack("{s:s, s:I, s:s}", "file", problem->file,
                                      "line", (json_int_t)problem->line, "text",
                                      problem->text));
    return root;
}

/* 0 good, 1 not, 2 could not be read: then said. */
static int run_check(const audit_options *options, bx_audit_check *check)
{
    bx_error *err = NULL;

    check->expect = options->expect;
    check->is_headless = options->is_headless;
    if (bx_audit_log_check(options->file, check, &err) == 0)
        return 0;
    if (check->problem.text[0] == '\0')
        return bx_cli_fail(BX_EXIT_USAGE, err);
    /* On stderr also with --json: a pipe into a program still shows it. */
    return bx_cli_fail(BX_EXIT_FAILED, err);
}

static void print_json(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int verify(const audit_options *options)
{
    bx_audit_check check = { 0 };
    int status = run_check(options, &check);

    if (status == BX_EXIT_USAGE)
        return status;
    if (options->is_json)
        print_json(check_json(&check, status == 0));
    else if (status == 0)
        printf("good: %" PRIu64 " line%s in %" PRIu64
               " file%s; the last is number %" PRIu64 ", hash %s\n",
               check.lines, check.lines == 1 ? "" : "s", check.files,
               check.files == 1 ? "" : "s", check.seq, check.hash);
    else
        printf("bad: %" PRIu64 " lines before it are good\n", check.lines);
    return status;
}

static int head(const audit_options *options)
{
    bx_audit_check check = { 0 };
    int status = run_check(options, &check);

    if (status != 0)
        return status;
    if (options->is_json)
        print_json(check_json(&check, true));
    else
        printf("%" PRIu64 " %s\n", check.seq, check.hash);
    return 0;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(const audit_options *options);
} verbs[] = {
    { "show", show },
    { "tail", tail },
    { "verify", verify },
    { "head", head },
};
#define VERBS_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct option flags[] = {
    { "file", required_argument, NULL, 'F' },
    { "last", required_argument, NULL, 'n' },
    { "tool", required_argument, NULL, 't' },
    { "decision", required_argument, NULL, 'd' },
    { "since", required_argument, NULL, 's' },
    { "expect", required_argument, NULL, 'e' },
    { "follow", no_argument, NULL, 'f' },
    { "no-head", no_argument, NULL, 'N' },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

int bx_cmd_audit(int argc, char **argv)
{
    audit_options options = { 0 };
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "hfn:", flags, NULL)) != -1) {
        int status;

        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "audit",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        status = take_option(&options, flag);
        if (status != 0)
            return status;
    }
    for (size_t i = 0; optind + 1 == argc && i < VERBS_COUNT; i++) {
        if (strcmp(argv[optind], verbs[i].name) == 0)
            return verbs[i].run(&options);
    }
    return bx_cli_usage(BX_EXIT_USAGE, "audit",
                        "expected show, tail, verify or head");
}
