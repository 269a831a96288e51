#include "agent/models/gemini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "models/support_golden.h"

static void reads_transcripts(void **state)
{
    (void)state;
    support_golden_replies(&bx_protocol_gemini);
}

static void writes_requests(void **state)
{
    (void)state;
    support_golden_requests(&bx_protocol_gemini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_transcripts),
        cmocka_unit_test(writes_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
