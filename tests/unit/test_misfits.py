import numpy as np
import pytest

from carina.auditing import misfits as misfits_module
from carina.auditing.misfits import find_misfits
from carina.data import open_dataset
from carina.data.scan import FilmScan, scan_films
from making.datasets import TEST_KEY, dataset_of, record_of, scan_of
from making.real_films import REAL_FILMS, needs_real_films
from making.sketched import noise_pixels, phantom_pixels, sketched, with_letters


def codes(films, **told):
    found = find_misfits(*sketched(films, **told))
    return {path: [m.code for m in found if m.path == path] for path in films}


def beside(*panels, axis=1):
    return np.concatenate(panels, axis=axis)


def test_phantom_films_belong():
    films = {f"{n}.png": phantom_pixels(n) for n in range(40)}
    assert find_misfits(*sketched(films)) == ()


@pytest.mark.parametrize("size", [(256, 256), (120, 160), (200, 160), (64, 64)])
def test_a_films_size_and_shape_are_no_misfit(size):
    height, width = size
    films = {f"{n}.png": phantom_pixels(n, height=height, width=width) for n in range(6)}
    assert find_misfits(*sketched(films)) == ()


@pytest.mark.parametrize(
    ("turn", "words"), [(1, "anticlockwise"), (2, "upside down"), (3, "quarter clockwise")]
)
def test_a_turned_film_is_told_with_its_direction(turn, words):
    films = {f"{n}.png": np.ascontiguousarray(np.rot90(phantom_pixels(n), turn)) for n in range(8)}
    found = find_misfits(*sketched(films))
    assert [misfit.code for misfit in found] == ["rotated"] * 8
    assert all(words in misfit.sentence for misfit in found)


def test_a_mirrored_film_is_not_turned():
    films = {f"{n}.png": phantom_pixels(n)[:, ::-1].copy() for n in range(8)}
    assert find_misfits(*sketched(films)) == ()


def test_a_film_flipped_upside_down_is_rotated():
    assert codes({"a.png": phantom_pixels(3)[::-1].copy()}) == {"a.png": ["rotated"]}


def test_a_negative_upside_down_is_both():
    negative = (1 - np.rot90(phantom_pixels(4), 2)).astype(np.float32)
    assert sorted(codes({"a.png": negative})["a.png"]) == ["inverted", "rotated"]


def test_a_black_frame_changes_nothing():
    framed = np.pad(phantom_pixels(5), 20)
    assert codes({"a.png": framed, "b.png": np.rot90(framed).copy()}) == {
        "a.png": [],
        "b.png": ["rotated"],
    }


def test_noise_waves_and_ramps_are_no_chest_films():
    y, x = np.mgrid[0:200, 0:200] / np.float32(200)
    films = {
        "noise": noise_pixels(3),
        "waves": (0.5 + 0.5 * np.sin(40 * x + 20 * y)).astype(np.float32),
        "board": ((x * 8).astype(int) % 2 ^ (y * 8).astype(int) % 2).astype(np.float32),
    }
    assert codes(films) == {path: ["not-chest"] for path in films}


def test_collages_in_four_layouts_are_found():
    a, b, c, d = (phantom_pixels(n) for n in (1, 2, 3, 4))
    gutter = np.zeros((160, 6), np.float32)
    films = {
        "two": beside(a, gutter, b),
        "above": beside(a, b, axis=0),
        "three": beside(a, gutter, b, gutter, c),
        "four": beside(beside(a, b), beside(c, d), axis=0),
    }
    assert codes(films) == {path: ["collage"] for path in films}


def test_letters_are_found_and_a_side_marker_is_not():
    films = {
        "marker": phantom_pixels(1),
        "word": with_letters(phantom_pixels(1), "COVID-19"),
        "letter": with_letters(phantom_pixels(1), "L"),
    }
    assert codes(films) == {"marker": [], "word": ["text"], "letter": []}


@pytest.mark.parametrize("view", ["L", "LL", "Lateral", "left_lateral", "RL", "RAO"])
def test_a_stated_view_that_is_not_frontal_is_certain(view):
    (found,) = find_misfits(*sketched({"a": phantom_pixels(1)}, records={"a": {"view": view}}))
    assert (found.code, found.sureness) == ("lateral", "certain")
    assert f"'{view}'" in found.sentence


@pytest.mark.parametrize("view", ["PA", "AP", "AP Supine", "LLD", "RLD", None, "", "?"])
def test_a_frontal_or_unknown_view_is_none(view):
    assert codes({"a": phantom_pixels(1)}, records={"a": {"view": view}}) == {"a": []}


def test_a_view_that_only_the_file_states_counts_too():
    assert codes({"a": phantom_pixels(1)}, facts={"a": {"view": "LL"}}) == {"a": ["lateral"]}


def test_a_slice_is_certain_by_its_tag_whatever_it_looks_like():
    told = {"a": {"traces": ("modality CT",)}, "b": {"traces": ("modality DX",)}}
    films = {"a": phantom_pixels(1), "b": phantom_pixels(2)}
    (found,) = find_misfits(*sketched(films, facts=told))
    assert (found.path, found.code, found.sureness) == ("a", "not-chest", "certain")


def test_a_blank_film_is_blank_and_nothing_else():
    noise = 0.3 + 0.002 * np.random.default_rng(1).standard_normal((90, 90))
    films = {"a": np.zeros((50, 50), np.float32), "b": noise.astype(np.float32)}
    assert codes(films, facts={"a": {"colour_share": 0.5}}) == {"a": ["blank"], "b": ["blank"]}


def test_an_outlier_is_only_named_where_nothing_else_explains_the_film():
    films = {f"{n}": phantom_pixels(n) for n in range(40)}
    films |= {"dark": (phantom_pixels(50) * 0.15).astype(np.float32)}
    found = codes(films, facts={"dark": {}})
    assert found.pop("dark") == ["outlier"]
    assert not any(found.values())
    explained = codes(films, records={"dark": {"view": "LATERAL"}})
    assert explained["dark"] == ["lateral"]


def test_thirty_films_are_needed_for_an_outlier():
    films = {f"{n}": phantom_pixels(n) for n in range(20)}
    films |= {"dark": (phantom_pixels(50) * 0.15).astype(np.float32)}
    assert codes(films)["dark"] == []


def test_one_size_for_all_makes_no_other_size_an_outlier():
    films = {f"{n}": phantom_pixels(n) for n in range(40)}
    films |= {"wide": phantom_pixels(41, height=150, width=160)}
    assert codes(films)["wide"] == []


def test_the_surest_stand_first_and_then_the_clearest():
    films = {f"{n}": phantom_pixels(n) for n in range(4)}
    films |= {"turned": np.rot90(phantom_pixels(7)).copy(), "tinted": phantom_pixels(8)}
    films |= {"photo": phantom_pixels(9), "photo2": phantom_pixels(10)}
    shares = {"tinted": 0.05, "photo": 0.5, "photo2": 0.9}
    told = {path: {"colour_share": share} for path, share in shares.items()}
    found = find_misfits(*sketched(films, records={"3": {"view": "L"}}, facts=told))
    assert [(m.path, m.sureness) for m in found] == [
        ("3", "certain"),
        ("photo2", "likely"),
        ("photo", "likely"),
        ("turned", "likely"),
        ("tinted", "possible"),
    ]


def test_where_most_are_no_films_none_is_more_than_possible():
    films = {f"{n}": noise_pixels(n) for n in range(6)} | {"a": phantom_pixels(1)}
    found = find_misfits(*sketched(films))
    assert len(found) == 6
    assert {m.sureness for m in found} == {"possible"}


def test_reading_in_runs_gives_what_one_run_gives(monkeypatch):
    films = {f"{n}": phantom_pixels(n) for n in range(34)}
    films |= {"turned": np.rot90(phantom_pixels(40)).copy(), "noise": noise_pixels(1)}
    at_once = find_misfits(*sketched(films))
    monkeypatch.setattr(misfits_module, "_FILMS_AT_ONCE", 5)
    assert find_misfits(*sketched(films)) == at_once
    assert len(at_once) == 2


def test_without_sketches_only_what_facts_tell_is_judged():
    records = [record_of("a", "A", view="LATERAL"), record_of("b", "A")]
    found = find_misfits(dataset_of(records), scan_of(records))
    assert [(misfit.path, misfit.code) for misfit in found] == [("a", "lateral")]


def test_films_that_could_not_be_read_and_empty_sets_are_passed_over():
    records = [record_of("a", "A", view="LATERAL")]
    assert find_misfits(dataset_of(records), FilmScan(facts={})) == ()
    assert find_misfits(dataset_of([]), FilmScan(facts={})) == ()


@needs_real_films
def test_the_one_real_film_that_stands_on_its_head_is_found(tmp_path):
    dataset = open_dataset([REAL_FILMS / "nih"], patient_key=TEST_KEY)
    some = dataset.with_records(r for r in dataset.records if "No_findings" in r.path)
    found = find_misfits(some, scan_films(some, spec=None, cache_dir=tmp_path))
    assert [m.sureness for m in found if m.code == "rotated"] == ["likely"]
    assert len([m for m in found if m.code != "text"]) <= 5
