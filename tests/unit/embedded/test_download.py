"""The jars come by a Maven that the tests write themselves: what it fetches is not ours to test."""

import re
import threading
from pathlib import Path

import pytest

from planner.embedded import download, folders

MAVEN_THAT_COPIES = """#!/bin/sh
echo run >> "$(dirname "$0")/runs"
for word in "$@"; do case "$word" in -DoutputDirectory=*) folder="${word#-DoutputDirectory=}";; esac; done
/bin/mkdir -p "$folder" && echo jar > "$folder/kafka.jar"
echo "[INFO] Downloaded from central: there/kafka.jar (1 kB at 1 kB/s)"
"""
MAVEN_THAT_FAILS = """#!/bin/sh
echo "the network is away"
exit 1
"""
JAVA = """#!/bin/sh
echo 'openjdk version "{version}" 2025-04-15' >&2
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_tool(folder, "java", JAVA.format(version="21.0.2"))
    return folder


def write_tool(folder: Path, name: str, script: str) -> None:
    tool = folder / name
    # A new file, not a changed one: a running script must not change under its shell.
    tool.write_text(script.replace("$(dirname", "$(/usr/bin/dirname"))
    tool.chmod(0o755)


def test_the_jars_are_fetched_once(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tool(tools, "mvn", MAVEN_THAT_COPIES)
    assert download.main() == 0
    assert "kafka.jar" in capsys.readouterr().out
    assert download.main() == 0
    assert [jar.name for jar in folders.kafka_jars().glob("*.jar")] == ["kafka.jar"]
    assert (tools / "runs").read_text() == "run\n"


def test_jars_of_another_pom_are_fetched_anew(tools: Path) -> None:
    write_tool(tools, "mvn", MAVEN_THAT_COPIES)
    old = folders.kafka_jars()
    old.mkdir(parents=True)
    (old / "pom.xml").write_text("<project/>")
    (old / "older.jar").write_text("jar")
    assert download.main() == 0
    assert [jar.name for jar in old.glob("*.jar")] == ["kafka.jar"]


def test_two_at_once_fetch_once(tools: Path) -> None:
    write_tool(tools, "mvn", MAVEN_THAT_COPIES)
    both = [threading.Thread(target=download.main) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert (tools / "runs").read_text() == "run\n"
    assert [found.name for found in folders.cache_folder().iterdir() if found.is_dir()] == [folders.kafka_jars().name]


def test_what_maven_says_is_shown_when_it_fails(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tool(tools, "mvn", MAVEN_THAT_FAILS)
    assert download.main() == 1
    assert "the network is away" in capsys.readouterr().err
    assert not folders.kafka_jars().exists()


@pytest.mark.parametrize(
    ("java", "maven", "fault"),
    [
        (None, True, "Java 17 or later is needed and `java` was not found. Install: sudo apt-get install openjdk-17-jre-headless"),
        ("11.0.1", True, "Java 17 or later is needed, `java` is 11."),
        ("1.8.0_402", True, "Java 17 or later is needed, `java` is 8."),
        ("17.0.1", False, "Maven is needed and `mvn` was not found. Install: sudo apt-get install maven"),
    ],
)
def test_a_missing_prerequisite_is_named_with_the_command_that_installs_it(
    tools: Path, capsys: pytest.CaptureFixture[str], java: str | None, maven: bool, fault: str
) -> None:
    (tools / "java").unlink()
    write_tool(tools, "apt-get", "#!/bin/sh\n")
    if java is not None:
        write_tool(tools, "java", JAVA.format(version=java))
    if maven:
        write_tool(tools, "mvn", MAVEN_THAT_COPIES)
    assert download.main() == 1
    assert capsys.readouterr().err.startswith(f"missing: {fault}")


def test_the_pom_asks_for_the_version_that_the_cache_folder_is_named_for() -> None:
    found = re.search("<kafka.version>(.*)</kafka.version>", download.pom().read_text())
    assert found is not None
    assert found.group(1) == folders.KAFKA_VERSION
