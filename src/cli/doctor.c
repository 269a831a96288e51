#include "cli/doctor.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_COLUMNS 79
#define TEXT_COLUMN 27

void bx_doctor_add(bx_doctor *doctor, const char *name, bx_doctor_state state,
                   const char *mend, const char *text, ...)
{
    bx_doctor_finding finding = { doctor->section, name, state, NULL, NULL };
    bx_doctor_finding *grown = realloc(
        doctor->findings, (doctor->count + 1) * sizeof(*doctor->findings));
    va_list args;

    if (grown == NULL)
        return;
    doctor->findings = grown;
    va_start(args, text);
    if (vasprintf(&finding.text, text, args) < 0)
        finding.text = NULL;
    va_end(args);
    if (mend != NULL && mend[0] != '\0')
        finding.mend = strdup(mend);
    grown[doctor->count++] = finding;
}

void bx_doctor_clear(bx_doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        free(doctor->findings[i].text);
        free(doctor->findings[i].mend);
    }
    free(doctor->findings);
    *doctor = (bx_doctor){ 0 };
}

size_t bx_doctor_missing(const bx_doctor *doctor)
{
    size_t missing = 0;

    for (size_t i = 0; i < doctor->count; i++)
        missing += doctor->findings[i].state == BX_DOCTOR_MISSING;
    return missing;
}

/* ---- for people ----------------------------------------------------- */

/* From TEXT_COLUMN on, at most LINE_COLUMNS wide, cut at spaces. A word that is
 * longer stands alone. Paths may hold anything: what a terminal would act on is
 * escaped. */
static void print_wrapped(const char *text)
{
    size_t room = LINE_COLUMNS - TEXT_COLUMN;
    bool is_first = true;

    while (*text != '\0') {
        size_t bytes = strlen(text);

        if (bytes > room) {
            bytes = room;
            while (bytes > 0 && text[bytes] != ' ')
                bytes--;
            if (bytes == 0)
                bytes = strcspn(text, " ");
        }
        if (!is_first)
            printf("%*s", TEXT_COLUMN, "");
        bx_cli_print_safe(stdout, text, bytes);
        putchar('\n');
        is_first = false;
        text += bytes;
        text += strspn(text, " ");
    }
    if (is_first)
        putchar('\n');
}

static void print_finding(const bx_doctor_finding *finding, bool has_colour)
{
    static const char *const words[] = { "ok", "note", "missing" };
    static const char *const colours[] = { "\033[32m", "\033[33m",
                                           "\033[1;31m" };
    const char *word = words[finding->state];

    printf("  %s%-8s%s %-15s ", has_colour ? colours[finding->state] : "", word,
           has_colour ? "\033[0m" : "", finding->name);
    print_wrapped(finding->text == NULL ? "" : finding->text);
    if (finding->mend != NULL) {
        printf("%*s", TEXT_COLUMN, "");
        print_wrapped(finding->mend);
    }
}

void bx_doctor_print(const bx_doctor *doctor)
{
    bool has_colour = bx_cli_has_colour(stdout);
    size_t missing = bx_doctor_missing(doctor);
    const char *section = NULL;

    for (size_t i = 0; i < doctor->count; i++) {
        const bx_doctor_finding *finding = &doctor->findings[i];

        if (section == NULL || strcmp(section, finding->section) != 0)
            printf("%s%s%s%s\n", section == NULL ? "" : "\n",
                   has_colour ? "\033[1m" : "", finding->section,
                   has_colour ? "\033[0m" : "");
        section = finding->section;
        print_finding(finding, has_colour);
    }
    if (missing == 0)
        puts("\nAll is well.");
    else
        printf("\n%zu %s missing or wrong.\n", missing,
               missing == 1 ? "thing is" : "things are");
}

/* ---- for programs --------------------------------------------------- */

static json_t *text_json(const char *text)
{
    json_t *value = text == NULL ? NULL : json_string(text);

    return value != NULL ? value : json_string("(not UTF-8)");
}

void bx_doctor_print_json(const bx_doctor *doctor)
{
    static const char *const words[] = { "ok", "note", "missing" };
    json_t *list = json_array();
    json_t *root;

    for (size_t i = 0; i < doctor->count; i++) {
        const bx_doctor_finding *finding = &doctor->findings[i];
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:o}", "section", finding->section,
                      "name", finding->name, "state", words[finding->state],
                      "text", text_json(finding->text));

        if (finding->mend != NULL)
            json_object_set_new(object, "mend", text_json(finding->mend));
        json_array_append_new(list, object);
    }
    root = json_pack("{s:s, s:b, s:o}", "version", bx_version(), "is_well",
                     bx_doctor_missing(doctor) == 0, "findings", list);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}
