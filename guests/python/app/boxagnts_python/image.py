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

_table = None


def _inside(item):
    """What an object refers to, also where the collector does not look."""
    if isinstance(item, types.CodeType):
        return [item.co_consts, item.co_names, item.co_varnames,
                item.co_freevars, item.co_cellvars, item.co_filename,
                item.co_name, item.co_qualname, item.co_linetable,
                item.co_exceptiontable]
    return gc.get_referents(item)


def list_objects():
    """Called once, while the component is built, after everything else."""
    global _table
    found = {}
    todo = gc.get_objects()
    while todo:
        item = todo.pop()
        if id(item) not in found:
            found[id(item)] = item
            todo += _inside(item)
    numbers = array.array("I", [id(None), len(found)])
    for address, item in found.items():
        numbers.append(address)
        numbers.append(id(type(item)))
    _table = MARK + numbers.tobytes()
