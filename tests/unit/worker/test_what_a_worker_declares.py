"""Which functions may perform actions, what becomes of a payload, and what is no worker."""

import logging
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from planner.runtime.failures import StartupRefusedError
from planner.runtime.kafka import KafkaConnection
from planner.worker import PlannerWorker, Run
from planner.worker.app import load
from planner.worker.handlers import action_handler
from planner.worker.planner_worker import CONCURRENCY_DEFAULT
from planner.worker.sample import declare_sample
from planner_contracts.run_report import WORKER_CHARACTERS_MAX


class Strict(BaseModel):
    """What a handler asks for; a date is no text in Python, but one in JSON."""

    model_config = ConfigDict(strict=True)

    day: date
    count: int = 1


async def plain(run: Run[Any]) -> None:
    """Takes whatever there is."""


async def typed(run: Run[Strict]) -> None:
    """Takes this only."""


@pytest.mark.parametrize("annotations", [{}, {"run": Run}], ids=["none", "a bare Run"])
def test_a_handler_that_asks_for_no_type_is_given_the_payload_as_it_is(annotations: dict[str, Any]) -> None:
    async def handler(run: Any) -> None:  # noqa: ANN401  what it says of its parameter is replaced
        """Takes whatever there is."""

    handler.__annotations__ = annotations
    assert action_handler("a", handler).payload({"n": 10**30, "f": 1.5, "l": [None]}) == {"n": 10**30, "f": 1.5, "l": [None]}


def test_a_handler_that_asks_for_a_type_is_given_it_read_as_json() -> None:
    assert action_handler("a", typed).payload({"day": "2026-03-01"}) == Strict(day=date(2026, 3, 1))
    with pytest.raises(ValidationError):
        action_handler("a", typed).payload({"day": "2026-03-01", "count": "2"})


async def none() -> None:
    """Takes nothing."""


async def two(run: Run[Any], more: int) -> None:
    """Takes too much."""


async def other(run: int) -> None:
    """Takes something else."""


def synchronous(run: Run[Any]) -> None:
    """Would hold all others back."""


@pytest.mark.parametrize(
    ("handler", "why"),
    [(none, "one parameter"), (two, "one parameter"), (other, "must take a Run, not"), (synchronous, "must be an async function")],
)
def test_what_is_no_handler_is_refused_where_it_is_declared(handler: Any, why: str) -> None:  # noqa: ANN401  that is the point
    worker = PlannerWorker("localhost:9092", "g")
    with pytest.raises(TypeError, match=f"the handler of content.publish {'.*' if why.startswith('one') else ''}{why}"):
        worker.action("content.publish")(handler)


@pytest.mark.parametrize("name", ["", "Content", "a..b", "a b", "a" * 121])
def test_a_name_that_is_no_actions_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no action"):
        PlannerWorker("localhost:9092", "g").action(name)


def test_an_action_has_one_handler_and_each_namespace_its_own() -> None:
    worker = PlannerWorker("localhost:9092", "g")
    assert worker.action("a")(plain) is plain
    with pytest.raises(ValueError, match="a has a handler already"):
        worker.action("a")
    assert list(PlannerWorker("localhost:9092", "g", namespace="other")._handlers) == []


def test_a_worker_reads_the_action_and_control_topic_of_each_of_its_handlers() -> None:
    worker = PlannerWorker("localhost:9092", "publishers", namespace="blue")
    declare_sample(worker)
    topics = worker._topics()
    assert topics.group == "publishers"
    names = ["content.publish", "demo.echo", "demo.work", "demo.fail"]
    assert topics.controls == {f"blue.action.{name}": f"blue.control.{name}" for name in names}


@pytest.mark.parametrize(("knobs", "why"), [({"namespace": "Blue"}, "is no namespace"), ({"concurrency": 0}, "at least 1")])
def test_a_worker_that_could_not_work_is_refused_where_it_is_made(knobs: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PlannerWorker("localhost:9092", "g", **knobs)


def test_one_run_at_once_is_enough_and_a_name_is_cut_to_what_reports_can_carry() -> None:
    assert PlannerWorker("localhost:9092", "g", concurrency=1)._concurrency == 1 < CONCURRENCY_DEFAULT
    assert PlannerWorker("localhost:9092", "g", name="n" * 500)._name == "n" * WORKER_CHARACTERS_MAX
    assert PlannerWorker("localhost:9092", "g")._name.startswith("g@")


def test_where_the_brokers_are_may_be_an_address_or_a_whole_connection() -> None:
    secured = KafkaConnection(bootstrap="kafka:9093", security_protocol="SASL_SSL", sasl_username="u", sasl_password="p")
    assert PlannerWorker(secured, "g")._connection == secured
    assert PlannerWorker("kafka:9092", "g")._connection == KafkaConnection(bootstrap="kafka:9092")


async def test_a_worker_without_a_handler_does_not_start() -> None:
    with pytest.raises(ValueError, match="a worker needs a handler"):
        await PlannerWorker("localhost:9092", "g").run()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with modules that end with the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_worker_is_found_in_a_module_of_the_current_folder(here: Path) -> None:
    (here / "own_workers.py").write_text("from planner.worker import PlannerWorker\nworker = PlannerWorker('localhost:9092', 'own')\n")
    assert load("own_workers:worker")._group == "own"


@pytest.mark.parametrize("target", ["own_workers", "own_workers:", ":worker", ""])
def test_a_target_that_names_no_worker_is_refused_with_an_example(target: str) -> None:
    with pytest.raises(StartupRefusedError, match="give module:name"):
        load(target)


def test_a_module_that_is_not_there_is_named_and_one_that_is_missing_inside_it_is_a_bug_of_its_own(here: Path) -> None:
    with pytest.raises(StartupRefusedError, match="there is no module nowhere in the current folder"):
        load("nowhere.workers:worker")
    (here / "own_broken.py").write_text("import nothing_like_this\n")
    with pytest.raises(ModuleNotFoundError, match="nothing_like_this"):
        load("own_broken:worker")


def test_what_is_no_worker_is_refused_by_its_name(here: Path) -> None:
    (here / "own_others.py").write_text("worker = 7\n")
    for target in ("own_others:worker", "own_others:missing"):
        with pytest.raises(StartupRefusedError, match=f"{target} is no PlannerWorker"):
            load(target)


def test_what_the_library_warns_of_at_each_start_is_not_shown() -> None:
    """A script that sets up no logging got it on its terminal: "Auto create topics is disabled."."""
    logger = logging.getLogger("planner.worker.faststream")
    assert not logger.isEnabledFor(logging.WARNING)
    assert logger.isEnabledFor(logging.ERROR)
