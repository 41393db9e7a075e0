import ctypes
import dataclasses
import math

import cv2
import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import RecipeError, TrainingError
from carina.training.films import TrainingFilms
from carina.training.fit import HISTORY_COLUMNS, fit, require_choosable
from carina.training.precision import PrecisionChoice
from carina.training.scoring import figures, torch_logits
from making.training_films import SMALL, easy_films, easy_part, small_network

FP32 = PrecisionChoice("fp32", "the test says so")
BF16 = PrecisionChoice("bf16", "the test says so")
AUGMENT = AugmentSection(zoom=0.1, horizontal_flip=True)


def fitted(films=None, *, network=None, precision=FP32, augment=AUGMENT, progress=None, **train):
    films = films or easy_films()
    section = TrainSection(**{"epochs": 3, "batch_size": 16, "threads": 1, **train})
    told = [] if progress is None else progress
    network = network or small_network()
    result = fit(
        network,
        films,
        train=section,
        augment=augment,
        precision=precision,
        progress=told.append,
    )
    return network, result


def equal_states(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("precision", [FP32, BF16])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_easy_problem_is_learned(n_classes, precision):
    films = easy_films(96, 30, n_classes=n_classes)
    _, result = fitted(
        films,
        network=small_network(n_classes, filters=(8, 8), dropout_features=0.2),
        precision=precision,
        epochs=12,
        learning_rate=0.003,
    )
    assert result.history[-1]["val_auc_macro"] > 0.99
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_the_history_has_the_designs_columns_and_one_row_per_epoch():
    _, result = fitted()
    assert [tuple(row) for row in result.history] == [HISTORY_COLUMNS] * 3
    assert HISTORY_COLUMNS == (
        "epoch", "loss", "accuracy", "auc", "auc_macro",
        "val_loss", "val_accuracy", "val_auc", "val_auc_macro", "seconds",
    )  # fmt: skip
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert result.images_per_second > 0


def test_the_network_is_left_with_the_last_weights_and_ready_to_answer():
    network, result = fitted()
    assert not network.training
    assert equal_states(network.state_dict(), result.last_state)
    assert all(p.is_contiguous() for p in network.parameters())


@pytest.mark.parametrize("choose_by", ["val_loss", "val_accuracy", "val_auc_macro"])
def test_the_best_state_gives_the_best_validation_figure_and_the_first_wins_a_tie(choose_by):
    films = easy_films(48, 25)
    _, result = fitted(films, epochs=6, learning_rate=0.02, choose_by=choose_by)
    values = [row[choose_by] for row in result.history]
    best = min(values) if choose_by == "val_loss" else max(values)
    assert result.best_epoch == values.index(best) + 1
    again = small_network(seed=8)
    again.load_state_dict(result.best_state)
    found = figures(torch_logits(again, films.validation), films.validation.labels)
    # 1e-5: the channels_last layout adds up in another order
    assert found[choose_by.removeprefix("val_")] == pytest.approx(best, abs=1e-5)


def test_weights_of_the_best_epoch_are_kept_when_later_ones_are_worse():
    wrong_way_round = dataclasses.replace(easy_part(20), labels=1 - easy_part(20).labels)
    films = TrainingFilms(train=easy_part(96, seed=1), validation=wrong_way_round, spec=SMALL)
    _, result = fitted(films, epochs=6, learning_rate=0.003)
    assert result.best_epoch < 6
    assert not equal_states(result.best_state, result.last_state)


def test_every_step_of_every_epoch_drops_other_values():
    network, seeds = small_network(), []
    network.dropout_maps.register_forward_hook(
        lambda module, *_: seeds.append(torch.initial_seed()) if module.training else None
    )
    fitted(easy_films(48, 8), network=network)
    assert len(seeds) == len(set(seeds)) == 3 * 3


@pytest.mark.parametrize("precision", [FP32, BF16])
def test_the_same_seed_gives_the_same_weights_and_history(precision):
    (_, first), (_, again) = fitted(precision=precision), fitted(precision=precision)
    assert equal_states(first.last_state, again.last_state)
    assert equal_states(first.best_state, again.best_state)
    for one, other in zip(first.history, again.history, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_another_seed_gives_other_weights():
    (_, first), (_, other) = fitted(), fitted(seed=1)
    assert not equal_states(first.last_state, other.last_state)


def test_what_others_drew_before_changes_nothing():
    _, first = fitted()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        torch.rand(7)
        np.random.default_rng(5).random(3)
        _, again = fitted()
    assert equal_states(first.last_state, again.last_state)


def test_more_epochs_begin_like_fewer():
    (_, short), (_, long) = fitted(epochs=2), fitted(epochs=3)
    for one, other in zip(short.history, long.history, strict=False):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_threads_generators_and_opencv_are_given_back_as_they_were():
    before = (torch.get_num_threads(), torch.get_rng_state(), cv2.getNumThreads())
    fitted(epochs=1, threads=2)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert cv2.getNumThreads() == before[2]


def test_training_figures_are_those_of_the_epochs_own_batches():
    films = easy_films(32, 8)
    network = small_network(dropout_maps=0.0, dropout_features=0.0)
    wanted = figures(torch_logits(network, films.train), films.train.labels)
    _, result = fitted(films, network=network, augment=AugmentSection(), epochs=1, batch_size=32)
    for name in ("loss", "accuracy", "auc", "auc_macro"):
        assert result.history[0][name] == pytest.approx(wanted[name], abs=1e-5)


def test_class_weights_weigh_the_training_loss_and_not_the_validation_loss():
    labels = np.array([0] * 24 + [1] * 8)
    films = TrainingFilms(
        train=easy_part(32, labels=labels), validation=easy_part(8, seed=4), spec=SMALL
    )
    network = small_network(dropout_maps=0.0, dropout_features=0.0)
    logits = torch_logits(network, films.train)
    shown = figures(logits, films.train.labels)["loss"]
    log_p = logits - np.logaddexp(logits[:, 0], logits[:, 1])[:, None]
    weights = np.where(labels == 0, 32 / (2 * 24), 32 / (2 * 8))
    wanted = float((-log_p[np.arange(32), labels] * weights).mean())
    assert abs(wanted - shown) > 1e-4
    _, result = fitted(
        films,
        network=network,
        augment=AugmentSection(),
        epochs=1,
        batch_size=8,
        learning_rate=1e-12,
        weighting="class-weights",
    )
    assert result.history[0]["loss"] == pytest.approx(wanted, abs=1e-5)
    validation = figures(torch_logits(network, films.validation), films.validation.labels)
    assert result.history[0]["val_loss"] == pytest.approx(validation["loss"], abs=1e-5)


def test_balanced_sampling_helps_a_rare_class():
    labels = np.array([0] * 60 + [1] * 4)
    films = TrainingFilms(
        train=easy_part(64, labels=labels), validation=easy_part(20, seed=4), spec=SMALL
    )
    recall = {}
    for weighting in ("none", "balanced-sampling"):
        network, _ = fitted(films, epochs=4, learning_rate=0.003, weighting=weighting)
        answers = torch_logits(network, films.validation).argmax(axis=1)
        recall[weighting] = (answers[films.validation.labels == 1] == 1).mean()
    assert recall["balanced-sampling"] > recall["none"]


def test_three_channels_are_fed_three_equal_ones():
    spec = InputSpec(height=32, width=32, channels=3)
    films = easy_films(32, 8, spec=spec)
    _, result = fitted(films, network=small_network(spec=spec), epochs=1)
    assert len(result.history) == 1


def test_progress_tells_films_epoch_loss_and_one_sentence_an_epoch():
    told = []
    fitted(progress=told)
    sentences = [step.message for step in told if step.message]
    assert len(sentences) == 3
    assert sentences[0].startswith("epoch 1 of 3: loss ")
    assert {step.stage for step in told} == {"training"}
    assert told[-1].done == told[-1].total == 3 * 64
    assert told[-1].facts["epoch"] == "3/3"
    assert {"images/s", "loss", "val AUC"} <= told[-1].facts.keys()
    assert [step.done for step in told] == sorted(step.done for step in told)


def test_the_area_told_is_the_mean_over_the_classes_and_not_kerass():
    told = []
    _, result = fitted(easy_films(48, 30, n_classes=3), network=small_network(3), progress=told)
    row = result.history[-1]
    assert round(row["val_auc"], 4) != round(row["val_auc_macro"], 4)
    assert told[-1].facts["val AUC"] == f"{row['val_auc_macro']:.4f}"


def test_an_area_that_is_undefined_is_told_as_a_dash(monkeypatch):
    monkeypatch.setattr("carina.training.telling._SECONDS_BETWEEN_STEPS_SHOWN", 0.0)
    films = TrainingFilms(train=easy_part(16), validation=easy_part(6, labels=[1] * 6), spec=SMALL)
    told = []
    fitted(films, progress=told, epochs=2)
    assert told[-1].message.endswith(", AUC -")
    in_second_epoch = [step.facts for step in told if step.facts["epoch"] == "2/2"]
    assert {facts["val AUC"] for facts in in_second_epoch} == {"-"}


def test_a_training_that_diverges_stops_and_says_what_to_try():
    with pytest.raises(TrainingError, match=r"diverged.*learning_rate"):
        fitted(learning_rate=1e30, epochs=4)


def test_validation_films_of_one_class_cannot_choose_by_the_macro_area():
    films = TrainingFilms(train=easy_part(16), validation=easy_part(6, labels=[1] * 6), spec=SMALL)
    with pytest.raises(RecipeError, match=r"val_auc_macro needs validation films of all 2"):
        fitted(films, choose_by="val_auc_macro")
    _, result = fitted(films, epochs=1)
    assert math.isnan(result.history[0]["val_auc_macro"])


def test_whether_an_epoch_can_be_chosen_is_told_from_the_labels_alone():
    by_area, by_loss = TrainSection(choose_by="val_auc_macro"), TrainSection(choose_by="val_loss")
    require_choosable(by_loss, np.array([0, 2, 2]), 3)
    require_choosable(by_area, np.array([0, 1, 2]), 3)
    with pytest.raises(RecipeError, match=r"all 3 classes, and there are films of 2"):
        require_choosable(by_area, np.array([0, 2, 2]), 3)
    assert RecipeError.exit_code == 2


@pytest.mark.parametrize("empty", ["training", "validation"])
def test_a_part_without_films_is_refused(empty):
    parts = {"training": easy_part(16), "validation": easy_part(6), empty: easy_part(0)}
    films = TrainingFilms(train=parts["training"], validation=parts["validation"], spec=SMALL)
    with pytest.raises(TrainingError, match=f"no {empty} films"):
        fitted(films)


def test_an_interrupted_training_gives_threads_and_chance_back():
    before = (torch.get_num_threads(), torch.get_rng_state())

    class Interrupting(list):
        def append(self, step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(progress=Interrupting(), threads=2)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_allocator_setting_is_made_and_taken_back(monkeypatch):
    calls = []

    class Libc:
        def mallopt(self, option, value):
            calls.append((option, value))

        def malloc_trim(self, pad):
            calls.append("trim")

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Libc())
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr("sys.platform", "linux")
    from carina.training.allocator import keeping_memory

    with keeping_memory():
        assert calls == [(-4, 0), (-1, -1), (-2, 64 << 20)]
    assert calls[3:] == [(-4, 65536), (-3, 32 << 20), (-1, 64 << 20), (-2, 128 << 10), "trim"]


def test_the_allocator_setting_is_left_alone_without_glibc(monkeypatch):
    from carina.training.allocator import keeping_memory

    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("no glibc, no call"))
    with keeping_memory():
        pass


def test_the_sentence_of_an_epoch_tells_the_mean_area_over_the_classes():
    told = []
    _, result = fitted(progress=told)
    sentences = [step.message for step in told if step.message]
    for row, sentence in zip(result.history, sentences, strict=True):
        assert sentence.endswith(f"AUC {row['val_auc_macro']:.4f}")
