import pytest

from planner.embedded.settings import StackSettings
from planner.runtime.settings import load


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "REDIS", "POSTGRES", "SETTINGS_FILE"):
        monkeypatch.delenv(f"PLANNER_{name}", raising=False)


def test_a_server_that_no_setting_names_is_started_though_there_is_a_default() -> None:
    given = load(StackSettings).given()
    assert (given.kafka, given.redis, given.postgres) == (None, None, None)


def test_a_named_server_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_POSTGRES", "postgresql://me:secret@there/planner")
    given = load(StackSettings).given()
    assert (given.kafka, given.redis, given.postgres) == (None, None, "postgresql://me:secret@there/planner")


def test_a_server_is_named_by_the_settings_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("settings") / "planner.env"
    file.write_text("PLANNER_KAFKA=broker:9092\n")
    monkeypatch.setenv("PLANNER_SETTINGS_FILE", str(file))
    assert load(StackSettings).given().kafka == "broker:9092"
