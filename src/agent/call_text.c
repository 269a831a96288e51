/* What commands, paths and URLs say, read as one who distrusts their author:
 * whatever is only known when it runs is no part of what was approved. */
#include <string.h>

#include "agent/call_fit.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "policy/text.h"

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* ---- commands ----------------------------------------------------------- */

/* Bytes a shell makes something of, outside of quotes: more commands, what
 * another one prints, files, variables, other words. */
#define SHELL_BYTES ";&|<>()$`\\*?[]{}!"

/* The end of a quoted part, SIZE_MAX when it is not plain text. */
static size_t skip_quoted(const char *text, size_t at)
{
    char quote = text[at];
    const char *end = strchr(text + at + 1, quote);
    size_t len;

    if (end == NULL)
        return SIZE_MAX;
    len = (size_t)(end - text) - at - 1;
    if (quote == '"')
        for (size_t i = 0; i < len; i++)
            if (strchr("$`\\!", text[at + 1 + i]) != NULL)
                return SIZE_MAX;
    return at + len + 2;
}

static bool is_plain_byte(const char *text, size_t at, bool is_first_word)
{
    char c = text[at];
    char before = at > 0 ? text[at - 1] : ' ';

    if ((unsigned char)c >= 0x80 || strchr(SHELL_BYTES, c) != NULL)
        return false;
    if (c == '#' && before == ' ')
        return false;
    if (c == '~' && strchr(" =:", before) != NULL)
        return false;
    return c != '=' || !is_first_word; /* NAME=value program */
}

/* One program with its arguments, all of it in the text; with single blanks
 * between words. False: it is not, or there is no memory. */
static bool put_simple_command(bx_buf *out, const char *text)
{
    bool is_first_word = true;
    size_t at = strspn(text, " ");

    while (text[at] != '\0') {
        size_t end = at + 1;

        if (text[at] == ' ') {
            is_first_word = false;
            end = at + strspn(text + at, " ");
            if (text[end] == '\0')
                break;
            at = end - 1; /* one of them stays */
        } else if (text[at] == '\'' || text[at] == '"') {
            end = skip_quoted(text, at);
            if (end == SIZE_MAX)
                return false;
        } else if (!is_plain_byte(text, at, is_first_word)) {
            return false;
        }
        if (bx_buf_append(out, text + at, end - at, SIZE_MAX) < 0)
            return false;
        at = end;
    }
    return out->len > 0;
}

bool bx_command_fits_whole(const char *pattern, const char *command)
{
    bx_autobuf bx_buf simple = BX_BUF_INIT;
    size_t program = strcspn(pattern, " ");

    /* "* --version" would be any program with that word behind it. */
    if (memchr(pattern, '*', program) != NULL)
        return false;
    if (bx_text_has_control(command) ||
        !bx_utf8_is_valid(command, strlen(command)) ||
        !put_simple_command(&simple, command))
        return false;
    return bx_call_glob(pattern, simple.data, simple.len);
}

#define SEPARATORS ";&|()<>`\n"

/* Quotes and backslashes away, blanks and slashes single. */
static int put_bare(bx_buf *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        char before = out->len > 0 ? out->data[out->len - 1] : ' ';

        if (c == '\\' && i + 1 < bytes && text[i + 1] == '\n')
            i++;
        if (c == '\'' || c == '"' || c == '\\')
            continue;
        if (c != '\n' && ((unsigned char)c < 0x20 || c == 0x7f))
            c = ' ';
        if (c == ' ' && (before == ' ' || strchr(SEPARATORS, before) != NULL))
            continue;
        if (c == '/' && before == '/' &&
            (out->len < 2 || out->data[out->len - 2] != ':'))
            continue;
        if (bx_buf_append(out, &c, 1, SIZE_MAX) < 0)
            return -1;
    }
    return bx_buf_append(out, " ", 1, SIZE_MAX);
}

/* At the begin of any word. Where what is in front of the first '*' fits first,
 * the '*' has all that it has further on: one try is enough, and a model cannot
 * make it take long. */
static bool fits_at_a_word(const char *pattern, const char *text, size_t bytes)
{
    size_t literal = strcspn(pattern, "*");

    for (size_t i = 0; i + literal <= bytes; i++) {
        if ((i > 0 && is_word_byte(text[i - 1])) ||
            memcmp(text + i, pattern, literal) != 0)
            continue;
        if (pattern[literal] == '*')
            return bx_call_glob(pattern, text + i, bytes - i);
        if (i + literal == bytes)
            return true;
    }
    return false;
}

/* With and without the blank behind text, so that "rm *" has "rm" alone, too.
 */
static bool fits_at_words(const char *pattern, const char *text, size_t bytes)
{
    return fits_at_a_word(pattern, text, bytes) ||
           (bytes > 0 && text[bytes - 1] == ' ' &&
            fits_at_a_word(pattern, text, bytes - 1));
}

/* In any of the commands that the text may be made of. */
static bool fits_in_pieces(const char *pattern, const bx_buf *bare)
{
    bx_autobuf bx_buf piece = BX_BUF_INIT;
    size_t begin = 0;

    for (size_t i = 0; i <= bare->len; i++) {
        if (i < bare->len && (bare->data[i] == '\0' ||
                              strchr(SEPARATORS, bare->data[i]) == NULL))
            continue;
        bx_buf_clear(&piece);
        if (bx_buf_append(&piece, bare->data + begin, i - begin, SIZE_MAX) < 0)
            return true;
        while (piece.len > 0 && piece.data[piece.len - 1] == ' ')
            piece.len--;
        if (piece.len > 0 && (bx_buf_append(&piece, " ", 1, SIZE_MAX) < 0 ||
                              fits_at_words(pattern, piece.data, piece.len)))
            return true;
        begin = i + 1;
    }
    return false;
}

bool bx_text_fits_part(const char *pattern, const char *text, size_t bytes)
{
    bx_autobuf bx_buf bare = BX_BUF_INIT;
    bx_autobuf bx_buf meant = BX_BUF_INIT; /* the pattern, bare as well */

    if (bx_call_glob(pattern, text, bytes))
        return true;
    if (put_bare(&bare, text, bytes) < 0 ||
        put_bare(&meant, pattern, strlen(pattern)) < 0)
        return true; /* without memory nothing is known: refuse */
    meant.data[--meant.len] = '\0'; /* the blank that ends what is bare */
    return fits_at_words(meant.data, bare.data, bare.len) ||
           fits_in_pieces(meant.data, &bare);
}

bx_fit bx_command_fits_part(const char *pattern, const char *command,
                            size_t bytes)
{
    if (bx_text_fits_part(pattern, command, bytes))
        return BX_FIT_YES;
    if (strpbrk(command, "$`\\*?[{~") != NULL ||
        strstr(command, "..") != NULL || strstr(command, "/./") != NULL ||
        !bx_utf8_is_valid(command, bytes))
        return BX_FIT_MAYBE;
    return BX_FIT_NO;
}

/* ---- paths -------------------------------------------------------------- */

/* Absolute, without "." and empty names. 0; -1: a ".." (links make of it what
 * they like), a control byte or no memory. */
static int put_path(bx_buf *out, const char *path)
{
    if (bx_text_has_control(path))
        return -1;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && memcmp(path, "..", 2) == 0)
            return -1;
        if (len > 0 && !(len == 1 && path[0] == '.') &&
            (bx_buf_puts(out, "/") < 0 ||
             bx_buf_append(out, path, len, SIZE_MAX) < 0))
            return -1;
        path += len + (path[len] == '/');
    }
    return out->len == 0 ? bx_buf_puts(out, "/") : 0;
}

/* Patterns count from the root as well: "src/" and "*" mean "/src/", "*". */
static int put_path_pattern(bx_buf *out, const char *pattern)
{
    if (strncmp(pattern, "./", 2) == 0)
        pattern += 2;
    return strchr("/*", pattern[0]) == NULL && bx_buf_puts(out, "/") < 0
               ? -1
               : bx_buf_puts(out, pattern);
}

bool bx_path_fits_whole(const char *pattern, const char *path)
{
    bx_autobuf bx_buf rooted = BX_BUF_INIT;
    bx_autobuf bx_buf plain = BX_BUF_INIT;

    return put_path_pattern(&rooted, pattern) == 0 &&
           put_path(&plain, path) == 0 &&
           bx_call_glob(rooted.data, plain.data, plain.len);
}

bx_fit bx_path_fits_part(const char *pattern, const char *path)
{
    bx_autobuf bx_buf rooted = BX_BUF_INIT;
    bx_autobuf bx_buf plain = BX_BUF_INIT;
    size_t literal;

    if (put_path_pattern(&rooted, pattern) < 0 || put_path(&plain, path) < 0)
        return BX_FIT_MAYBE;
    if (bx_call_glob(rooted.data, plain.data, plain.len))
        return BX_FIT_YES;
    /* A folder above what is meant: a search there reads all of it. */
    literal = strcspn(rooted.data, "*");
    if (strcmp(plain.data, "/") == 0 ||
        (plain.len <= literal &&
         memcmp(rooted.data, plain.data, plain.len) == 0 &&
         strchr("/*", rooted.data[plain.len]) != NULL))
        return BX_FIT_MAYBE;
    return BX_FIT_NO;
}

/* ---- URLs --------------------------------------------------------------- */

#define HOST_BYTES "abcdefghijklmnopqrstuvwxyz0123456789.-"

/* Behind "http://" or "https://"; NULL: neither. */
static const char *skip_scheme(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return url + 8;
    return strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

/* In the one spelling that has no other: a lower-case name (numbers have many
 * forms), a port or none, nothing encoded, no dot segments. */
static bool is_plain_url(const char *url)
{
    const char *host = skip_scheme(url);
    const char *path;
    size_t len, port = 0;

    if (host == NULL || strlen(url) > BX_FIT_TEXT_MAX_BYTES)
        return false;
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || (unsigned char)*c >= 0x7f ||
            strchr("\\%@#", *c) != NULL)
            return false;
    len = strspn(host, HOST_BYTES);
    if (host[len] == ':')
        port = 1 + strspn(host + len + 1, "0123456789");
    path = host + len + port;
    if (len == 0 || strchr("/?", *path) == NULL || host[len - 1] == '.' ||
        host[0] == '.' || strstr(path, "//") != NULL ||
        strstr(path, "/.") != NULL || port == 1)
        return false;
    while (len > 0 && host[len - 1] != '.')
        len--;
    return host[len] >= 'a' && host[len] <= 'z'; /* its last label is a name */
}

/* scheme://host[:port] and what follows, each on its own: a '*' of one never
 * reaches into the other. */
bool bx_url_fits_whole(const char *pattern, const char *url)
{
    const char *pattern_host = skip_scheme(pattern);
    const char *host = skip_scheme(url);
    bx_autobuf bx_buf authority = BX_BUF_INIT;
    size_t len, host_len;

    if (pattern_host == NULL || !is_plain_url(url) || host == NULL ||
        pattern_host - pattern != host - url)
        return false;
    len = strcspn(pattern_host, "/?");
    host_len = strcspn(host, "/?");
    /* "*.example.com" or "*"; "example.com*" would have example.com.evil.net */
    if (memchr(pattern_host + 1, '*', len > 0 ? len - 1 : 0) != NULL ||
        (pattern_host[0] == '*' && len > 1 && pattern_host[1] != '.') ||
        bx_buf_append(&authority, pattern_host, len, SIZE_MAX) < 0)
        return false;
    if (!bx_call_glob(authority.data, host, host_len))
        return false;
    if (pattern_host[len] == '\0')
        return true; /* the whole host */
    return bx_call_glob(pattern_host + len, host + host_len,
                        strlen(host + host_len));
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

bx_fit bx_url_fits_part(const char *pattern, const char *url)
{
    static const char *const beneath[] = { "", "/*", ":*", "?*" };
    bx_autofree char *plain = strdup(url);
    size_t len = strlen(pattern);

    if (len > 1 && pattern[len - 1] == '/')
        len--;
    if (plain == NULL)
        return BX_FIT_YES;
    lower(plain);
    for (size_t i = 0; i < sizeof(beneath) / sizeof(beneath[0]); i++) {
        bx_autobuf bx_buf wide = BX_BUF_INIT;
        const char *host;

        if (bx_buf_printf(&wide, "%.*s%s", (int)len, pattern, beneath[i]) < 0)
            return BX_FIT_YES;
        lower(wide.data);
        host = skip_scheme(wide.data);
        if (bx_text_fits_part(host != NULL ? host : wide.data, plain,
                              strlen(plain)))
            return BX_FIT_YES;
    }
    return is_plain_url(plain) ? BX_FIT_NO : BX_FIT_MAYBE;
}
