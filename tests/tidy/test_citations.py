import pytest

from tidy.citations import unknown_citation
from tidy.project import files
from tidy.rule import File

DOCUMENTS = {
    "docs/api.md": "## 3. Kafka\n\n### 3.1 More\n\n**Idempotency.** A key.\n\n* **R8 Interval.**\n",
    "services/planner/owner/README.md": "",
}


def _comment(text: str) -> File:
    return File("services/planner/owner/shard.py", f"# {text}\n")


@pytest.mark.parametrize(
    "text",
    ["design.md", "api.md, section 4", "api.md, section 3.2", "api.md, R9", 'docs/api.md, "Limits"', "see docs/gone.md", "api.md §7"],
)
def test_what_is_cited_but_not_there_is_found(text: str) -> None:
    assert list(unknown_citation(_comment(text), DOCUMENTS))


@pytest.mark.parametrize(
    "text",
    [
        "api.md",
        "api.md, section 3",
        "docs/api.md, section 3.1",
        "api.md, R8",
        'api.md, "Idempotency"',
        "README.md",
        "api.md §3",
        "*.md",
        "x.mdx",
    ],
)
def test_what_is_cited_and_there_is_left_alone(text: str) -> None:
    assert not list(unknown_citation(_comment(text), DOCUMENTS))


def test_what_the_project_cites_is_there() -> None:
    documents = {file.path: file.text for file in files() if file.path.endswith(".md")}
    citing = [file for file in files() if not file.path.startswith("tests/tidy/") and not file.path.endswith(".md")]

    found = [f"{file.path}:{finding.line}: {finding.says}" for file in citing for finding in unknown_citation(file, documents)]

    assert not found, "\n" + "\n".join(found)
