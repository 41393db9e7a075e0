import numpy as np
import pytest

from carina.imaging.strokes import text_strokes
from making.sketched import phantom_pixels, with_letters


def at_8_bits(pixels):
    return np.rint(pixels * 255).astype(np.uint8)


@pytest.mark.parametrize("width", [144, 640, 1400])
def test_a_word_has_many_strokes_at_every_size(width):
    film = phantom_pixels(2, height=round(1.1 * width), width=width)
    assert text_strokes(at_8_bits(film)) < 2
    assert text_strokes(at_8_bits(with_letters(film, "PORTABLE"))) > 5


def test_black_letters_count_as_white_ones_do():
    film = with_letters(np.full((400, 400), 0.0, np.float32), "SUPINE")
    assert text_strokes(at_8_bits(1 - film)) == pytest.approx(
        text_strokes(at_8_bits(film)), rel=0.3
    )


def test_one_edge_is_no_stroke():
    values = np.zeros((300, 300), np.uint8)
    values[:, 150:] = 255
    assert text_strokes(values) == 0


def test_letters_at_the_edge_do_not_count():
    values = np.zeros((400, 400), np.uint8)
    values[10:60, 40:360:8] = 255
    values[150:250, 4:40:8] = 255
    assert text_strokes(values) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (8, 8)])
def test_a_strip_of_any_size_gives_a_number(shape):
    assert text_strokes(np.zeros(shape, np.uint8)) == 0
