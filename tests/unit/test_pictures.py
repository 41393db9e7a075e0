"""Films and heat maps as PNG."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import carina
from carina.domain.explanation import Explanation
from carina.domain.explanation_scores import ExplanationScores, MethodScores
from carina.imaging.pictures import HEAT_COLOURS, film_png, heat_png, overlay_png, pixels_png
from carina.inference.explain.captions import caption
from making.films import film_of

RAMP = np.linspace(0, 1, 60 * 48, dtype=np.float32).reshape(60, 48)
BAR = 58  # pixels that the colour bar and its ticks add to the width


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.format == "PNG"
    return image


def test_a_film_is_an_8_bit_grey_picture_of_its_size():
    image = opened(film_png(film_of(RAMP)))
    assert (image.mode, image.size) == ("L", (48, 60))
    np.testing.assert_array_equal(np.asarray(image), np.rint(RAMP * 255))


@pytest.mark.parametrize(("longer_side", "size"), [(30, (24, 30)), (60, (48, 60)), (500, (48, 60))])
def test_a_film_is_made_smaller_but_never_larger(longer_side, size):
    assert opened(film_png(film_of(RAMP), longer_side=longer_side)).size == size


def test_pixels_alone_give_the_same_picture():
    assert pixels_png(RAMP) == film_png(film_of(RAMP))


def test_without_heat_the_film_shows_as_it_is():
    image = opened(overlay_png(film_of(RAMP), np.zeros_like(RAMP)))
    assert (image.mode, image.size) == ("RGB", (48 + BAR, 60))
    film = np.asarray(image)[:, :48]
    for channel in range(3):
        np.testing.assert_array_equal(film[..., channel], np.rint(RAMP * 255))


def test_heat_colours_its_place_and_the_film_can_be_read_through_it():
    heat = np.zeros((60, 48), dtype=np.float32)
    heat[20:40, 10:30] = 1
    grey = np.full((60, 48), 0.5, dtype=np.float32)
    grey[30:] = 0.6
    shown = np.asarray(opened(overlay_png(film_of(grey), heat)), dtype=np.int64)[:, :48]
    hot, cold = shown[25, 20], shown[5, 5]
    assert cold.tolist() == [128, 128, 128]
    assert hot[0] - hot[2] > 30  # yellow: more red than blue
    assert (shown[35, 20] > hot).all()  # the brighter half is brighter under the colour too


def test_colour_and_opacity_rise_with_the_heat():
    heat = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (60, 1))
    shown = np.asarray(opened(overlay_png(film_of(np.zeros((60, 48))), heat)), dtype=np.float64)
    brightness = (shown[30, :48] @ [0.299, 0.587, 0.114])[np.abs(heat[0] - 0.5) > 0.05]
    # on black, the perceptually uniform map only gets brighter (rounding: one level)
    assert (np.diff(brightness) >= -1).all()
    assert brightness[-1] > 120


def test_a_map_of_another_size_is_laid_over_the_whole_film():
    coarse = np.zeros((3, 3), dtype=np.float32)
    coarse[0, 0] = 1
    shown = np.asarray(opened(overlay_png(film_of(np.full((60, 48), 0.5)), coarse)), dtype=int)
    assert shown[2, 2, 0] - shown[2, 2, 2] > 30
    assert shown[58, 46].tolist() == [128, 128, 128]


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_an_outline_runs_where_the_heat_is_half_on_dark_and_on_bright_films(grey):
    heat = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (60, 1))
    film = film_of(np.full((60, 400), grey, dtype=np.float32))
    shown = np.asarray(opened(overlay_png(film, heat)), dtype=int)[30, :400].sum(axis=1)
    half = slice(196, 204)
    assert shown[half].max() - shown[half].min() > 0.6 * 3 * 255
    assert shown[half].argmin() < shown[half].argmax()  # black without, white within


def test_a_map_without_heat_has_no_outline():
    shown = np.asarray(opened(overlay_png(film_of(RAMP), np.zeros_like(RAMP), colour_bar=False)))
    np.testing.assert_array_equal(shown[..., 0], np.rint(RAMP * 255))


# Machado, Oliveira & Fernandes, IEEE TVCG 15 (2009) 1291-1298, severity 1: linear RGB as it
# looks to those who lack one kind of cone.
COLOUR_BLIND = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3).tolist(),
}


@pytest.mark.parametrize("kind", COLOUR_BLIND)
def test_the_bars_colours_are_told_apart_by_their_lightness_alone(kind):
    image = opened(overlay_png(film_of(np.zeros((240, 100))), np.zeros((240, 100), np.float32)))
    bar = np.asarray(image, dtype=float)[10:230, 100 + 10 + 7] / 255
    bar = np.delete(bar, [109, 110, 111], axis=0)[::-1]  # without the mark at one half
    # IEC 61966-2-1 (sRGB) and CIE 1976 L*
    linear = np.where(bar <= 0.04045, bar / 12.92, ((bar + 0.055) / 1.055) ** 2.4)
    luminance = (linear @ np.transpose(COLOUR_BLIND[kind])).clip(0, 1) @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    # Each tenth of the bar is lighter than the one before by more than the eye needs (1 L*).
    assert (np.diff(lightness[::21]) > 2).all()


def test_the_pages_scale_has_the_pictures_colours():
    static = Path(carina.__file__).parent / "web" / "static"
    sheets = " ".join(sheet.read_text().lower() for sheet in static.iterdir())
    scales = re.findall(r"(?:#[0-9a-f]{6},\s*){6}#[0-9a-f]{6}", sheets)
    assert scales
    assert {re.sub(r"\s+", " ", scale) for scale in scales} == {", ".join(HEAT_COLOURS)}


def test_a_picture_says_what_it_shows():
    said = ("What speaks for 'COVID-19' by Grad-CAM++, on this film.", "Not for diagnosis.")
    bare, image = (opened(overlay_png(film_of(RAMP), RAMP, caption=c)) for c in ((), said))
    assert image.info["Description"] == " ".join(said)
    assert "Description" not in bare.info
    pixels = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(
        pixels[: bare.height, : bare.width], np.asarray(bare.convert("L"))
    )
    written = (pixels[bare.height :] < 128).any(axis=1)
    assert (np.diff(written.astype(int)) == 1).sum() >= 3  # more lines than sentences


def test_no_line_of_a_caption_is_wider_than_the_picture():
    text = "Nothing on this film speaks for 'a class with quite a long name' by Ablation-CAM. " * 3
    image = opened(overlay_png(film_of(RAMP), RAMP, caption=[text]))
    assert (np.asarray(image.convert("L"))[70:, -6:] > 250).all()


def test_the_caption_of_an_explanation_names_its_class_and_method_and_says_not_for_diagnosis():
    heat = Explanation(heat=RAMP, method="grad-cam++", label="COVID-19")
    nothing = Explanation(heat=np.zeros_like(RAMP), method="occlusion", label="COVID-19")
    for explanation, title in ((heat, "Grad-CAM++"), (nothing, "Occlusion")):
        scores = ExplanationScores(cautions=("Be careful.",))
        words = " ".join(caption(explanation, scores=scores))
        assert "'COVID-19'" in words
        assert title in words
        assert "Be careful." in words
        assert "not for diagnosis" in words
    assert caption(nothing)[0].startswith("Nothing")
    assert not caption(heat)[0].startswith("Nothing")


def test_a_caption_says_of_its_own_method_what_was_found_and_nothing_of_another():
    scores = ExplanationScores(
        methods={"grad-cam": MethodScores(title="Grad-CAM")},
        cautions=("Its heat maps (Grad-CAM) mislead.", "Be careful."),
    )
    own = caption(Explanation(heat=RAMP, method="grad-cam", label="A"), scores=scores)
    assert own[1:3] == scores.cautions
    for method, title in (("occlusion", "Occlusion"), ("grad-cam++", "Grad-CAM++")):
        other = caption(Explanation(heat=RAMP, method=method, label="A"), scores=scores)
        assert other[1:3] == ("Be careful.", f"{title} was not scored on this classifier.")


def test_a_caption_of_a_film_without_an_answer_begins_with_the_reason():
    heat = Explanation(heat=RAMP, method="grad-cam", label="A")
    first, *_ = caption(heat, no_answer="it looks upside down")
    assert first == "The classifier gives no answer on this film: it looks upside down."


def test_the_colour_bar_runs_from_none_at_the_foot_to_most_at_the_top():
    image = opened(overlay_png(film_of(np.zeros((200, 100))), np.zeros((200, 100), np.float32)))
    bar = np.asarray(image.convert("L"), dtype=int)[11:189, 100 + 10 + 7]
    assert bar[0] > 230
    assert bar[-1] < 60
    without_the_mark = np.delete(bar, range(87, 92))  # at one half
    assert (np.diff(without_the_mark) <= 1).all()


def test_a_large_film_gives_an_overlay_of_the_asked_size():
    image = opened(overlay_png(film_of(np.zeros((300, 200))), np.zeros((30, 20)), longer_side=90))
    assert image.size == (60 + BAR, 90)


def test_without_the_colour_bar_the_picture_is_the_film_alone():
    heat = RAMP
    bare = opened(overlay_png(film_of(RAMP), heat, colour_bar=False))
    with_bar = opened(overlay_png(film_of(RAMP), heat))
    np.testing.assert_array_equal(np.asarray(bare), np.asarray(with_bar)[:, :48])


def test_the_layer_of_heat_over_the_film_looks_as_the_overlay_does():
    film, layer = opened(film_png(film_of(RAMP))), opened(heat_png(RAMP[::-1].copy()))
    assert (layer.mode, layer.size) == ("RGBA", (48, 60))
    colours = np.asarray(layer, dtype=np.float64)
    opacity = 0.65 * colours[..., 3:] / 255
    laid = np.asarray(film, dtype=np.float64)[..., None] * (1 - opacity)
    laid = laid + colours[..., :3] * opacity
    overlay = opened(overlay_png(film_of(RAMP), RAMP[::-1].copy(), colour_bar=False))
    # the layer's colours and opacity are rounded to 8 bits
    np.testing.assert_allclose(laid, np.asarray(overlay), atol=2)
