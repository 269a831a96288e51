"""Which objects the memory image holds, for immortal.py.

Using an object writes to its reference count, and in a run that begins with a
copy of the image each write is a page to copy first. The build therefore marks
every object of the image as immortal: nobody counts references to those. This
makes the list it needs, as bytes of the image itself.
"""

import array
import gc
import types

# immortal.py looks for this, then the address of None, the number of objects,
# and for each its address and that of its type; all are 32-bit numbers.
MARK = b"boxagnts:" + b"image-objects:v1"

_MOST_BYTES = 1 << 26  # of memory in which objects may lie
_ALIGNMENT = 4         # bytes; at least, of an object

_table = None


class _Seen:
    """Which objects were met, in a bit each: what is allocated here and freed
    again makes the image larger for good."""

    def __init__(self):
        self._bits = bytearray(_MOST_BYTES // _ALIGNMENT // 8)

    def add(self, item):
        """Whether it is new."""
        index, bit = divmod(id(item) // _ALIGNMENT, 8)
        is_new = not self._bits[index] >> bit & 1
        self._bits[index] |= 1 << bit
        return is_new

    def clear(self):
        zeros = bytes(4096)
        for start in range(0, len(self._bits), len(zeros)):
            self._bits[start:start + len(zeros)] = zeros


def _inside(item):
    """What an object refers to, also where the collector does not look."""
    if isinstance(item, types.CodeType):
        # The tuples of variables are made anew when asked for; their items
        # are the code's own.
        return [item.co_consts, item.co_names, item.co_filename, item.co_name,
                item.co_qualname, item.co_linetable, item.co_exceptiontable,
                *item.co_varnames, *item.co_freevars, *item.co_cellvars]
    return gc.get_referents(item)


def list_objects():
    """Called once, while the component is built, after everything else."""
    global _table
    seen = _Seen()
    numbers = array.array("I", [id(None), 0])
    todo = []
    for root in gc.get_objects():
        todo.append(root)
        while todo:
            item = todo.pop()
            if seen.add(item):
                numbers.append(id(item))
                numbers.append(id(type(item)))
                todo += _inside(item)
    seen.clear()
    numbers[1] = len(numbers) // 2 - 1
    _table = MARK + numbers.tobytes()
