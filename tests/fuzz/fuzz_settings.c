/* Any bytes as a workspace's agent.yaml, over a user's that is narrow: refused
 * with a reason, or read into what is no wider than the user's. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/settings.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static char folder[64];

static void put(const char *name, const void *data, size_t bytes)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    expect(bx_file_replace(path, data, bytes, 0600, NULL) == 0);
}

/* One folder for all inputs, removed by whoever cleans /tmp. */
static void set_up(void)
{
    static const char user[] = "mode: reads\nmodel: mine\nparallel: 3\n"
                               "effort: low\n"
                               "budget: { turns: 7, cost: 2.5, time: 10m }\n";
    char path[128];

    (void)snprintf(folder, sizeof(folder), "/tmp/bx-fuzz-settings-XXXXXX");
    expect(mkdtemp(folder) != NULL);
    expect(setenv("XDG_CONFIG_HOME", folder, 1) == 0 &&
           setenv("XDG_STATE_HOME", folder, 1) == 0);
    (void)snprintf(path, sizeof(path), "%s/boxagnts", folder);
    expect(mkdir(path, 0700) == 0);
    (void)snprintf(path, sizeof(path), "%s/.boxagnts", folder);
    expect(mkdir(path, 0700) == 0);
    put("boxagnts/agent.yaml", user, sizeof(user) - 1);
}

static void check_narrow(const bx_settings *settings)
{
    expect(bx_settings_mode_is_within(settings->mode, BX_MODE_READS));
    expect(strcmp(settings->model, "mine") == 0);
    expect(settings->parallel >= 1 && settings->parallel <= 3);
    expect(settings->effort == BX_EFFORT_NONE ||
           settings->effort == BX_EFFORT_LOW);
    expect(settings->budget.turns >= 1 && settings->budget.turns <= 7);
    expect(settings->budget.cost > 0 && settings->budget.cost <= 2.5);
    expect(settings->budget.time_ms >= 1 && settings->budget.time_ms <= 600000);
    expect(settings->budget.calls <= 500);
    expect(settings->system == NULL && settings->policy == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autosettings bx_settings settings = { 0 };
    bx_autoerror bx_error *error = NULL;
    json_t *problems = json_array();
    json_t *rows;

    if (folder[0] == '\0')
        set_up();
    put(BX_SETTINGS_WORKSPACE_FILE, data, bytes);
    if (bx_settings_load(folder, NULL, BX_MODE_AUTO, problems, &settings,
                         &error) < 0) {
        expect(error != NULL && settings.rules == NULL);
    } else {
        expect(error == NULL);
        check_narrow(&settings);
        rows = bx_settings_explain(&settings, NULL);
        expect(rows != NULL);
        json_decref(rows);
    }
    json_decref(problems);
    return 0;
}
