/* The program, the kernel, and the layers a guest would have to get through. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/doctor.h"
#include "net/http_library.h"
#include "sandbox/hooks.h"
#include "worker/lockdown.h"

#define FILES_WANTED 1024     /* RLIMIT_NOFILE, a worker's and its calls' */
#define MAPPINGS_WANTED 65530 /* vm.max_map_count, the kernel's own choice */
#define MAPPINGS_OF_AN_INSTANCE 6 /* as counted in /proc/PID/maps */

static void check_network(bx_doctor *doctor)
{
    bx_autoerror bx_error *err = NULL;
    bx_http_library library;

    if (bx_http_library_get(&library, &err) < 0) {
        bx_doctor_add(doctor, "libcurl", BX_DOCTOR_MISSING,
                      "Install it; without it guests reach no network.", "%s",
                      bx_error_message(err));
        return;
    }
    bx_doctor_add(doctor, "libcurl", BX_DOCTOR_OK, NULL, "%s, %s",
                  library.version, library.tls);
    if ((library.ca_file != NULL && access(library.ca_file, R_OK) == 0) ||
        (library.ca_file == NULL && library.ca_dir != NULL &&
         access(library.ca_dir, R_OK | X_OK) == 0))
        bx_doctor_add(doctor, "certificates", BX_DOCTOR_OK, NULL, "%s",
                      library.ca_file != NULL ? library.ca_file
                                              : library.ca_dir);
    else
        bx_doctor_add(doctor, "certificates", BX_DOCTOR_MISSING,
                      "Install the Debian package ca-certificates; without "
                      "them https is refused.",
                      "%s is not there",
                      library.ca_file != NULL  ? library.ca_file
                      : library.ca_dir != NULL ? library.ca_dir
                                               : "the system's list");
}

static void check_openat2(bx_doctor *doctor)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                            .resolve = RESOLVE_BENEATH };
    bx_autofd int fd =
        (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

    if (fd >= 0)
        bx_doctor_add(doctor, "openat2", BX_DOCTOR_OK, NULL,
                      "paths are resolved by the kernel");
    else
        bx_doctor_add(doctor, "openat2", BX_DOCTOR_NOTE,
                      "Linux 5.6 has it; a container's seccomp profile may "
                      "forbid it. Paths are walked one name at a time instead.",
                      "%s", strerror(errno));
}

static void check_memfd(bx_doctor *doctor)
{
    bx_autofd int fd = memfd_create("doctor", MFD_CLOEXEC);

    if (fd >= 0)
        bx_doctor_add(doctor, "memfd", BX_DOCTOR_OK, NULL,
                      "memory files can be made");
    else
        bx_doctor_add(doctor, "memfd", BX_DOCTOR_MISSING,
                      "Allow memfd_create in the container's seccomp profile.",
                      "%s", strerror(errno));
}

/* The engine's pool maps each instance for itself. */
static void check_mappings(bx_doctor *doctor)
{
    bx_autofree char *text = NULL;
    unsigned long long most;

    if (bx_file_read("/proc/sys/vm/max_map_count", 64, &text, NULL, NULL) < 0)
        return;
    most = strtoull(text, NULL, 10);
    bx_doctor_add(doctor, "mappings",
                  most >= MAPPINGS_WANTED ? BX_DOCTOR_OK : BX_DOCTOR_NOTE,
                  most >= MAPPINGS_WANTED
                      ? NULL
                      : "Raise it (sysctl -w vm.max_map_count=262144) for "
                        "thousands of instances in one worker.",
                  "%llu in one process, %d of them for a live instance", most,
                  MAPPINGS_OF_AN_INSTANCE);
}

static void check_limits(bx_doctor *doctor)
{
    struct rlimit files;
    struct rlimit space;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        bx_doctor_add(doctor, "open files",
                      files.rlim_cur >= FILES_WANTED ? BX_DOCTOR_OK
                                                     : BX_DOCTOR_NOTE,
                      files.rlim_cur >= FILES_WANTED
                          ? NULL
                          : "Raise it (ulimit -n 4096) for many calls at once.",
                      "%llu, at most %llu", (unsigned long long)files.rlim_cur,
                      (unsigned long long)files.rlim_max);
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        bx_doctor_add(doctor, "address space", BX_DOCTOR_MISSING,
                      "Each instance reserves 4 GiB that it does not use: run "
                      "without ulimit -v.",
                      "limited to %llu bytes",
                      (unsigned long long)space.rlim_cur);
    else
        bx_doctor_add(doctor, "address space", BX_DOCTOR_OK, NULL,
                      "not limited");
}

/* Certificates and the audit log go by it. */
static void check_clock(bx_doctor *doctor)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[32] = "";

    if (gmtime_r(&now, &utc) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    if (now >= 1735689600) /* 2025-01-01: older than this program */
        bx_doctor_add(doctor, "clock", BX_DOCTOR_OK, NULL, "%s", text);
    else
        bx_doctor_add(doctor, "clock", BX_DOCTOR_MISSING,
                      "Set it (timedatectl set-ntp true): certificates would "
                      "count as not yet valid.",
                      "%s", text);
}

void bx_doctor_check_system(bx_doctor *doctor)
{
    struct utsname system;

    doctor->section = "Program";
    bx_doctor_add(doctor, "boxagnts", BX_DOCTOR_OK, NULL, "%s", bx_version());
    bx_doctor_add(doctor, "wasmtime", BX_DOCTOR_OK, NULL, "%s",
                  bx_engine_version());
    check_network(doctor);
    doctor->section = "System";
    if (uname(&system) == 0)
        bx_doctor_add(doctor, "kernel", BX_DOCTOR_OK, NULL, "%s %s, %s",
                      system.sysname, system.release, system.machine);
    check_openat2(doctor);
    check_memfd(doctor);
    check_limits(doctor);
    check_mappings(doctor);
    check_clock(doctor);
}

static const char *const layer_texts[BX_LOCKDOWN_LAYERS] = {
    [BX_LOCKDOWN_NO_NEW_PRIVS] = "no program gives it rights",
    [BX_LOCKDOWN_CAPABILITIES] = "none of root's rights",
    [BX_LOCKDOWN_DUMPABLE] = "no core file, nobody traces it",
    [BX_LOCKDOWN_RLIMITS] = "limits it cannot raise",
    [BX_LOCKDOWN_LANDLOCK] = "only the box's folders",
    [BX_LOCKDOWN_SECCOMP] = "only the system calls it needs",
    [BX_LOCKDOWN_CGROUP] = "memory and tasks of each worker",
};

void bx_doctor_check_lockdown(bx_doctor *doctor)
{
    const bx_lockdown_support *support = bx_lockdown_probe();

    doctor->section = "Lockdown of processes with guests";
    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++) {
        const char *name = bx_lockdown_layer_name((bx_lockdown_layer)i);
        const char *missing = support->missing[i];

        if (!support->has[i])
            bx_doctor_add(doctor, name,
                          i == BX_LOCKDOWN_CGROUP ? BX_DOCTOR_NOTE
                                                  : BX_DOCTOR_MISSING,
                          NULL, "not here: %s", missing);
        else if (i == BX_LOCKDOWN_LANDLOCK)
            bx_doctor_add(doctor, name,
                          missing[0] == '\0' ? BX_DOCTOR_OK : BX_DOCTOR_NOTE,
                          missing, "%s (ABI %d)", layer_texts[i],
                          support->landlock_abi);
        else
            bx_doctor_add(doctor, name, BX_DOCTOR_OK, NULL, "%s",
                          layer_texts[i]);
    }
}
