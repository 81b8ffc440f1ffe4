import json
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings
from typer import Exit

from planner.cli.config import READERS, config, settings_class
from planner.embedded.settings import StackSettings
from planner.gateway.settings import GatewaySettings
from planner.owner.settings import OwnerSettings
from planner.runtime.failures import StartupRefusedError
from planner.runtime.kafka import KafkaConnection
from planner.runtime.lifecycle import EXIT_REFUSED
from planner.runtime.settings import (
    FILE_VARIABLE,
    HealthSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    RedisSettings,
    TopicSettings,
    given,
    load,
    public,
)

REPORT_KEYS: Final = "k1:0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in given():
        if name.startswith("PLANNER_"):
            monkeypatch.delenv(name)


def refusal(settings: type[BaseSettings]) -> str:
    with pytest.raises(StartupRefusedError) as refused:
        load(settings)
    return str(refused.value)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (ProcessSettings, "PLANNER_NAMESPACE", "Not A Namespace"),
        (ProcessSettings, "PLANNER_NAMESPACE", ""),
        (ProcessSettings, "PLANNER_NAMESPACE", "n" * 41),
        (ProcessSettings, "PLANNER_LOG_LEVEL", "verbose"),
        (ProcessSettings, "PLANNER_LOG_FORMAT", "xml"),
        (HealthSettings, "PLANNER_HEALTH_PORT", "65536"),
        (HealthSettings, "PLANNER_HEALTH_PORT", "http"),
        (KafkaSettings, "PLANNER_KAFKA", ""),
        (KafkaSettings, "PLANNER_KAFKA", "somewhere"),
        (KafkaSettings, "PLANNER_KAFKA", "somewhere:port"),
        (KafkaSettings, "PLANNER_KAFKA", "a:1,"),
        (KafkaSettings, "PLANNER_KAFKA", "http://a:1"),
        (RedisSettings, "PLANNER_REDIS", "localhost:6379"),
        (RedisSettings, "PLANNER_REDIS", "redis://localhost:port"),
        (PostgresSettings, "PLANNER_POSTGRES", "mysql://localhost/planner"),
        (PostgresSettings, "PLANNER_POSTGRES", "postgresql://localhost:99999/planner"),
        (KafkaSettings, "PLANNER_KAFKA_SECURITY_PROTOCOL", "TLS"),
        (KafkaSettings, "PLANNER_KAFKA_SASL_MECHANISM", "GSSAPI"),
        (TopicSettings, "PLANNER_PARTITIONS", "0"),
        (TopicSettings, "PLANNER_PARTITIONS", "1025"),
        (TopicSettings, "PLANNER_REPLICATION", "0"),
        (GatewaySettings, "PLANNER_GATEWAY_PORT", "-1"),
        (GatewaySettings, "PLANNER_GATEWAY_WAIT_SECONDS", "31"),
        (OwnerSettings, "PLANNER_ACTIONS", "some"),
        (StackSettings, "PLANNER_PARTITIONS", "many"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str, value: str
) -> None:
    monkeypatch.setenv("PLANNER_REPORT_KEYS", REPORT_KEYS)
    monkeypatch.setenv(name, value)
    assert f"{name}: " in refusal(settings)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (KafkaSettings, "PLANNER_KAFKA", "a.example.org:9092,10.0.0.1:19092, [::1]:9092"),
        (RedisSettings, "PLANNER_REDIS", "rediss://user:pass@redis.example.org/1"),
        (RedisSettings, "PLANNER_REDIS", "unix:///run/redis.sock"),
        (PostgresSettings, "PLANNER_POSTGRES", "postgresql://u:p@a:5432,b:5433/planner?sslmode=require"),
        (PostgresSettings, "PLANNER_POSTGRES", "postgresql:///planner?host=/run/postgresql"),
    ],
)
def test_an_address_in_any_of_its_forms_is_taken(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    load(settings)


def test_everything_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_PARTITIONS", "x")
    monkeypatch.setenv("PLANNER_LOG_LEVEL", "x")
    told = refusal(OwnerSettings)
    assert all(name in told for name in ("PLANNER_PARTITIONS", "PLANNER_LOG_LEVEL", "PLANNER_REPORT_KEYS: Field required"))


@pytest.mark.parametrize("keys", ["tooshort", "k1:short-secret", ":0123456789abcdef", f"{REPORT_KEYS},k2"])
def test_a_refused_secret_is_not_told(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("PLANNER_REPORT_KEYS", keys)
    told = refusal(OwnerSettings)
    assert "PLANNER_REPORT_KEYS" in told
    assert keys not in told


def test_secrets_are_hidden_where_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "PLANNER_REPORT_KEYS": REPORT_KEYS,
        "PLANNER_REDIS": "redis://:hidden-one@localhost/0",
        "PLANNER_KAFKA_SASL_PASSWORD": "hidden-two",
        "PLANNER_POSTGRES": "postgresql://u:hidden-three@localhost/p",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for settings in (OwnerSettings, GatewaySettings, StackSettings):
        loaded = load(settings)
        shown = f"{public(loaded)} {loaded!r}"
        assert "hidden" not in shown
        assert "0123456789abcdef" not in shown


def test_the_file_that_is_named_is_read_and_the_environment_counts_before_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "planner.env"
    file.write_text("PLANNER_NAMESPACE=from-file\nPLANNER_PARTITIONS=16\n", encoding="utf-8")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("PLANNER_PARTITIONS", "32")
    loaded = load(TopicSettings)
    assert (loaded.namespace, loaded.partitions) == ("from-file", 32)


def test_a_wrong_value_in_the_file_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "planner.env"
    file.write_text("PLANNER_PARTITIONS=0\n", encoding="utf-8")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    assert "PLANNER_PARTITIONS" in refusal(TopicSettings)


def test_a_file_that_is_not_there_is_refused_instead_of_running_with_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.env", tmp_path):
        monkeypatch.setenv(FILE_VARIABLE, str(path))
        assert f"{FILE_VARIABLE} names cannot be read: {path}" in refusal(TopicSettings)


def test_a_file_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "planner.env"
    file.write_bytes(b"PLANNER_NAMESPACE=\xff\n")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    assert "not UTF-8" in refusal(TopicSettings)


def test_the_connection_is_what_the_settings_describe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"": "a:1,b:2", "_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "_SASL_USERNAME": "u", "_SASL_PASSWORD": "p"}.items():
        monkeypatch.setenv(f"PLANNER_KAFKA{name}", value)
    options = KafkaConnection.from_settings(load(KafkaSettings)).options()
    assert (options["bootstrap_servers"], options["security_protocol"], options["ssl_context"]) == ("a:1,b:2", "SASL_PLAINTEXT", None)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")


@pytest.mark.parametrize("name", READERS)
def test_each_reader_of_settings_is_where_the_table_says(name: str) -> None:
    assert issubclass(settings_class(READERS[name]), BaseSettings)


def test_a_variable_that_nothing_reads_is_named_and_what_is_wrong_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "planner.env"
    file.write_text("PLANNER_NAMESPCAE=x\n", encoding="utf-8")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("PLANNER_KAFAK", "x")
    with pytest.raises(Exit) as exited:
        config(as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["read_by_none"] == ["PLANNER_KAFAK", "PLANNER_NAMESPCAE"]
    assert printed["processes"]["owner"] == {"error": "settings: PLANNER_REPORT_KEYS: Field required"}
    assert printed["processes"]["topics"]["settings"]["PLANNER_PARTITIONS"] == 8
    assert exited.value.exit_code == EXIT_REFUSED
