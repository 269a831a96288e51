#include "tool/watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/run.h"

#define QUIET_MS 100   /* a file that is copied in makes many events */
#define LATEST_MS 500  /* one that is written all the time waits no longer */
#define POLL_MS 500    /* without inotify */
#define MAX_WATCHES 16 /* three folders and the lock's, each twice at most */
#define FOLDER_EVENTS                                                          \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |      \
     IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)
#define PARENT_EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

/* One thing waited for: any change in a folder, or one name in it. */
typedef struct bx_watched {
    int id;
    char *name; /* NULL: any */
} bx_watched;

struct bx_watch_folders {
    bx_registry *registry; /* borrowed */
    pthread_t thread;
    int notify; /* inotify; -1: looking instead */
    int stop;   /* eventfd */
    bx_watched watched[MAX_WATCHES];
    size_t watched_count;
};

static atomic_bool is_inotify_refused;

void bx_watch_refuse_inotify(bool is_refused)
{
    atomic_store(&is_inotify_refused, is_refused);
}

static void forget(bx_watch_folders *watch)
{
    for (size_t i = 0; i < watch->watched_count; i++)
        free(watch->watched[i].name);
    watch->watched_count = 0;
}

/* Takes name. False: inotify has no room. */
static bool add(bx_watch_folders *watch, const char *dir, uint32_t events,
                char *name)
{
    int id = watch->watched_count == MAX_WATCHES
                 ? -1
                 : inotify_add_watch(watch->notify, dir,
                                     events | IN_ONLYDIR | IN_MASK_ADD);

    if (id < 0) {
        free(name);
        return watch->watched_count < MAX_WATCHES && errno != ENOSPC &&
               errno != ENOMEM;
    }
    watch->watched[watch->watched_count++] =
        (bx_watched){ .id = id, .name = name };
    return true;
}

/* A folder, and where it would appear: the deepest folder above it that there
 * is, for the next name on the way. */
static bool add_folder(bx_watch_folders *watch, const char *path,
                       const char *only_name)
{
    bx_autofree char *partial = path == NULL ? NULL : strdup(path);
    char *slash;

    if (partial == NULL)
        return path == NULL;
    if (!add(watch, partial, only_name == NULL ? FOLDER_EVENTS : PARENT_EVENTS,
             only_name == NULL ? NULL : strdup(only_name)))
        return false;
    while ((slash = strrchr(partial, '/')) != NULL && slash != partial) {
        *slash = '\0';
        if (access(partial, F_OK) == 0)
            return add(watch, partial, PARENT_EVENTS, strdup(slash + 1));
    }
    return true;
}

/* Fine to repeat: a folder that is watched already keeps its id. */
static bool add_all(bx_watch_folders *watch)
{
    bx_registry *registry = watch->registry;

    forget(watch);
    for (int i = 0; i < BX_TOOL_SOURCES; i++) {
        if (!add_folder(watch, registry->dirs[i], NULL))
            return false;
    }
    return add_folder(watch, registry->state_dir, "tools.lock");
}

static bool is_wanted(const bx_watch_folders *watch,
                      const struct inotify_event *event)
{
    if ((event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0)
        return true;
    for (size_t i = 0; i < watch->watched_count; i++) {
        const bx_watched *watched = &watch->watched[i];

        if (watched->id == event->wd &&
            (watched->name == NULL ||
             (event->len > 0 && strcmp(watched->name, event->name) == 0)))
            return true;
    }
    return false;
}

/* Did anything happen that matters? */
static bool read_events(const bx_watch_folders *watch)
{
    _Alignas(struct inotify_event) char buffer[8192];
    bool matters = false;
    ssize_t bytes;

    while ((bytes = read(watch->notify, buffer, sizeof(buffer))) > 0) {
        const char *at = buffer;

        while (at < buffer + bytes) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)at;

            matters = is_wanted(watch, event) || matters;
            at += sizeof(*event) + event->len;
        }
    }
    return matters;
}

static void scan(bx_watch_folders *watch)
{
    bx_registry *registry = watch->registry;
    bool has_changed = false;

    /* What cannot be read now leaves the tools as they were. */
    if (bx_registry_scan(registry, &has_changed, NULL) == 0 && has_changed &&
        registry->on_change != NULL)
        registry->on_change(registry->change_context);
}

/* Wait at most so long for events; false: time to stop. */
static bool wait_events(const bx_watch_folders *watch, int timeout_ms,
                        bool *ret_has_events)
{
    struct pollfd fds[2] = { { watch->stop, POLLIN, 0 },
                             { watch->notify, POLLIN, 0 } };

    *ret_has_events = false;
    if (poll(fds, watch->notify < 0 ? 1 : 2, timeout_ms) < 0)
        return errno == EINTR;
    if ((fds[0].revents & POLLIN) != 0)
        return false;
    *ret_has_events = watch->notify >= 0 && (fds[1].revents & POLLIN) != 0;
    return true;
}

/* Until nothing has happened for a while. */
static bool settle(const bx_watch_folders *watch)
{
    int64_t latest_ns = bx_now_ns() + (int64_t)LATEST_MS * 1000000;
    bool has_events = true;

    while (has_events && bx_now_ns() < latest_ns) {
        if (!wait_events(watch, QUIET_MS, &has_events))
            return false;
        if (has_events)
            (void)read_events(watch);
    }
    return true;
}

static void look_instead(bx_watch_folders *watch)
{
    forget(watch);
    close(watch->notify);
    watch->notify = -1;
}

static void *watch_folders(void *argument)
{
    bx_watch_folders *watch = argument;
    bool has_events;

    while (wait_events(watch, watch->notify < 0 ? POLL_MS : -1, &has_events)) {
        if (watch->notify < 0) {
            scan(watch);
            continue;
        }
        if (!has_events || !read_events(watch))
            continue;
        if (!settle(watch))
            break;
        /* Folders come and go: watch what is there now, then look. */
        if (!add_all(watch))
            look_instead(watch);
        scan(watch);
    }
    return NULL;
}

bx_watch_folders *bx_watch_start(bx_registry *registry, bx_error **err)
{
    bx_watch_folders *watch = calloc(1, sizeof(*watch));
    int errnum;

    if (watch == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    watch->registry = registry;
    watch->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch->notify = atomic_load(&is_inotify_refused)
                        ? -1
                        : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->notify >= 0 && !add_all(watch))
        look_instead(watch);
    errnum = watch->stop < 0
                 ? errno
                 : pthread_create(&watch->thread, NULL, watch_folders, watch);
    if (errnum == 0)
        return watch;
    bx_error_set_errno(err, errnum, "watching the tools folders");
    forget(watch);
    if (watch->notify >= 0)
        close(watch->notify);
    if (watch->stop >= 0)
        close(watch->stop);
    free(watch);
    return NULL;
}

void bx_watch_stop(bx_watch_folders *watch)
{
    if (watch == NULL)
        return;
    (void)!eventfd_write(watch->stop, 1);
    pthread_join(watch->thread, NULL);
    forget(watch);
    if (watch->notify >= 0)
        close(watch->notify);
    close(watch->stop);
    free(watch);
}
