from carina.evaluation.evaluate import scored_films
from carina.evaluation.threshold_choice import choose_thresholds


def test_the_validation_part_alone_decides_the_thresholds_that_a_test_is_read_by(trained_run):
    labels, validation = trained_run.predictions("validation")
    section = trained_run.recipe.evaluate
    own = [
        (c.label, c.threshold) for c in choose_thresholds(scored_films(labels, validation), section)
    ]
    on_card = trained_run.card.fitted.thresholds
    assert [(one.label, one.threshold) for one in on_card] == own
    assert [point.chosen for point in trained_run.evaluation.operating_points] == list(on_card)
