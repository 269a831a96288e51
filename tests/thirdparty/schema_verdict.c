/* Reads [schema, value] a line; answers "valid", "invalid WHY" or
 * "refused WHY" when it is no schema for this validator. */
#include <string.h>

#include "tool/schema.h"

static void judge(const char *line)
{
    json_t *pair = json_loads(line, JSON_DECODE_ANY, NULL);
    const json_t *schema = json_array_get(pair, 0);
    const json_t *value = json_array_get(pair, 1);
    bx_autoerror bx_error *err = NULL;

    if (value == NULL)
        puts("unreadable");
    else if (bx_schema_check(schema, &err) < 0)
        printf("refused %s\n", bx_error_message(err));
    else if (bx_schema_validate(schema, value, &err) < 0)
        printf("invalid %s\n", bx_error_message(err));
    else
        puts("valid");
    fflush(stdout);
    json_decref(pair);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;

    while (getline(&line, &cap, stdin) > 0)
        judge(line);
    free(line);
    return 0;
}
