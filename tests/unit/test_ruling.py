"""Rules that have no validation part to be fitted on are refused before a training."""

import pytest

from carina.data.split import split_dataset
from carina.domain.recipe import EvaluateSection, Recipe, SplitSection
from carina.errors import RecipeError
from carina.workflows.films import Films
from carina.workflows.ruling import require_rules
from making.audits import clean_audit
from making.datasets import dataset_of, record_of, scan_of


def films_split(mode):
    """Return films of two classes whose described parts are train and test alone."""
    records = [
        record_of(f"{part}/{label}/{number}.png", label, part=part)
        for part in ("train", "test")
        for label in ("Covid", "Normal")
        for number in range(20)
    ]
    dataset, scan = dataset_of(records), scan_of(records)
    split = split_dataset(dataset, scan, SplitSection(mode=mode))
    return Films(dataset, scan, split, clean_audit())


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"abstain": 0.1}, r"^evaluate\.abstain = 0\.1 needs a validation part.*leave --abstain"),
        ({"decide_by": "cost"}, r"^evaluate\.decide_by = 'cost' needs a validation.*'highest'"),
    ],
)
def test_nothing_is_fitted_on_the_films_that_are_tested_and_that_is_said_first(asked, says):
    recipe = Recipe(evaluate=EvaluateSection(**asked))
    with pytest.raises(RecipeError, match=says):
        require_rules(films_split("as-described"), recipe)
    require_rules(films_split("respect"), recipe)
    require_rules(films_split("as-described"), Recipe())
