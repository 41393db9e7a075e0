import json

import numpy as np
import pytest

from carina.errors import (
    ClassifierError,
    MissingExtraError,
    ParityError,
    RunError,
    UnknownNameError,
    UsageError,
)
from carina.workflows.export import export, trained_network


def test_the_keras_file_is_compared_with_the_classifier_on_validation_films(trained_run, tmp_path):
    written = export(trained_run, to="keras", out=tmp_path / "network.keras")
    assert written.file.is_file()
    assert (written.compared_on, written.n_outputs) == ("validation films", 3)
    assert 20 <= written.n_films <= 32
    assert 0 <= written.max_probability_difference <= 1e-5
    assert [file.name for file in tmp_path.iterdir() if file.name != "own"] == ["network.keras"]


def test_the_exported_file_holds_the_weights_of_the_chosen_epoch(trained_run, tmp_path):
    from carina.models.keras.backend import keras_on_cpu

    written = export(trained_run, to="keras", out=tmp_path / "network.keras")
    with keras_on_cpu() as keras:
        model = keras.saving.load_model(written.file)
        kernel, _ = model.get_layer("conv_1").get_weights()
    wanted = trained_network(trained_run).conv_1.weight.detach().numpy()
    np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), wanted)


def test_where_the_films_are_gone_random_images_are_compared_and_it_says_so(own_run, tmp_path):
    facts = json.loads(own_run.environment_file.read_text())
    facts["sources"] = {name: str(tmp_path / "gone") for name in facts["sources"]}
    own_run.environment_file.write_text(json.dumps(facts))
    written = export(own_run, to="keras", out=tmp_path / "network.keras")
    assert written.n_films == 32
    assert written.compared_on == "random images, since no film of it was found"


def test_weights_that_are_not_the_classifiers_are_noticed_and_nothing_is_written(own_run, tmp_path):
    from carina.models.weights import weights_to_bytes

    state = {name: 1.5 * tensor for name, tensor in trained_network(own_run).state_dict().items()}
    (own_run.checkpoints_dir / "best.safetensors").write_bytes(weights_to_bytes(state, {}))
    with pytest.raises(ParityError, match="nothing was written"):
        export(own_run, to="keras", out=tmp_path / "network.keras")
    assert not [file for file in tmp_path.rglob("*") if "keras" in file.name]


def test_onnx_is_the_classifiers_own_file_byte_for_byte(trained_run, tmp_path):
    written = export(trained_run, to="onnx", out=tmp_path / "network.onnx")
    own = trained_run.classifier_dir / "network.onnx"
    assert written.file.read_bytes() == own.read_bytes()


def test_a_damaged_classifier_is_not_exported(own_run, tmp_path):
    network = own_run.classifier_dir / "network.onnx"
    network.write_bytes(network.read_bytes()[:-1])
    with pytest.raises(ClassifierError, match=r"network\.onnx"):
        export(own_run, to="onnx", out=tmp_path / "network.onnx")
    assert not (tmp_path / "network.onnx").exists()


def test_a_file_that_is_there_is_not_touched(trained_run, tmp_path):
    for to in ("keras", "onnx"):
        file = tmp_path / f"mine.{to}"
        file.write_text("mine")
        with pytest.raises(UsageError, match="is there already"):
            export(trained_run, to=to, out=file)
        assert file.read_text() == "mine"


def test_a_name_that_keras_would_not_load_is_refused(trained_run, tmp_path):
    with pytest.raises(UsageError, match=r"--out .*network\.keras"):
        export(trained_run, to="keras", out=tmp_path / "network.h5")


def test_without_out_the_file_lies_in_a_folder_of_its_own(trained_run, settings):
    written = export(trained_run, to="onnx", settings=settings)
    assert written.file.parent.parent == settings.runs_dir
    assert written.file.name == "two-conv.onnx"
    assert "export" in written.file.parent.name


def test_an_unknown_format_names_the_known_ones(trained_run):
    with pytest.raises(UnknownNameError, match=r"known: keras, onnx"):
        export(trained_run, to="kers")


def test_a_run_without_its_weights_says_which_file_is_missing(own_run, tmp_path):
    (own_run.checkpoints_dir / "best.safetensors").unlink()
    with pytest.raises(RunError, match=r"checkpoints/best\.safetensors"):
        export(own_run, to="keras", out=tmp_path / "network.keras")


def test_weights_of_another_network_are_refused_with_a_sentence(own_run):
    text = own_run.recipe_file.read_text()
    own_run.recipe_file.write_text(
        text.replace('architecture = "two-conv"', 'architecture = "conv-stack"')
    )
    with pytest.raises(RunError, match="does not hold the weights"):
        trained_network(own_run)


def test_without_keras_the_extra_is_named(trained_run, monkeypatch, tmp_path):
    monkeypatch.setattr("carina.workflows.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"carina\[keras\]"):
        export(trained_run, to="keras", out=tmp_path / "network.keras")


def test_the_command_prints_how_to_load_it_and_what_films_it_takes(
    carina_command, trained_run, tmp_path
):
    file = tmp_path / "network.keras"
    code, out, _ = carina_command("export", trained_run.folder, "--to", "keras", "--out", file)
    assert code == 0
    assert "keras.models.load_model" in out
    assert "[n, 64, 64, 1]" in out
    assert "COVID-19, Normal, Pneumonia" in out
    assert "carina.imaging.prepare" in out


def test_the_printed_lines_run_and_answer_as_the_classifier(trained_run, phantom_films, tmp_path):
    import carina
    from carina.models.keras.backend import keras_on_cpu

    film = carina.read_radiograph(next(iter(sorted((phantom_films / "test").rglob("*.*")))))
    classifier = carina.load_classifier(trained_run.folder)
    written = export(trained_run, to="keras", out=tmp_path / "network.keras")
    films = classifier.prepare(film)[None].transpose(0, 2, 3, 1)
    names = {"films": films}
    with keras_on_cpu():
        exec("\n".join(written.usage), names)
    wanted = list(classifier.predict(film).probabilities.values())
    np.testing.assert_allclose(names["probabilities"][0], wanted, atol=1e-5)


def test_the_json_is_one_document(carina_command, trained_run, tmp_path):
    file = tmp_path / "network.onnx"
    code, out, _ = carina_command(
        "export", trained_run.folder, "--to", "onnx", "--out", file, "--json"
    )
    document = json.loads(out)
    assert code == 0
    assert document["file"] == str(file)
    assert document["classes"] == ["COVID-19", "Normal", "Pneumonia"]


def test_the_command_exits_2_where_the_folder_is_no_run(carina_command, tmp_path):
    code, _, err = carina_command("export", tmp_path / "nothing", "--to", "onnx")
    assert code == 2
    assert "does not exist" in err
