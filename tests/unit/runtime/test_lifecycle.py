import asyncio
from collections.abc import Awaitable, Callable

import pytest

from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.lifecycle import EXIT_FAILED, EXIT_REFUSED, run_process
from planner.runtime.settings import ProcessSettings

REFUSED = StartupRefusedError("topics are other than declared")
AWAY = UnavailableError("Kafka cannot be reached")


def raising(error: BaseException) -> Callable[[ProcessSettings, asyncio.Event], Awaitable[None]]:
    async def serve(_settings: ProcessSettings, _stop: asyncio.Event) -> None:
        raise error

    return serve


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (REFUSED, EXIT_REFUSED, str(REFUSED)),
        (AWAY, EXIT_FAILED, str(AWAY)),
        (ExceptionGroup("g", [ValueError("beside it"), ExceptionGroup("h", [REFUSED])]), EXIT_REFUSED, str(REFUSED)),
        (ExceptionGroup("g", [AWAY, AWAY]), EXIT_FAILED, str(AWAY)),
    ],
    ids=["refused", "away", "refused among others", "all away"],
)
def test_what_an_operator_can_mend_is_told_in_one_line(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        run_process("owner", ProcessSettings, raising(error))
    assert exited.value.code == code
    assert capsys.readouterr().err.splitlines()[-1] == f"planner owner: {told}"


@pytest.mark.parametrize("error", [ValueError("bug"), ExceptionGroup("g", [AWAY, ValueError("bug")])], ids=["alone", "beside an outage"])
def test_a_bug_is_never_told_as_anything_else(error: Exception) -> None:
    with pytest.raises(type(error)):
        run_process("owner", ProcessSettings, raising(error))
