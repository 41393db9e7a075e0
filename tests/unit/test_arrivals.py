from carina.data.answer_rows import FileState
from carina.workflows.arrivals import PATIENCE_S, Arrivals, Moment

START_S = 1_700_000_000


def at(seconds):
    """The moment so many seconds after the start, on both clocks."""
    return Moment(wall_ns=int((START_S + seconds) * 1e9), steady_s=seconds)


def file(n_bytes=100, *, written_s=0.0):
    return FileState(n_bytes, int((START_S + written_s) * 1e9))


def test_a_file_is_whole_once_it_has_stood_still_for_a_moment():
    arrivals = Arrivals(settle_s=1)
    assert arrivals.whole({"a": file(10, written_s=5)}, at(5.0)) == []
    assert arrivals.whole({"a": file(20, written_s=5.4)}, at(5.5)) == []
    assert arrivals.whole({"a": file(20, written_s=5.4)}, at(6.0)) == []
    assert arrivals.whole({"a": file(20, written_s=5.4)}, at(6.5)) == ["a"]


def test_a_file_that_was_renamed_into_place_is_whole_at_first_sight():
    assert Arrivals(settle_s=1).whole({"a": file(written_s=5)}, at(6.0)) == ["a"]


def test_a_file_of_the_future_is_whole_once_it_stands_still():
    arrivals = Arrivals(settle_s=1)
    assert arrivals.whole({"a": file(written_s=900)}, at(5.0)) == []
    assert arrivals.whole({"a": file(written_s=900)}, at(6.0)) == ["a"]


def test_an_empty_file_is_waited_for_longer():
    arrivals = Arrivals(settle_s=1)
    assert arrivals.whole({"a": file(0, written_s=5)}, at(7.0)) == []
    assert arrivals.whole({"a": file(0, written_s=5)}, at(5 + PATIENCE_S)) == ["a"]


def test_what_was_written_first_comes_first():
    arrivals = Arrivals(settle_s=1)
    found = {"a": file(written_s=3), "b": file(written_s=1), "c": file(written_s=2)}
    assert arrivals.whole(found, at(5.0)) == ["b", "c", "a"]


def test_a_young_file_that_is_no_film_may_still_come():
    arrivals = Arrivals(settle_s=1)
    arrivals.whole({"a": file(written_s=5)}, at(6.0))
    assert arrivals.may_still_come("a", at(6.0))
    assert not arrivals.may_still_come("a", at(5 + PATIENCE_S))
    assert not arrivals.may_still_come("unknown", at(6.0))


def test_files_that_went_are_forgotten():
    arrivals = Arrivals(settle_s=1)
    arrivals.whole({str(n): file(written_s=9) for n in range(50)}, at(9.0))
    arrivals.whole({}, at(9.5))
    assert len(arrivals) == 0
