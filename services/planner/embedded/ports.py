"""Loopback ports: free ones, or the asked ones if they are free."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import IntEnum

from planner.runtime.failures import StartupRefusedError

LOOPBACK = "127.0.0.1"

Ports = Mapping[int, int]
"""A stack's ports by their places after the base."""


class PortOffset(IntEnum):
    """Places after `--port-base`; the health ports of the services follow each other."""

    GATEWAY = 0
    KAFKA = 1
    CONTROLLER = 2
    VALKEY = 3
    POSTGRES = 4
    HEALTH = 10


@contextmanager
def reserved(port: int, *, purpose: str) -> Iterator[int]:
    """The port to listen on: `port`, or a free one if it is 0. Refuses a taken port, naming it.

    The socket stays bound but not listening until the end of the block, so that no other process is given the same free port;
    a server that sets SO_REUSEADDR (Kafka, Valkey and PostgreSQL do) can listen on it meanwhile.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((LOOPBACK, port))
        except OSError as error:
            raise StartupRefusedError(f"port {port} for {purpose} is in use on {LOOPBACK}: {error.strerror}") from error
        yield held.getsockname()[1]


@contextmanager
def all_reserved(wanted: Mapping[int, str], *, base: int) -> Iterator[Ports]:
    """A port for each wanted place (place -> purpose), free ones if `base` is 0; taken until the end of the block, so that a
    program that starts again finds its own free.
    """
    with ExitStack() as held:
        yield {place: held.enter_context(reserved(base + place if base else 0, purpose=purpose)) for place, purpose in wanted.items()}


async def listens(address: str) -> bool:
    """True if something accepts connections at `host:port`; asked before a client that would log each refusal as an error."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
