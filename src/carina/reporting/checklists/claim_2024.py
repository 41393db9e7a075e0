"""CLAIM: the Checklist for Artificial Intelligence in Medical Imaging, 2024 update, 44 items.

Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging
(CLAIM): 2024 Update. Radiology: Artificial Intelligence 2024;6(4):e240300.
doi:10.1148/ryai.240300. Numbers, order and sections are the checklist's; each topic is put in
our own few words, and the article says what an item asks for in full.
"""

from carina.reporting.checklists import answers_on_data as data
from carina.reporting.checklists import answers_on_network as network
from carina.reporting.checklists import answers_on_results as results
from carina.reporting.checklists.items import Item

TITLE = "CLAIM, 2024 update"
CITATION = (
    "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical "
    "Imaging (CLAIM): 2024 Update. Radiology: Artificial Intelligence 2024;6(4):e240300. "
    "doi:10.1148/ryai.240300"
)

_TITLE, _INTRODUCTION = "Title and abstract", "Introduction"
_DESIGN, _DATA = "Methods: study design", "Methods: data"
_STANDARD, _PARTITIONS = "Methods: reference standard", "Methods: data partitions"
_SIZE, _MODEL, _TRAINING = "Methods: testing data", "Methods: model", "Methods: training"
_EVALUATION = "Methods: evaluation"
_RESULTS_DATA, _RESULTS = "Results: data", "Results: model performance"
_DISCUSSION, _OTHER = "Discussion", "Other information"

ITEMS = (
    Item("1", _TITLE, "The kind of AI, in the title or abstract", network.technology,
         "Put it into the title, with the patients that it is about."),
    Item("2", _TITLE, "A structured summary",
         for_author="The abstract is yours; its numbers stand under items 32, 33, 37 and 38."),
    Item("3", _INTRODUCTION, "Background, intended use and clinical role",
         for_author="What the classifier would be for, and what is known already."),
    Item("4", _INTRODUCTION, "Aims and hypotheses", for_author="What you set out to show."),
    Item("5", _DESIGN, "Prospective or retrospective",
         for_author="Whether the films were taken for this study or before it."),
    Item("6", _DESIGN, "Goal of the study",
         for_author="What the study is to show: that it can be done, that it is as good as "
         "something else, or that it helps."),
    Item("7", _DATA, "Where the data come from", data.sources,
         "Where and when the films were taken, and how patients came to be in them."),
    Item("8", _DATA, "Who was included and who was not",
         for_author="By which rule patients and films came into the data; what Carina left out "
         "stands under item 35."),
    Item("9", _DATA, "How images are prepared", data.preprocessing),
    Item("10", _DATA, "Which part of the data is used", data.subsets,
         "Whether you chose among the films before Carina saw them."),
    Item("11", _DATA, "How patients were made anonymous",
         for_author="What was done before the films came to you. In Carina's files a patient is "
         "only a keyed hash."),
    Item("12", _DATA, "What is missing, and what was done about it", data.missing_data),
    Item("13", _DATA, "How the images were acquired",
         for_author="Machines, views, exposure, and how films were exported."),
    Item("14", _STANDARD, "How the truth was established",
         for_author="What decided a film's class: a test, a reader, a report. Carina took the "
         "class that the data state."),
    Item("15", _STANDARD, "Why the truth was established so", for_author="Why that and no other."),
    Item("16", _STANDARD, "Who labelled the films",
         for_author="How many readers, how qualified, with which instructions."),
    Item("17", _STANDARD, "How the test films were labelled",
         for_author="Whether the test films were labelled with more care than the others."),
    Item("18", _STANDARD, "How far readers agree",
         for_author="Agreement between readers and of a reader with himself, if films were read "
         "more than once."),
    Item("19", _PARTITIONS, "How films became parts", data.partition),
    Item("20", _PARTITIONS, "On which level the parts are apart", data.level_of_disjointness),
    Item("21", _SIZE, "How large the test had to be",
         for_author="Why the test has this size; the audit says what a test of this size can "
         "show."),
    Item("22", _MODEL, "The model in detail", network.network),
    Item("23", _MODEL, "Software with versions", network.software),
    Item("24", _MODEL, "What the weights began as", network.start_weights),
    Item("25", _TRAINING, "How it was trained", network.training,
         "What you tried before this run."),
    Item("26", _TRAINING, "How the final model was chosen", network.choice),
    Item("27", _TRAINING, "How several models answer together", network.ensembling),
    Item("28", _EVALUATION, "Which metrics", results.metrics, "Why these matter for its use."),
    Item("29", _EVALUATION, "Uncertainty and significance", results.uncertainty),
    Item("30", _EVALUATION, "Whether the numbers are robust", results.robustness),
    Item("31", _EVALUATION, "How answers are explained", results.explanations,
         "Whether readers checked the heat maps."),
    Item("32", _EVALUATION, "Test on internal data", results.internal_test),
    Item("33", _EVALUATION, "Test on external data", results.external_test),
    Item("34", _EVALUATION, "Registration as a clinical trial",
         for_author="Register and number, or that there is none."),
    Item("35", _RESULTS_DATA, "How many were included and excluded", data.included_and_excluded),
    Item("36", _RESULTS_DATA, "What is known of the patients of each part", data.characteristics,
         "What else is known of them: stage, other diseases, treatment."),
    Item("37", _RESULTS, "Performance with its uncertainty", results.performance),
    Item("38", _RESULTS, "Diagnostic performance with its precision",
         results.diagnostic_performance),
    Item("39", _RESULTS, "What went wrong", results.failures,
         "What a radiologist sees in the films that were answered wrongly."),
    Item("40", _DISCUSSION, "Limits", results.limits,
         "Limits that only you know: how the films were selected and labelled."),
    Item("41", _DISCUSSION, "What it means for practice",
         for_author="Who should use it, when and for what. Carina is for research and education, "
         "not for diagnosis."),
    Item("42", _OTHER, "Protocol or technical details", network.technical_details,
         "Where a study protocol can be read, if there is one."),
    Item("43", _OTHER, "Whether software, model and data can be had",
         for_author="Which of them you publish, where, and under which licence."),
    Item("44", _OTHER, "Funding", for_author="Who paid, and what say they had."),
)  # fmt: skip
