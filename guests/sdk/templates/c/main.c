/* One call is one run: the input comes from a model, the answer goes to it. */
#include <ctype.h>

#include "boxagnts_tool.h"

static size_t count_words(const char *text, size_t bytes)
{
    size_t words = 0;
    bool is_inside = false;

    for (size_t i = 0; i < bytes; i++) {
        bool is_space = isspace((unsigned char)text[i]) != 0;

        words += !is_space && !is_inside ? 1 : 0;
        is_inside = !is_space;
    }
    return words;
}

int main(void)
{
    size_t bytes;
    const char *text = boxagnts_input_get_text("text", &bytes);
    size_t words = count_words(text, bytes);

    boxagnts_put_int("words", (int64_t)words);
    boxagnts_print("%zu word%s", words, words == 1 ? "" : "s");
    boxagnts_finish();
}
