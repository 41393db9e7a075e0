"""What a run's page says of its heat maps."""

from carina.domain.report import Bullets, Notice, Table
from carina.files.documents import write_document
from carina.reporting.sections.heat_maps import heat_map_blocks, heat_maps
from making.heat_map_scores import made_scores
from making.runs import write_example_run


def kinds(blocks, kind):
    return [block for block in blocks if isinstance(block, kind)]


def test_every_score_of_every_method_stands_in_one_table():
    scores = made_scores(lungs=0.6)
    (table,) = kinds(heat_map_blocks(scores), Table)
    assert table.columns[1:] == ("Grad-CAM\n13 films, 1 without heat", "Grad-CAM++\n4 films")
    rows = {row[0]: row[1:] for row in table.rows}
    estimate = scores.methods["grad-cam"].scores["heat_in_lungs"]
    shown = f"{100 * estimate.value:.1f} %\n{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"
    assert rows["Heat inside the lungs"] == (shown, "not scored")
    assert " points\n" in rows["Heat inside the lungs, above heat spread evenly"][0]
    assert len(rows) == 16


def test_what_is_missing_is_told_with_its_reason_and_its_films():
    _, missing = kinds(heat_map_blocks(made_scores()), Bullets)[::-1]
    told = " ".join(missing.items)
    assert "Grad-CAM++: everything on the lungs: not scored: no lung masks." in told
    assert "Likeness once the film is shifted a little (more is better): on 11 films alone." in told
    assert "Occlusion: not scored; a training has no time for it." in told


def test_cautions_cannot_be_overlooked():
    notices = kinds(heat_map_blocks(made_scores(lungs=0.3)), Notice)
    assert any("outside the lungs" in notice.text for notice in notices)
    notices = kinds(heat_map_blocks(made_scores(lungs=0.7)), Notice)
    assert not any("outside the lungs" in notice.text for notice in notices)


def test_a_run_whose_maps_were_not_scored_has_no_such_section(tmp_path):
    run = write_example_run(tmp_path / "run")
    assert heat_maps(run).title == "Heat maps"
    evaluation = run.evaluation.model_copy(update={"explanation_scores": None})
    write_document(run.evaluation_file, evaluation)
    assert heat_maps(run) is None
