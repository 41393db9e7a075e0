"""TRIPOD+AI: reporting of prediction models, 27 items with 52 subitems.

Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting
clinical prediction models that use regression or machine learning methods. BMJ
2024;385:e078378. doi:10.1136/bmj-2023-078378 (open access, CC BY 4.0). Numbers, order and
sections are the statement's; each topic is put in our own few words, and the article says what
an item asks for in full.
"""

from carina.reporting.checklists import answers_on_data as data
from carina.reporting.checklists import answers_on_network as network
from carina.reporting.checklists import answers_on_results as results
from carina.reporting.checklists.items import Item

TITLE = "TRIPOD+AI"
CITATION = (
    "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting "
    "clinical prediction models that use regression or machine learning methods. BMJ "
    "2024;385:e078378. doi:10.1136/bmj-2023-078378"
)

_TITLE, _INTRODUCTION = "Title and abstract", "Introduction"
_DATA, _OUTCOME, _PREDICTORS = "Methods: data", "Methods: outcome", "Methods: predictors"
_ANALYSIS, _OPEN = "Methods: analysis", "Open science"
_SIZE, _INVOLVEMENT = "Methods: size and missing data", "Patients and public"
_RESULTS, _DISCUSSION = "Results", "Discussion"

ITEMS = (
    Item("1", _TITLE, "Development or evaluation, of which model, for whom", network.technology,
         "Name the patients in the title."),
    Item("2", _TITLE, "Abstract",
         for_author="The abstract is yours; its numbers stand under items 20a, 21 and 23a."),
    Item("3a", _INTRODUCTION, "Context, and why the model is needed",
         for_author="The clinical question, and which models exist."),
    Item("3b", _INTRODUCTION, "For whom, by whom and where in care",
         for_author="Patients, users and the place in the care pathway."),
    Item("3c", _INTRODUCTION, "Known inequalities in health",
         for_author="Which groups are known to be served worse."),
    Item("4", _INTRODUCTION, "Objectives",
         for_author="What you set out to show. This run developed a model and tested it."),
    Item("5a", _DATA, "Sources of the data", data.sources,
         "Why these data, and how well they stand for the patients it is meant for."),
    Item("5b", _DATA, "Dates", for_author="From when to when patients were enrolled."),
    Item("6a", _DATA, "Setting and centres",
         for_author="Which kind of care, how many centres, and where."),
    Item("6b", _DATA, "Eligibility",
         for_author="By which rule patients came into the data; what Carina left out stands "
         "under item 20a."),
    Item("6c", _DATA, "Treatments",
         for_author="What the patients had received when the films were taken."),
    Item("7", _DATA, "Preparation and quality checks", data.quality_checks),
    Item("8a", _OUTCOME, "What is predicted, and how it was established",
         for_author="What decided a film's class, when, and alike for everyone. Carina took the "
         "class that the data state."),
    Item("8b", _OUTCOME, "Who judged the outcome",
         for_author="How qualified those were who judged, where judgement was needed."),
    Item("8c", _OUTCOME, "Blinding of that judgement",
         for_author="Whether they knew anything else of the patient."),
    Item("9a", _PREDICTORS, "How predictors were chosen", network.predictors),
    Item("9b", _PREDICTORS, "Predictors defined", network.predictors_defined,
         "When the film was taken, relative to what decided its class."),
    Item("9c", _PREDICTORS, "Who judged the predictors", network.predictor_readers),
    Item("10", _SIZE, "Size of the study",
         for_author="Why the study has this size; the audit says what a test of this size can "
         "show."),
    Item("11", _SIZE, "What is missing, and what was done about it", data.missing_data),
    Item("12a", _ANALYSIS, "How the data were used and parted", data.data_use),
    Item("12b", _ANALYSIS, "How predictors were handled", network.predictors_handled),
    Item("12c", _ANALYSIS, "Kind of model, building, tuning, internal validation",
         network.building, "What you tried before this run."),
    Item("12d", _ANALYSIS, "Differences between clusters: how they were looked at",
         data.clusters),
    Item("12e", _ANALYSIS, "Which measures and plots", results.metrics,
         "Why these matter for its use."),
    Item("12f", _ANALYSIS, "Updating of the model after evaluation", results.updating),
    Item("12g", _ANALYSIS, "How predictions were computed", network.how_predicted),
    Item("13", _ANALYSIS, "Imbalance of the classes", network.imbalance,
         "Why this was needed."),
    Item("14", _ANALYSIS, "Fairness", results.fairness,
         "Which groups matter here, and why."),
    Item("15", _ANALYSIS, "What the model gives out", network.output),
    Item("16", _ANALYSIS, "Development against evaluation data",
         data.development_beside_evaluation,
         "Whether setting, eligibility or the judgement of the class differ."),
    Item("17", _ANALYSIS, "Ethics",
         for_author="Which committee approved the study, and consent or its waiver."),
    Item("18a", _OPEN, "Funding", for_author="Who paid, and what say they had."),
    Item("18b", _OPEN, "Conflicts of interest", for_author="Those of every author."),
    Item("18c", _OPEN, "Protocol", for_author="Where it can be read, or that there is none."),
    Item("18d", _OPEN, "Registration", for_author="Register and number, or that there is none."),
    Item("18e", _OPEN, "Data sharing", for_author="Whether and how others can have the films."),
    Item("18f", _OPEN, "Code sharing", network.code, "Where this run's folder can be had."),
    Item("19", _INVOLVEMENT, "Involvement of patients and the public",
         for_author="How they took part, or that they did not."),
    Item("20a", _RESULTS, "Flow of patients and films", data.flow),
    Item("20b", _RESULTS, "Characteristics, overall and by source",
         data.characteristics_with_counts,
         "What else is known of the patients: dates, treatments."),
    Item("20c", _RESULTS, "Evaluation data beside development data",
         data.distributions_compared),
    Item("21", _RESULTS, "Numbers in each analysis", data.numbers_in_each_analysis),
    Item("22", _RESULTS, "The full model", network.specification,
         "Under which conditions others may have it."),
    Item("23a", _RESULTS, "Performance with intervals, and in subgroups",
         results.performance_in_subgroups),
    Item("23b", _RESULTS, "Differences between clusters: what was found", data.clusters),
    Item("24", _RESULTS, "Results of updating", results.updating),
    Item("25", _DISCUSSION, "Interpretation",
         for_author="What the results mean beside earlier studies, fairness included."),
    Item("26", _DISCUSSION, "Limits", results.limits,
         "Limits that only you know: how the films were selected and labelled."),
    Item("27a", _DISCUSSION, "Poor or missing input in use", network.poor_input),
    Item("27b", _DISCUSSION, "What users have to do and know", network.handling,
         "Which knowledge its users need."),
    Item("27c", _DISCUSSION, "Next steps", for_author="What has to be shown next."),
)  # fmt: skip
