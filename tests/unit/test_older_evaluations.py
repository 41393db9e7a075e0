"""Evaluations that earlier versions wrote can still be read."""

import json

from carina.domain.evaluation import Evaluation
from making.runs import ExampleRun, write_example_run


def test_an_evaluation_without_calibration_and_abstention_is_read(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    values = json.loads(run.evaluation_file.read_text())
    for name in ("decision_curves", "error_agreement", "against_internal", "folds", "notes"):
        values.pop(name, None)
    values |= {"calibration": {}, "operating_points": [], "abstention": {}}
    run.evaluation_file.write_text(json.dumps(values))
    assert isinstance(run.evaluation, Evaluation)
    assert run.evaluation.calibration is None
    assert run.evaluation.abstention is None
