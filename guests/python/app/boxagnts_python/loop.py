"""asyncio without a self-pipe.

The pipe wakes a loop from other threads and from signals. Neither exists here,
and neither do socket pairs.
"""

from asyncio import selector_events


def _nothing(self):
    pass


def install():
    """Called once, while the component is built."""
    loop = selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = _nothing
    loop._close_self_pipe = _nothing
    loop._write_to_self = _nothing
