"""Which runtime answers, in which precision: the rule, and what is refused with a way out."""

import numpy as np
import pytest

from carina.domain.serving import ServingAgreement
from carina.errors import CouldNotError, UnknownNameError, UsageError
from carina.inference.bundle import load_classifier
from carina.inference.runtime_choice import (
    FILMS_WORTH_COMPILING,
    UNCHECKED_CAUTION,
    choose_runtime,
)
from carina.inference.runtimes import RUNTIMES
from carina.inference.runtimes import openvino as openvino_runtime
from carina.workflows.doctor import doctor
from making.classifiers import write_tiny_classifier

OFFERED = ServingAgreement(runtime="OpenVINO", n_films=10, offered=True)
FAR_OFF = ServingAgreement(
    runtime="OpenVINO", n_films=40, n_changed=2, largest_margin=0.03, max_probability_difference=0.1
)


@pytest.fixture
def without_openvino(monkeypatch):
    monkeypatch.setattr(openvino_runtime, "find_spec", lambda name: None)


@pytest.fixture
def with_bf16(monkeypatch):
    """OpenVINO as on a processor with bf16 instructions, wherever the tests run."""
    pytest.importorskip("openvino")
    runtime = RUNTIMES.get("openvino")
    monkeypatch.setitem(
        RUNTIMES._parts,
        "openvino",
        type(runtime)(
            runtime.title,
            runtime.device,
            runtime.load,
            runtime.version,
            runtime.absence,
            without_bf16=lambda: "",
        ),
    )


def test_one_film_does_not_wait_for_openvino_and_many_do():
    pytest.importorskip("openvino")
    few = choose_runtime(films_expected=FILMS_WORTH_COMPILING - 1)
    assert few.name == "onnxruntime"
    assert f"here: {FILMS_WORTH_COMPILING - 1}" in few.because
    for films_expected in (FILMS_WORTH_COMPILING, None):
        many = choose_runtime(films_expected=films_expected)
        assert (many.name, many.device, many.precision) == ("openvino", "cpu", "f32")
    assert many.in_words == f"OpenVINO {many.version} on the CPU, in f32"


def test_without_openvino_onnx_runtime_answers_and_it_is_said(without_openvino):
    chosen = choose_runtime()
    assert chosen.name == "onnxruntime"
    assert "OpenVINO is not installed" in chosen.because
    with pytest.raises(CouldNotError, match=r"carina\[openvino\]"):
        choose_runtime("openvino")


def test_a_gpu_is_taken_before_all_others_where_it_can_be_used(monkeypatch):
    runtime = RUNTIMES.get("cuda")
    there = type(runtime)(
        runtime.title,
        runtime.device,
        runtime.load,
        lambda: "1.0",
        lambda: None,
        runtime.without_bf16,
    )
    monkeypatch.setitem(RUNTIMES._parts, "cuda", there)
    chosen = choose_runtime(films_expected=1)
    assert (chosen.name, chosen.device) == ("cuda", "cuda")
    assert chosen.in_words == "ONNX Runtime with CUDA 1.0 on a GPU, in f32"
    with pytest.raises(UsageError, match="in f32 only"):
        choose_runtime("cuda", precision="bf16-unchecked")


def test_cuda_is_refused_with_what_is_missing_where_it_is_not_there(tmp_path):
    if RUNTIMES.get("cuda").absence() is None:
        pytest.skip("this machine has CUDA")
    with pytest.raises(CouldNotError, match=r"onnxruntime-gpu|NVIDIA GPU"):
        load_classifier(write_tiny_classifier(tmp_path / "c"), runtime="cuda")


def test_an_unknown_runtime_or_precision_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        choose_runtime("open-vino")
    with pytest.raises(UnknownNameError, match="known: bf16, bf16-unchecked, f32"):
        choose_runtime(precision="fp16")


def test_onnx_runtime_on_the_cpu_has_no_bf16():
    with pytest.raises(UsageError, match="--runtime openvino"):
        choose_runtime("onnxruntime", precision="bf16", serving=OFFERED)


def test_a_processor_without_bf16_instructions_is_refused_bf16(monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(openvino_runtime, "_instructions", lambda: {"avx2", "avx512f"})
    assert "no bf16 instructions" in openvino_runtime._without_bf16.__wrapped__()


@pytest.mark.parametrize(
    ("serving", "says"), [(None, "was not measured"), (FAR_OFF, "0.030 from the threshold")]
)
def test_bf16_is_refused_where_the_card_does_not_offer_it(with_bf16, serving, says):
    with pytest.raises(UsageError, match=says) as refused:
        choose_runtime(precision="bf16", serving=serving)
    assert "--precision f32" in str(refused.value)
    assert "bf16-unchecked" in str(refused.value)


def test_bf16_is_taken_where_the_card_offers_it_and_only_openvino_computes_it(with_bf16):
    chosen = choose_runtime(precision="bf16", films_expected=1, serving=OFFERED)
    assert (chosen.name, chosen.precision) == ("openvino", "bf16")
    assert "only OpenVINO" in chosen.because


def test_unchecked_bf16_answers_and_every_answer_says_so(with_bf16, tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    exact, quick = load_classifier(folder), load_classifier(folder, precision="bf16-unchecked",
                                                            runtime="auto")  # fmt: skip
    films = np.random.default_rng(0).random((3, 1, 32, 32), dtype=np.float32)
    np.testing.assert_allclose(quick.logits(films), exact.logits(films), atol=0.2)
    assert quick.card.cautions == (*exact.card.cautions, UNCHECKED_CAUTION)
    assert (exact.runtime.precision, quick.runtime.precision) == ("f32", "bf16")
    assert quick.digest == exact.digest


def test_doctor_says_what_would_answer_and_why_and_what_is_missing(without_openvino):
    facts = doctor()
    assert facts["runtime openvino"].startswith("not there: ")
    assert "pip install 'carina[openvino]'" in facts["runtime openvino"]
    assert "in f32; no bf16" in facts["runtime onnxruntime"]
    assert "OpenVINO is not installed" in facts["serve"]
