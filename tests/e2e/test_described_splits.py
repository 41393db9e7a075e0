"""What a run says where the described split is wrong."""

import shutil

import pytest

import carina
from conftest import QUICK

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def leaky_films(tmp_path_factory, phantom_films):
    """Train and test only, with three films of train in test, one under another class."""
    films = tmp_path_factory.mktemp("leaky") / "films"
    for part in ("train", "test"):
        shutil.copytree(phantom_films / part, films / part)
    for number, film in enumerate(sorted((films / "train" / "Normal").iterdir())[:3]):
        label = "Pneumonia" if number == 0 else "Normal"
        shutil.copy(film, films / "test" / label / f"Smith_John_{number}.png")
    return films


@pytest.fixture(scope="module")
def runs(leaky_films, tmp_path_factory):
    from conftest import settings_in

    place = tmp_path_factory.mktemp("described")
    return {
        mode: carina.train(
            leaky_films,
            set=QUICK,
            split=mode,
            out=place / mode,
            settings=settings_in(place / "own"),
        )
        for mode in ("respect", "as-described", "cut")
    }


@pytest.mark.nightly
def test_a_described_split_is_kept_and_every_number_given_twice(runs):
    run = runs["respect"]
    assert run.evaluation.data.n_images == 39
    assert run.evaluation.without_leaks.n_removed == 3
    page = run.report_file.read_text()
    assert "Accuracy without leaks" in page
    assert "which neither the training nor the choice of the epoch saw" not in page


def test_a_cut_anew_has_no_leak_and_no_page_claims_one(runs):
    run = runs["cut"]
    assert run.evaluation.without_leaks is None
    assert run.audit.leaks == ()
    assert not any("of test" in caution for caution in run.card.cautions)
    assert "which neither the training nor the choice of the epoch saw" in (
        run.report_file.read_text()
    )


def test_validating_on_the_test_part_is_said_on_page_and_card(runs):
    run = runs["as-described"]
    assert run.evaluation.parts["validation"] == run.evaluation.parts["test"]
    page = run.report_file.read_text()
    assert "on which the epoch was chosen too" in page
    assert "which neither the training nor the choice of the epoch saw" not in page
    assert any("chosen on the films it is tested on" in one for one in run.card.cautions)


@pytest.mark.parametrize("mode", ["respect", "as-described", "cut"])
def test_a_films_name_never_reaches_the_classifier(runs, mode):
    for file in runs[mode].classifier_dir.iterdir():
        assert b"Smith_John" not in file.read_bytes(), file
