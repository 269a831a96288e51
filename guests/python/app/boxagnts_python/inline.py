"""Threads do not exist here. Executors run their work at once instead, which
is a correct order of it; starting a thread says what to do."""

import threading
from concurrent import futures
from concurrent.futures import process, thread


class Executor(futures.Executor):
    """Runs each call when it is submitted."""

    def __init__(self, max_workers=None, thread_name_prefix="",
                 initializer=None, initargs=(), **unused):
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        self._max_workers = max_workers or 1
        self._is_shut_down = False
        if initializer is not None:
            initializer(*initargs)

    def submit(self, function, /, *arguments, **keywords):
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = futures.Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._is_shut_down = True


def _no_thread(*unused, **also_unused):
    raise RuntimeError(
        "can't start new thread: the sandbox has none; run the work in a loop,"
        " with asyncio, or with concurrent.futures, whose executors run each"
        " call when it is submitted")


def install():
    """Called once, while the component is built."""
    for name, modules in (("ThreadPoolExecutor", (thread, futures)),
                          ("ProcessPoolExecutor", (process, futures))):
        kind = type(name, (Executor,), {"__module__": "concurrent.futures"})
        for module in modules:
            setattr(module, name, kind)
    threading._start_joinable_thread = _no_thread
