/* The custom section in which a manifest travels. A module's bytes are
 * hostile: lengths lie, names repeat, and modules within components have
 * sections of their own, which are not the tool's. Nothing is run or compiled.
 *
 * Binary format: "\0asm", version and layer, then sections: an id, a length
 * as LEB128 u32, content; a custom section is id 0 and begins with its name
 * (core specification 5.5; components differ in the layer). */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "tool/manifest.h"

#define PREAMBLE_BYTES 8
#define MAX_SECTIONS 100000 /* of a module; real ones have a few dozen */

typedef struct span {
    const uint8_t *at;
    size_t bytes;
} span;

typedef struct walker {
    span rest; /* of the module */
    const char *name;
    size_t offset;     /* of the section at hand, for messages */
    span section;      /* with its header */
    span content;      /* of a custom section, behind the name */
    const char *title; /* its name, not terminated; NULL: no custom section */
    size_t title_bytes;
} walker;

/* ---- reading ---- */

static bool is_binary(const void *module, size_t bytes)
{
    static const uint8_t core[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    static const uint8_t component[] = { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 };

    return bytes >= PREAMBLE_BYTES &&
           (memcmp(module, core, sizeof(core)) == 0 ||
            memcmp(module, component, sizeof(component)) == 0);
}

/* An u32 in at most five bytes; moves behind it. */
static bool read_u32(span *in, uint32_t *ret_value)
{
    uint32_t value = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;

        if (in->bytes == 0)
            return false;
        byte = *in->at++;
        in->bytes--;
        if (shift == 28 && (byte & 0xf0) != 0)
            return false;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static int refuse(const walker *in, const char *what, bx_error **err)
{
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s: the section at byte %zu %s; expected a whole "
                        "WebAssembly module",
                        in->name, in->offset, what);
}

static int read_custom(walker *in, bx_error **err)
{
    uint32_t length;

    if (!read_u32(&in->content, &length) || length > in->content.bytes)
        return refuse(in, "has a name that reaches past its end", err);
    in->title = (const char *)in->content.at;
    in->title_bytes = length;
    in->content.at += length;
    in->content.bytes -= length;
    return 0;
}

/* The next section: 1, 0 at the end, -1 with err. */
static int next_section(walker *in, bx_error **err)
{
    uint32_t length;
    uint8_t id;

    if (in->rest.bytes == 0)
        return 0;
    in->section.at = in->rest.at;
    id = *in->rest.at++;
    in->rest.bytes--;
    if (!read_u32(&in->rest, &length))
        return refuse(in, "has a malformed length", err);
    if (length > in->rest.bytes)
        return refuse(in, "reaches past the end of the file", err);
    in->content = (span){ in->rest.at, length };
    in->rest.at += length;
    in->rest.bytes -= length;
    in->section.bytes = (size_t)(in->rest.at - in->section.at);
    in->title = NULL;
    if (id == 0 && read_custom(in, err) < 0)
        return -1;
    in->offset += in->section.bytes;
    return 1;
}

static bool is_titled(const walker *in, const char *title)
{
    return in->title != NULL && in->title_bytes == strlen(title) &&
           memcmp(in->title, title, in->title_bytes) == 0;
}

static walker start(const void *module, size_t bytes, const char *name)
{
    return (walker){
        .rest = { (const uint8_t *)module + PREAMBLE_BYTES,
                  bytes - PREAMBLE_BYTES },
        .name = name,
        .offset = PREAMBLE_BYTES,
    };
}

/* The content of the one section of that title; at NULL when there is none. */
static int find_section(const void *module, size_t bytes, const char *name,
                        const char *title, span *ret_content, bx_error **err)
{
    walker in = start(module, bytes, name);
    int status;

    *ret_content = (span){ NULL, 0 };
    for (unsigned count = 0; (status = next_section(&in, err)) > 0; count++) {
        if (count == MAX_SECTIONS)
            return bx_error_set(err, BX_ERR_INVALID,
                                "%s: more than %d sections", name,
                                MAX_SECTIONS);
        if (!is_titled(&in, title))
            continue;
        if (ret_content->at != NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "%s: two sections '%s'; expected one (write it "
                                "anew with `boxagnts tool embed`)",
                                name, title);
        *ret_content = in.content;
    }
    return status;
}

/* ---- manifests ---- */

/* A runtime needs its script, and nothing else has one. */
static int attach_script(bx_manifest *manifest, const span *script,
                         const char *name, bx_error **err)
{
    if (manifest->runtime == BX_TOOL_RUNTIME_NONE && script->at == NULL)
        return 0;
    if (manifest->runtime == BX_TOOL_RUNTIME_NONE)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: a section '%s' without 'runtime: js' or "
                            "'runtime: python' in its manifest",
                            name, BX_MANIFEST_SCRIPT_SECTION);
    if (script->at == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: 'runtime: %s' and no section '%s'; expected "
                            "the script in it (`boxagnts tool embed` writes "
                            "it)",
                            name, bx_tool_runtime_name(manifest->runtime),
                            BX_MANIFEST_SCRIPT_SECTION);
    if (bx_manifest_put_script(manifest, (const char *)script->at,
                               script->bytes, err) < 0)
        return bx_error_wrap(err, "%s", name);
    return 0;
}

bx_manifest *bx_manifest_extract(const void *module, size_t module_bytes,
                                 const char *name, bx_error **err)
{
    bx_automanifest bx_manifest *manifest = NULL;
    bx_autofree char *label = NULL;
    span text;
    span script;

    if (!is_binary(module, module_bytes))
        return NULL;
    if (find_section(module, module_bytes, name, BX_MANIFEST_SECTION, &text,
                     err) < 0 ||
        find_section(module, module_bytes, name, BX_MANIFEST_SCRIPT_SECTION,
                     &script, err) < 0 ||
        text.at == NULL)
        return NULL;
    if (asprintf(&label, "section %s of '%s'", BX_MANIFEST_SECTION, name) < 0) {
        label = NULL;
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    manifest = bx_manifest_parse((const char *)text.at, text.bytes, label, err);
    if (manifest == NULL || attach_script(manifest, &script, name, err) < 0)
        return NULL;
    return bx_take(manifest);
}

/* ---- writing ---- */

static size_t put_u32(uint8_t out[5], uint32_t value)
{
    size_t length = 0;

    do {
        out[length] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        length++;
    } while (value != 0);
    return length;
}

static int put_section(bx_buf *out, const char *title, const void *content,
                       size_t bytes)
{
    uint8_t name_length[5];
    uint8_t length[5];
    size_t name_bytes = put_u32(name_length, (uint32_t)strlen(title));
    size_t length_bytes =
        put_u32(length, (uint32_t)(name_bytes + strlen(title) + bytes));

    return bx_buf_append(out, "\0", 1, SIZE_MAX) < 0 ||
                   bx_buf_append(out, length, length_bytes, SIZE_MAX) < 0 ||
                   bx_buf_append(out, name_length, name_bytes, SIZE_MAX) < 0 ||
                   bx_buf_puts(out, title) < 0 ||
                   bx_buf_append(out, content, bytes, SIZE_MAX) < 0
               ? -1
               : 0;
}

/* All of the module but the section of that title. */
static int copy_others(bx_buf *out, const void *module, size_t bytes,
                       const char *title, bx_error **err)
{
    walker in = start(module, bytes, "the module");
    int status;

    if (bx_buf_append(out, module, PREAMBLE_BYTES, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    while ((status = next_section(&in, err)) > 0) {
        if (!is_titled(&in, title) &&
            bx_buf_append(out, in.section.at, in.section.bytes, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
    }
    return status;
}

static int take_module(bx_buf *out, uint8_t **ret_module, size_t *ret_bytes)
{
    *ret_bytes = out->len;
    *ret_module = (uint8_t *)bx_buf_take(out);
    return 0;
}

int bx_manifest_embed(const char *manifest, size_t manifest_bytes,
                      const void *module, size_t module_bytes,
                      uint8_t **ret_module, size_t *ret_bytes, bx_error **err)
{
    bx_automanifest bx_manifest *parsed =
        bx_manifest_parse(manifest, manifest_bytes, "the manifest", err);
    bx_autobuf bx_buf out = BX_BUF_INIT;

    if (parsed == NULL)
        return -1;
    if (parsed->runtime != BX_TOOL_RUNTIME_NONE &&
        !is_binary(module, module_bytes))
        return bx_manifest_pack(manifest, manifest_bytes, module, module_bytes,
                                ret_module, ret_bytes, err);
    if (parsed->runtime != BX_TOOL_RUNTIME_NONE)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the manifest has 'runtime: %s'; expected a script "
                            "to go with it, not a module",
                            bx_tool_runtime_name(parsed->runtime));
    if (!is_binary(module, module_bytes))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the module is no WebAssembly binary; expected a "
                            "core module or component (\\0asm)");
    if (copy_others(&out, module, module_bytes, BX_MANIFEST_SECTION, err) < 0)
        return -1;
    if (put_section(&out, BX_MANIFEST_SECTION, manifest, manifest_bytes) < 0)
        return bx_error_set_nomem(err);
    return take_module(&out, ret_module, ret_bytes);
}

int bx_manifest_pack(const char *manifest, size_t manifest_bytes,
                     const char *script, size_t script_bytes,
                     uint8_t **ret_module, size_t *ret_bytes, bx_error **err)
{
    static const uint8_t preamble[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    bx_automanifest bx_manifest *parsed =
        bx_manifest_parse(manifest, manifest_bytes, "the manifest", err);
    bx_autobuf bx_buf out = BX_BUF_INIT;

    if (parsed == NULL ||
        bx_manifest_put_script(parsed, script, script_bytes, err) < 0)
        return -1;
    if (bx_buf_append(&out, preamble, sizeof(preamble), SIZE_MAX) < 0 ||
        put_section(&out, BX_MANIFEST_SCRIPT_SECTION, script, script_bytes) <
            0 ||
        put_section(&out, BX_MANIFEST_SECTION, manifest, manifest_bytes) < 0)
        return bx_error_set_nomem(err);
    return take_module(&out, ret_module, ret_bytes);
}

int bx_manifest_skeleton(const void *module, size_t module_bytes,
                         uint8_t **ret_skeleton, size_t *ret_bytes,
                         bx_error **err)
{
    walker in;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    int status;

    if (!is_binary(module, module_bytes))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the module is no WebAssembly binary");
    in = start(module, module_bytes, "the module");
    if (bx_buf_append(&out, module, PREAMBLE_BYTES, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    while ((status = next_section(&in, err)) > 0) {
        if ((is_titled(&in, BX_MANIFEST_SECTION) ||
             is_titled(&in, BX_MANIFEST_SCRIPT_SECTION)) &&
            bx_buf_append(&out, in.section.at, in.section.bytes, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
    }
    return status < 0 ? -1 : take_module(&out, ret_skeleton, ret_bytes);
}
