from datetime import UTC, datetime
from typing import Final

from planner.bench.plans import one_shot_creates
from planner.domain.command import Command
from planner.owner.inbox import Incoming, read_command
from planner_contracts.envelope import HEADERS

NOW: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)
SEED: Final = "8d0a4f0e-6f0e-4c86-9a39-4f1b5e0b7a11"


def test_the_creates_are_commands_that_the_owner_understands() -> None:
    creates = list(one_shot_creates(seed=SEED, count=3, action="bench.burst", at=NOW, now=NOW))
    records = [Incoming("commands", 0, number, 0, create.plan_id.encode(), create.value, HEADERS) for number, create in enumerate(creates)]
    commands = [read_command(record, partition=0, partitions=1) for record in records]
    assert [command.header.plan_id for command in commands if isinstance(command, Command)] == [create.plan_id for create in creates]
    assert len({create.plan_id for create in creates}) == 3


def test_a_seed_gives_its_plans_and_another_seed_others() -> None:
    def ids(seed: str) -> set[str]:
        return {create.plan_id for create in one_shot_creates(seed=seed, count=5, action="bench.burst", at=NOW, now=NOW)}

    assert ids(SEED) == ids(SEED)
    assert not ids(SEED) & ids(SEED.replace("8d", "9d", 1))
