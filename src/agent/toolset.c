#include "agent/toolset.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/name_pattern.h"
#include "tool/schema.h"

#define OWN_MAX 32
#define SEARCH_WORDS_MAX 16
#define SEARCH_MAX 50
#define REVEALED_MAX 256
#define FIRST_LINE_MAX 200

typedef struct own_entry {
    const bx_own_tool *tool;
    void *context;
    json_t *schema;
} own_entry;

struct bx_toolset {
    bx_registry *registry;
    const bx_tool_filter *filter; /* NULL: all */
    own_entry own[OWN_MAX];
    size_t own_count;
    pthread_mutex_t mutex; /* over the next one: calls run side by side */
    json_t *revealed;      /* names that a search found */
};

bx_toolset *bx_toolset_new(bx_registry *registry, bx_error **err)
{
    bx_toolset *toolset = calloc(1, sizeof(*toolset));

    if (toolset != NULL)
        toolset->revealed = json_object();
    if (toolset == NULL || toolset->revealed == NULL) {
        free(toolset);
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&toolset->mutex, NULL);
    toolset->registry = registry;
    return toolset;
}

void bx_toolset_free(bx_toolset *toolset)
{
    if (toolset == NULL)
        return;
    for (size_t i = 0; i < toolset->own_count; i++)
        json_decref(toolset->own[i].schema);
    json_decref(toolset->revealed);
    pthread_mutex_destroy(&toolset->mutex);
    free(toolset);
}

void bx_toolset_limit(bx_toolset *toolset, const bx_tool_filter *filter)
{
    toolset->filter = filter;
}

static bool fits_patterns(const json_t *patterns, const char *name)
{
    size_t i;
    const json_t *pattern;

    if (patterns == NULL)
        return true;
    json_array_foreach(patterns, i, pattern)
    {
        const char *text = json_string_value(pattern);

        if (text != NULL && bx_name_pattern_matches(text, name))
            return true;
    }
    return false;
}

bool bx_tool_filter_has(const bx_tool_filter *filter, const bx_tool *tool)
{
    for (; filter != NULL; filter = filter->parent)
        if (!fits_patterns(filter->patterns, tool->name) ||
            (filter->has_most && (tool->manifest == NULL ||
                                  bx_registry_level(tool) > filter->most)))
            return false;
    return true;
}

static const own_entry *find_own(const bx_toolset *toolset, const char *name)
{
    for (size_t i = 0; i < toolset->own_count; i++)
        if (strcmp(toolset->own[i].tool->name, name) == 0)
            return &toolset->own[i];
    return NULL;
}

int bx_toolset_add(bx_toolset *toolset, const bx_own_tool *tool, void *context,
                   bx_error **err)
{
    own_entry *own = &toolset->own[toolset->own_count];
    bx_autotool bx_tool *taken =
        bx_registry_get(toolset->registry, tool->name, NULL);
    json_error_t problem;

    if (toolset->own_count == OWN_MAX)
        return bx_error_set(err, BX_ERR_LIMIT, "more than %d own tools",
                            OWN_MAX);
    if (find_own(toolset, tool->name) != NULL ||
        (taken != NULL && taken->source == BX_TOOL_BUILTIN))
        return bx_error_set(err, BX_ERR_INVALID,
                            "own tool '%s': there is a built-in one of that "
                            "name",
                            tool->name);
    own->schema =
        json_loads(tool->input_schema, JSON_REJECT_DUPLICATES, &problem);
    if (own->schema == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "own tool '%s': its schema is no JSON: %s",
                            tool->name, problem.text);
    if (bx_schema_check(own->schema, err) < 0) {
        json_decref(own->schema);
        return bx_error_wrap(err, "own tool '%s'", tool->name);
    }
    own->tool = tool;
    own->context = context;
    toolset->own_count++;
    return 0;
}

/* ---- what is shown ------------------------------------------------------ */

/* Can it be called at all, and by this name? Who came later and took the name
 * of an own tool cannot: it would be asked what the own one is asked. */
static bool is_offered(const bx_toolset *toolset, const bx_tool *tool)
{
    return tool->status == BX_TOOL_READY && tool->manifest != NULL &&
           find_own(toolset, tool->name) == NULL &&
           bx_tool_filter_has(toolset->filter, tool);
}

static int add_definition(json_t *list, const char *name,
                          const char *description, json_t *schema)
{
    return json_array_append_new(
        list, json_pack("{s:s, s:s, s:O}", "name", name, "description",
                        description, "input_schema", schema));
}

static bool is_revealed(const bx_toolset *toolset, const bx_tool *tool)
{
    return tool->source == BX_TOOL_BUILTIN ||
           json_object_get(toolset->revealed, tool->name) != NULL;
}

static int add_tools(bx_toolset *toolset, bx_tool *const *tools, size_t count,
                     json_t *list)
{
    size_t offered = toolset->own_count;

    for (size_t i = 0; i < count; i++)
        offered += is_offered(toolset, tools[i]);
    for (size_t i = 0; i < count; i++) {
        if (!is_offered(toolset, tools[i]) ||
            (offered > BX_TOOLSET_SHOWN_MAX && !is_revealed(toolset, tools[i])))
            continue;
        if (add_definition(list, tools[i]->name,
                           tools[i]->manifest->description,
                           tools[i]->manifest->input_schema) < 0)
            return -1;
    }
    return 0;
}

json_t *bx_toolset_definitions(bx_toolset *toolset, bx_error **err)
{
    json_t *list = json_array();
    bx_tool **tools = NULL;
    size_t count = 0;
    int failed = list == NULL ? bx_error_set_nomem(err) : 0;

    for (size_t i = 0; failed == 0 && i < toolset->own_count; i++) {
        const own_entry *own = &toolset->own[i];

        if (add_definition(list, own->tool->name, own->tool->description,
                           own->schema) < 0)
            failed = bx_error_set_nomem(err);
    }
    if (failed == 0)
        failed = bx_registry_list(toolset->registry, &tools, &count, err);
    pthread_mutex_lock(&toolset->mutex);
    if (failed == 0 && add_tools(toolset, tools, count, list) < 0)
        failed = bx_error_set_nomem(err);
    pthread_mutex_unlock(&toolset->mutex);
    bx_registry_list_free(tools, count);
    if (failed == 0)
        return list;
    json_decref(list);
    return NULL;
}

bool bx_toolset_has_hidden(bx_toolset *toolset)
{
    size_t offered = toolset->own_count;
    bool has_other = false;
    bx_tool **tools = NULL;
    size_t count = 0;

    if (bx_registry_list(toolset->registry, &tools, &count, NULL) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        offered += is_offered(toolset, tools[i]);
        has_other |= is_offered(toolset, tools[i]) &&
                     tools[i]->source != BX_TOOL_BUILTIN;
    }
    bx_registry_list_free(tools, count);
    return has_other && offered > BX_TOOLSET_SHOWN_MAX;
}

int bx_toolset_reveal(bx_toolset *toolset, const char *name, bx_error **err)
{
    bool is_full;
    int failed = 0;

    pthread_mutex_lock(&toolset->mutex);
    is_full = json_object_size(toolset->revealed) >= REVEALED_MAX;
    if (!is_full)
        failed = json_object_set_new(toolset->revealed, name, json_true());
    pthread_mutex_unlock(&toolset->mutex);
    if (is_full)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%d tools were found already, which is the most",
                            REVEALED_MAX);
    return failed < 0 ? bx_error_set_nomem(err) : 0;
}

/* ---- search ------------------------------------------------------------- */

typedef struct search_hit {
    const char *name;
    const char *description;
    unsigned score;
} search_hit;

typedef struct search_words {
    char *text; /* owned, lower case */
    const char *words[SEARCH_WORDS_MAX];
    size_t count;
} search_words;

static char *lower(const char *text)
{
    char *copy = strdup(text);

    for (char *c = copy; c != NULL && *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int split(const char *text, search_words *words)
{
    char *left = NULL;

    words->text = lower(text);
    if (words->text == NULL)
        return -1;
    for (char *word = strtok_r(words->text, " \t\r\n,;/_-", &left);
         word != NULL && words->count < SEARCH_WORDS_MAX;
         word = strtok_r(NULL, " \t\r\n,;/_-", &left))
        words->words[words->count++] = word;
    return 0;
}

/* A word in the name counts more than one in the description. */
static unsigned score(const search_words *words, const char *name,
                      const char *description)
{
    bx_autofree char *low_name = lower(name);
    bx_autofree char *low_text = lower(description);
    unsigned sum = 0;

    if (low_name == NULL || low_text == NULL)
        return 0;
    for (size_t i = 0; i < words->count; i++) {
        if (strstr(low_name, words->words[i]) != NULL)
            sum += 4;
        if (strstr(low_text, words->words[i]) != NULL)
            sum += 1;
    }
    return sum;
}

static int compare_hits(const void *a, const void *b)
{
    const search_hit *left = a;
    const search_hit *right = b;

    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return strcmp(left->name, right->name);
}

static json_t *first_line(const char *text)
{
    size_t bytes = strcspn(text, "\r\n");

    if (bytes > FIRST_LINE_MAX) {
        bytes = FIRST_LINE_MAX;
        while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
            bytes--;
    }
    return json_stringn(text, bytes);
}

static json_t *list_hits(const search_hit *hits, size_t count, size_t most)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < count && i < most; i++) {
        if (json_array_append_new(
                list,
                json_pack("{s:s, s:o}", "name", hits[i].name, "description",
                          first_line(hits[i].description))) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *bx_toolset_search(bx_toolset *toolset, const char *words, size_t most,
                          bx_error **err)
{
    search_words wanted = { 0 };
    bx_tool **tools = NULL;
    size_t count = 0, found = 0;
    bx_autofree search_hit *hits = NULL;
    json_t *list = NULL;

    if (bx_registry_list(toolset->registry, &tools, &count, err) < 0)
        return NULL;
    hits = calloc(count + 1, sizeof(*hits));
    if (hits != NULL && split(words, &wanted) == 0) {
        for (size_t i = 0; i < count; i++) {
            search_hit hit = { .name = tools[i]->name };

            if (!is_offered(toolset, tools[i]))
                continue;
            hit.description = tools[i]->manifest->description;
            hit.score = score(&wanted, hit.name, hit.description);
            if (hit.score > 0)
                hits[found++] = hit;
        }
        qsort(hits, found, sizeof(*hits), compare_hits);
        list = list_hits(hits, found, most < SEARCH_MAX ? most : SEARCH_MAX);
    }
    free(wanted.text);
    bx_registry_list_free(tools, count);
    if (list == NULL)
        (void)bx_error_set_nomem(err);
    return list;
}

/* ---- one of them -------------------------------------------------------- */

int bx_toolset_get(bx_toolset *toolset, const char *name,
                   bx_toolset_entry *ret_entry, bx_error **err)
{
    const own_entry *own = find_own(toolset, name);
    bx_tool *tool;

    if (own != NULL) {
        *ret_entry = (bx_toolset_entry){ .own = own->tool,
                                         .context = own->context,
                                         .schema = own->schema };
        return 0;
    }
    tool = bx_registry_get(toolset->registry, name, err);
    if (tool == NULL)
        return -1;
    if (!bx_tool_filter_has(toolset->filter, tool)) {
        bx_tool_unref(tool);
        return bx_error_set(err, BX_ERR_DENIED,
                            "tool '%s' is not one that this agent was given",
                            name);
    }
    *ret_entry = (bx_toolset_entry){ .tool = tool };
    return 0;
}

void bx_toolset_entry_clear(bx_toolset_entry *entry)
{
    bx_tool_unref(entry->tool);
    *entry = (bx_toolset_entry){ 0 };
}
