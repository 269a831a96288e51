/* Policy files. yaml.h is included only here. The text may come from anyone:
 * only plain mappings, lists and scalars are taken, of a fixed shape, so that
 * no construct of YAML (anchors, tags, merge keys, several documents) can make
 * a file mean more than it shows. */
#include "policy/policy.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/utf8.h"
#include "policy/control.h"
#include "policy/secret.h"
#include "policy/text.h"

#define MAX_CONTROLS 32

typedef struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one being looked at; type 0 is none */
    bx_policy *policy;
    const char *name;
    const char *base_dir;
    size_t key_lines[MAX_CONTROLS]; /* where a control was given; 0: not yet */
    size_t version_line;
} reader;

/* ---- messages ---- */

static size_t line_of(const reader *in)
{
    return in->event.start_mark.line + 1;
}

/* "FILE: line N: " in front of the message. */
static int refuse_at(const reader *in, size_t line, bx_error **err,
                     const char *format, ...) BX_PRINTF(4, 5);

static int refuse_at(const reader *in, size_t line, bx_error **err,
                     const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&message, format, args);
    va_end(args);
    if (bytes < 0) {
        message = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_error_set(err, BX_ERR_INVALID, "%s: line %zu: %s", in->name, line,
                        message);
}

static int wrap_line(const reader *in, size_t line, bx_error **err)
{
    return bx_error_wrap(err, "%s: line %zu", in->name, line);
}

/* ---- events ---- */

static int refuse_yaml(const reader *in, bx_error **err)
{
    const yaml_parser_t *yaml = &in->yaml;
    const char *problem = yaml->problem != NULL ? yaml->problem : "malformed";

    if (yaml->error == YAML_MEMORY_ERROR)
        return bx_error_set_nomem(err);
    return refuse_at(in, yaml->problem_mark.line + 1, err,
                     "not valid YAML: %s%s%s; expected lines such as "
                     "'wasm-timeout: 30s'",
                     yaml->context != NULL ? yaml->context : "",
                     yaml->context != NULL ? ", " : "", problem);
}

/* Nothing of YAML that hides meaning. */
static int check_event(const reader *in, bx_error **err)
{
    const yaml_event_t *event = &in->event;
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse_at(in, line_of(in), err,
                         "an alias (*name); expected the value itself");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor != NULL)
        return refuse_at(in, line_of(in), err,
                         "an anchor (&name); expected a plain value");
    if (tag != NULL)
        return refuse_at(in, line_of(in), err,
                         "a tag (!name); expected a plain value");
    if (event->type == YAML_SCALAR_EVENT &&
        strlen((const char *)event->data.scalar.value) !=
            event->data.scalar.length)
        return refuse_at(in, line_of(in), err,
                         "a NUL byte in a value; expected text");
    return 0;
}

static int next_event(reader *in, bx_error **err)
{
    yaml_event_delete(&in->event);
    if (!yaml_parser_parse(&in->yaml, &in->event))
        return refuse_yaml(in, err);
    return check_event(in, err);
}

static bool is_scalar(const reader *in)
{
    return in->event.type == YAML_SCALAR_EVENT;
}

static const char *scalar_text(const reader *in)
{
    return (const char *)in->event.data.scalar.value;
}

/* Nothing behind the colon, "~" or "null". */
static bool is_null(const reader *in)
{
    const char *text = scalar_text(in);

    return in->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 ||
            strcasecmp(text, "null") == 0);
}

static const char *event_kind(const reader *in)
{
    switch (in->event.type) {
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    default:
        return "a single value";
    }
}

/* A scalar with something in it; key is for the message. */
static int check_scalar(const reader *in, const char *key, const char *expected,
                        bx_error **err)
{
    if (!is_scalar(in))
        return refuse_at(in, line_of(in), err, "%s: %s; expected %s", key,
                         event_kind(in), expected);
    if (is_null(in))
        return refuse_at(in, line_of(in), err, "%s: no value; expected %s", key,
                         expected);
    return 0;
}

/* ---- values ---- */

static int set_value(reader *in, const bx_control *control, const char *value,
                     size_t line, bx_error **err)
{
    bx_autofree char *shown = bx_control_show(control, value);
    bx_autofree char *origin = NULL;
    bx_source source = { .base_dir = in->base_dir };

    if (shown == NULL ||
        asprintf(&origin, "%s:%zu: %s", in->name, line, shown) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_control_set(control, in->policy, value, &source, err) < 0)
        return wrap_line(in, line, err);
    return 0;
}

static int read_scalar(reader *in, const bx_control *control, bx_error **err)
{
    if (check_scalar(in, control->name, control->placeholder, err) < 0)
        return -1;
    return set_value(in, control, scalar_text(in), line_of(in), err);
}

/* {host: ..., guest: ..., mode: ...} or {name: ..., file: ..., host: ...}: what
 * was given under each of a control's three keys. */
#define FIELDS 3

typedef struct mapping {
    const bx_control *control;
    const char *const *keys;
    const char *expected; /* "host, guest or mode" */
    const char *text;     /* "text for host, guest and mode" */
    char *texts[FIELDS];
} mapping;

static void clear_mapping(mapping *map)
{
    for (size_t i = 0; i < FIELDS; i++)
        free(map->texts[i]);
}

static int read_mapping_field(reader *in, mapping *map, bx_error **err)
{
    const char *control = map->control->name;
    bx_autofree char *shown = NULL;

    if (!is_scalar(in))
        return refuse_at(in, line_of(in), err, "%s: %s as a key; expected %s",
                         control, event_kind(in), map->expected);
    shown = bx_text_show(scalar_text(in));
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(map->keys[i], scalar_text(in)) != 0)
            continue;
        if (map->texts[i] != NULL)
            return refuse_at(in, line_of(in), err,
                             "%s: %s: given twice; expected it once", control,
                             map->keys[i]);
        if (next_event(in, err) < 0 ||
            check_scalar(in, control, map->text, err) < 0)
            return -1;
        map->texts[i] = strdup(scalar_text(in));
        return map->texts[i] != NULL ? 0 : bx_error_set_nomem(err);
    }
    return refuse_at(in, line_of(in), err, "%s: unknown key %s; expected %s",
                     control, BX_SHOWN(shown), map->expected);
}

static int add_mapping(reader *in, const mapping *map, size_t line,
                       bx_error **err)
{
    const char *host = map->texts[0];
    const char *guest = map->texts[1];
    const char *mode = map->texts[2] != NULL ? map->texts[2] : "rw";
    bx_autofree char *origin = NULL;
    bx_autofree char *shown = NULL;
    bx_source source = { .base_dir = in->base_dir };
    unsigned access;

    if (host == NULL || guest == NULL)
        return refuse_at(in, line, err,
                         "map-dir: no %s; expected {host: ..., guest: ...}",
                         host == NULL ? "host" : "guest");
    if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0) {
        shown = bx_text_show(mode);
        return refuse_at(in, line, err,
                         "map-dir: mode: %s is not a mode; expected ro or rw",
                         BX_SHOWN(shown));
    }
    access = strcmp(mode, "ro") == 0 ? BX_ACCESS_READ
                                     : BX_ACCESS_READ | BX_ACCESS_WRITE;
    if (asprintf(&origin, "%s:%zu: map-dir %s::%s::%s", in->name, line, host,
                 guest, mode) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_policy_add_mount(in->policy, host, guest, access, &source, err) <
        0) {
        (void)bx_error_wrap(err, "map-dir");
        return wrap_line(in, line, err);
    }
    return 0;
}

static int add_secret(reader *in, const mapping *map, size_t line,
                      bx_error **err)
{
    const char *name = map->texts[0];
    bx_autofree char *origin = NULL;
    bx_source source = { .base_dir = in->base_dir };

    if (name == NULL)
        return refuse_at(in, line, err,
                         "secret: no name; expected {name: ..., file: ..., "
                         "host: ...}, file and host if need be");
    if (asprintf(&origin, "%s:%zu: secret %s", in->name, line, name) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_policy_put_secret(in->policy, name, map->texts[1], map->texts[2],
                             &source, err) < 0) {
        (void)bx_error_wrap(err, "secret");
        return wrap_line(in, line, err);
    }
    return 0;
}

static bool is_control(const bx_control *control, const char *name)
{
    return strcmp(control->name, name) == 0;
}

/* From its start. */
static int read_mapping(reader *in, const bx_control *control, bx_error **err)
{
    static const char *const mount_keys[FIELDS] = { "host", "guest", "mode" };
    static const char *const secret_keys[FIELDS] = { "name", "file", "host" };
    bool is_mount = is_control(control, "map-dir");
    __attribute__((cleanup(clear_mapping))) mapping map = {
        .control = control,
        .keys = is_mount ? mount_keys : secret_keys,
        .expected = is_mount ? "host, guest or mode" : "name, file or host",
        .text = is_mount ? "text for host, guest and mode"
                         : "text for name, file and host",
    };
    size_t line = line_of(in);

    for (;;) {
        if (next_event(in, err) < 0)
            return -1;
        if (in->event.type == YAML_MAPPING_END_EVENT)
            return is_mount ? add_mapping(in, &map, line, err)
                            : add_secret(in, &map, line, err);
        if (read_mapping_field(in, &map, err) < 0)
            return -1;
    }
}

static bool has_env(const bx_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->env_count; i++) {
        if (strcmp(policy->env[i].name, name) == 0)
            return true;
    }
    return false;
}

static int add_env(reader *in, const char *name, size_t line, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(name);
    bx_autofree char *origin = NULL;
    bx_source source = { 0 };

    if (!is_scalar(in) || is_null(in))
        return refuse_at(in, line_of(in), err,
                         "env: %s: %s; expected text (to pass the host's own "
                         "value write a list, env: [NAME])",
                         BX_SHOWN(shown),
                         is_scalar(in) ? "no value" : event_kind(in));
    if (has_env(in->policy, name))
        return refuse_at(in, line, err,
                         "env: %s: given twice; expected each variable once",
                         BX_SHOWN(shown));
    if (asprintf(&origin, "%s:%zu: env %s", in->name, line, name) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_policy_put_env(in->policy, name, scalar_text(in), &source, err) <
        0) {
        (void)bx_error_wrap(err, "env");
        return wrap_line(in, line, err);
    }
    return 0;
}

/* NAME: value, from its start. */
static int read_env(reader *in, bx_error **err)
{
    for (;;) {
        bx_autofree char *name = NULL;
        size_t line;

        if (next_event(in, err) < 0)
            return -1;
        if (in->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        line = line_of(in);
        if (!is_scalar(in))
            return refuse_at(in, line, err,
                             "env: %s as a key; expected a variable's name",
                             event_kind(in));
        name = strdup(scalar_text(in));
        if (name == NULL)
            return bx_error_set_nomem(err);
        if (next_event(in, err) < 0 || add_env(in, name, line, err) < 0)
            return -1;
    }
}

static bool takes_mapping(const bx_control *control)
{
    return is_control(control, "map-dir") || is_control(control, "secret");
}

static int read_list(reader *in, const bx_control *control, bx_error **err)
{
    for (size_t count = 0;; count++) {
        if (next_event(in, err) < 0)
            return -1;
        /* It reads as "no path is granted" and would grant every mapping. */
        if (in->event.type == YAML_SEQUENCE_END_EVENT && count == 0 &&
            is_control(control, "grant"))
            return refuse_at(in, line_of(in), err,
                             "grant: an empty list; expected %s, or no grant "
                             "at all to give mapped folders whole",
                             control->placeholder);
        if (in->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (in->event.type == YAML_MAPPING_START_EVENT &&
            takes_mapping(control)) {
            if (read_mapping(in, control, err) < 0)
                return -1;
        } else if (read_scalar(in, control, err) < 0) {
            return -1;
        }
    }
}

/* The value of one key, its first event at hand. */
static int read_value(reader *in, const bx_control *control, bx_error **err)
{
    if (in->event.type == YAML_SEQUENCE_START_EVENT && control->is_list)
        return read_list(in, control, err);
    if (in->event.type == YAML_MAPPING_START_EVENT) {
        if (is_control(control, "env"))
            return read_env(in, err);
        if (takes_mapping(control))
            return read_mapping(in, control, err);
    }
    return read_scalar(in, control, err);
}

/* ---- the file ---- */

static int refuse_key(reader *in, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(scalar_text(in));
    const bx_control *guess = bx_control_guess(scalar_text(in));

    if (strcmp(scalar_text(in), "<<") == 0)
        return refuse_at(in, line_of(in), err,
                         "a merge key (<<); expected each control in full");
    if (guess != NULL)
        return refuse_at(in, line_of(in), err,
                         "unknown key %s; did you mean '%s'? expected the name "
                         "of a control",
                         BX_SHOWN(shown), guess->name);
    return refuse_at(in, line_of(in), err,
                     "unknown key %s; expected the name of a control, such as "
                     "map-dir",
                     BX_SHOWN(shown));
}

static int read_version(reader *in, bx_error **err)
{
    bx_autofree char *shown = NULL;

    if (in->version_line != 0)
        return refuse_at(in, line_of(in), err,
                         "version: given twice, first on line %zu; expected "
                         "each key once",
                         in->version_line);
    in->version_line = line_of(in);
    if (next_event(in, err) < 0 || check_scalar(in, "version", "1", err) < 0)
        return -1;
    if (strcmp(scalar_text(in), "1") == 0)
        return 0;
    shown = bx_text_show(scalar_text(in));
    return refuse_at(in, line_of(in), err,
                     "version: %s is unknown to this program; expected 1",
                     BX_SHOWN(shown));
}

/* A key and its value, the key's event at hand. */
static int read_key(reader *in, bx_error **err)
{
    const bx_control *control;
    size_t *line;

    if (!is_scalar(in))
        return refuse_at(in, line_of(in), err,
                         "%s as a key; expected the name of a control",
                         event_kind(in));
    if (strcmp(scalar_text(in), "version") == 0)
        return read_version(in, err);
    control = bx_control_find(scalar_text(in));
    if (control == NULL)
        return refuse_key(in, err);
    line = &in->key_lines[control - bx_controls];
    if (*line != 0)
        return refuse_at(in, line_of(in), err,
                         "%s: given twice, first on line %zu; expected each "
                         "key once",
                         control->name, *line);
    *line = line_of(in);
    if (next_event(in, err) < 0)
        return -1;
    return read_value(in, control, err);
}

static int read_document(reader *in, bx_error **err)
{
    if (in->event.data.document_start.version_directive != NULL ||
        in->event.data.document_start.tag_directives.start !=
            in->event.data.document_start.tag_directives.end)
        return refuse_at(in, line_of(in), err,
                         "a directive (%%); expected the controls alone");
    if (next_event(in, err) < 0)
        return -1;
    if (is_scalar(in) && is_null(in))
        return next_event(in, err);
    if (in->event.type != YAML_MAPPING_START_EVENT)
        return refuse_at(in, line_of(in), err,
                         "%s; expected a mapping of controls, such as "
                         "'wasm-timeout: 30s'",
                         event_kind(in));
    for (;;) {
        if (next_event(in, err) < 0)
            return -1;
        if (in->event.type == YAML_MAPPING_END_EVENT)
            return next_event(in, err);
        if (read_key(in, err) < 0)
            return -1;
    }
}

static int read_stream(reader *in, bx_error **err)
{
    if (next_event(in, err) < 0)
        return -1; /* the start of the stream */
    if (next_event(in, err) < 0)
        return -1;
    if (in->event.type == YAML_STREAM_END_EVENT)
        return 0; /* empty, or comments only */
    /* After the document its end is at hand. */
    if (read_document(in, err) < 0 || next_event(in, err) < 0)
        return -1;
    if (in->event.type != YAML_STREAM_END_EVENT)
        return refuse_at(in, line_of(in), err,
                         "a second document; expected one in a file");
    return 0;
}

/* Before libyaml sees it: no other encoding is guessed, no byte is skipped. */
static int check_text(const reader *in, const char *text, size_t bytes,
                      bx_error **err)
{
    size_t line = 1;

    if (bytes > BX_POLICY_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%s: larger than %u bytes, the most accepted",
                            in->name, BX_POLICY_MAX_BYTES);
    for (size_t i = 0; i < bytes;) {
        size_t len = bx_utf8_decode(text + i, bytes - i, NULL);

        if (len == 0)
            return refuse_at(in, line, err, "invalid UTF-8; expected text");
        if (text[i] == '\0')
            return refuse_at(in, line, err, "a NUL byte; expected text");
        if (text[i] == '\n')
            line++;
        i += len;
    }
    return 0;
}

bx_policy *bx_policy_parse(const char *text, size_t text_bytes,
                           const char *name, const char *base_dir,
                           bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    reader in = {
        .policy = policy,
        .name = name != NULL ? name : "policy",
        .base_dir = base_dir,
    };
    int status;

    assert(bx_controls_count <= MAX_CONTROLS);
    if (policy == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (check_text(&in, text, text_bytes, err) < 0)
        return NULL;
    if (!yaml_parser_initialize(&in.yaml)) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    yaml_parser_set_encoding(&in.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&in.yaml, (const unsigned char *)text,
                                 text_bytes);
    status = read_stream(&in, err);
    yaml_event_delete(&in.event);
    yaml_parser_delete(&in.yaml);
    return status < 0 ? NULL : bx_take(policy);
}

bx_policy *bx_policy_load(const char *path, bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autofree char *dir = NULL;
    const char *slash = strrchr(path, '/');
    size_t bytes;

    if (bx_file_read(path, BX_POLICY_MAX_BYTES, &text, &bytes, err) < 0) {
        (void)bx_error_wrap(err, "policy");
        return NULL;
    }
    if (slash != NULL) {
        dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (dir == NULL) {
            (void)bx_error_set_nomem(err);
            return NULL;
        }
    }
    return bx_policy_parse(text, bytes, path, dir, err);
}
