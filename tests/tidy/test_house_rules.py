import pytest

from tidy import budgets, habits, names, texts
from tidy.project import files
from tidy.rule import File, Rule

RULES = (*budgets.RULES, *habits.RULES, *names.RULES, *texts.RULES)


BAD = [pytest.param(rule, example, id=f"{rule.name}-{number}") for rule in RULES for number, example in enumerate(rule.bad)]
GOOD = [pytest.param(rule, example, id=f"{rule.name}-{number}") for rule in RULES for number, example in enumerate(rule.good)]


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_rule_finds_what_it_forbids(rule: Rule, example: File) -> None:
    assert rule.findings(example)


@pytest.mark.parametrize(("rule", "example"), GOOD)
def test_a_rule_leaves_alone_what_is_allowed(rule: Rule, example: File) -> None:
    assert not rule.findings(example)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule.bad, "a rule without an example that fails is untested"

    found = [f"{file.path}:{finding.line}: {finding.says}" for file in files() for finding in rule.findings(file)]

    assert not found, "\n" + "\n".join(found)


def test_figures_are_counted_over_written_files_only() -> None:
    given = (File("a.py", ""), File("b.py", "# reason\ndef f() -> None:\n    pass\n"), File("c.py", "x = 1  # no line of its own\n"))

    counted = budgets.figures(given)

    assert (counted.files, counted.lines, counted.functions, counted.function_median) == (2, 4, 1, 2)
    assert counted.comment_share == pytest.approx(0.25)


def test_the_figures_of_the_tree_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    python = [file for file in files() if file.path.endswith(".py")]
    product = budgets.figures([file for file in python if budgets.is_product(file)])
    tests = budgets.figures([file for file in python if file.path.startswith("tests/")])

    with capsys.disabled():
        print(f"\nproduct: {product}\ntests:   {tests} | {tests.lines / max(1, product.lines):.2f} x the product")  # noqa: T201 figures are reported

    assert product.files > 0
