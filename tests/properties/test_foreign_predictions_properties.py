"""Whatever a table's columns are called and however it is cut, it says the same."""

import csv
import io

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carina.data.foreign_predictions import PredictionColumns, read_foreign_predictions
from carina.data.patients import PatientKey
from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import all_metrics, scored_films

KEY = PatientKey(b"an example key, not for use")
LABELS = ("Covid", "Normal", "Viral Pneumonia")
SECTION = EvaluateSection(resamples=100)

truth_names = st.sampled_from(["label", "y_true", "Ground Truth", "CLASS", "target", "Diagnosis"])
patient_names = st.sampled_from(["patient", "PatientID", "subject_id", "Patient ID"])
path_names = st.sampled_from(["path", "Image", "file_name", "FilePath"])
score_forms = st.sampled_from(["p_{}", "prob_{}", "P {}", "{}_score", "{}.prob", "{}"])
delimiters = st.sampled_from([",", ";", "\t", "|"])
spellings = st.sampled_from([str, str.upper, str.lower, lambda name: name.replace(" ", "_")])


@st.composite
def written(draw):
    """Draw films and one way to write them; return the text, the films and the way."""
    k = draw(st.integers(2, 3))
    n = draw(st.integers(k, 12))
    y_true = [*range(k), *draw(st.lists(st.integers(0, k - 1), min_size=n - k, max_size=n - k))]
    parts = draw(
        st.lists(
            st.lists(st.integers(0, 8), min_size=k, max_size=k).filter(any), min_size=n, max_size=n
        )
    )
    shares = np.array(parts) / np.sum(parts, axis=1, keepdims=True)
    patients = draw(st.lists(st.sampled_from(["7", "8", "9", ""]), min_size=n, max_size=n))
    form, spell = draw(score_forms), draw(spellings)
    columns = {
        draw(path_names): [f"{row}.png" for row in range(n)],
        draw(truth_names): [LABELS[index] for index in y_true],
        draw(patient_names): patients,
        **{
            form.format(spell(label)): [repr(float(p)) for p in shares[:, index]]
            for index, label in enumerate(LABELS[:k])
        },
    }
    order = draw(st.permutations(list(columns)))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=draw(delimiters))
    writer.writerow(order)
    writer.writerows(zip(*(columns[name] for name in order), strict=True))
    return text.getvalue(), (y_true, shares, patients)


@given(table=written())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_films_written_under_any_names_are_read_as_the_same_films(table, tmp_path):
    text, (y_true, shares, patients) = table
    file = tmp_path / "tool.csv"
    file.write_text(text, newline="")
    foreign = read_foreign_predictions(file, PredictionColumns(), patient_key=KEY)
    labels = LABELS[: shares.shape[1]]
    assert set(foreign.labels) == set(labels)
    films = scored_films(labels, foreign.predictions)
    assert films.y_true.tolist() == y_true
    assert np.array_equal(films.probabilities, shares)
    assert films.predicted.tolist() == [
        labels.index(max(foreign.labels, key=lambda name: row[labels.index(name)]))
        for row in shares.tolist()
    ]
    assert list(films.patients) == [KEY.hash("manifest", p) if p else None for p in patients]


@given(
    scores=st.lists(st.integers(0, 100), min_size=6, max_size=12),
    form=st.sampled_from(["{:.2f}", "{:.0%}", "{:.3f} "]),
)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_one_score_and_two_columns_give_the_same_numbers(scores, form, tmp_path):
    truths = [("Normal", "Covid")[row % 2] for row in range(len(scores))]
    one = [
        "label,score",
        *(f"{t},{form.format(s / 100)}" for t, s in zip(truths, scores, strict=True)),
    ]
    two = [
        "label,p_Covid,p_Normal",
        *(f"{t},{s / 100!r},{1 - s / 100!r}" for t, s in zip(truths, scores, strict=True)),
    ]
    estimates = []
    for name, lines in (("one.csv", one), ("two.csv", two)):
        (tmp_path / name).write_text("\n".join(lines))
        foreign = read_foreign_predictions(tmp_path / name, PredictionColumns(), patient_key=KEY)
        estimates.append(
            all_metrics(scored_films(("Covid", "Normal"), foreign.predictions), SECTION)
        )
    assert estimates[0] == estimates[1]
