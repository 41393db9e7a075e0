"""The environment: read in one place, told in one page, refused where it makes no sense."""

from pathlib import Path

import pytest

from carina.errors import UsageError
from carina.settings import VARIABLES, Settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "environment.md"


class Asked(dict):
    """Variables that remember which were asked for."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return default


def test_every_variable_that_is_read_is_told_and_no_other():
    asked = Asked()
    Settings.from_environment(asked)
    told = {variable.name for variable in VARIABLES}
    own = {name for name in asked.names if name.startswith("CARINA_")}
    assert own | {"RAY_ADDRESS"} == told
    assert "RAY_ADDRESS" in asked.names
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in told)


def test_what_is_told_as_a_default_is_the_default():
    told = {variable.name: variable.default for variable in VARIABLES}
    numbers = {name: value for name, value in told.items() if value.replace(".", "").isdecimal()}
    assert len(numbers) >= 7
    assert Settings.from_environment(numbers).service == Settings.from_environment({}).service
    assert Settings.from_environment(numbers).max_upload_bytes == 64_000_000


def test_the_limits_of_the_server_come_from_the_environment():
    found = Settings.from_environment(
        {
            "CARINA_MAX_UPLOAD_MB": "5",
            "CARINA_MAX_FILM_MB": "2",
            "CARINA_QUEUE": "3",
            "CARINA_DEADLINE_S": "1.5",
            "CARINA_DRAIN_S": "0",
            "CARINA_TOKEN": " 0123456789abcdef\n",
            "CARINA_ALLOWED_HOSTS": "films.example, Other",
        }
    )
    assert found.max_upload_bytes == 5_000_000
    assert found.service.max_film_bytes == 2_000_000
    assert (found.service.queue, found.service.deadline_s, found.service.drain_s) == (3, 1.5, 0)
    assert found.service.token == "0123456789abcdef"
    assert found.service.allowed_hosts == ("films.example", "other")
    assert "0123456789abcdef" not in repr(found)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("CARINA_MAX_UPLOAD_MB", said) for said in ("0", "-1", "many", "1.5")),
        ("CARINA_QUEUE", "0"),
        ("CARINA_MAX_FILMS", "two"),
        ("CARINA_DEADLINE_S", "0"),
        ("CARINA_DEADLINE_S", "nan"),
        ("CARINA_DRAIN_S", "-1"),
        ("CARINA_UPLOAD_IDLE_S", "1e9"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(name, said):
    with pytest.raises(UsageError, match=name):
        Settings.from_environment({name: said})
