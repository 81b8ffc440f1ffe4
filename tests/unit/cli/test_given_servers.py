import pytest

from planner.cli.given_servers import told
from planner.embedded.servers import Given


def test_what_no_setting_gives_is_not_told() -> None:
    assert told(Given(kafka=None, redis=None, postgres=None)) == []


def test_each_given_server_is_told_with_its_variable() -> None:
    given = Given(kafka="a:9092,b:9092", redis="redis://there:6379/1", postgres="postgresql://there/planner")
    assert told(given) == [
        "using kafka at a:9092,b:9092 from PLANNER_KAFKA; nothing embedded starts for it",
        "using redis at there:6379/1 from PLANNER_REDIS; nothing embedded starts for it",
        "using postgres at there/planner from PLANNER_POSTGRES; nothing embedded starts for it",
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p@ss@there:5432/x", "there:5432/x"),
        ("postgresql://me:secret@a:1,b:2/x", "a:1,b:2/x"),
        ("postgresql:///x?host=/tmp&password=secret", "/x"),
    ],
)
def test_an_address_is_told_without_its_password(url: str, shown: str) -> None:
    assert told(Given(kafka=None, redis=None, postgres=url)) == [
        f"using postgres at {shown} from PLANNER_POSTGRES; nothing embedded starts for it"
    ]
