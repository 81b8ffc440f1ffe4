from planner.cli.columns import columns


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("id", "x"), ("longer", "")]) == ["id      x", "longer"]
