"""How faults are kept and listed."""

import pytest

from planner.domain.errors import DefinitionInvalidError, Faults, Stage, excerpt, pointer_step
from planner.domain.limits import FAULT_CHARACTERS_MAX, FAULTS_MAX
from planner_contracts.errors import ErrorCode


def test_faults_are_listed_by_stage_then_as_they_were_found() -> None:
    faults = Faults()
    faults.add("/c", ErrorCode.FIELD_INVALID, Stage.VALUES, "c")
    faults.add("/b", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "b")
    faults.add("/a", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a")

    with pytest.raises(DefinitionInvalidError) as refused:
        faults.refuse()

    assert [fault.pointer for fault in refused.value.faults] == ["/b", "/a", "/c"]
    assert str(refused.value) == "/b: FIELD_BAD_TYPE: b"


def test_a_field_keeps_its_first_fault_only() -> None:
    faults = Faults()
    faults.add("/a", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "first")
    faults.add("/a", ErrorCode.FIELD_INVALID, Stage.TYPE, "second")

    with pytest.raises(DefinitionInvalidError) as refused:
        faults.refuse()

    assert [fault.detail for fault in refused.value.faults] == ["first"]


def test_only_so_many_faults_are_listed_and_only_so_much_of_each() -> None:
    """One command with 45 000 unknown fields stopped its partition for good: no broker took the event that was to tell of all of them."""
    longest = "/" + "é" * (FAULT_CHARACTERS_MAX - 1)
    for count in (FAULTS_MAX, FAULTS_MAX + 1):
        faults = Faults()
        for number in range(count):
            faults.add(f"/a{number}", ErrorCode.UNKNOWN_FIELD, Stage.STRUCTURE, "no such field")
        faults.add(longest, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, longest)
        faults.add(longest + "é", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, longest + "é")
        with pytest.raises(DefinitionInvalidError) as refused:
            faults.refuse()
        fits, cut, *others = refused.value.faults
        assert (fits.pointer, fits.detail) == (longest, longest)
        assert (cut.pointer, cut.detail) == (longest[:-1] + "…", longest[:-1] + "…")
        assert [fault.pointer for fault in others] == [f"/a{number}" for number in range(FAULTS_MAX - 2)]
        assert not faults.sound(longest + "é")


def test_nothing_is_refused_without_a_fault() -> None:
    Faults().refuse()


def test_a_field_is_sound_if_nothing_in_it_has_a_fault() -> None:
    faults = Faults()
    faults.add("/dst/gap", ErrorCode.DST_POLICY_INVALID, Stage.VALUES, "gap")

    assert not faults.sound("/dst")
    assert not faults.sound("/timezone", "/dst/gap")
    assert faults.sound("/dst/fold", "/ds")


def test_a_detail_quotes_at_most_40_characters() -> None:
    assert excerpt("a" * 40) == repr("a" * 40)
    assert excerpt("a" * 41) == repr("a" * 39 + "…")
    assert excerpt("\ud800\n") == r"'\ud800\n'"


def test_a_pointer_escapes_what_pointers_are_made_of() -> None:
    assert pointer_step("a/b~c") == "/a~1b~0c"
