"""Tables for a paper: LaTeX that compiles, Markdown that lines up, CSV that reads back."""

import csv
import io
import re

import pytest

from carina.domain.estimate import Estimate
from carina.domain.external import AgainstInternal
from carina.domain.operating_points import OperatingPoint
from carina.domain.thresholds import ChosenThreshold
from carina.errors import UsageError
from carina.evaluation.external import INTERNAL_TEST
from carina.reporting.table_formats import TABLE_FORMATS, csv_table, formatted_table, latex_table
from carina.reporting.tables import TABLES, paper_table
from carina.reporting.wording import with_interval
from making.runs import ExampleRun, write_example_run

HOSTILE = ("100 % of A_b & {c}", "~^\\x|<y>#$", "new\nline")
ACHIEVED = ("sensitivity", "specificity", "ppv", "npv")


def points(label):
    """One threshold that was chosen, and one that could not be."""
    share = Estimate(value=0.9, low=0.8, high=0.95, n=66, method="wilson")
    chosen = ChosenThreshold(label=label, rule="youden", threshold=0.4321, n_validation=37)
    none = ChosenThreshold(
        label=label, rule="sensitivity", target=0.95, threshold=None, undefined_because="too few"
    )
    return (
        OperatingPoint(chosen=chosen, achieved=dict.fromkeys(ACHIEVED, share)),
        OperatingPoint(chosen=none),
    )


def an_external_test(evaluation):
    drop = Estimate(value=-0.1, low=-0.2, high=0.01, n=50, method="bootstrap")
    data = evaluation.data.model_copy(update={"name": "elsewhere", "external": True})
    beside = AgainstInternal(
        name=INTERNAL_TEST,
        n_internal=63,
        without_leaks=True,
        internal=evaluation.metrics,
        drops={"accuracy": drop},
    )
    return evaluation.model_copy(update={"data": data, "against_internal": beside})


def evaluation_of(folder, labels):
    example = ExampleRun(labels=labels, sources=(labels[0],), leaks=3, pictures=False)
    evaluation = write_example_run(folder / "run", example).evaluation
    return evaluation.model_copy(update={"operating_points": points(labels[0])})


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    return evaluation_of(tmp_path_factory.mktemp("plain"), ("Covid", "Normal", "Pneumonia"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return evaluation_of(tmp_path_factory.mktemp("hostile"), HOSTILE)


def table_of(evaluation, of):
    return paper_table(evaluation, {"elsewhere-1": an_external_test(evaluation)}, of)


@pytest.mark.parametrize("of", TABLES)
def test_latex_is_balanced_and_escaped(hostile, of):
    text = latex_table(table_of(hostile, of))
    begun = re.findall(r"\\begin\{(\w+)\}", text)
    assert begun == re.findall(r"\\end\{(\w+)\}", text)[::-1] == ["table", "tabular"]
    plain = re.sub(r"\\[{}&%$#_\\]", "", text)
    assert plain.count("{") == plain.count("}")
    body = text.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    columns = re.search(r"\\begin\{tabular\}\{(l[r]+)\}", text)[1]
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
    shown = text.partition("\n")[2]
    assert not re.search(r"(?<!\\)[%$#]", shown)
    assert not re.search(r"[<>|~^]", shown)
    assert not re.search(r"(?<!\\)_", shown)


@pytest.mark.parametrize("of", TABLES)
def test_csv_reads_back_to_the_same_estimates(evaluation, of):
    table = table_of(evaluation, of)
    rows = list(csv.DictReader(io.StringIO(csv_table(table))))
    assert len(rows) == sum(len(estimates) for estimates in table.groups.values())
    for row in rows:
        estimate = table.groups[row["group"]][row["metric"]]
        for name in ("value", "low", "high"):
            assert (float(row[name]) if row[name] else None) == getattr(estimate, name)
        assert int(row["n"]) == estimate.n
        assert row["undefined_because"] == estimate.undefined_because


@pytest.mark.parametrize("of", TABLES)
def test_markdown_has_as_many_cells_in_every_row(hostile, of):
    text = formatted_table(table_of(hostile, of), "markdown")
    rows = [re.split(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert len(rows) > 3


def test_the_metrics_stand_with_intervals_films_and_patients(evaluation):
    text = formatted_table(table_of(evaluation, "metrics"), "markdown")
    for name, estimate in evaluation.metrics.items():
        assert with_interval(name, estimate) in text
    assert "66 films, patients not known" in text
    assert "Without leaked films" in text


def test_each_class_has_sensitivity_and_specificity(evaluation):
    rows = {row[0]: row for row in table_of(evaluation, "classes").cells()}
    assert rows["Metric"][1:] == ("Covid", "Normal", "Pneumonia")
    recall = evaluation.per_class["Covid"]["recall"]
    assert rows["Sensitivity"][1] == with_interval("recall", recall)
    assert rows["Films"][1:] == ("26", "20", "20")


def test_a_threshold_that_could_not_be_chosen_says_why(evaluation):
    table = table_of(evaluation, "operating-points")
    rows = {row[0]: row for row in table.cells()}
    assert rows["Threshold"][1:] == ("0.432", "not defined")
    assert "too few" in table.note


def test_an_external_test_stands_beside_the_internal_one_with_its_drop(evaluation):
    rows = {row[0]: row for row in table_of(evaluation, "external").cells()}
    assert rows["Metric"][1:] == (
        "Internal test (63 films, without leaked ones)",
        "elsewhere, films new to it",
        "elsewhere, difference",
    )
    accuracy = evaluation.without_leaks.metrics["accuracy"]
    assert rows["Accuracy"][2] == with_interval("accuracy", accuracy)
    assert rows["Accuracy"][3] == "-10.0 points (-20.0 to 1.0)"


def test_an_external_test_without_a_run_has_its_internal_one_too(evaluation):
    table = paper_table(an_external_test(evaluation), {}, "external")
    assert len(table.groups) == 3
    assert "3 known when the classifier was made or tested do not count" in table.note


def test_a_test_on_films_that_are_not_known_to_be_new_is_no_external_one(evaluation):
    new = an_external_test(evaluation)
    own = evaluation.model_copy(update={"without_leaks": None})
    table = paper_table(evaluation, {"own-1": own, "elsewhere-1": new}, "external")
    assert not any(evaluation.data.name in group for group in table.groups)
    assert f"not known to be new to the classifier: {evaluation.data.name}. " in table.note
    unknown = own.data.model_copy(update={"external": None})
    for data in (own.data, unknown):
        with pytest.raises(UsageError, match="not known to be new to the classifier"):
            paper_table(evaluation, {"1": own.model_copy(update={"data": data})}, "external")


def test_a_held_out_source_is_called_so_and_a_leaky_test_without_a_drop_is_cut(evaluation):
    test = an_external_test(evaluation)
    held_out = test.against_internal.model_copy(update={"name": "the held-out source north"})
    north = test.model_copy(update={"against_internal": held_out})
    first, *_ = paper_table(evaluation, {"1": north}, "external").groups
    assert first == "The held-out source north (63 films, without leaked ones)"
    alone = test.model_copy(update={"against_internal": None})
    groups = paper_table(evaluation, {"1": alone}, "external").groups
    fair = groups["Internal test (63 films, without leaked ones)"]
    assert fair["accuracy"] == evaluation.without_leaks.metrics["accuracy"]


def test_two_external_tests_on_data_of_one_name_stay_apart(evaluation):
    test = an_external_test(evaluation)
    table = paper_table(evaluation, {"elsewhere-1": test, "elsewhere-2": test}, "external")
    names = " ".join(table.groups)
    assert "elsewhere-1, films" in names
    assert "elsewhere-2, films" in names


def test_what_the_run_does_not_have_is_refused(evaluation):
    bare = evaluation.model_copy(update={"operating_points": ()})
    with pytest.raises(UsageError, match="no operating points"):
        paper_table(bare, {}, "operating-points")
    with pytest.raises(UsageError, match="carina evaluate"):
        paper_table(bare, {}, "external")


@pytest.mark.parametrize("form", TABLE_FORMATS)
def test_the_command_prints_the_table_and_writes_nothing(carina_command, tmp_path, form):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    before = sorted(run.folder.rglob("*"))
    code, out, _ = carina_command("report", run.folder, "--table", form, "--of", "classes")
    wanted = formatted_table(paper_table(run.evaluation, {}, "classes"), form)
    assert code == 0
    assert out == wanted
    assert sorted(run.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--table", "word"], "latex"),
        (["--table", "csv", "--of", "everything"], "operating-points"),
        (["--of", "classes"], "--table"),
        (["--table", "csv", "--pdf"], "one of them"),
        (["--out", "x.pdf"], "--pdf"),
        (["--table", "csv", "--of", "external"], "carina evaluate"),
    ],
)
def test_options_that_mean_nothing_are_refused(carina_command, tmp_path, words, hint):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    code, _, err = carina_command("report", run.folder, *words)
    assert code == 2
    assert hint in err


def test_a_folder_without_numbers_is_refused(carina_command, tmp_path):
    code, _, err = carina_command("report", tmp_path, "--table", "csv")
    assert code == 2
    assert "evaluation.json" in err
