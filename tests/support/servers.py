"""Real servers for the tests, each in a thread with an event loop of its own, so that plain fixtures can hold them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

from planner.embedded.folders import temporary_folder

START_WITHIN_S = 90.0
Start = Callable[[Path], AbstractAsyncContextManager[str]]


@contextmanager
def served(start: Start) -> Iterator[str]:
    """The server's address; it is gone, with its folder, at the end.

    The kernel ends the server when the thread that started it does, so this one lives until the server has stopped.
    """
    with temporary_folder() as folder:
        ready: Future[str] = Future()
        ended: Future[None] = Future()
        loop = asyncio.new_event_loop()
        over = asyncio.Event()

        async def hold() -> None:
            async with start(folder) as address:
                ready.set_result(address)
                await over.wait()

        def run() -> None:
            try:
                loop.run_until_complete(hold())
                ended.set_result(None)
            except BaseException as error:  # noqa: BLE001 (handed to the thread that waits for it)
                if not ready.done():
                    ready.set_exception(error)
                ended.set_exception(error)
            finally:
                loop.close()

        thread = threading.Thread(target=run, name="server")
        thread.start()
        try:
            yield ready.result(timeout=START_WITHIN_S)
            loop.call_soon_threadsafe(over.set)
            ended.result(timeout=START_WITHIN_S)
        finally:
            # The thread outlives its loop by a moment, in which the loop takes no calls: once in some hundred runs this was that moment.
            if not ended.done():
                loop.call_soon_threadsafe(over.set)
            thread.join()
