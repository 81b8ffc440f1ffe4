from planner.worker.progress import PartitionProgress


def admitted(*offsets: int) -> PartitionProgress:
    progress = PartitionProgress()
    for offset in offsets:
        assert progress.admit(offset)
    return progress


def test_nothing_is_committed_before_something_was_read() -> None:
    assert PartitionProgress().committable() is None


def test_the_lowest_record_in_progress_holds_the_commit_back() -> None:
    progress = admitted(10, 11, 12)
    progress.finish(11)
    progress.finish(12)
    assert progress.committable() == 10
    progress.finish(10)
    assert progress.committable() == 13


def test_gaps_in_the_offsets_are_no_unfinished_records() -> None:
    progress = admitted(10, 14)
    progress.finish(10)
    assert progress.committable() == 14
    progress.finish(14)
    assert progress.committable() == 15


def test_what_is_committed_is_not_committed_again() -> None:
    progress = admitted(10)
    progress.finish(10)
    progress.commit(11)
    assert progress.committable() is None
    assert progress.span() == 0


def test_a_redelivered_record_that_is_in_progress_is_not_performed_again() -> None:
    progress = admitted(10)
    progress.start_over()
    assert not progress.admit(10)
    assert progress.committable() == 10
    progress.finish(10)
    assert progress.committable() == 11


def test_a_redelivered_record_that_is_finished_but_was_not_committed_is_not_performed_again() -> None:
    progress = admitted(10, 11)
    progress.finish(11)
    progress.start_over()
    assert not progress.admit(10)
    assert not progress.admit(11)
    assert progress.committable() == 10


def test_after_a_rebalance_nothing_is_committed_past_a_record_that_has_not_come_again() -> None:
    progress = admitted(10, 11, 12)
    progress.finish(12)
    progress.forget(11)
    progress.start_over()
    assert progress.committable() is None
    progress.finish(10)
    assert progress.committable() is None
    assert not progress.admit(10)
    assert progress.committable() == 11
    assert progress.admit(11)
    assert progress.committable() == 11


def test_a_run_that_outlives_its_assignment_does_not_let_the_commit_jump_to_it() -> None:
    progress = admitted(10, 20)
    progress.finish(10)
    progress.start_over()
    assert progress.admit(15)
    assert progress.committable() == 15


def test_records_beyond_the_commit_are_remembered_as_finished() -> None:
    progress = admitted(10, 11, 12)
    progress.finish(12)
    progress.commit(10)
    assert progress.finished == {12}
    assert progress.span() == 3


def test_what_was_admitted_and_dropped_is_not_committed_past() -> None:
    progress = admitted(10, 11, 12)
    progress.forget(11)
    progress.forget(12)
    progress.finish(10)
    assert progress.committable() == 11
