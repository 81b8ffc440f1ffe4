"""One stack for the tests of what Planner does; those of faults and of `planner up` itself start their own."""

from collections.abc import Iterator

import pytest

from planner.embedded.folders import temporary_folder
from support.api import Api, api_of
from support.brokers import Brokers
from support.opening import Opening, opened
from support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def performing_stack() -> Iterator[Stack]:
    with temporary_folder() as folder, running_stack(folder, "--ephemeral") as stack:
        yield stack


@pytest.fixture(scope="session")
def api(performing_stack: Stack) -> Iterator[Api]:
    """With all rights in the tenant `default`."""
    with api_of(performing_stack) as api:
        yield api


@pytest.fixture(scope="session")
def brokers(performing_stack: Stack) -> Brokers:
    return Brokers.of(performing_stack)


@pytest.fixture(scope="session")
def opening(performing_stack: Stack, api: Api) -> Iterator[Opening]:
    """From now on there are workers for `demo.echo`, `demo.fail` and the README's action."""
    with opened(performing_stack, api) as plans:
        yield plans
