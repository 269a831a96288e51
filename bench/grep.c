/* file-grep over a large tree: plain, recorded, in a worker, under an overlay;
 * and the native grep. All in turns, so that whatever else the machine does
 * meets each. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "box.h"

#define FILES 20000
#define FOLDERS 200
#define ROUNDS 11

static const char input[] =
    "{\"pattern\": \"need[l]e\", \"output_mode\": \"files\"}";

typedef enum grep_way {
    PLAIN,
    RECORDED,
    WORKER,
    WORKER_RECORDED,
    OVERLAY,         /* nothing in it */
    OVERLAY_TOUCHED, /* a file changed in each folder of twenty */
    NATIVE,
    WAYS
} grep_way;

typedef struct grep_boxes {
    bench_box plain;
    bench_box worker;
    bench_box overlay;
    bench_box touched;
    char recording[1200];
    double recording_mib;
    double ms[WAYS][ROUNDS];
} grep_boxes;

static void make_tree(const char *workspace)
{
    char path[1400];

    for (int i = 0; i < FILES; i++) {
        if (i % (FILES / FOLDERS) == 0) {
            snprintf(path, sizeof(path), "%s/tree-%03d", workspace,
                     i / (FILES / FOLDERS));
            (void)mkdir(path, 0755);
        }
        snprintf(path, sizeof(path), "%s/tree-%03d/file-%05d.txt", workspace,
                 i / (FILES / FOLDERS), i);
        bench_write_file(path,
                         i % 500 == 0
                             ? "some needle in a line of its own\n"
                             : "some hay in a line of its own, no more\n",
                         2000);
    }
}

/* The overlay's folders are beside the workspace, where no guest is. */
static void open_boxes(grep_boxes *boxes, const bench_paths *paths)
{
    char overlays[2][600];
    bench_box_kind kind = { .name = "grep" };

    bench_box_open(&boxes->plain, paths, &kind);
    kind.workspace = boxes->plain.workspace;
    kind.name = "grep-worker";
    kind.has_workers = true;
    bench_box_open(&boxes->worker, paths, &kind);
    kind.has_workers = false;
    for (int i = 0; i < 2; i++) {
        snprintf(overlays[i], sizeof(overlays[i]), "%s/grep-over-%d",
                 paths->scratch, i);
        kind.name = i == 0 ? "grep-overlay" : "grep-touched";
        kind.overlay = overlays[i];
        bench_box_open(i == 0 ? &boxes->overlay : &boxes->touched, paths,
                       &kind);
    }
    snprintf(boxes->recording, sizeof(boxes->recording), "%s/grep.bxr",
             paths->scratch);
}

static void touch_some(bench_box *box)
{
    char text[256];

    for (int i = 0; i < FOLDERS; i += 20) {
        snprintf(text, sizeof(text),
                 "{\"path\": \"tree-%03d/new.txt\", \"content\": "
                 "\"more hay\\n\"}",
                 i);
        bench_call(box, "file-write", text, NULL);
    }
}

static void grep_recorded(grep_boxes *boxes, bench_box *box)
{
    struct stat stat = { 0 };
    bx_tool_call request = {
        .record_fd = open(boxes->recording,
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
    };

    if (request.record_fd < 0)
        die(boxes->recording, NULL);
    bench_call_with(box, &request, "file-grep", input, "file-00500");
    (void)fstat(request.record_fd, &stat);
    close(request.record_fd);
    boxes->recording_mib = (double)stat.st_size / 1048576;
}

static void grep_once(grep_boxes *boxes, grep_way way)
{
    const char *const native[] = { "/bin/grep", "-rlE", "need[l]e",
                                   boxes->plain.workspace, NULL };
    bench_box *const of[WAYS] = { &boxes->plain,
                                  &boxes->plain,
                                  &boxes->worker,
                                  &boxes->worker,
                                  &boxes->overlay,
                                  &boxes->touched,
                                  NULL };

    if (way == NATIVE)
        (void)time_process(native);
    else if (way == RECORDED || way == WORKER_RECORDED)
        grep_recorded(boxes, of[way]);
    else
        bench_call(of[way], "file-grep", input, "file-00500");
}

static void compare(const char *name, grep_boxes *boxes, grep_way way,
                    const char *other_name, grep_way other, double most)
{
    double ours = median(boxes->ms[way], ROUNDS);
    double theirs = median(boxes->ms[other], ROUNDS);
    char target[32];

    snprintf(target, sizeof(target), "<= %.1fx", most);
    row(name, ours, "ms", theirs, other_name, ours / theirs, target,
        ours <= theirs * most);
}

void bench_grep(const bench_paths *paths)
{
    static grep_boxes boxes;

    title("file-grep over a tree of 20,000 files of 2 KB");
    open_boxes(&boxes, paths);
    make_tree(boxes.plain.workspace);
    touch_some(&boxes.touched);
    for (int way = 0; way < WAYS; way++)
        grep_once(&boxes, (grep_way)way);
    for (int i = 0; i < ROUNDS; i++) {
        for (int way = 0; way < WAYS; way++) {
            double begin = now_us();

            grep_once(&boxes, (grep_way)way);
            boxes.ms[way][i] = (now_us() - begin) / 1e3;
        }
    }
    compare("in process", &boxes, PLAIN, "grep -r, ms", NATIVE, 3);
    compare("recorded", &boxes, RECORDED, "not recorded, ms", PLAIN, 1.3);
    compare("in a worker, recorded", &boxes, WORKER_RECORDED,
            "not recorded, ms", WORKER, 1.3);
    note("its recording", boxes.recording_mib, "MiB");
    compare("under an overlay", &boxes, OVERLAY, "without, ms", PLAIN, 1.5);
    compare("the same, changed in 10 folders", &boxes, OVERLAY_TOUCHED,
            "without, ms", PLAIN, 1.5);
    bench_box_close(&boxes.touched);
    bench_box_close(&boxes.overlay);
    bench_box_close(&boxes.worker);
    bench_box_close(&boxes.plain);
}
