"""Which pictures a gate refuses, and in what words."""

from dataclasses import replace

import numpy as np
import pytest

from carina.domain.gate import REASON_WORDS, Gate, GateCheck, GateMeasures
from carina.errors import ClassifierError
from carina.inference.gate import measure
from carina.inference.gate.fitting import FEWEST_FILMS, fit_gate
from carina.inference.gate.folds import fold_numbers
from carina.inference.gate.gaussians import feature_gaussian
from carina.inference.gate.reference import GateReference
from carina.inference.gate.scores import Told, fitted_scores
from carina.inference.gate.tails import fitted_tail
from making.films import film_of
from making.gates import gate_films, phantom_film, phantom_gate
from making.sketched import noise_pixels, phantom_pixels

PLAIN = GateMeasures(height=300, width=300, contrast=0.6)


def refusal_of(film, fitted=None, features=None):
    fitted = fitted or phantom_gate()
    reference = GateReference.from_bytes(fitted.data)
    features = np.zeros((1, 12), np.float32) if features is None else features
    return fitted.gate.judge(reference.measured([measure(film)], features)[0])


def changed(number, change):
    return film_of(np.ascontiguousarray(change(phantom_pixels(number))))


def test_films_like_the_training_films_pass_and_few_do_not():
    refused = [refusal_of(phantom_film(number)) for number in range(100, 140)]
    assert sum(one is not None for one in refused) <= 2
    assert phantom_gate().gate.refused <= 0.034


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda film: 1 - film, "gate/inverted", "make a negative of it and send it again"),
        (lambda film: np.rot90(film, -1), "gate/rotated", "turned by 90 degrees clockwise"),
        (np.rot90, "gate/rotated", "turned by 90 degrees anticlockwise"),
        (lambda film: np.rot90(film, 2), "gate/rotated", "upside down"),
        (lambda film: np.rot90(1 - film, 2), "gate/inverted", "it looks upside down"),
    ],
)
def test_a_film_in_another_pose_is_refused_and_told_how_to_put_it_right(change, code, words):
    for number in range(100, 104):
        refusal = refusal_of(changed(number, change))
        assert refusal is not None
        assert refusal.code == code
        assert words in refusal.reason
        assert "times nearer" in refusal.reason


@pytest.mark.parametrize("size", [0.3, 0.5])
def test_a_corner_of_a_film_is_no_film(size):
    refused = [
        refusal_of(changed(number, lambda film: film[: int(160 * size), : int(144 * size)]))
        for number in range(100, 106)
    ]
    assert all(one is not None for one in refused)
    assert {one.code for one in refused} & {"gate/cropped", "gate/not-chest"}


def test_noise_is_no_film():
    refusal = refusal_of(film_of(noise_pixels(3)))
    assert refusal.code in ("gate/not-chest", "gate/cropped")
    assert "is the most that is answered" in refusal.reason


def test_what_only_the_network_finds_strange_is_unlike_the_training_films():
    refusal = refusal_of(phantom_film(101), features=np.full((1, 12), 30, np.float32))
    assert refusal.code == "gate/unlike-training"
    assert "a usual film" in refusal.reason


def test_a_view_that_the_file_states_is_certain_where_training_films_were_frontal():
    for view, code in (("LL", "gate/lateral"), ("RAO", "gate/lateral"), ("PA", None), (None, None)):
        refusal = Gate(is_frontal=True).judge(replace(PLAIN, view=view))
        assert (refusal.code if refusal else None) == code
    assert Gate().judge(replace(PLAIN, view="LL")) is None
    assert Gate(is_frontal=True).judge(replace(PLAIN, modality="CT")).code == "gate/slice"
    assert Gate(is_frontal=True).judge(replace(PLAIN, modality="CR")) is None


@pytest.mark.slow
def test_a_set_of_lateral_films_makes_no_frontal_gate():
    films = gate_films()
    lateral = [replace(one, view="LATERAL") for one in films.measures]
    assert not fit_gate(gate_films(measures=lateral)).gate.is_frontal
    assert phantom_gate().gate.is_frontal


def test_the_limit_of_colour_follows_the_training_films():
    films = gate_films()
    coloured = [replace(one, colour_share=0.7) for one in films.measures]
    assert fit_gate(gate_films(measures=coloured)).gate.max_colour_share > 0.7
    grey = phantom_gate().gate
    assert grey.judge(replace(PLAIN, colour_share=0.5)).code == "gate/colour"
    assert grey.judge(replace(PLAIN, colour_share=0.03)) is None


def test_every_code_has_words_and_the_words_of_a_refusal_name_what_to_do():
    check = GateCheck(
        measure="layout", limit=1.0, usual=0.0, tail_start=0.5, tail_scale=0.1, n_films=50
    )
    gate = Gate(checks=(check,))
    turned = replace(PLAIN, values={"layout": 2.0, "pose": 1.0}, turn=270)
    assert gate.judge(turned).code == "gate/rotated"
    assert "turn it anticlockwise" in gate.apply(turned)
    part = replace(PLAIN, values={"layout": 2.0}, is_part=True)
    assert "send a whole frontal chest film" in gate.apply(part)
    assert gate.judge(replace(PLAIN, values={"layout": 1.0})) is None
    assert {gate.judge(one).code for one in (turned, part)} <= set(REASON_WORDS)


def test_too_few_films_keep_the_simple_gate_and_say_so():
    few = fit_gate(gate_films(FEWEST_FILMS - 1, features=None))
    assert few.files == {}
    assert few.gate.checks == ()
    assert "too few" in few.gate.in_words
    assert few.gate.apply(replace(PLAIN, contrast=0.01)).startswith("blank")


def test_few_new_films_leave_the_features_out_and_say_so():
    none_new = fit_gate(gate_films(is_new=np.zeros(60, dtype=bool)))
    assert {check.measure for check in none_new.gate.checks} == {"picture", "layout", "pose"}
    assert "too few films are new to the network" in none_new.gate.in_words
    assert "features" not in none_new.statistics.deciles
    without = fit_gate(gate_films(features=None))
    assert "it has no output of them" in without.gate.in_words


def test_a_validation_film_of_a_training_patient_is_not_new_to_the_network():
    leaky = fit_gate(gate_films(groups=["0" if 40 <= n < 44 else str(n) for n in range(60)]))
    check = next(check for check in leaky.gate.checks if check.measure == "features")
    assert check.n_films == 16
    assert "16 validation films that share no patient or picture" in leaky.gate.in_words
    assert "40 training films and 20 validation films" in leaky.gate.in_words


def test_a_gate_for_a_network_of_unknown_films_measures_each_without_itself():
    all_new = fit_gate(gate_films(is_new=np.ones(60, dtype=bool)))
    check = next(check for check in all_new.gate.checks if check.measure == "features")
    assert check.n_films == 60
    assert 0 < check.usual < 1.5  # by a Gaussian that the film is no part of: farther than 0


def test_the_same_films_give_the_same_bytes():
    assert fit_gate(gate_films()).data == phantom_gate().data


def test_what_is_kept_can_be_read_again_and_nothing_else():
    reference = GateReference.from_bytes(phantom_gate().data)
    assert reference.to_bytes() == phantom_gate().data
    for data in (b"", b"no arrays at all", phantom_gate().data[:-9]):
        with pytest.raises(ClassifierError, match="input gate"):
            GateReference.from_bytes(data)


def test_a_tail_is_that_of_an_exponential_and_few_odd_films_do_not_stretch_it():
    values = np.random.default_rng(2).exponential(size=4000)
    tail = fitted_tail(values)
    assert tail.limit(0.01) == pytest.approx(np.log(100), rel=0.12)
    odd = np.concatenate([values[:200], [50.0, 60.0]])
    assert fitted_tail(odd).limit(0.01) == pytest.approx(np.log(100), rel=0.35)
    shares = np.array([0.2, 0.05, 0.002])
    limits = np.array([tail.limit(share) for share in shares])
    np.testing.assert_allclose(np.exp(-tail.surprise(limits + 1e-9)), shares, rtol=1e-6)


def test_films_of_one_group_lie_in_one_fold():
    groups = [f"patient {number // 3}" for number in range(60)]
    folds = fold_numbers(groups, 5, np.random.default_rng(0))
    assert {len(set(folds[start : start + 3])) for start in range(0, 60, 3)} == {1}
    assert np.bincount(folds).tolist() == [12] * 5


def test_scores_tell_two_sets_apart_and_a_film_by_weights_that_did_not_see_its_fold():
    rng = np.random.default_rng(5)
    films, others = rng.normal(0, 1, (200, 4)), rng.normal(0, 1, (800, 4)) + np.array([3, 0, 0, 0])
    others[400:, 1] += 4
    folds, is_part = np.arange(1000) % 5, np.arange(800) < 400
    scores, honest = fitted_scores(
        Told(films, folds[:200]),
        Told(others, folds[:800]),
        is_part=is_part,
        is_texture=~is_part,
        rng=rng,
    )
    assert (honest < 0).mean() > 0.85
    assert (scores.of(others)[:, 0] > 0).mean() > 0.9
    assert ((scores.of(others)[:, 1] > 0) == is_part).mean() > 0.9
    assert np.abs(scores.of(films)[:, 0] - honest).max() > 1e-3
    assert np.median(scores.of(films)[:, 0]) < np.median(honest)  # fitted to: nearer


def test_features_lie_near_the_nearest_class():
    rng = np.random.default_rng(6)
    classes = np.repeat([0, 1], 100)
    features = (rng.normal(size=(200, 8)) + 20 * classes[:, None]).astype(np.float32)
    gaussian = feature_gaussian(features, classes)
    assert abs(float(np.median(gaussian.distances(features)))) < 0.3
    between = np.full((1, 8), 10, np.float32)
    assert gaussian.distances(between)[0] > 3


def test_no_mean_of_a_class_is_the_features_of_one_film():
    features = np.random.default_rng(6).normal(size=(41, 8)).astype(np.float32)
    alone = features[40]
    gaussian = feature_gaussian(features, [0] * 20 + [1] * 20 + [2])
    assert gaussian.means.shape == (2, 8)
    assert np.abs(gaussian.means - alone).max(axis=1).min() > 0.1
    assert np.isfinite(gaussian.distances(alone[None])).all()
    each_its_own = feature_gaussian(features, range(41))
    assert each_its_own.means == pytest.approx(features.mean(axis=0, keepdims=True), abs=1e-6)
