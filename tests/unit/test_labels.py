import pytest

from carina.data.labels import decide_labels
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError, RecipeError


def decide(found, **section):
    return decide_labels(found, LabelsSection(**section))


def test_labels_stay_as_found_and_sorted_without_a_section():
    decision = decide({"b": 1, "A": 2})
    assert decision.labels.names == ("A", "b")
    assert decision.notes == ()


def test_the_most_frequent_spelling_stands_and_the_others_are_counted():
    decision = decide({"COVID19": 2, "COVID-19": 5, "Covid 19": 1, "Normal": 1})
    assert decision.labels.names == ("COVID-19", "Normal")
    assert decision.class_of["Covid 19"] == "COVID-19"
    assert [note.split(":")[0] for note in decision.notes] == [
        "2 films labelled 'COVID19' taken as 'COVID-19'",
        "1 film labelled 'Covid 19' taken as 'COVID-19'",
    ]
    assert decision.labels.aliases == {"COVID19": "COVID-19", "Covid 19": "COVID-19"}


def test_signs_at_the_end_keep_classes_apart():
    assert decide({"COVID+": 1, "COVID-": 1}).labels.names == ("COVID+", "COVID-")


def test_steps_apply_in_the_documented_order():
    decision = decide(
        {"corona": 1, "viral": 2, "bacterial": 3, "healthy": 4, "junk": 5},
        aliases={"corona": "covid"},
        merge={"pneumonia": ("viral", "bacterial")},
        rename={"pneumonia": "other pneumonia"},
        drop=("junk",),
        classes=("healthy", "covid", "other pneumonia"),
    )
    assert decision.labels.names == ("healthy", "covid", "other pneumonia")
    assert decision.class_of == {
        "corona": "covid",
        "viral": "other pneumonia",
        "bacterial": "other pneumonia",
        "healthy": "healthy",
        "junk": None,
    }
    assert [(x.what, x.n_images) for x in decision.left_out] == [("junk", 5)]
    assert "1 film labelled 'corona' taken as 'covid' (alias)" in decision.notes
    assert "5 films labelled 'pneumonia' taken as 'other pneumonia' (rename)" in decision.notes


def test_the_section_names_labels_in_any_spelling():
    decision = decide({"VIRAL PNEUMONIA": 1, "Normal": 1}, drop=("viral_pneumonia",))
    assert decision.labels.names == ("Normal",)


def test_an_alias_for_a_label_that_is_not_there_is_allowed():
    assert decide({"A": 1}, aliases={"unused": "A"}).labels.names == ("A",)


@pytest.mark.parametrize(
    "section", [{"merge": {"x": ("Normul",)}}, {"drop": ("Normul",)}, {"rename": {"Normul": "x"}}]
)
def test_an_unknown_name_suggests_the_nearest(section):
    with pytest.raises(DatasetError, match=r"'Normul', which no film has; did you mean 'Normal'\?"):
        decide({"Normal": 3, "COVID": 1}, **section)


def test_labels_outside_the_classes_are_listed_with_counts():
    with pytest.raises(DatasetError, match=r"does not name TB \(7 films\); .*labels\.drop"):
        decide({"Normal": 3, "TB": 7}, classes=("Normal", "COVID"))


def test_classes_decide_order_and_spelling():
    decision = decide({"NORMAL": 3, "Covid": 7}, classes=("normal", "COVID"))
    assert decision.labels.names == ("normal", "COVID")
    assert decision.class_of == {"NORMAL": "normal", "Covid": "COVID"}


def test_classes_that_look_alike_are_asked_about():
    notes = decide({"Covid": 3, "COVID-19": 7, "class 1": 1, "class 10": 1}).notes
    assert len(notes) == 1
    assert "'Covid' and 'COVID-19' are two classes" in notes[0]


def test_rest_takes_every_label_that_is_not_a_class_and_counts_it():
    decision = decide(
        {"Normal": 5, "Viral Pneumonia": 41, "COVID": 7, "junk": 2},
        drop=("junk",),
        classes=("normal", "Abnormal"),
        rest="abnormal",
    )
    assert decision.labels.names == ("normal", "Abnormal")
    assert decision.class_of == {
        "Normal": "normal",
        "Viral Pneumonia": "Abnormal",
        "COVID": "Abnormal",
        "junk": None,
    }
    assert decision.notes[-1].startswith("41 films labelled 'Viral Pneumonia' taken as 'abnormal'")


def test_rest_leaves_a_label_alone_that_is_the_class_itself():
    decision = decide(
        {"abnormal": 3, "Normal": 2, "COVID": 1}, classes=("Normal", "Abnormal"), rest="Abnormal"
    )
    assert decision.class_of["abnormal"] == "Abnormal"
    assert decision.class_of["COVID"] == "Abnormal"
    assert "1 film labelled 'COVID' taken as 'Abnormal' (rest)" in decision.notes


@pytest.mark.parametrize("classes", [(), ("Normal", "COVID")])
def test_a_rest_that_is_no_class_is_an_error_that_says_what_to_do(classes):
    with pytest.raises(RecipeError, match=r"labels\.rest = 'Sick' is not one of labels\.classes"):
        decide({"Normal": 3, "COVID": 1}, classes=classes, rest="Sick")


def test_a_rest_that_nothing_falls_to_stays_a_class_without_films():
    decision = decide({"Normal": 3}, classes=("Normal", "Sick"), rest="Sick")
    assert decision.labels.names == ("Normal", "Sick")
    assert decision.class_of == {"Normal": "Normal"}
    assert decision.notes == ()


def test_a_dropped_label_that_no_film_has_is_passed_over_where_that_is_allowed():
    decision = decide({"A": 1, "junk": 2}, drop=("junk", "absent"), optional_drop=True)
    assert decision.labels.names == ("A",)
    assert [(x.what, x.n_images) for x in decision.left_out] == [("junk", 2)]
    with pytest.raises(DatasetError, match="'absent', which no film has"):
        decide({"A": 1, "junk": 2}, drop=("junk", "absent"))
