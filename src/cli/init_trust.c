#include "cli/init_trust.h"

#include <string.h>
#include <unistd.h>

#include "agent/settings.h"
#include "agent/settings_trust.h"
#include "agent/workspace_file.h"
#include "cli/tool_cli.h"

typedef struct found_file {
    const char *path;
    const char *name;
    char *text; /* owned; NULL: it is not there */
    size_t bytes;
} found_file;

static int show_file(const bx_init_place *place, found_file *file,
                     bx_error **err)
{
    bx_autoerror bx_error *error = NULL;

    if (bx_workspace_file_read(place->fd, file->path, BX_SETTINGS_MAX_BYTES,
                               &file->text, &file->bytes, &error) < 0) {
        if (bx_error_code(error) == BX_ERR_NOT_FOUND)
            return 0;
        *err = bx_take(error);
        return -1;
    }
    printf("--- %s\n", file->path);
    bx_cli_print_safe(stdout, file->text, file->bytes);
    if (file->bytes > 0 && file->text[file->bytes - 1] != '\n')
        putchar('\n');
    return 0;
}

/* A policy that cannot be read is not approved. */
static int check_policy(const bx_init_place *place, const found_file *file,
                        bx_error **err)
{
    bx_autofree char *folder = NULL;
    bx_policy *policy;

    if (file->text == NULL)
        return 0;
    if (asprintf(&folder, "%s/" BX_SETTINGS_FOLDER, place->workspace) < 0) {
        folder = NULL;
        return bx_error_set_nomem(err);
    }
    policy = bx_policy_parse(file->text, file->bytes, file->path, folder, err);
    bx_policy_free(policy);
    return policy == NULL ? -1 : 0;
}

static int keep_files(const bx_init_place *place, const found_file files[2],
                      bx_error **err)
{
    for (size_t i = 0; i < 2; i++) {
        if ((files[i].text == NULL
                 ? bx_trust_forget(place->workspace, files[i].name, err)
                 : bx_trust_keep(place->workspace, files[i].name, files[i].text,
                                 files[i].bytes, err)) < 0)
            return -1;
    }
    return 0;
}

/* Settings are checked as they would be read, so they are approved first. */
static int trust_files(const bx_init_place *place, const found_file files[2],
                       bx_error **err)
{
    bx_autosettings bx_settings settings = { 0 };
    int result;

    if (check_policy(place, &files[1], err) < 0 ||
        keep_files(place, files, err) < 0)
        return -1;
    result = bx_settings_load(place->workspace, place->models, BX_MODE_READS,
                              NULL, &settings, err);
    if (result < 0) {
        (void)bx_trust_forget(place->workspace, files[0].name, NULL);
        (void)bx_trust_forget(place->workspace, files[1].name, NULL);
    }
    return result;
}

/* Exactly the bytes that were shown are approved. */
int bx_init_trust(const bx_init_place *place, bool is_agreed)
{
    found_file files[] = {
        { BX_SETTINGS_WORKSPACE_FILE, BX_SETTINGS_FILE, NULL, 0 },
        { BX_SETTINGS_WORKSPACE_POLICY, BX_SETTINGS_POLICY_FILE, NULL, 0 },
    };
    bx_error *err = NULL;
    int status = 0;

    if (show_file(place, &files[0], &err) < 0 ||
        show_file(place, &files[1], &err) < 0) {
        status = bx_cli_fail(BX_EXIT_FAILED, err);
    } else if (files[0].text == NULL && files[1].text == NULL) {
        fputs("boxagnts: there is nothing to approve; 'boxagnts init' makes "
              "it\n",
              stderr);
        status = BX_EXIT_FAILED;
    } else if (!is_agreed &&
               (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))) {
        status = bx_cli_usage(BX_EXIT_USAGE, "init",
                              "no terminal to ask on; --yes agrees");
    } else {
        fflush(stdout);
        if (!is_agreed && !bx_tool_cli_ask("Approve this as your own, for "
                                           "this workspace?"))
            status = BX_EXIT_FAILED;
        else if (trust_files(place, files, &err) < 0)
            status = bx_cli_fail(BX_EXIT_FAILED, err);
        else
            puts("approved");
    }
    free(files[0].text);
    free(files[1].text);
    return status;
}

int bx_init_distrust(const bx_init_place *place)
{
    bx_error *err = NULL;

    if (bx_trust_forget(place->workspace, BX_SETTINGS_FILE, &err) < 0 ||
        bx_trust_forget(place->workspace, BX_SETTINGS_POLICY_FILE, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    puts("forgotten; the workspace's settings only narrow yours from now on");
    return 0;
}
