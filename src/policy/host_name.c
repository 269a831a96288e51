#include "policy/host_name.h"

#include <string.h>

static bool is_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool is_number(const char *label)
{
    if (label[0] == '0' && label[1] == 'x')
        return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
    return is_digits(label);
}

static int check_label(const char *label, size_t len, bx_error **err)
{
    if (len == 0)
        return bx_error_set(err, BX_ERR_INVALID, "has an empty label");
    if (len > 63)
        return bx_error_set(err, BX_ERR_INVALID,
                            "has a label longer than 63 bytes");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)label[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '_')
            continue;
        if (c >= 0x80)
            return bx_error_set(err, BX_ERR_INVALID,
                                "is not ASCII: write the name in its xn-- "
                                "form");
        if (c == '*')
            return bx_error_set(err, BX_ERR_INVALID,
                                "has '*' inside a name: it stands for the "
                                "whole host, or leads as in *.example.com");
        if (c > 0x20 && c < 0x7f)
            return bx_error_set(err, BX_ERR_INVALID,
                                "has '%c', which no host name has", c);
        return bx_error_set(err, BX_ERR_INVALID, "has a space or control byte");
    }
    return 0;
}

int bx_host_name_check(char *name, bx_error **err)
{
    size_t len = strlen(name);
    const char *label = name;

    for (size_t i = 0; i < len; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] - 'A' + 'a');
    }
    if (len > 1 && name[len - 1] == '.')
        name[--len] = '\0';
    if (len == 0)
        return bx_error_set(err, BX_ERR_INVALID, "has no host");
    if (len > BX_HOST_NAME_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "has a host name longer than 253 bytes");
    for (;;) {
        const char *dot = strchr(label, '.');
        size_t label_len = dot != NULL ? (size_t)(dot - label) : strlen(label);

        if (check_label(label, label_len, err) < 0)
            return -1;
        if (dot == NULL)
            break;
        label = dot + 1;
    }
    if (is_number(label))
        return bx_error_set(err, BX_ERR_INVALID,
                            "ends in a number but is no address in its usual "
                            "form (decimal, four parts, no leading zeros)");
    return 0;
}
