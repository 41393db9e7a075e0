"""Every recipe key, command and file that the page for Keras users names exists."""

import re
import tomllib
from pathlib import Path

from carina.domain.recipe import Recipe, recipe_from_values
from carina.runs import Run

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "coming-from-keras.md").read_text("utf-8")


def sections():
    return {
        name: field.annotation.model_fields
        for name, field in Recipe.model_fields.items()
        if hasattr(field.annotation, "model_fields")
    }


def test_every_recipe_key_exists():
    known = sections()
    named = re.findall(rf"\b({'|'.join(known)})\.([a-z_]+)\b(?![(.])", PAGE)
    named = [(section, key) for section, key in named if key not in {"keras", "json"}]
    assert len(named) > 30
    assert [f"{s}.{key}" for s, key in named if key not in known[s]] == []


def test_every_option_of_a_network_exists():
    from carina.models.architectures.conv_stack import ConvStackOptions
    from carina.models.architectures.vgg16 import Vgg16Options

    known = {*ConvStackOptions.model_fields, *Vgg16Options.model_fields}
    named = re.findall(r"`network\.options` ([a-z_]+(?:, [a-z_]+)*)", PAGE)
    options = {option for row in named for option in row.split(", ")}
    assert len(options) > 7
    assert options <= known


def test_every_command_exists():
    from carina.cli.app import app

    known = {command.name for command in app.registered_commands}
    named = set(re.findall(r"(?:^|`)carina (\w+)", PAGE, re.MULTILINE))
    assert {"train", "serve", "export", "predict", "recipes"} <= named <= known


def test_the_example_is_a_recipe_of_a_network_that_can_be_built():
    from carina.models.build import build_network

    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    recipe = recipe_from_values(tomllib.loads(text), origin="the page")
    network = build_network(recipe.network, spec=recipe.input, n_classes=3, seed=0)
    assert [row.layer.split()[0] for row in network.summary()][:2] == ["conv_1", "pool_1"]


def test_every_file_of_a_run_is_where_a_run_has_it(tmp_path):
    run = Run(tmp_path)
    places = (run.history_file, run.evaluation_file, run.report_file)
    for place in places:
        assert f"`{place.name}`" in PAGE
    for folder in (run.figures_dir, run.classifier_dir):
        assert f"`{folder.name}/`" in PAGE
