import pytest

from carina.domain.recipe import Recipe, recipe_from_values
from carina.errors import RecipeError, UnknownNameError
from carina.files.recipes import read_recipe, shipped_recipes, with_settings, write_recipe


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_read_under_its_own_name_and_says_what_it_is_for(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.purpose


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_is_read_as_it_was_written(name, tmp_path):
    recipe = with_settings(read_recipe(name), ["labels.merge.pneumonia=['viral', 'bacterial']"])
    write_recipe(tmp_path / "mine.toml", recipe)
    assert read_recipe(str(tmp_path / "mine.toml")) == recipe


def test_two_conv_has_the_numbers_of_its_description():
    recipe = read_recipe("two-conv")
    assert (recipe.input.height, recipe.input.width, recipe.input.channels) == (150, 150, 1)
    assert (recipe.train.epochs, recipe.train.batch_size) == (5, 32)
    assert (recipe.train.optimizer, recipe.train.learning_rate) == ("adam", 0.001)
    assert recipe.augment.horizontal_flip
    assert recipe.augment.zoom > 0


def test_five_conv_500_has_the_numbers_of_its_description():
    recipe = read_recipe("five-conv-500")
    assert (recipe.input.height, recipe.input.width, recipe.input.channels) == (500, 500, 1)
    assert (recipe.train.epochs, recipe.train.batch_size) == (13, 16)
    assert len(recipe.network.options["filters"]) == 5
    assert recipe.network.options["dense"] == (512, 256, 128, 64)
    assert recipe.network.options["dropout_maps"] == 0.5
    augment = recipe.augment
    assert augment.shear_degrees > 0
    assert augment.zoom > 0
    assert augment.horizontal_flip


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_that_flips_hearts_says_so_and_no_recipe_chooses_noise_reduction(name):
    recipe = read_recipe(name)
    flips = [s.augment.horizontal_flip for s in recipe.stages] or [recipe.augment.horizontal_flip]
    said = any("swap the heart's side" in note and "kept" in note for note in recipe.notes)
    assert any(flips) == said
    assert recipe.input.denoise == "none"


def test_the_parts_of_the_cascade_are_trained_as_the_recipes_they_are_named_for():
    first, second = read_recipe("cascade").stages
    alone = [read_recipe("custom-cnn"), read_recipe("vgg16")]
    for stage, recipe in zip((first, second), alone, strict=True):
        assert (stage.network, stage.train) == (recipe.network, recipe.train)
        assert stage.augment == recipe.augment


def test_set_reaches_into_a_stage_by_its_number():
    recipe = with_settings(read_recipe("cascade"), ["stages.1.train.epochs=3"])
    assert [stage.train.epochs for stage in recipe.stages] == [15, 3]


@pytest.mark.parametrize("setting", ["stages.2.train.epochs=3", "stages.epochs=3", "stages.1=3"])
def test_a_stage_that_is_not_there_is_refused_with_the_setting(setting):
    with pytest.raises(RecipeError, match="stage"):
        with_settings(read_recipe("cascade"), [setting])


def test_set_changes_one_value_and_keeps_the_others():
    recipe = with_settings(read_recipe("two-conv"), ["train.epochs=2", "split.mode=cut"])
    assert (recipe.train.epochs, recipe.split.mode, recipe.train.batch_size) == (2, "cut", 32)


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("train.epoch=2", "did you mean 'epochs'"),
        ("trian.epochs=2", "did you mean 'train'"),
        ("train.epochs=none", "train.epochs = 'none'"),
        ("train.epochs=0", "train.epochs = 0"),
        ("train.epochs", "SECTION.KEY=VALUE"),
        ("name.deeper=2", "is a value, not a section"),
    ],
)
def test_a_wrong_setting_names_the_nearest_right_one(setting, hint):
    with pytest.raises(RecipeError, match=hint):
        with_settings(Recipe(), [setting])


def test_an_unknown_recipe_names_the_nearest_shipped_one():
    with pytest.raises(UnknownNameError, match="did you mean 'two-conv'"):
        read_recipe("two-cnov")


def test_a_recipe_file_that_is_missing_or_no_toml_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(str(tmp_path / "absent.toml"))
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(RecipeError, match="not valid TOML"):
        read_recipe(str(tmp_path / "bad.toml"))


def test_an_unknown_key_anywhere_is_refused():
    with pytest.raises(RecipeError, match=r"unknown key 'network\.arch'.*architecture"):
        recipe_from_values({"network": {"arch": "two-conv"}}, origin="test")
