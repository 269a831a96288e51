#include "tool/call_box.h"

#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "overlay/store.h"

/* What waits to be committed is none of a guest's business, and what is
 * protected stays so when it is committed. */
static int put_overlay(bx_policy *policy, const char *dir, bx_error **err)
{
    bx_autofree char *overlays = bx_overlays_path(err);

    if (overlays == NULL || bx_file_make_dirs(dir, 0700, err) < 0 ||
        bx_policy_protect(policy, overlays, "the user's overlays", err) < 0 ||
        bx_overlay_protect(dir, policy, err) < 0)
        return -1;
    return bx_policy_set_overlay(policy, dir, err);
}

/* Session first: which secrets are used is the last layer's to say, and that is
 * the tool's. */
bx_policy *bx_box_policy(const bx_registry *registry, const bx_box_key *key,
                         bx_error **err)
{
    bx_autofree char *layer = NULL;
    bx_autopolicy bx_policy *policy =
        bx_policy_clone(key->caller == NULL ? registry->policy : key->caller);

    if (policy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (key->overlay_dir != NULL &&
        put_overlay(policy, key->overlay_dir, err) < 0)
        return NULL;
    if (key->session != NULL &&
        bx_policy_narrow(policy, key->session, "session", err) < 0)
        return NULL;
    if (key->manifest != NULL) {
        if (asprintf(&layer, "manifest of '%s'", key->name) < 0) {
            layer = NULL;
            bx_error_set_nomem(err);
            return NULL;
        }
        if (bx_policy_narrow(policy, key->manifest->grants, layer, err) < 0)
            return NULL;
    }
    return bx_take(policy);
}

int bx_box_digest_policy(const bx_policy *policy, char *digest, bx_error **err)
{
    bx_autofree char *text = bx_policy_format(policy, true, err);
    uint8_t bytes[BX_DIGEST_BYTES];

    if (text == NULL)
        return -1;
    bx_sha256(text, strlen(text), bytes);
    bx_digest_format(bytes, digest);
    return 0;
}

void bx_box_unref(bx_box *box)
{
    if (box == NULL ||
        atomic_fetch_sub_explicit(&box->refs, 1, memory_order_acq_rel) != 1)
        return;
    bx_runner_box_free(box->ready);
    free(box->session);
    free(box->overlay_dir);
    free(box);
}

bx_box *bx_box_ref(bx_box *box)
{
    atomic_fetch_add_explicit(&box->refs, 1, memory_order_relaxed);
    return box;
}

void bx_box_drop_all(bx_file *file)
{
    while (file->boxes != NULL) {
        bx_box *box = file->boxes;

        file->boxes = box->next;
        bx_box_unref(box);
    }
}

void bx_box_drop_overlay(bx_file *file, const char *overlay_dir)
{
    bx_box *dropped = NULL;
    bx_box **at = &file->boxes;

    pthread_mutex_lock(&file->mutex);
    while (*at != NULL) {
        bx_box *box = *at;

        if (box->overlay_dir == NULL ||
            strcmp(box->overlay_dir, overlay_dir) != 0) {
            at = &box->next;
            continue;
        }
        *at = box->next;
        box->next = dropped;
        dropped = box;
    }
    pthread_mutex_unlock(&file->mutex);
    while (dropped != NULL) {
        bx_box *box = dropped;

        dropped = box->next;
        bx_box_unref(box);
    }
}

/* No longer than a run may take, though as long as a worker needs to start. */
static bx_wait wait_for(const bx_box_key *key, const bx_policy *policy)
{
    uint64_t ms = policy->limits.timeout_ms;

    return bx_wait_at_most_ms(key->wait,
                              ms < BX_BOX_WAIT_MS ? BX_BOX_WAIT_MS : ms);
}

static bx_box *make(bx_registry *registry, const bx_box_key *key, char *session,
                    bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_box_policy(registry, key, err);
    bx_box *box = calloc(1, sizeof(*box));
    bx_runner_code *code;
    bx_wait wait;

    if (box == NULL) {
        free(session);
        if (policy != NULL)
            bx_error_set_nomem(err);
        return NULL;
    }
    atomic_init(&box->refs, 1);
    box->id = bx_registry_next_id(registry);
    box->manifest = key->manifest;
    box->parent = key->caller_box == NULL ? 0 : key->caller_box->id;
    box->session = session;
    if (key->overlay_dir != NULL) {
        box->overlay_dir = strdup(key->overlay_dir);
        if (box->overlay_dir == NULL && policy != NULL)
            bx_error_set_nomem(err);
        if (box->overlay_dir == NULL) {
            bx_box_unref(box);
            return NULL;
        }
    }
    if (policy != NULL)
        wait = wait_for(key, policy);
    if (policy != NULL &&
        bx_file_get_code(key->code, &registry->runner, policy, &wait, &code,
                         err) == 0 &&
        bx_box_digest_policy(policy, box->policy_digest, err) == 0) {
        box->ready = bx_runner_box_new(code, policy, &wait, err);
        if (box->ready != NULL) {
            box->policy = bx_runner_box_policy(box->ready);
            return box;
        }
    }
    bx_box_unref(box);
    return NULL;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_for(const bx_box *box, const bx_box_key *key,
                   const char *session)
{
    uint64_t parent = key->caller_box == NULL ? 0 : key->caller_box->id;

    if (box->manifest != key->manifest || box->parent != parent ||
        !is_same_text(box->overlay_dir, key->overlay_dir))
        return false;
    return is_same_text(box->session, session);
}

/* The one kept, moved to the front. */
static bx_box *find(bx_file *file, const bx_box_key *key, const char *session)
{
    bx_box **at = &file->boxes;
    bx_box *box;

    while (*at != NULL && !is_for(*at, key, session))
        at = &(*at)->next;
    box = *at;
    if (box == NULL)
        return NULL;
    *at = box->next;
    box->next = file->boxes;
    file->boxes = box;
    return bx_box_ref(box);
}

/* Takes the list's reference; what falls off the end is the caller's to let go
 * of, outside the lock. */
static bx_box *keep(bx_file *file, bx_box *box)
{
    bx_box **at = &file->boxes;

    box->next = file->boxes;
    file->boxes = bx_box_ref(box);
    for (size_t i = 0; *at != NULL && i < BX_BOX_MAX; i++)
        at = &(*at)->next;
    box = *at;
    *at = NULL;
    return box;
}

int bx_box_get(bx_registry *registry, const bx_box_key *key, bx_box **ret_box,
               bx_error **err)
{
    bool is_kept = key->caller == NULL || key->caller_box != NULL;
    char *session = NULL;
    bx_box *box = NULL;

    if (key->session != NULL) {
        session = bx_grants_format(key->session, err);
        if (session == NULL)
            return -1;
    }
    if (is_kept) {
        pthread_mutex_lock(&key->file->mutex);
        box = find(key->file, key, session);
        pthread_mutex_unlock(&key->file->mutex);
    }
    if (box != NULL) {
        free(session);
        *ret_box = box;
        return 0;
    }
    box = make(registry, key, session, err);
    if (box == NULL)
        return -1;
    if (is_kept) {
        bx_box *old;

        pthread_mutex_lock(&key->file->mutex);
        old = keep(key->file, box);
        pthread_mutex_unlock(&key->file->mutex);
        bx_box_unref(old);
    }
    *ret_box = box;
    return 0;
}
