import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import asyncpg
import httpx
import pytest

from planner.embedded.folders import temporary_folder
from planner.embedded.ports import LOOPBACK
from planner.runtime.settings import environment
from support.recorders import readiness
from support.stack import PLANNER, Stack, is_over, planner, running_stack
from support.until import until

pytestmark = pytest.mark.timeout(180)

REACH = ("namespace", "gateway", "data", "health", "kafka", "redis", "postgres", "api_key", "tenant_id", "organization_id", "pids", "env")
REPOSITORY = Path(__file__).parents[2]
SERVICES = {"kafka", "valkey", "postgres", "recorder", "owner", "gateway"}


FAR_AWAY = {"name": "kept", "action": "content.publish", "execute_at": "2199-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as found:
        yield found


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[Stack]:
    with running_stack(folder, "--data", str(folder / "shared"), "--owners", "2") as running:
        yield running


def an_api(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.ready["gateway"], headers={"Authorization": f"Bearer {stack.ready['api_key']}"}, timeout=20)


def the_tour() -> str:
    """The first shell block of the README's tour."""
    _, _, tour = (REPOSITORY / "README.md").read_text().partition("## A tour in ten lines")
    return tour.split("```sh\n")[1].split("```")[0]


def test_the_tour_of_the_readme_shows_what_it_says(stack: Stack, tmp_path: Path) -> None:
    with an_api(stack) as api:
        # On a machine that is busy with other tests the very first answer may take longer than a caller waits for it (202).
        answered = until(lambda: api.post("/api/v1/plans", json=FAR_AWAY).status_code == 201, what="a plan is made at once", within_s=60)
        asyncio.run(answered)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "planner").symlink_to(PLANNER)
    reach = {"PLANNER": stack.ready["gateway"], "KEY": stack.ready["api_key"], "PLANNER_KAFKA": stack.ready["kafka"]}
    env = {**environment(), **reach}
    ended = subprocess.run(["bash", "-e"], input=f"{the_tour()}\nwait\n", cwd=tmp_path, env=env, text=True, capture_output=True, check=True)
    assert ended.stderr == ""
    plan, runs, changed, cancelled = (json.loads(line) for line in ended.stdout.splitlines() if line)
    assert (plan.get("status"), plan.get("revision")) == ("active", 1), ended.stdout
    assert runs["items"][0]["result"] == {"published": "42"}
    assert changed["revision"] == 2
    assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)
    assert "worker.stopped" in (tmp_path / "worker.log").read_text()


def a_free_range() -> int:
    """A port with twelve free ones after it, as far as one can know."""
    while True:
        with ExitStack() as taken:
            first = taken.enter_context(socket.create_server((LOOPBACK, 0))).getsockname()[1]
            try:
                for port in range(first + 1, first + 13):
                    taken.enter_context(socket.create_server((LOOPBACK, port)))
            except (OSError, OverflowError):
                continue
            return int(first)


def test_the_ready_line_tells_how_to_reach_everything(stack: Stack) -> None:
    assert stack.ready["event"] == "ready"
    assert all(stack.ready[name] for name in REACH)
    assert set(stack.ready["pids"]) == SERVICES
    assert len(stack.ready["pids"]["owner"]) == 2
    assert len(stack.ready["health"]["owner"]) == 2


def test_the_status_file_is_for_its_owner_only(stack: Stack) -> None:
    assert (Path(stack.ready["data"]) / "up.json").stat().st_mode & 0o077 == 0
    assert {name: value for name, value in stack.status.items() if name != "pids"} == {
        name: value for name, value in stack.ready.items() if name != "pids"
    }


async def test_every_service_is_alive_and_ready_and_has_metrics(stack: Stack) -> None:
    async with httpx.AsyncClient() as client:
        for url in (url for urls in stack.ready["health"].values() for url in urls):
            # Not at every moment: the owners share the partitions anew when the second one joins, and a recorder may just have died.
            await readiness(url, HTTPStatus.OK)
            for path in ("livez", "metrics"):
                assert (await client.get(f"{url}/{path}")).status_code == 200, f"{url}/{path}"


def test_other_commands_reach_the_stack_by_its_settings(stack: Stack) -> None:
    listed = stack.planner("keys", "list")
    assert listed.returncode == 0
    assert stack.ready["api_key"].split("_")[1] in listed.stdout


@pytest.mark.parametrize("service", ["recorder", "valkey"])
async def test_what_dies_is_started_again_and_named(stack: Stack, service: str) -> None:
    (killed,) = stack.pids(service)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: stack.pids(service) not in ([], [killed]), what=f"{service} is started again", within_s=20)
    assert f"{service} ended by SIGKILL; starting it again in" in stack.notices


async def make_database(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


def test_servers_that_the_user_has_are_used_and_none_is_started_beside_them(stack: Stack, folder: Path) -> None:
    asyncio.run(make_database(stack.ready["postgres"], "another"))
    own = {name: stack.ready["env"][name] for name in ("PLANNER_KAFKA", "PLANNER_REDIS")}
    own |= {"PLANNER_POSTGRES": stack.ready["postgres"].removesuffix("planner") + "another", "PLANNER_NAMESPACE": "another"}
    base = a_free_range()
    with running_stack(folder, "--ephemeral", "--port-base", str(base), settings=own) as other:
        assert set(other.ready["pids"]) == {"recorder", "owner", "gateway"}
        assert other.ready["kafka"] == stack.ready["kafka"]
        assert f"using kafka at {stack.ready['kafka']} from PLANNER_KAFKA; nothing embedded starts for it\n" in other.notices
        assert other.ready["gateway"] == f"http://{LOOPBACK}:{base}"
        health = [url for urls in other.ready["health"].values() for url in urls]
        assert sorted(health) == [f"http://{LOOPBACK}:{base + place}" for place in (10, 11, 12)]
        with an_api(other) as api:
            api.post("/api/v1/plans", json=FAR_AWAY).raise_for_status()
        pids = other.all_pids()
        assert other.stop(signal.SIGINT) == 0
        told = [line.split() for line in other.notices.splitlines() if "stopping" in line]
        assert told == [["stopping", "gateway"], ["stopping", "owner-1"], ["stopping", "recorder"]]
        assert all(is_over(pid) for pid in pids)
        assert not Path(other.ready["data"]).exists()


def test_a_second_stack_on_the_same_folder_is_refused(stack: Stack) -> None:
    refused = planner("up", "--data", stack.ready["data"], settings={})
    assert refused.returncode == 78
    assert f"in use by `planner up` with pid {stack.process.pid}" in refused.stderr


def test_another_number_of_partitions_is_refused(stack: Stack) -> None:
    refused = stack.planner("up", "--ephemeral", "--partitions", "5")
    assert refused.returncode == 78
    assert "has 4 partitions, not 5" in refused.stderr


def a_server(port: int) -> socket.socket | None:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        return None


def test_a_taken_port_is_refused_by_its_number() -> None:
    # Below the ports that the system hands out, of which another test's server may take a neighbour at any moment.
    taken = next(found for port in range(21_003, 32_000, 20) if (found := a_server(port)))
    with taken as server:
        port = server.getsockname()[1]
        refused = planner("up", "--ephemeral", "--port-base", str(port - 3), settings={})
    assert refused.returncode == 78
    assert f"port {port} for Valkey is in use" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "url"), [("KAFKA", "{}"), ("REDIS", "redis://:s3cret@{}/0"), ("POSTGRES", "postgresql://me:s3cret@{}/x")]
)
def test_a_server_that_is_not_there_is_told_with_the_setting_that_gave_it(folder: Path, variable: str, url: str) -> None:
    """Exported for another stack and forgotten, the setting decided in silence what was started."""
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        address = f"{LOOPBACK}:{closed.getsockname()[1]}"
        settings = {f"PLANNER_{variable}": url.format(address)}
        told = planner("up", "--json", "--data", str(folder / f"without-{variable}"), settings=settings)
    assert (told.returncode, told.stdout) == (1, "")
    using, failed = told.stderr.splitlines()
    assert using.startswith(f"using {variable.lower()} at {address}")
    assert using.endswith(f" from PLANNER_{variable}; nothing embedded starts for it")
    assert "cannot be reached" in failed
    assert failed.endswith(f"(the address is from PLANNER_{variable}: unset it, and `planner up` starts an embedded one)")
    assert "s3cret" not in told.stderr


def test_the_folder_of_a_killed_ephemeral_stack_is_removed_by_the_next_start(stack: Stack, tmp_path: Path) -> None:
    """Each `kill -9` left the data of a whole stack in the folder for temporary files."""
    temporary = {"TMPDIR": str(tmp_path)}
    env = environment() | {name: value for name, value in stack.ready["env"].items() if name != "PLANNER_REDIS"} | temporary
    with subprocess.Popen([PLANNER, "up", "--ephemeral"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as killed:
        try:
            asyncio.run(until(lambda: list(tmp_path.glob("planner-*/valkey*")), what="it has begun", within_s=30))
        finally:
            killed.kill()
    (left,) = tmp_path.glob("planner-*")
    refused = planner("up", "--data", stack.ready["data"], settings=temporary)
    assert (refused.returncode, left.exists()) == (78, False)
    assert f"found {left}, of a stack that was killed: removed" in refused.stdout


async def test_a_killed_stack_leaves_no_process_and_its_data_serves_the_next(folder: Path) -> None:
    data = folder / "survivor"
    with running_stack(folder, "--data", str(data)) as first:
        with an_api(first) as api:
            plan_id = api.post("/api/v1/plans", json=FAR_AWAY).raise_for_status().json()["id"]
        pids = first.all_pids()
        first.process.kill()
        await until(lambda: all(is_over(pid) for pid in pids), what="every process is gone", within_s=20)
    with running_stack(folder, "--data", str(data)) as second:
        assert "the earlier run did not stop in order" in second.notices
        assert second.ready["api_key"] == first.ready["api_key"]
        with an_api(second) as api:
            assert api.get(f"/api/v1/plans/{plan_id}").raise_for_status().json()["name"] == "kept"
        pids = second.all_pids()
        assert second.stop() == 0
    assert all(is_over(pid) for pid in pids)
    assert not (data / "up.json").exists()
