"""The HTTP API over an owner and a run store in memory."""

from collections.abc import AsyncIterator

import httpx
import pytest

from support.memory_gateway import MemoryWorld, calling


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


@pytest.fixture
async def client(world: MemoryWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(world) as client:
        yield client
