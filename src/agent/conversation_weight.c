/* How long a conversation is, in tokens: an estimate from bytes and images,
 * made better by what providers count. */
#include <math.h>
#include <string.h>

#include "agent/conversation_parts.h"

/* About what one costs with the providers that say so; none asks for much
 * more, since larger ones are made smaller there. */
#define IMAGE_TOKENS 1500.0
#define BYTES_OF_A_TOKEN 4.0
#define BLOCK_BYTES 16 /* of what a protocol writes around each value */
/* Some servers leave cached tokens out of what they count, which must not make
 * a conversation look short. */
#define RATIO_MIN 0.5
#define RATIO_MAX 5.0

void bx_weight_add(bx_weight *sum, const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    if (bx_block_is(value, "image")) {
        sum->images++;
        return;
    }
    sum->bytes += json_is_string(value) ? json_string_length(value) : 1;
    json_array_foreach(value, i, item)
    {
        bx_weight_add(sum, item);
    }
    if (json_object_size(value) > 0)
        sum->bytes += BLOCK_BYTES;
    json_object_foreach((json_t *)value, key, item)
    {
        sum->bytes += strlen(key);
        bx_weight_add(sum, item);
    }
}

double bx_weight_tokens(const bx_weight *weight)
{
    return (double)weight->bytes / BYTES_OF_A_TOKEN +
           (double)weight->images * IMAGE_TOKENS;
}

void bx_conversation_weigh(bx_conversation *conversation, size_t index,
                           const json_t *value)
{
    bx_part *part = &conversation->parts[index];
    bx_weight weight = { .bytes = 0 };

    bx_weight_add(&weight, value);
    part->weight.bytes += weight.bytes;
    part->weight.images += weight.images;
    conversation->weight.bytes += weight.bytes;
    conversation->weight.images += weight.images;
}

void bx_conversation_unweigh(bx_conversation *conversation, size_t index)
{
    bx_part *part = &conversation->parts[index];

    conversation->weight.bytes -= part->weight.bytes;
    conversation->weight.images -= part->weight.images;
    part->weight = (bx_weight){ .bytes = 0 };
}

uint64_t bx_conversation_tokens(const bx_conversation *conversation,
                                size_t other_bytes)
{
    double tokens = bx_weight_tokens(&conversation->weight) +
                    (double)other_bytes / BYTES_OF_A_TOKEN;

    return (uint64_t)ceil(tokens * conversation->ratio);
}

void bx_conversation_learn(bx_conversation *conversation, uint64_t estimate,
                           const bx_usage *usage)
{
    double counted = (double)usage->input_tokens +
                     (double)usage->cache_read_tokens +
                     (double)usage->cache_write_tokens;
    double ratio;

    if (estimate == 0 || counted <= 0)
        return; /* a provider that counts nothing */
    ratio = conversation->ratio * counted / (double)estimate;
    conversation->ratio = fmin(fmax(ratio, RATIO_MIN), RATIO_MAX);
}
