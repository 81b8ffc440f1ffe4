import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tidy.project import ROOT, file, files

COMPOSE: dict[str, Any] = yaml.safe_load(file("docker-compose.yml").text)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "planner:local"}
SCHEMA = json.loads(file("tests/tidy/compose_spec/compose-spec.json").text)
DOCKERFILE = file("deploy/Dockerfile").text
ONE_SHOTS = {"topics", "migrate"}


def _faults(document: dict[str, Any]) -> Iterator[str]:
    for error in Draft202012Validator(SCHEMA).iter_errors(document):
        yield f"{error.json_path}: {error.message}"


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    assert not list(_faults(COMPOSE))


@pytest.mark.parametrize(
    "service",
    [
        {"image": "planner:local", "comand": ["owner"]},
        {"image": "planner:local", "depends_on": {"kafka": {"condition": "ready"}}},
        {"image": "planner:local", "healthcheck": {"tests": ["CMD", "true"]}},
    ],
)
def test_what_the_specification_does_not_know_is_found(service: dict[str, Any]) -> None:
    assert list(_faults({"services": {"owner": service}}))


def test_every_process_and_every_server_is_there() -> None:
    assert {"kafka", "valkey", "postgres", "topics", "migrate", "gateway", "owner", "recorder"} <= set(SERVICES)


def test_a_service_waits_until_what_it_needs_is_ready_or_done() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
            assert how == {"condition": expected}, f"{name} -> {needed}"
            assert needed in ONE_SHOTS or "healthcheck" in SERVICES[needed], f"{needed} has no healthcheck"


def test_nothing_is_published_beyond_this_machine_and_nothing_runs_with_more_rights_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
    for name, service in OURS.items():
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"]), name


def test_the_broker_of_the_compose_file_is_the_one_that_is_embedded() -> None:
    embedded = re.search(r"<kafka\.version>(?P<version>[\d.]+)</kafka\.version>", file("deploy/embedded/pom.xml").text)

    assert embedded is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{embedded['version']}"


def test_the_image_is_built_from_files_that_exist() -> None:
    copied = [path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]]
    locks = {file.path.removeprefix("requirements/") for file in files() if file.path.startswith("requirements/")}

    assert copied
    for path in copied:
        if "${EXTRA}" in path:
            assert "services.txt" in locks
        else:
            assert (ROOT / path).exists(), path


def test_what_the_image_is_built_from_is_not_kept_out_of_its_context() -> None:
    let_in = [line[1:] for line in file(".dockerignore").text.splitlines() if line.startswith("!")]
    copied = [path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]]

    assert all(any(path == allowed or path.startswith(f"{allowed}/") for allowed in let_in) for path in copied)


def test_the_image_runs_the_command_line_as_a_user_without_rights() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    assert 'ENTRYPOINT ["planner"]' in final
    assert "PYTHONOPTIMIZE=" not in DOCKERFILE
