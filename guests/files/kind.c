/* What a file is, from how it begins: the signatures their formats define. */
#include "kind.h"

#include <string.h>

typedef struct signature {
    const char *bytes;
    uint8_t len;
    uint16_t offset;
    const char *name;
    const char *mime_type;
} signature;

#define SIGNATURE(text, ...)                                                   \
    {                                                                          \
        text, sizeof(text) - 1, __VA_ARGS__                                    \
    }

static const signature signatures[] = {
    SIGNATURE("\x89PNG\r\n\x1a\n", 0, "PNG image", "image/png"),
    SIGNATURE("\xff\xd8\xff", 0, "JPEG image", "image/jpeg"),
    SIGNATURE("GIF87a", 0, "GIF image", "image/gif"),
    SIGNATURE("GIF89a", 0, "GIF image", "image/gif"),
    SIGNATURE("%PDF-", 0, "PDF document", "application/pdf"),
    SIGNATURE("\x7f"
              "ELF",
              0, "ELF program or library", NULL),
    SIGNATURE("\0asm", 0, "WebAssembly module", NULL),
    SIGNATURE("PK\3\4", 0, "ZIP archive or office document", NULL),
    SIGNATURE("PK\5\6", 0, "empty ZIP archive", NULL),
    SIGNATURE("\x1f\x8b", 0, "gzip archive", NULL),
    SIGNATURE("BZh", 0, "bzip2 archive", NULL),
    SIGNATURE("\xfd"
              "7zXZ\0",
              0, "xz archive", NULL),
    SIGNATURE("\x28\xb5\x2f\xfd", 0, "zstd archive", NULL),
    SIGNATURE("7z\xbc\xaf\x27\x1c", 0, "7-Zip archive", NULL),
    SIGNATURE("ustar", 257, "tar archive", NULL),
    SIGNATURE("SQLite format 3\0", 0, "SQLite database", NULL),
    SIGNATURE("\xca\xfe\xba\xbe", 0, "Java class or Mach-O program", NULL),
    SIGNATURE("\xcf\xfa\xed\xfe", 0, "Mach-O program", NULL),
    SIGNATURE("!<arch>\n", 0, "static library", NULL),
    SIGNATURE("MZ", 0, "Windows program", NULL),
    SIGNATURE("BM", 0, "BMP image", NULL),
    SIGNATURE("OggS", 0, "Ogg audio or video", NULL),
    SIGNATURE("fLaC", 0, "FLAC audio", NULL),
    SIGNATURE("ID3", 0, "MP3 audio", NULL),
    SIGNATURE("ftyp", 4, "MP4 audio or video", NULL),
    SIGNATURE("\x1a\x45\xdf\xa3", 0, "Matroska video", NULL),
    SIGNATURE("wOFF", 0, "WOFF font", NULL),
    SIGNATURE("wOF2", 0, "WOFF2 font", NULL),
};

kind kind_find(const uint8_t *data, size_t len)
{
    if (len >= 12 && memcmp(data, "RIFF", 4) == 0 &&
        memcmp(data + 8, "WEBP", 4) == 0)
        return (kind){ "WebP image", "image/webp" };
    for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++) {
        const signature *s = &signatures[i];

        if (len >= (size_t)s->offset + s->len &&
            memcmp(data + s->offset, s->bytes, s->len) == 0)
            return (kind){ s->name, s->mime_type };
    }
    return (kind){ NULL, NULL };
}
