"""The same network trained on films whose middle is black: an ordinary training, cut short."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from carina.domain.audit import Audit, Confounder
from carina.domain.probes import (
    COARSE_CONFOUNDER_BALANCED_ACCURACY,
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    MASKED_EPOCHS,
    MASKED_VALIDATION_ACCURACY,
    WITHOUT_LEAKS,
    signal_of_method,
)
from carina.domain.progress import silent
from carina.domain.recipe import Recipe, recipe_from_values
from carina.errors import RunError
from carina.files.recipes import with_settings
from carina.files.tables import read_table
from carina.imaging.phantom import make_phantom
from carina.runs import Run
from carina.workflows.films import open_films
from carina.workflows.log import Log

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from carina.workflows import probing  # noqa: E402  after the check for torch
from carina.workflows.learning import film_part, learn  # noqa: E402
from carina.workflows.probe_plan import ProbePlan  # noqa: E402
from carina.workflows.probing import confounder_probes, masked_probe  # noqa: E402
from carina.workflows.start import start_networks  # noqa: E402
from making.backbones import tiny_backbone  # noqa: E402

SIDE = 48
COUNTS = {"train": 48, "val": 12, "test": 24}
RECIPE = recipe_from_values(
    {
        "name": "small",
        "input": {"height": SIDE, "width": SIDE},
        "network": {
            "architecture": "conv-stack",
            "options": {"filters": [8, 8, 8], "dense": [16], "dropout_dense": 0.0},
        },
        "train": {"epochs": 12, "precision": "fp32", "learning_rate": 0.003, "threads": 1},
        "evaluate": {"resamples": 200},
    },
    origin="test",
)


def with_border(pixels, lungs):
    """A bright border, which a network sees without the lungs."""
    marked = pixels.copy()
    marked[[0, 1, -2, -1]] = 1.0
    marked[:, [0, 1, -2, -1]] = 1.0
    return marked


def with_lesion(pixels, lungs):
    """A dense patch in the lungs, the one thing that tells the class."""
    rows, columns = np.nonzero(lungs)
    at = slice(int(rows.mean()) - 8, int(rows.mean()) + 8)
    marked = pixels.copy()
    marked[at, int(columns.min()) + 3 : int(columns.max()) - 3] = 0.95
    return marked


def write_films(folder, phantoms, change):
    """Phantoms of two classes, those of one changed; no film twice."""
    for (part, label, number), phantom in phantoms.items():
        pixels = phantom.pixels
        if label == "changed":
            pixels = change(pixels, phantom.lung_mask)
        grey = np.rint(255 * pixels).astype(np.uint8)
        (folder / part / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(folder / part / label / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def phantoms():
    films = [
        (part, label, number)
        for part, n_films in COUNTS.items()
        for label in ("changed", "plain")
        for number in range(n_films)
    ]
    return {
        film: make_phantom("normal", rng=np.random.default_rng(seed), height=64, width=64)
        for seed, film in enumerate(films)
    }


@pytest.fixture(scope="module")
def border_films(tmp_path_factory, phantoms):
    return write_films(tmp_path_factory.mktemp("border"), phantoms, with_border)


@pytest.fixture(scope="module")
def lesion_films(tmp_path_factory, phantoms):
    return write_films(tmp_path_factory.mktemp("lesion"), phantoms, with_lesion)


class Training:
    """A training without its report, and its log."""

    def __init__(self, data, settings, folder, recipe: Recipe = RECIPE, network=None):
        self.run, self.settings, self.steps = Run(folder), settings, []
        folder.mkdir(parents=True)
        self.log = Log(self.run.log_file, self.steps.append)
        self.films = open_films([data], recipe, settings, silent)
        (self.start,) = start_networks(self.films, recipe, settings, silent)
        if network is not None:
            self.start = replace(self.start, network=network)
        self.learned = learn(self.run, self.start, settings=settings, log=self.log)

    def probe(self):
        return masked_probe(self.learned, settings=self.settings, log=self.log)

    def accuracy(self, part):
        """The trained network's accuracy on a part."""
        from carina.training.scoring import torch_logits

        films = film_part(self.films, part)
        logits = torch_logits(self.learned.network, films)
        return float((logits.argmax(axis=1) == films.labels).mean())


@pytest.fixture
def trained(border_films, settings, tmp_path):
    return Training(border_films, settings, tmp_path / "run")


def all_of_it(work, films):
    """A plan that repeats the whole training, however much it is."""
    return ProbePlan(len(work.epochs), films)


@pytest.fixture
def whole(monkeypatch):
    """Probes as long as their training."""
    monkeypatch.setattr(probing, "plan_probe", all_of_it)


def weights_of(network):
    return {name: values.clone() for name, values in network.state_dict().items()}


def history_of(run):
    return read_table(run.history_file, error=RunError)


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(values, second[name]) for name, values in first.items())


@pytest.mark.usefixtures("whole")
def test_a_border_that_tells_the_class_is_found_without_the_lungs(trained):
    probes = trained.probe()
    assert trained.accuracy("test") > 0.9
    assert probes[MASKED_BALANCED_ACCURACY].value > 0.9
    assert probes[MASKED_BALANCED_ACCURACY].low > 0.7


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_without_the_lungs_a_lesion_is_not_found(lesion_films, settings, tmp_path):
    training = Training(lesion_films, settings, tmp_path / "run")
    probes = training.probe()
    assert training.accuracy("test") > 0.9
    assert probes[MASKED_BALANCED_ACCURACY].low < 0.5 < probes[MASKED_BALANCED_ACCURACY].high


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_the_probe_is_the_training_of_films_prepared_with_the_mask(
    trained, border_films, settings, tmp_path
):
    probes = trained.probe()
    recipe = with_settings(RECIPE, ["input.mask=centre"])
    ordinary = Training(border_films, settings, tmp_path / "masked", recipe)
    assert probes[MASKED_ACCURACY].value == ordinary.accuracy("test")
    assert probes[MASKED_VALIDATION_ACCURACY].value == ordinary.accuracy("validation")
    told = [
        step.message for step in trained.steps if step.message.startswith("masked probe: epoch")
    ]
    own = [step.message for step in ordinary.steps if step.message.startswith("epoch")]
    assert told == [f"masked probe: {message}" for message in own]


@pytest.mark.slow
def test_the_probe_changes_nothing_of_the_training(trained, border_films, settings, tmp_path):
    recipe = with_settings(RECIPE, ["evaluate.masked_probe=false"])
    without = Training(border_films, settings, tmp_path / "without", recipe)
    before, chance = weights_of(trained.learned.network), torch.get_rng_state()
    trained.probe()
    assert_same(weights_of(trained.learned.network), before)
    assert_same(weights_of(without.learned.network), before)
    assert torch.equal(torch.get_rng_state(), chance)
    same = [{**row, "seconds": ""} for row in history_of(trained.run)]
    assert [{**row, "seconds": ""} for row in history_of(without.run)] == same


@pytest.mark.slow
def test_it_says_how_much_it_was_trained_and_tells_no_step_as_the_trainings(trained):
    trained.steps.clear()
    probes = trained.probe()
    epochs = probes[MASKED_EPOCHS]
    assert 1 <= epochs.value <= 12
    assert 64 <= epochs.n <= 96
    assert probes[MASKED_ACCURACY].n == 48
    assert {step.stage for step in trained.steps if step.total} == {"masked probe"}
    said = f"{epochs.value:.0f} of 12 epochs on {epochs.n} of 96 films, 48 of 48 test films"
    assert said in trained.run.log_file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["evaluate.masked_probe=false", "input.mask=centre"])
def test_there_is_no_probe_where_it_is_switched_off_or_is_the_training_itself(
    border_films, settings, tmp_path, setting
):
    recipe = with_settings(RECIPE, [setting, "train.epochs=1"])
    training = Training(border_films, settings, tmp_path / "run", recipe)
    assert training.probe() == {}
    assert "masked probe" not in training.run.log_file.read_text()


@pytest.mark.slow
def test_a_probe_that_cannot_be_trained_is_undefined_and_says_why(trained):
    course = trained.learned.course
    nowhere = {
        name: torch.full_like(values, float("nan")) for name, values in course.start_state.items()
    }
    too_far = with_settings(course.start.recipe, ["train.learning_rate=1e30"])
    for why, hopeless in {
        "the start weights are broken": replace(course, start_state=nowhere),
        "the training diverged": replace(course, start=replace(course.start, recipe=too_far)),
    }.items():
        trained.learned = replace(trained.learned, course=hopeless)
        probes = trained.probe()
        for name in (MASKED_ACCURACY, MASKED_BALANCED_ACCURACY):
            assert probes[name].value is None
            assert why in probes[name].undefined_because
        assert why in trained.run.log_file.read_text()


@pytest.mark.slow
def test_films_known_from_training_are_left_out_a_second_time(trained):
    first = trained.films.of("test")[0]
    films = replace(trained.films, known=frozenset({first.key}))
    course = trained.learned.course
    course = replace(course, start=replace(course.start, films=films))
    trained.learned = replace(trained.learned, course=course)
    probes = trained.probe()
    assert probes[MASKED_ACCURACY].n == 48
    assert probes[f"{MASKED_ACCURACY}{WITHOUT_LEAKS}"].n == 47


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("layers", ["head", "last-block"])
def test_fixed_layers_see_the_masked_films_whatever_the_cache_knows(
    border_films, settings, tmp_path, layers
):
    network = tiny_backbone(layers, spec=RECIPE.input)
    training = Training(border_films, settings, tmp_path / "run", network=network)
    probes = training.probe()
    assert probes[MASKED_BALANCED_ACCURACY].value > 0.8
    assert training.probe() == probes


@pytest.mark.slow
def test_work_for_features_is_planned_though_the_training_may_have_found_its_own_in_the_cache(
    border_films, settings, tmp_path, monkeypatch
):
    planned = []

    def plan(work, films):
        planned.append(work)
        return all_of_it(work, films)

    monkeypatch.setattr(probing, "plan_probe", plan)
    network = tiny_backbone("head", spec=RECIPE.input)
    recipe = with_settings(RECIPE, ["train.epochs=3"])
    training = Training(border_films, settings, tmp_path / "run", recipe, network=network)
    training.probe()
    (work,) = planned
    assert len(work.epochs) == 3
    assert work.epochs[0] > 10 * work.epochs[1] == 10 * work.epochs[2] > 0
    assert work.answer > work.epochs[1] / (96 + 24)


def test_the_best_confounder_is_one_that_a_network_can_see_and_that_has_no_lungs_in_it():
    def found(signal, accuracy, *, in_pixels):
        return Confounder(
            signal=signal, balanced_accuracy=accuracy, low=accuracy - 0.1, high=accuracy + 0.1,
            chance=0.5, n=90, tells=True, in_pixels=in_pixels,
        )  # fmt: skip

    audit = Audit(
        images={},
        confounders=(
            found("frame", 0.7, in_pixels=True),
            found("corners", 0.8, in_pixels=True),
            found("file-format", 0.9, in_pixels=False),
            found("thumbnail", 0.95, in_pixels=True),
        ),
    )
    probes = confounder_probes(audit)
    probe = probes[CONFOUNDER_BALANCED_ACCURACY]
    assert signal_of_method(probe.method) == "corners"
    assert (probe.value, probe.low, probe.high, probe.n) == (0.8, 0.8 - 0.1, 0.8 + 0.1, 90)
    coarse = probes[COARSE_CONFOUNDER_BALANCED_ACCURACY]
    assert signal_of_method(coarse.method) == "thumbnail"
    assert confounder_probes(Audit(images={})) == {}
