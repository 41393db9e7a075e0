"""The ranges that a recipe declares for a search: what they may be, and what they leave alone."""

import tomllib

import numpy as np
import pytest

from carina.domain.recipe import Recipe, recipe_from_values
from carina.domain.search_range import SearchRange
from carina.errors import RecipeError, UsageError
from carina.files.recipes import read_recipe, recipe_text, shipped_recipes, with_settings
from carina.training.films import FilmPart, TrainingFilms
from carina.workflows.going_on import identity_of
from carina.workflows.tune import own_values, tune

RATE = {"low": 1e-5, "high": 1e-2, "log": True}


def recipe_with(*settings):
    return with_settings(Recipe(), settings)


def test_nested_and_full_names_mean_the_same_range():
    nested = recipe_from_values({"tune": {"train": {"learning_rate": RATE}}}, origin="example")
    full = recipe_from_values({"tune": {"train.learning_rate": RATE}}, origin="example")
    assert nested == full
    assert nested.tune["train.learning_rate"] == SearchRange(low=1e-5, high=1e-2, log=True)


def test_a_setting_gives_changes_and_takes_away_a_range():
    given = recipe_with("tune.train.batch_size={choices=[8, 16, 32]}")
    assert given.tune["train.batch_size"].choices == (8, 16, 32)
    wider = with_settings(read_recipe("two-conv"), ["tune.train.learning_rate.high=0.1"])
    assert wider.tune["train.learning_rate"].high == 0.1
    assert wider.tune["train.learning_rate"].log
    assert with_settings(given, ["tune.train.batch_size={}"]).tune == {}


def test_ranges_come_back_from_a_recipes_file():
    recipe = recipe_with(
        "tune.train.learning_rate={low=1e-5, high=1e-2, log=true}",
        "tune.train.epochs={low=2, high=10, step=2}",
        "tune.augment.fill={choices=['nearest', 'constant']}",
        "network.options={filters=[8, 16]}",
        "tune.network.options.filters={choices=[[8, 16], [16, 32]]}",
    )
    again = recipe_from_values(tomllib.loads(recipe_text(recipe)), origin="its own text")
    assert again == recipe
    assert again.tune["network.options.filters"].holds([16, 32])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tune.train.lerning_rate={low=1, high=2}", "[train] has no 'lerning_rate'"),
        ("tune.train.learning_rate={low=1, hihg=2}", "did you mean 'high'?"),
        ("tune.train.learning_rate={low=2, high=1}", "low is a number less than high"),
        ("tune.train.learning_rate={low=-1, high=1}", "greater than 0"),
        ("tune.train.learning_rate={low=0.1}", "a range has low and high, or choices"),
        ("tune.train.learning_rate={low=1, high=2, choices=[1, 2]}", "choices stand alone"),
        ("tune.train.learning_rate={choices=[0.1]}", "two or more different values"),
        ("tune.train.epochs={low=1.5, high=3}", "whole number"),
        ("tune.augment.fill={choices=['nearest', 'blakc']}", "'blakc'"),
        ("tune.augment.horizontal_flip={low=0, high=1}", "give choices"),
        ("tune.train.seed={low=0, high=9}", "a seed of its own"),
        ("tune.split.seed={low=0, high=9}", "names no setting that can be searched"),
        ("tune.train.epochs=3", "dictionary"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_the_reason(setting, said):
    with pytest.raises(RecipeError, match="cannot be used") as refused:
        recipe_with(setting)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", [n for n in shipped_recipes() if n != "cascade"])
def test_a_shipped_recipe_declares_ranges_that_hold_its_own_values(name):
    recipe = read_recipe(name)
    ranges = own_values(recipe)
    assert len(ranges) >= 3
    for setting, (span, own) in ranges.items():
        assert span.holds(own)
        for value in span.ends():
            with_settings(recipe, {setting: value})


def test_ranges_are_no_part_of_what_tells_a_training_from_another():
    part = FilmPart(
        ("a", "b"), np.array([0, 1]), lambda keys: np.zeros((len(keys), 4, 4), np.uint16)
    )
    films = TrainingFilms(part, part, Recipe().input)
    with_ranges = read_recipe("two-conv")
    without = with_ranges.model_copy(update={"tune": {}})
    assert identity_of(with_ranges, films) == identity_of(without, films)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["tune={}"], "declares no ranges"),
        (["train.learning_rate=1"], "own value 1.0 is not in its range"),
        (["tune.network.options.dense={choices=[8, 16]}"], "does not set network.options.dense"),
    ],
)
def test_a_search_without_something_to_compare_with_is_refused_with_advice(settings, said):
    with pytest.raises(RecipeError) as refused:
        own_values(with_settings(read_recipe("two-conv"), settings))
    assert said in str(refused.value)
    assert "--set" in str(refused.value) or "widen" in str(refused.value)


@pytest.mark.parametrize("word", [{"recipe": "two-conv"}, {"set": {"train.epochs": 2}}])
def test_a_search_that_goes_on_takes_no_other_recipe(word, tmp_path):
    pytest.importorskip("optuna", reason="carina tune needs the extra 'tune'")
    with pytest.raises(UsageError, match=r"--resume takes no DATA, --recipe, --set"):
        tune(resume=tmp_path, **word)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"recipe": "cascade"}, "is a cascade"),
        ({"set": {"network.init": "earlier"}}, "may have seen the films"),
        ({"trials": 0}, "--trials takes a number from 1"),
        ({"folds": 1}, "--folds takes a number from 2"),
        ({"resume": "study"}, "--resume takes no DATA"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_film_is_opened(words, said):
    pytest.importorskip("optuna", reason="carina tune needs the extra 'tune'")
    with pytest.raises(UsageError) as refused:
        tune("no such folder", **words)
    assert said in str(refused.value)
