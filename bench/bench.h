/* What the benchmarks share: times, medians, and the table they print. */
#ifndef BX_BENCH_BENCH_H
#define BX_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boxagnts.h"

/* Folders of the build: programs, tools, test guests. */
typedef struct bench_paths {
    char program[512]; /* build/bin/boxagnts */
    char tools[512];
    char guests[512];
    char native_files[512]; /* bench_files built for this machine */
    char scratch[512];      /* an empty folder, removed afterwards */
} bench_paths;

double now_us(void);
double median(double *values, size_t count);

/* Run a program to its end, output dropped; returns its wall time, us. Exits
 * when it fails. */
double time_process(const char *const *argv);

/* A line of /proc/PID/FILE, KiB; -1: there is none, or it may not be read. */
double process_kib(pid_t pid, const char *file, const char *line);

/* One row: a figure, what it is measured against, the ratio and the target. A
 * row whose target is missed is marked. */
void row(const char *name, double value, const char *unit, double other,
         const char *other_name, double ratio, const char *target, bool is_met);
/* The same without a target. */
void compared(const char *name, double value, const char *unit, double other,
              const char *other_name, double ratio);
/* A row that only informs. */
void note(const char *name, double value, const char *unit);
void title(const char *text);

_Noreturn void die(const char *what, const bx_error *err);

/* A policy from control, value pairs, ended by NULL. */
bx_policy *bench_policy(const char *control, ...);
/* A module of a folder, made ready. */
bx_sandbox *bench_sandbox(bx_engine *engine, const char *folder,
                          const char *name, const bx_policy *policy);
/* One case of the guest bench_files, in us for each time. */
double bench_file_call(const bx_sandbox *sandbox, const char *name,
                       const char *iterations);

void bench_start(const bench_paths *paths);
void bench_files(const bench_paths *paths);
void bench_overlay(const bench_paths *paths);
void bench_memory(const bench_paths *paths);
void bench_script(const bench_paths *paths);
void bench_threads(const bench_paths *paths);
void bench_compile(const bench_paths *paths);
void bench_tools(const bench_paths *paths);
void bench_grep(const bench_paths *paths);
void bench_component(const bench_paths *paths);
void bench_worker(const bench_paths *paths);
void bench_boxes(const bench_paths *paths);
void bench_live(const bench_paths *paths);
void bench_streams(const bench_paths *paths);
void bench_agent(const bench_paths *paths);
void bench_team(const bench_paths *paths);
void bench_turns(const bench_paths *paths);
void bench_chat(const bench_paths *paths);

#endif
