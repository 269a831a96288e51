#include "soak/mix.h"

#include <stdlib.h>
#include <string.h>

#define LONG_BYTES 150000 /* beyond what a frame holds in itself */

/* Paths of one side differ, so that a commit of the overlay meets no file of
 * the other's. */
static void put_path(const soak_caller *caller, unsigned side, unsigned file,
                     char *ret, size_t bytes)
{
    snprintf(ret, bytes, "/%c%02u/f%u.txt", side == 0 ? 'p' : 'o',
             caller->number, file);
}

static uint64_t new_mark(soak_caller *caller)
{
    return (uint64_t)(caller->number + 1) << 40 | (caller->calls + 1);
}

/* ---- files ----------------------------------------------------------- */

static void make_write(soak_caller *caller, soak_call *call, bool is_long)
{
    unsigned file = soak_below(&caller->random, SOAK_FILES);
    char path[64];
    char *at;

    put_path(caller, call->side, file, path, sizeof(path));
    call->tool = "file-write";
    call->file = (int)file;
    call->mark = new_mark(caller);
    call->expected[0] = '\0';
    if (!is_long) {
        snprintf(call->input, sizeof(call->input),
                 "{\"path\":\"%s\",\"content\":\"mark-%llx-end\\nsecond\\n\"}",
                 path, (unsigned long long)call->mark);
        return;
    }
    call->long_input = malloc(LONG_BYTES + 512);
    if (call->long_input == NULL)
        soak_die("memory", NULL);
    at = call->long_input +
         sprintf(call->long_input,
                 "{\"path\":\"%s\",\"content\":\"mark-%llx-end\\n", path,
                 (unsigned long long)call->mark);
    for (size_t i = 0; i < LONG_BYTES; i++)
        *at++ = i % 80 == 79 ? ' ' : (char)('a' + i % 26);
    strcpy(at, "\"}");
}

/* A file whose content is known; when there is none, one is written. */
static bool pick_known(soak_caller *caller, soak_call *call, unsigned *ret_file,
                       char *path, size_t bytes)
{
    unsigned from = soak_below(&caller->random, SOAK_FILES);

    for (unsigned i = 0; i < SOAK_FILES; i++) {
        unsigned file = (from + i) % SOAK_FILES;

        if (caller->marks[call->side][file] == 0)
            continue;
        *ret_file = file;
        put_path(caller, call->side, file, path, bytes);
        return true;
    }
    make_write(caller, call, false);
    return false;
}

static void make_file_call(soak_caller *caller, soak_call *call, unsigned kind)
{
    unsigned long long mark;
    char path[64];
    unsigned file;

    if (!pick_known(caller, call, &file, path, sizeof(path)))
        return;
    mark = caller->marks[call->side][file];
    snprintf(call->expected, sizeof(call->expected), "mark-%llx-end", mark);
    switch (kind) {
    case 0:
        call->tool = "file-read";
        snprintf(call->input, sizeof(call->input), "{\"path\":\"%s\"}", path);
        break;
    case 1:
        call->tool = "file-edit";
        call->file = (int)file;
        call->mark = new_mark(caller);
        call->expected[0] = '\0';
        snprintf(call->input, sizeof(call->input),
                 "{\"path\":\"%s\",\"old_string\":\"mark-%llx-end\","
                 "\"new_string\":\"mark-%llx-end\"}",
                 path, mark, (unsigned long long)call->mark);
        break;
    case 2:
        call->tool = "file-glob";
        snprintf(call->input, sizeof(call->input),
                 "{\"pattern\":\"**/*.txt\",\"path\":\"%.4s\"}", path);
        snprintf(call->expected, sizeof(call->expected), "f%u.txt", file);
        break;
    default:
        call->tool = "file-grep";
        snprintf(call->input, sizeof(call->input),
                 "{\"pattern\":\"mark-%llx-end\",\"path\":\"%.4s\","
                 "\"output_mode\":\"content\",\"literal\":true}",
                 mark, path);
    }
}

/* ---- programs -------------------------------------------------------- */

static void make_program(soak_caller *caller, soak_call *call, unsigned kind)
{
    unsigned a = soak_below(&caller->random, 100000);
    unsigned b = soak_below(&caller->random, 100000);
    char side;
    char path[64];
    unsigned file;

    snprintf(call->expected, sizeof(call->expected), "%llu",
             (unsigned long long)a * b);
    switch (kind) {
    case 5:
        call->tool = "bash";
        snprintf(call->input, sizeof(call->input),
                 "{\"command\":\"printf '%%s\\\\n' $((%u * %u)) | tr -d ' ' | "
                 "sort\"}",
                 a, b);
        break;
    case 6:
        call->tool = "bash";
        call->is_nested = true;
        side = call->side == 0 ? 'p' : 'o';
        snprintf(call->input, sizeof(call->input),
                 "{\"command\":\"echo 'console.log(%u * %u)' > /tmp-%c%u.js && "
                 "node /tmp-%c%u.js && rm /tmp-%c%u.js\"}",
                 a, b, side, caller->number, side, caller->number, side,
                 caller->number);
        break;
    case 7:
        call->tool = "js-execute";
        snprintf(call->input, sizeof(call->input), "{\"code\":\"%u * %u\"}", a,
                 b);
        break;
    case 8:
        if (!pick_known(caller, call, &file, path, sizeof(path)))
            return;
        call->tool = "js-execute";
        call->is_nested = true;
        snprintf(call->input, sizeof(call->input),
                 "{\"code\":\"tools.file_read({path: '%s'})\"}", path);
        snprintf(call->expected, sizeof(call->expected), "mark-%llx-end",
                 (unsigned long long)caller->marks[call->side][file]);
        break;
    case 9:
        call->tool = "js-execute"; /* more than one frame holds */
        snprintf(call->input, sizeof(call->input),
                 "{\"code\":\"console.log('x'.repeat(%u)); %u * %u\"}",
                 LONG_BYTES, a, b);
        call->expected_bytes = LONG_BYTES;
        break;
    case 10:
        call->tool = "python-execute";
        snprintf(call->input, sizeof(call->input),
                 "{\"code\":\"print(%u * %u)\"}", a, b);
        break;
    default:
        call->tool = "python-execute";
        call->is_live = true;
        snprintf(call->input, sizeof(call->input),
                 "{\"session\":\"s%u\",\"code\":\"n = globals().get('n', 0) + "
                 "1\\nassert n > 0\\nprint(%u * %u)\"}",
                 soak_below(&caller->random, SOAK_SESSIONS), a, b);
    }
    call->may_record = kind != SOAK_LIVE;
}

/* ---- the network, and what cannot succeed ---------------------------- */

static void make_fetch(soak_caller *caller, soak_call *call, const char *path)
{
    unsigned port = soak_all.port;

    call->tool = "web-fetch";
    call->is_network = true;
    if (strcmp(path, "dead") == 0)
        port = soak_all.dead_port;
    if (strcmp(path, "refused") == 0)
        port = 1;
    snprintf(call->input, sizeof(call->input),
             "{\"url\":\"http://127.0.0.1:%u/%s\"}", port, path);
    (void)caller;
}

static void make_bad(soak_caller *caller, soak_call *call, unsigned kind)
{
    static const char *const paths[] = { "slow", "stall", "reset", "dead",
                                         "refused" };

    switch (kind) {
    case 14:
        call->tool = "bash";
        strcpy(call->input, "{\"command\":\"while :; do :; done\"}");
        call->refusal = BX_ERR_TIMEOUT;
        break;
    case 15:
        call->tool = "no-such-tool";
        strcpy(call->input, "{}");
        call->refusal = BX_ERR_NOT_FOUND;
        break;
    case 16:
        call->tool = "file-read";
        strcpy(call->input, "{\"paht\":1}");
        call->refusal = BX_ERR_INVALID;
        break;
    default:
        make_fetch(caller, call,
                   paths[soak_below(&caller->random,
                                    sizeof(paths) / sizeof(paths[0]))]);
        call->refusal = BX_ERR_TIMEOUT; /* or the tool says what it met */
    }
}

/* ---- any ------------------------------------------------------------- */

void soak_mix_make(soak_caller *caller, unsigned kind, unsigned side,
                   soak_call *ret)
{
    char page[32];

    *ret = (soak_call){ .side = side, .file = -1, .may_record = true };
    if (kind < 4) {
        make_file_call(caller, ret, kind);
    } else if (kind == 4) {
        make_write(caller, ret, soak_below(&caller->random, 4) == 0);
    } else if (kind < 12) {
        make_program(caller, ret, kind);
    } else if (kind == 12) {
        snprintf(page, sizeof(page), "ok/%u",
                 soak_below(&caller->random, 100000));
        make_fetch(caller, ret, page);
        snprintf(ret->expected, sizeof(ret->expected), "page %s", page + 3);
    } else if (kind == 13) {
        make_fetch(caller, ret,
                   soak_below(&caller->random, 2) == 0 ? "hop" : "big");
    } else {
        make_bad(caller, ret, kind);
    }
}

/* Python and what cannot end cost the most: less often. */
unsigned soak_mix_kind(soak_caller *caller)
{
    static const unsigned char weights[SOAK_KINDS] = {
        10, 8, 6, 6, 10, 10, 3, 10, 4, 3, 3, 4, 8, 3, 1, 2, 2, 1, 0,
    };
    static const unsigned char network[SOAK_KINDS] = {
        2, 2, 1, 1, 2, 2, 1, 2, 1, 1, 1, 1, 12, 8, 1, 1, 1, 12, 12,
    };
    const unsigned char *used =
        (atomic_load(&soak_all.spell) & SOAK_NETWORK) != 0 ? network : weights;
    unsigned all = 0;
    unsigned at;

    for (unsigned i = 0; i < SOAK_KINDS; i++)
        all += used[i];
    at = soak_below(&caller->random, all);
    for (unsigned i = 0; i < SOAK_KINDS; i++) {
        if (at < used[i])
            return i;
        at -= used[i];
    }
    return 0;
}

const char *soak_mix_check(const soak_call *call, const char *text)
{
    if (call->refusal != BX_OK && !call->is_network)
        return "a good answer of what cannot succeed";
    if (call->expected[0] != '\0' && strstr(text, call->expected) == NULL)
        return "another answer";
    if (strlen(text) < call->expected_bytes)
        return "an answer that was cut";
    return NULL;
}

void soak_mix_learn(soak_caller *caller, const soak_call *call, bool is_good)
{
    if (call->file >= 0)
        caller->marks[call->side][call->file] = is_good ? call->mark : 0;
}

bool soak_mix_file(const soak_caller *caller, unsigned side, unsigned file,
                   char *ret_name, size_t name_bytes, char *ret_begin,
                   size_t begin_bytes)
{
    put_path(caller, side, file, ret_name, name_bytes);
    snprintf(ret_begin, begin_bytes, "mark-%llx-end",
             (unsigned long long)caller->marks[side][file]);
    return caller->marks[side][file] != 0;
}
