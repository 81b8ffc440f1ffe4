"""A way to a server that can be shut: nobody answers, or what was sent is never answered."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from planner.embedded.ports import LOOPBACK


class Door:
    """Passes every connection on while it is open."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._passages: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._answers = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """The server's URL, through the door."""
        credentials, at, _ = self._url.netloc.rpartition("@")
        return urlunsplit(self._url._replace(netloc=f"{credentials}{at}{LOOPBACK}:{self._port}"))

    async def open(self) -> None:
        self._answers.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, LOOPBACK, self._port, family=socket.AF_INET)
            self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cut every connection, take no new one."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for passage in list(self._passages):
            passage.cancel()
        await asyncio.gather(*self._passages, return_exceptions=True)

    def hold(self) -> None:
        """Connections stay and are taken, but no answer comes through any more until the door is opened."""
        self._answers.clear()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = asyncio.current_task()
        assert passage is not None
        self._passages.add(passage)
        ends = [writer]
        try:
            answers, to_server = await asyncio.open_connection(self._url.hostname, self._url.port)
            ends.append(to_server)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._copy(reader, to_server))
                tasks.create_task(self._copy(answers, writer, waits=True))
        except (OSError, ExceptionGroup):
            # Either side has gone, and so does the other.
            return
        finally:
            for end in ends:
                end.transport.abort()
            self._passages.discard(passage)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, waits: bool = False) -> None:
        while chunk := await reader.read(65_536):
            if waits:
                await self._answers.wait()
            writer.write(chunk)
            await writer.drain()
        raise ConnectionError("this side has ended")


@asynccontextmanager
async def door(url: str) -> AsyncIterator[Door]:
    """An open one; shut at the end."""
    way = Door(url)
    await way.open()
    try:
        yield way
    finally:
        await way.shut()
