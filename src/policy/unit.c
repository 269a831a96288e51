#include "policy/unit.h"

#include <string.h>
#include <strings.h>

#include "policy/text.h"

typedef struct unit {
    const char *name;
    uint64_t factor;
    bool is_shown; /* used by bx_unit_format() */
} unit;

/* Largest first. */
static const unit time_units[] = {
    { "h", 3600000, true }, { "m", 60000, true }, { "s", 1000, true },
    { "ms", 1, true },      { "", 1000, false },
};

/* In any case; a letter alone is a power of 1024, as in most tools. */
static const unit byte_units[] = {
    { "TiB", 1ull << 40, true },
    { "T", 1ull << 40, false },
    { "TB", 1000000000000ull, false },
    { "GiB", 1ull << 30, true },
    { "G", 1ull << 30, false },
    { "GB", 1000000000ull, false },
    { "MiB", 1ull << 20, true },
    { "M", 1ull << 20, false },
    { "MB", 1000000ull, false },
    { "KiB", 1ull << 10, true },
    { "K", 1ull << 10, false },
    { "KB", 1000ull, false },
    { "B", 1, false },
    { "", 1, true },
};

static const unit count_units[] = {
    { "T", 1000000000000ull, true }, { "G", 1000000000ull, true },
    { "M", 1000000ull, true },       { "K", 1000ull, true },
    { "k", 1000ull, false },         { "", 1, true },
};

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

static const struct {
    const unit *units;
    size_t count;
    const char *what;
} kinds[] = {
    [BX_UNIT_TIME] = { ROWS(time_units), "a time such as 30s, 500ms or 2m" },
    [BX_UNIT_BYTES] = { ROWS(byte_units),
                        "a size such as 64KiB, 256MiB or 10MB" },
    [BX_UNIT_COUNT] = { ROWS(count_units),
                        "a whole number such as 500, 10K or 1M" },
};

static int refuse(bx_error **err, const char *text, const char *why,
                  bx_unit_kind kind, uint64_t min, uint64_t max)
{
    bx_autofree char *shown = bx_text_show(text);
    char low[32];
    char high[32];

    return bx_error_set(err, BX_ERR_INVALID,
                        "%s %s; expected %s, from %s to %s", BX_SHOWN(shown),
                        why, kinds[kind].what, bx_unit_format(min, kind, low),
                        bx_unit_format(max, kind, high));
}

/* digits * factor / 10^places, exactly. False: too large. */
static bool scale(const char *digits, size_t len, uint64_t factor,
                  uint64_t *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return false;
    }
    return !__builtin_mul_overflow(value, factor, ret_value);
}

/* The part behind the point, "5" of "1.5s"; -1: not whole. */
static int scale_fraction(const char *digits, size_t len, uint64_t factor,
                          uint64_t *ret_value)
{
    uint64_t divisor = 1;
    uint64_t value;

    if (len > 6)
        return -1;
    for (size_t i = 0; i < len; i++)
        divisor *= 10;
    if (!scale(digits, len, factor, &value) || value % divisor != 0)
        return -1;
    *ret_value = value / divisor;
    return 0;
}

static const unit *find_unit(const char *name, bx_unit_kind kind)
{
    for (size_t i = 0; i < kinds[kind].count; i++) {
        const char *spelled = kinds[kind].units[i].name;

        if (strcmp(spelled, name) == 0 ||
            (kind == BX_UNIT_BYTES && strcasecmp(spelled, name) == 0))
            return &kinds[kind].units[i];
    }
    return NULL;
}

int bx_unit_parse(const char *text, bx_unit_kind kind, uint64_t min,
                  uint64_t max, uint64_t *ret_value, bx_error **err)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t fraction = 0;
    const char *rest = text + whole;
    const unit *found;
    uint64_t value;
    uint64_t part = 0;

    if (text[0] == '-' && text[1] >= '0' && text[1] <= '9')
        return refuse(err, text, "is negative", kind, min, max);
    if (whole == 0)
        return refuse(err, text, "does not begin with a number", kind, min,
                      max);
    if (rest[0] == '.') {
        fraction = strspn(rest + 1, digits);
        if (fraction == 0)
            return refuse(err, text, "has no digits behind the point", kind,
                          min, max);
        rest += 1 + fraction;
    }
    found = find_unit(rest, kind);
    if (found == NULL)
        return refuse(err, text, "has an unknown unit", kind, min, max);
    if (fraction > 0 &&
        scale_fraction(text + whole + 1, fraction, found->factor, &part) < 0)
        return refuse(err, text, "does not come out whole", kind, min, max);
    if (!scale(text, whole, found->factor, &value) ||
        __builtin_add_overflow(value, part, &value) || value > max)
        return refuse(err, text, "is too large", kind, min, max);
    if (value < min)
        return refuse(err, text, "is too small", kind, min, max);
    *ret_value = value;
    return 0;
}

const char *bx_unit_format(uint64_t value, bx_unit_kind kind, char text[32])
{
    for (size_t i = 0; i < kinds[kind].count; i++) {
        const unit *row = &kinds[kind].units[i];

        if (!row->is_shown || value % row->factor != 0 ||
            (value == 0 && row->factor != 1))
            continue;
        (void)snprintf(text, 32, "%llu%s",
                       (unsigned long long)(value / row->factor), row->name);
        return text;
    }
    text[0] = '\0';
    return text;
}
