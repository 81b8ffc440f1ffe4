"""Settings from the environment (`PLANNER_*`), or from the file that PLANNER_SETTINGS_FILE names. Nothing else reads the environment."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from planner.runtime.failures import StartupRefusedError
from planner_contracts import ids
from planner_contracts.topics import PARTITIONS_DEFAULT, PARTITIONS_MAX, REPLICATION_MAX

PREFIX = "PLANNER_"
FILE_VARIABLE = "PLANNER_SETTINGS_FILE"

_BOOTSTRAP: Final = re.compile(r"(([^\s,:/\[\]]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}(,\s*|\Z))+(?<!,)\Z", re.ASCII)

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def _named(value: str) -> str:
    if not ids.is_namespace(value):
        raise ValueError("1 to 40 of a-z, 0-9 and -")
    return value


def _bootstrap(value: str) -> str:
    if not _BOOTSTRAP.match(value):
        raise ValueError("host:port, or several of them, comma separated")
    return value


def _url(*schemes: str) -> AfterValidator:
    def judged(value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            # Asked for the port, it judges it; of several hosts, as PostgreSQL's may be, it understands none.
            usable = parts.scheme in schemes and ("," in parts.netloc or parts.port != 0)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"a URL that begins with {schemes[0]}://")
        return value

    return AfterValidator(judged)


Namespace = Annotated[str, AfterValidator(_named)]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", use_attribute_docstrings=True)


class ProcessSettings(_Settings):
    """What every process is told."""

    namespace: Namespace = "planner"
    """The deployment: first part of every topic name, consumer group and Redis key; `[a-z0-9-]{1,40}`."""

    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """The least important messages that are written."""

    log_format: Annotated[str, Field(pattern="^(json|console)$")] = "json"
    """`json` for machines: one object a line; `console` for people."""


class HealthSettings(_Settings):
    """Where a server process says how it is."""

    health_host: str = "127.0.0.1"
    """Where /livez, /readyz and /metrics are served. They are open to whoever reaches them, so not on every address by default."""

    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Their port; 0 takes any free one and says which in the log."""


class KafkaSettings(_Settings):
    """Where Kafka is, and how to be let in."""

    kafka: Annotated[str, AfterValidator(_bootstrap)] = "localhost:9092"
    """Bootstrap servers, comma separated."""

    kafka_security_protocol: Annotated[str, Field(pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")] = "PLAINTEXT"
    """How connections are protected."""

    kafka_sasl_mechanism: Annotated[str, Field(pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")] = "PLAIN"
    """How we log in, where the protocol has SASL."""

    kafka_sasl_username: str | None = None
    """Our name for SASL."""

    kafka_sasl_password: SecretStr | None = None
    """Our password for SASL."""

    kafka_ca_file: str | None = None
    """Certificates that a broker's must be signed by; the system's where none is given."""


class TopicSettings(KafkaSettings):
    """What `planner topics apply` makes."""

    namespace: Namespace = "planner"
    """The deployment whose topics they are."""

    partitions: Annotated[int, Field(ge=1, le=PARTITIONS_MAX)] = PARTITIONS_DEFAULT
    """N: how many shards there are. Fixed for ever when the namespace is made; two a core in use is enough."""

    replication: Annotated[int, Field(ge=1, le=REPLICATION_MAX)] = 3
    """Copies of each record. One of them may be away; with 1, a broker that is lost takes timers with it."""


class RedisSettings(_Settings):
    """Where Redis, or Valkey, is."""

    redis: Annotated[SecretStr, _url("redis", "rediss", "unix")] = SecretStr("redis://localhost:6379/0")
    """URL; it may hold a password. `maxmemory-policy` must be `noeviction`."""


class PostgresSettings(_Settings):
    """Where PostgreSQL is."""

    postgres: Annotated[SecretStr, _url("postgresql", "postgres")] = SecretStr("postgresql://localhost:5432/planner")
    """DSN; it may hold a password. One database a namespace."""


def load(settings_class: type[SettingsT]) -> SettingsT:
    """The settings of a process. Raises StartupRefusedError naming each variable that is wrong, never its value."""
    try:
        return settings_class(_env_file=_file())
    except ValidationError as error:
        faults = "; ".join(f"{variable(item['loc'])}: {item['msg']}" for item in error.errors(include_input=False, include_url=False))
        raise StartupRefusedError(f"settings: {faults}") from None
    except UnicodeDecodeError:
        raise StartupRefusedError(f"settings: the file that {FILE_VARIABLE} names is not UTF-8") from None


def given() -> set[str]:
    """The names of all variables that the environment and the settings file have. Raises StartupRefusedError."""
    path = _file()
    in_file = DotEnvSettingsSource(_Settings, env_file=path).env_vars if path else {}
    return set(os.environ) | {name.upper() for name in in_file}


def _file() -> Path | None:
    named = os.environ.get(FILE_VARIABLE)
    if not named:
        return None
    # A file that is not there would be passed over in silence, and the process run with defaults.
    if not (Path(named).is_file() and os.access(named, os.R_OK)):
        raise StartupRefusedError(f"settings: the file that {FILE_VARIABLE} names cannot be read: {named}")
    return Path(named)


def variable(location: tuple[int | str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "_".join(str(part) for part in location).upper()


def public(settings: BaseSettings) -> dict[str, Any]:
    """The settings as they may be shown: secrets are hidden."""
    return {name: "**********" if isinstance(value, SecretStr) else value for name, value in settings.model_dump().items()}


def environment() -> dict[str, str]:
    """A copy of the whole environment, for processes that we start."""
    return dict(os.environ)
