#include "policy/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/utf8.h"
#include "policy/grant.h"
#include "policy/name_pattern.h"
#include "policy/text.h"

static void free_value(char *value)
{
    if (value != NULL)
        explicit_bzero(value, strlen(value));
    free(value);
}

static void clear_secret(bx_secret *secret)
{
    free(secret->name);
    free_value(secret->value);
    free(secret->file);
    bx_host_pattern_free(secret->host);
    free(secret->origin);
    *secret = (bx_secret){ 0 };
}

static void clear_injections(bx_policy *policy)
{
    for (size_t i = 0; i < policy->injections_count; i++) {
        bx_host_pattern_free(policy->injections[i].host);
        free(policy->injections[i].header);
        free_value(policy->injections[i].value);
    }
    free(policy->injections);
    bx_mask_free(policy->mask);
    policy->injections = NULL;
    policy->injections_count = 0;
    policy->mask = NULL;
}

void bx_policy_free_secrets(bx_policy *policy)
{
    for (size_t i = 0; i < policy->secrets_count; i++)
        clear_secret(&policy->secrets[i]);
    free(policy->secrets);
    clear_injections(policy);
}

void bx_policy_drop_secrets(bx_policy *policy)
{
    bx_policy_free_secrets(policy);
    policy->secrets = NULL;
    policy->secrets_count = 0;
}

/* ---- values --------------------------------------------------------- */

/* The message must not show the value. */
static int check_value(const char *value, bx_error **err)
{
    size_t bytes = strlen(value);
    const char *fault = NULL;

    if (bytes < BX_SECRET_MIN_BYTES)
        fault = "is shorter than 8 bytes";
    else if (bytes > BX_SECRET_MAX_BYTES)
        fault = "is longer than 4096 bytes";
    for (const char *at = value; *at != '\0' && fault == NULL; at++) {
        if (*at < 0x20 || *at > 0x7e)
            fault = "has a line break, a control byte or one that is not "
                    "ASCII";
    }
    if (fault == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "its value %s; expected printable ASCII, as fits in a "
                        "header",
                        fault);
}

static int check_file(int fd, const char *file, bx_error **err)
{
    struct stat stat;
    const char *fault = NULL;

    if (fstat(fd, &stat) < 0)
        return bx_error_set_errno(err, errno, "file '%s'", file);
    if (!S_ISREG(stat.st_mode))
        fault = "is not a regular file";
    else if (stat.st_uid != geteuid() && stat.st_uid != 0)
        fault = "belongs to another user";
    else if ((stat.st_mode & 066) != 0)
        fault = "can be read or written by others";
    if (fault == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "file '%s' %s; expected a file of yours with mode "
                        "0600 (chmod 600)",
                        file, fault);
}

static char *read_file(const char *file, bx_error **err)
{
    bx_autofd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *value;
    size_t bytes;

    if (fd < 0) {
        (void)bx_error_set_errno(err, errno, "file '%s'", file);
        return NULL;
    }
    if (check_file(fd, file, err) < 0 ||
        bx_file_read_fd(fd, file, BX_SECRET_MAX_BYTES + 2, &value, &bytes,
                        err) < 0)
        return NULL;
    if (bytes != strlen(value)) {
        explicit_bzero(value, bytes);
        free(value);
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "file '%s' has a NUL byte; expected text", file);
        return NULL;
    }
    if (bytes > 0 && value[bytes - 1] == '\n')
        value[--bytes] = '\0';
    if (bytes > 0 && value[bytes - 1] == '\r')
        value[--bytes] = '\0';
    return value;
}

static char *read_environment(const char *name, bx_error **err)
{
    const char *value = getenv(name);
    char *copy;

    if (value == NULL) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "not set in the host's environment; expected a "
                           "variable that is set, or NAME=@FILE");
        return NULL;
    }
    copy = strdup(value);
    if (copy == NULL)
        (void)bx_error_set_nomem(err);
    return copy;
}

/* ---- the vault ------------------------------------------------------ */

const bx_secret *bx_policy_find_secret(const bx_policy *policy,
                                       const char *name)
{
    for (size_t i = 0; i < policy->secrets_count; i++) {
        if (strcmp(policy->secrets[i].name, name) == 0)
            return &policy->secrets[i];
    }
    return NULL;
}

static int put(bx_policy *policy, bx_secret *secret, bx_error **err)
{
    const bx_secret *old = bx_policy_find_secret(policy, secret->name);

    if (old != NULL) {
        bx_secret *slot = &policy->secrets[old - policy->secrets];

        clear_secret(slot);
        *slot = *secret;
        return 0;
    }
    if (bx_policy_grow(&policy->secrets, policy->secrets_count, sizeof(*secret),
                       err) < 0)
        return -1;
    policy->secrets[policy->secrets_count++] = *secret;
    return 0;
}

static int fill(bx_secret *secret, const char *name, const char *file,
                const char *host, const bx_source *source, bx_error **err)
{
    const char *base = source->base_dir;

    if (bx_name_pattern_check(name, "secret", err) < 0)
        return -1;
    if (strpbrk(name, "*@") != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the name has '*' or '@'; expected one name");
    secret->name = strdup(name);
    if (secret->name == NULL)
        return bx_error_set_nomem(err);
    if (file != NULL && file[0] == '\0')
        return bx_error_set(err, BX_ERR_INVALID,
                            "no file behind '=@'; expected NAME=@FILE");
    if (file != NULL) {
        bool is_joined = base != NULL && base[0] != '\0' && file[0] != '/';

        if (asprintf(&secret->file, "%s%s%s", is_joined ? base : "",
                     is_joined && strcmp(base, "/") != 0 ? "/" : "",
                     file) < 0) {
            secret->file = NULL;
            return bx_error_set_nomem(err);
        }
        if (!source->is_printable && /* it may begin with any folder's name */
            (bx_text_has_control(secret->file) ||
             !bx_utf8_is_valid(secret->file, strlen(secret->file))))
            return bx_error_set(err, BX_ERR_INVALID,
                                "the file's name has a control byte or is "
                                "not UTF-8; expected a path");
    }
    if (host != NULL) {
        secret->host = bx_host_pattern_parse(host, err);
        if (secret->host == NULL)
            return -1;
    }
    secret->origin = bx_origin_copy(source, err);
    return secret->origin == NULL ? -1 : 0;
}

static int read_value(bx_secret *secret, bx_error **err)
{
    secret->value = secret->file != NULL ? read_file(secret->file, err)
                                         : read_environment(secret->name, err);
    return secret->value == NULL ? -1 : check_value(secret->value, err);
}

static int leave_absent(bx_secret *secret, bx_error **err)
{
    secret->value = strdup("");
    return secret->value == NULL ? bx_error_set_nomem(err) : 0;
}

static int put_secret(bx_policy *policy, const char *name, const char *file,
                      const char *host, const bx_source *source,
                      int (*set_value)(bx_secret *secret, bx_error **err),
                      bx_error **err)
{
    bx_secret secret = { 0 };
    bx_autofree char *shown = NULL;

    if (fill(&secret, name, file, host, source, err) == 0 &&
        set_value(&secret, err) == 0 && put(policy, &secret, err) == 0)
        return 0;
    clear_secret(&secret);
    shown = bx_text_show(name);
    return bx_error_wrap(err, "%s", BX_SHOWN(shown));
}

int bx_policy_put_secret(bx_policy *policy, const char *name, const char *file,
                         const char *host, const bx_source *source,
                         bx_error **err)
{
    return put_secret(policy, name, file, host, source, read_value, err);
}

int bx_policy_put_absent_secret(bx_policy *policy, const char *name,
                                const char *file, const char *host,
                                const bx_source *source, bx_error **err)
{
    return put_secret(policy, name, file, host, source, leave_absent, err);
}

int bx_policy_parse_secret(bx_policy *policy, const char *text,
                           const bx_source *source, bx_error **err)
{
    size_t head = strcspn(text, "=");
    size_t name_bytes = strcspn(text, "=@");
    bx_autofree char *name = strndup(text, name_bytes);
    bx_autofree char *host = NULL;
    const char *file = NULL;

    if (name == NULL)
        return bx_error_set_nomem(err);
    if (text[head] == '=') {
        if (text[head + 1] != '@') {
            bx_autofree char *shown = bx_text_show(name);

            return bx_error_set(err, BX_ERR_INVALID,
                                "%s is given with its value; expected NAME "
                                "for the host's own variable, or NAME=@FILE",
                                BX_SHOWN(shown));
        }
        file = text + head + 2;
    }
    if (name_bytes < head) {
        host = strndup(text + name_bytes + 1, head - name_bytes - 1);
        if (host == NULL)
            return bx_error_set_nomem(err);
    }
    return bx_policy_put_secret(policy, name, file, host, source, err);
}

/* ---- in use --------------------------------------------------------- */

bx_verdict bx_policy_check_ask(const bx_policy *policy,
                               const bx_secret_ask *ask)
{
    const bx_secret *secret = bx_policy_find_secret(policy, ask->name);

    if (secret == NULL)
        return (bx_verdict){ false, "no secret has this name",
                             "nothing granted" };
    if (secret->host != NULL &&
        !bx_host_pattern_covers(secret->host, ask->pattern))
        return (bx_verdict){ false, "the secret may not go there",
                             secret->origin };
    return (bx_verdict){ true, "the secret is given", secret->origin };
}

bx_verdict bx_policy_check_secret(const bx_policy *policy, const char *name)
{
    const bx_secret *secret = bx_policy_find_secret(policy, name);

    if (secret == NULL)
        return (bx_verdict){ false, "no secret has this name",
                             "nothing granted" };
    return (bx_verdict){ true,
                         secret->host == NULL
                             ? "the secret is there for tools that ask"
                             : "the secret is there, for its own hosts",
                         secret->origin };
}

/* The format with the value in its hole; owned. */
static char *fill_format(const char *format, const char *value)
{
    const char *hole = strstr(format, "{}");
    char *text = NULL;

    if (asprintf(&text, "%.*s%s%s", (int)(hole - format), format, value,
                 hole + 2) < 0)
        return NULL;
    return text;
}

static int add_injection(bx_policy *policy, const bx_secret_ask *ask,
                         const char *value)
{
    bx_injection made = {
        .host = bx_host_pattern_parse(ask->host, NULL),
        .header = strdup(ask->header),
        .value = fill_format(ask->format, value),
    };

    if (policy->mask == NULL)
        policy->mask = bx_mask_new();
    if (made.host == NULL || made.header == NULL || made.value == NULL ||
        policy->mask == NULL || bx_mask_add(policy->mask, value) < 0 ||
        bx_policy_grow(&policy->injections, policy->injections_count,
                       sizeof(made), NULL) < 0) {
        bx_host_pattern_free(made.host);
        free(made.header);
        free_value(made.value);
        return -1;
    }
    policy->injections[policy->injections_count++] = made;
    return 0;
}

int bx_policy_use_secrets(bx_policy *policy, const bx_grants *layer,
                          bx_error **err)
{
    clear_injections(policy);
    for (size_t i = 0; i < layer->secrets_count; i++) {
        const bx_secret_ask *ask = &layer->secrets[i];
        const bx_secret *secret = bx_policy_find_secret(policy, ask->name);

        if (bx_policy_check_ask(policy, ask).is_allowed &&
            secret->value[0] != '\0' &&
            add_injection(policy, ask, secret->value) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

bool bx_policy_has_mask(const bx_policy *policy)
{
    return policy->mask != NULL;
}

void bx_policy_mask(const bx_policy *policy, void *data, size_t bytes)
{
    size_t ahead = 0;

    if (policy->mask != NULL)
        (void)bx_mask_stream(policy->mask, &ahead, data, bytes, true);
}

/* ---- cloning -------------------------------------------------------- */

static int clone_secret(bx_policy *copy, const bx_secret *secret)
{
    bx_secret made = {
        .name = strdup(secret->name),
        .value = strdup(secret->value),
        .file = secret->file == NULL ? NULL : strdup(secret->file),
        .host = secret->host == NULL
                    ? NULL
                    : bx_host_pattern_parse(bx_host_pattern_text(secret->host),
                                            NULL),
        .origin = strdup(secret->origin),
    };

    if (made.name != NULL && made.value != NULL && made.origin != NULL &&
        (made.file != NULL) == (secret->file != NULL) &&
        (made.host != NULL) == (secret->host != NULL) &&
        put(copy, &made, NULL) == 0)
        return 0;
    clear_secret(&made);
    return -1;
}

/* After the layers: what is in use is the last one's. */
int bx_policy_clone_secrets(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->secrets_count; i++) {
        if (clone_secret(copy, &policy->secrets[i]) < 0)
            return -1;
    }
    if (policy->injections_count == 0 || copy->layers_count == 0)
        return 0;
    return bx_policy_use_secrets(copy, copy->layers[copy->layers_count - 1],
                                 NULL);
}
