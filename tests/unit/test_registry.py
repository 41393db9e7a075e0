import pytest

from carina.errors import UnknownNameError
from carina.registry import Registry


def test_a_name_is_given_once():
    parts: Registry[int] = Registry("part")
    parts.register("a")(1)
    with pytest.raises(ValueError, match="registered twice"):
        parts.register("a")(2)


def test_an_unknown_name_suggests_its_neighbour():
    parts: Registry[int] = Registry("metric")
    parts.register("accuracy")(1)
    with pytest.raises(UnknownNameError, match="no metric 'acuracy'; did you mean 'accuracy'"):
        parts.get("acuracy")


def test_a_folder_of_parts_is_imported_at_the_first_look_up():
    from carina.evaluation.metrics import METRICS

    assert "accuracy" in METRICS.names()
