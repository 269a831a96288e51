/* Is the chain whole? Lines are judged one after the other; the end against
 * the head file, which nobody without the key can write. */
#include "store/audit_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/user_dir.h"
#include "store/audit_log_head.h"
#include "store/audit_log_line.h"
#include "store/audit_log_read.h"

typedef struct verifier {
    bx_audit_reader *reader;
    bx_audit_check *check;
    bool was_expected; /* a line had the hash asked for */
} verifier;

/* Where a line is, kept: reading on moves the text. */
typedef struct place {
    uint64_t line;
    char file[256];
} place;

static place place_of(const bx_audit_reader *reader, const bx_audit_text *text)
{
    place at = { .line = text->line };
    const char *slash = strrchr(text->file, '/');

    if (strcmp(text->file, bx_audit_reader_path(reader)) != 0)
        snprintf(at.file, sizeof(at.file), "%s",
                 slash == NULL ? text->file : slash + 1);
    return at;
}

/* Returns 1: a problem, which is no failure of the check itself. */
static int report(const verifier *v, const place *at, const char *format, ...)
    BX_PRINTF(3, 4);
static int report(const verifier *v, const place *at, const char *format, ...)
{
    bx_audit_problem *problem = &v->check->problem;
    va_list args;

    *problem = (bx_audit_problem){ 0 };
    if (at != NULL) {
        problem->line = at->line;
        memcpy(problem->file, at->file, sizeof(problem->file));
    }
    va_start(args, format);
    vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    return 1;
}

/* Does a later line have that number? 1, 0 or -1. */
static int is_later(const verifier *v, uint64_t seq, bx_error **err)
{
    bx_audit_text text;
    bx_audit_line line;
    int found;

    while ((found = bx_audit_reader_next(v->reader, &text, err)) > 0) {
        if (!text.is_long &&
            bx_audit_line_parse(text.text, text.bytes, &line) == NULL &&
            line.seq == seq)
            return 1;
    }
    return found;
}

/* A line is good, but not the next one. */
static int judge_order(const verifier *v, const place *at, uint64_t seq,
                       bx_error **err)
{
    uint64_t expected = v->check->seq + 1;
    int found;

    if (seq < expected)
        return report(v, at,
                      "reordered or repeated: number %" PRIu64
                      " stands behind number %" PRIu64,
                      seq, v->check->seq);
    found = is_later(v, expected, err);
    if (found < 0)
        return -1;
    if (found > 0)
        return report(v, at,
                      "reordered: number %" PRIu64
                      " stands before number %" PRIu64,
                      seq, expected);
    if (seq - 1 == expected)
        return report(v, at, "removed: number %" PRIu64 " is missing before it",
                      expected);
    return report(v, at,
                  "removed: numbers %" PRIu64 " to %" PRIu64
                  " are missing before it",
                  expected, seq - 1);
}

/* 0: good; 1: a problem; -1. */
static int judge(verifier *v, const bx_audit_text *text, bx_error **err)
{
    bx_audit_check *check = v->check;
    place at = place_of(v->reader, text);
    bx_audit_line line;
    const char *why;

    if (text->is_long)
        return report(v, &at, "changed: longer than any line of the log");
    if (!text->is_ended)
        return report(v, &at,
                      "truncated: the line breaks off; when its writer died "
                      "within it, the next one sets it apart");
    why = bx_audit_line_parse(text->text, text->bytes, &line);
    if (why != NULL)
        return report(v, &at, "changed: %s", why);
    if (line.seq != check->seq + 1)
        return judge_order(v, &at, line.seq, err);
    if (strcmp(line.prev, check->hash) != 0)
        return report(v, &at,
                      "changed: the line before it was rewritten: its hash is "
                      "not the one this line carries");
    if (line.is_recovered)
        return report(v, &at,
                      "removed: when this line was written, the head file was "
                      "lost or did not fit the log; lines before it may be "
                      "missing");
    check->seq = line.seq;
    memcpy(check->hash, line.hash, sizeof(line.hash));
    check->lines++;
    if (text->line == 1)
        check->files++;
    if (check->expect != NULL && strcmp(check->expect, line.hash) == 0)
        v->was_expected = true;
    return 0;
}

/* The whole chain is good. Is it all of it? */
static int judge_end(const verifier *v, bx_error **err)
{
    const bx_audit_check *check = v->check;
    uint8_t key[BX_DIGEST_BYTES];
    bx_audit_head head;
    size_t bytes;
    const char *text = bx_audit_reader_head(v->reader, &bytes);

    if (text == NULL)
        return report(v, NULL,
                      "there is no head file: whether lines were removed from "
                      "the end cannot be told");
    if (bytes == 0 && check->lines == 0)
        return 0; /* opened, and never written */
    if (bx_user_key_load("audit.key", key, err) < 0)
        return -1;
    if (!bx_audit_head_parse(text, bytes, key, &head))
        return report(v, NULL,
                      "the head file was changed, or written with another "
                      "user's key");
    if (head.next_bytes > 0 && check->seq == head.seq + 1 &&
        strcmp(check->hash, head.next_hash) == 0)
        return 0; /* its writer died before it could say so */
    if (check->seq < head.seq)
        return report(v, NULL,
                      "truncated: numbers %" PRIu64 " to %" PRIu64
                      " are missing from the end",
                      check->seq + 1, head.seq);
    if (check->seq > head.seq)
        return report(v, NULL,
                      "changed: number %" PRIu64
                      " and what follows was not written by boxagnts",
                      head.seq + 1);
    if (strcmp(check->hash, head.hash) != 0)
        return report(v, NULL,
                      "changed: the chain does not end as the head file says: "
                      "lines were rewritten");
    return 0;
}

static int judge_all(verifier *v, bx_error **err)
{
    bx_audit_text text;
    int found;

    while ((found = bx_audit_reader_next(v->reader, &text, err)) > 0) {
        int verdict = judge(v, &text, err);

        if (verdict != 0)
            return verdict;
    }
    if (found == 0 && !v->check->is_headless)
        found = judge_end(v, err);
    if (found == 0 && v->check->expect != NULL && !v->was_expected)
        found = report(v, NULL, "removed: no line has the hash %.64s",
                       v->check->expect);
    return found;
}

int bx_audit_log_check(const char *path, bx_audit_check *check, bx_error **err)
{
    bx_autoreader bx_audit_reader *reader = NULL;
    verifier v = { .check = check };
    const bx_audit_problem *problem = &check->problem;
    int verdict;

    check->lines = check->files = check->seq = 0;
    memcpy(check->hash, bx_audit_first_prev, sizeof(check->hash));
    check->problem = (bx_audit_problem){ 0 };
    if (check->expect != NULL && !bx_audit_hash_is_valid(check->expect))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not a hash; expected 64 hexadecimal "
                            "digits in lower case",
                            check->expect);
    reader = bx_audit_reader_open(path, err);
    if (reader == NULL)
        return -1;
    v.reader = reader;
    verdict = judge_all(&v, err);
    if (verdict <= 0)
        return verdict;
    if (problem->line == 0)
        return bx_error_set(err, BX_ERR_INVALID, "audit log '%s': %s",
                            bx_audit_reader_path(reader), problem->text);
    return bx_error_set(
        err, BX_ERR_INVALID, "audit log '%s': line %" PRIu64 "%s%s: %s",
        bx_audit_reader_path(reader), problem->line,
        problem->file[0] == '\0' ? "" : " of ", problem->file, problem->text);
}

int bx_audit_log_verify(const char *path, uint64_t *ret_lines,
                        bx_audit_problem *ret_problem, bx_error **err)
{
    bx_audit_check check = { 0 };
    int failed = bx_audit_log_check(path, &check, err);

    *ret_lines = check.lines;
    *ret_problem = check.problem;
    return failed;
}
