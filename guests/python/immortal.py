#!/usr/bin/env python3
"""Make the objects in a component's memory image immortal to CPython.

    immortal.py IN.wasm OUT.wasm

The image holds a list of its objects (app/boxagnts_python/image.py). Each one's
reference count becomes that of None, which is immortal; what is no longer an
object of the type it was listed with is left alone. Nothing changes its size.
"""

import bisect
import struct
import sys

MARK = b"boxagnts:" + b"image-objects:v1"
CORE_MODULE, DATA = 1, 11  # section ids of a component and of a module
HEAD_BYTES = 8             # magic and version
HEAP = 1 << 20             # address: the stack lies below, objects above
LEAST = 100_000            # objects; fewer means that something is wrong


def read_number(data, at):
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def find_sections(data, at, end):
    """(id, start, end) of the contents of each section."""
    while at < end:
        kind = data[at]
        size, start = read_number(data, at + 1)
        yield kind, start, start + size
        at = start + size


class Image:
    """The active data segments of one module, as memory."""

    def __init__(self, data, start):
        self._data = data
        self._segments = []  # (address, offset in the file, length)
        count, at = read_number(data, start)
        for _ in range(count):
            flag, at = read_number(data, at)
            if flag not in (0, 1):
                raise ValueError(f"data segment of kind {flag}")
            address = None
            if flag == 0:
                address, at = self._read_address(at)
            size, at = read_number(data, at)
            if address is not None:
                self._segments.append((address, at, size))
            at += size
        self._segments.sort()

    def _read_address(self, at):
        """An i32.const expression; None when the address is another."""
        if self._data[at] == 0x41:
            value, end = read_number(self._data, at + 1)
            if self._data[end] == 0x0b:
                return value, end + 1
        return None, self._data.index(b"\x0b", at) + 1

    def find(self, address):
        """Where 8 bytes of memory lie in the file, or None."""
        index = bisect.bisect(self._segments, (address, 1 << 62)) - 1
        if index < 0:
            return None
        start, offset, size = self._segments[index]
        inside = address - start
        return offset + inside if inside + 8 <= size else None

    def read(self, address):
        """The two words at an address, or None."""
        at = self.find(address)
        return None if at is None else struct.unpack_from("<II", self._data, at)


def find_image(data, mark):
    """The data section around a place of the file, as memory, or None."""
    for kind, start, end in find_sections(data, HEAD_BYTES, len(data)):
        if kind != CORE_MODULE or not start < mark < end:
            continue
        for kind, start, end in find_sections(data, start + HEAD_BYTES, end):
            if kind == DATA and start < mark < end:
                return Image(data, start)
    return None


def find_list(data):
    """The image, the reference count of None, and where the list begins: the
    mark itself is in the image more than once."""
    mark = data.find(MARK)
    while mark >= 0:
        image = find_image(data, mark)
        none, count = struct.unpack_from("<II", data, mark + len(MARK))
        words = image and image.read(none)
        # CPython 3.14 on 32 bits: immortal from 2^30 on (refcount.h).
        if words and 1 << 30 <= words[0] < 1 << 31 and count >= LEAST:
            return image, words[0], mark
        mark = data.find(MARK, mark + 1)
    raise ValueError("it holds no list of objects in CPython 3.14's layout for"
                     " 32 bits")


def make_immortal(data):
    """Returns how many objects were changed and how many are listed."""
    image, immortal, mark = find_list(data)
    at = mark + len(MARK) + 4
    count, = struct.unpack_from("<I", data, at)
    entries = struct.unpack_from(f"<{2 * count}I", data, at + 4)
    changed = 0
    for address, kind in zip(entries[::2], entries[1::2]):
        words = image.read(address)
        # An object that was freed since it was listed has no references, or a
        # link to the next free place where they were counted.
        if words is None or words[1] != kind or not 0 < words[0] < HEAP:
            continue
        struct.pack_into("<I", data, image.find(address), immortal)
        changed += 1
    end = at + 4 + 8 * count
    data[mark:end] = bytes(end - mark)
    return changed, count


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        data = bytearray(file.read())
    try:
        changed, count = make_immortal(data)
    except (ValueError, IndexError, TypeError, struct.error) as error:
        sys.exit(f"{source}: {error}")
    if changed < LEAST:
        sys.exit(f"{source}: {changed} of {count} objects found; expected at"
                 f" least {LEAST}")
    with open(target, "wb") as file:
        file.write(data)
    print(f"{changed} of {count} objects of the image are immortal")


if __name__ == "__main__":
    main()
