"""asyncio without a self-pipe.

The pipe wakes a loop from other threads and from signals. Neither exists here,
and neither do socket pairs.
"""

import selectors
import time
from asyncio import selector_events


def _nothing(self):
    pass


def _wait_for(select):
    def wait(self, timeout=None):
        # WASI ends a program that waits for nothing; others wait.
        while timeout is None and not self.get_map():
            time.sleep(3600)
        return select(self, timeout)
    return wait


def install():
    """Called once, while the component is built."""
    for selector in {selectors.SelectSelector, selectors.DefaultSelector}:
        selector.select = _wait_for(selector.select)
    loop = selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = _nothing
    loop._close_self_pipe = _nothing
    loop._write_to_self = _nothing
