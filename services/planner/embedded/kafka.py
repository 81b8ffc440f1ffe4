"""Kafka in KRaft mode: one node that is broker and controller, on loopback."""

import asyncio
import shutil
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from planner.embedded.folders import kafka_jars
from planner.embedded.ports import LOOPBACK, listens, reserved
from planner.embedded.prerequisites import missing_java
from planner.embedded.process import Command, run_to_end
from planner.embedded.program import Program, running
from planner.runtime.clock import secret
from planner.runtime.failures import StartupRefusedError
from planner.runtime.settings import environment

# Compiling with C1 only makes the start a second faster, and a node for trying things out is seldom busy enough for C2.
_JAVA_OPTIONS: Final = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
_FORMAT_WITHIN_S: Final = 60.0

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=BROKER://{host}:{port}
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
# A node that starts again waits until the session of its former self is over.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.partition.verification.enable=true
transaction.max.timeout.ms=60000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=33554432
num.network.threads=2
num.io.threads=4
"""

_LOGGING: Final = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=file
rootLogger.appenderRef.console.ref=console
rootLogger.appenderRef.console.level=ERROR
"""


@asynccontextmanager
async def start_kafka(data: Path, port: int = 0, controller_port: int = 0) -> AsyncIterator[str]:
    """Its bootstrap address. `data` is the stack's folder; a port of 0 is a free one."""
    with (
        reserved(port, purpose="Kafka") as taken,
        reserved(controller_port, purpose="Kafka's controller") as controller_taken,
    ):
        async with running(await kafka_program(data, taken, controller_taken)) as bootstrap:
            yield bootstrap


async def kafka_program(data: Path, port: int, controller_port: int) -> Program:
    """Makes the node's folder first, if there is none yet."""
    properties = _write_configuration(data, port, controller_port)
    await _format(data, properties)
    bootstrap = f"{LOOPBACK}:{port}"
    command = _command(data, "kafka", "kafka.Kafka", str(properties))
    return Program(service="kafka", command=command, address=bootstrap, answers=lambda: _answers(bootstrap))


def _write_configuration(data: Path, port: int, controller_port: int) -> Path:
    folder = data / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    properties = data / "kafka.properties"
    properties.write_text(_PROPERTIES.format(host=LOOPBACK, port=port, controller_port=controller_port, folder=folder))
    (data / "kafka-log4j2.properties").write_text(_LOGGING.format(log=data / "logs" / "kafka.log"))
    return properties


async def _format(data: Path, properties: Path) -> None:
    """Gives a new node its cluster id; what is formatted already stays as it is."""
    folder = data / "kafka"
    # The tool writes meta.properties last: a folder without it was cut off in the middle and holds no record yet.
    if (folder / "meta.properties").exists():
        return
    shutil.rmtree(folder)
    folder.mkdir()
    # The first byte is zero: an id that began with a dash would be read as an option.
    cluster_id = urlsafe_b64encode(b"\0" + secret(15)).decode().rstrip("=")
    command = _command(data, "kafka-format", "kafka.tools.StorageTool", "format", "--config", str(properties), "--cluster-id", cluster_id)
    await run_to_end(command, within_s=_FORMAT_WITHIN_S)


def _command(data: Path, name: str, main_class: str, *arguments: str) -> Command:
    jars = sorted(kafka_jars().glob("*.jar"))
    if not jars:
        raise StartupRefusedError("Kafka's jars are not there yet. Install: python -m planner.embedded.download")
    java = shutil.which("java")
    if java is None:
        raise StartupRefusedError(f"Kafka cannot be started here: {missing_java()}")
    log = data / "logs" / f"{name}.out"
    options = (*_JAVA_OPTIONS, f"-Dlog4j2.configurationFile={data / 'kafka-log4j2.properties'}")
    return Command(
        name=name,
        arguments=(java, *options, "-cp", ":".join(str(jar) for jar in jars), main_class, *arguments),
        log=log,
        environment=environment(),
    )


async def _answers(bootstrap: str) -> bool:
    if not await listens(bootstrap):
        return False
    client: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        async with asyncio.timeout(5):
            await client.start()
            cluster = await client.describe_cluster()
            return bool(cluster["brokers"])
    except (KafkaError, TimeoutError, OSError):
        return False
    finally:
        await client.close()
