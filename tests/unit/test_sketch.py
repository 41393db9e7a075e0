"""A film's sketch: what an audit compares."""

import numpy as np
import pytest
from PIL import Image

from carina.imaging import read_radiograph
from carina.imaging.sketch import SKETCH, sketch
from carina.imaging.traces import jpeg_compression


def test_a_sketch_is_the_whole_film_made_small():
    pixels = np.zeros((200, 300), dtype=np.float32)
    pixels[:, 150:] = 1.0
    small = sketch(pixels)["small"]
    assert small.shape == (96, 96)
    assert np.all(small[:, :46] == 0)
    assert np.all(small[:, 50:] == 255)


def test_the_histogram_counts_the_films_own_grey_values():
    pixels = np.full((10, 20), 0.51, dtype=np.float32)
    pixels[:5] = 1.0
    histogram = sketch(pixels)["histogram"] / 65535
    assert histogram[16] == pytest.approx(0.5, abs=1e-4)
    assert histogram[31] == pytest.approx(0.5, abs=1e-4)
    assert histogram.sum() == pytest.approx(1.0, abs=1e-3)


def test_a_sketch_has_the_bytes_that_its_type_says():
    assert len(sketch(np.zeros((9, 9), dtype=np.float32)).tobytes()) == SKETCH.itemsize


@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_a_jpegs_tables_tell_its_quality(tmp_path, quality):
    path = tmp_path / "film.jpg"
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8), (64, 1))).save(path, quality=quality)
    film = read_radiograph(path)
    assert film.jpeg_quality == pytest.approx(quality, abs=1)
    assert len(film.jpeg_tables) == 8


def test_the_tables_of_two_qualities_differ_and_a_png_has_none(tmp_path):
    tables = set()
    for quality in (60, 90):
        path = tmp_path / f"{quality}.jpg"
        Image.new("L", (32, 32)).save(path, quality=quality)
        tables.add(read_radiograph(path).jpeg_tables)
    assert len(tables) == 2
    assert jpeg_compression(Image.new("L", (8, 8))) == ("", None)


def test_traces_tell_how_a_file_was_made_but_no_text_of_it(tmp_path):
    path = tmp_path / "film.png"
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", "Jane Doe's camera")
    Image.new("L", (32, 32)).save(path, pnginfo=info, dpi=(72, 72))
    traces = read_radiograph(path).traces
    assert "dpi 72 x 72" in traces
    (software,) = [trace for trace in traces if trace.startswith("software ")]
    assert "Jane" not in software
    assert len(software) == len("software ") + 8
