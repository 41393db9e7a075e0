"""How far an explanation method's maps can be believed on one classifier, measured."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.document import Document, Plain
from carina.domain.estimate import Estimate

FAITHFULNESS = (
    "probability",
    "probability_blurred",
    "deletion",
    "deletion_random",
    "insertion",
    "insertion_random",
    "gain_over_random",
)
"""Petsiuk et al.'s deletion and insertion, beside random maps of the same smoothness."""
RANDOMISATION = ("likeness_head_shuffled", "likeness_network_shuffled")
"""Adebayo et al.'s check: what is left of a map when the weights are shuffled."""
STABILITY = ("stability_shift", "stability_noise", "stability_grey")
"""What is left of a map when the film is changed a little and the answer is not."""
IN_LUNGS = ("heat_in_lungs", "lungs_of_picture", "heat_above_even", "hottest_in_lungs")
"""Where the heat lies, on films with lung masks."""
SCORE_NAMES = (*FAITHFULNESS, *RANDOMISATION, *STABILITY, *IN_LUNGS)
"""Every score of a method; docs/explanation/heat-maps.md says how each is computed."""

SCORE_TITLES = {
    "probability": "Probability of the class that is explained",
    "probability_blurred": "The same, with the whole film blurred",
    "deletion": "Deletion: mean probability while the hottest places go (less is better)",
    "deletion_random": "The same, while random places go",
    "insertion": "Insertion: mean probability while the hottest places come (more is better)",
    "insertion_random": "The same, while random places come",
    "gain_over_random": "Faithfulness above random maps (insertion less deletion)",
    "likeness_head_shuffled": "Likeness once the head's weights are shuffled (less is better)",
    "likeness_network_shuffled": "Likeness once all weights are shuffled (less is better)",
    "stability_shift": "Likeness once the film is shifted a little (more is better)",
    "stability_noise": "Likeness once the film has a little noise (more is better)",
    "stability_grey": "Likeness once the film is a little darker (more is better)",
    "heat_in_lungs": "Heat inside the lungs",
    "lungs_of_picture": "Share of the picture that the lungs cover",
    "heat_above_even": "Heat inside the lungs, above heat spread evenly",
    "hottest_in_lungs": "Hottest place inside the lungs",
}
"""Every score in words, for tables; "likeness" is the rank correlation of two maps."""

NO_LUNG_MASKS = "not scored: no lung masks"


class MethodScores(Plain):
    """What one explanation method's maps were worth on some films.

    Attributes:
        title: the method's name as it is written in the field.
        n_films: films that were explained.
        n_without_heat: films on which the map was empty; they count in no score.
        n_not_explained: films whose class the method cannot explain; they count in no score.
        scores: name of the score (`SCORE_NAMES`) -> its mean over films with an interval; a
            score that could not be taken is undefined and says why.
    """

    title: str = ""
    n_films: int = 0
    n_without_heat: int = 0
    n_not_explained: int = 0
    scores: Mapping[str, Estimate] = Field(default_factory=dict)


class ExplanationScores(Plain):
    """Scores of every method on one part of one data set.

    Attributes:
        data: which films, in words.
        methods: registered explanation method -> its scores.
        not_scored: registered explanation method -> why it was not scored, in words.
        cautions: what a user of the maps must know ("most of the heat lies outside the lungs").
    """

    data: str = ""
    methods: Mapping[str, MethodScores] = Field(default_factory=dict)
    not_scored: Mapping[str, str] = Field(default_factory=dict)
    cautions: tuple[str, ...] = ()

    def cautions_on(self, title: str) -> tuple[str, ...]:
        """Return what must stand beside a map of one method: not what was found of another's.

        Args:
            title: the method's name as it is written in the field ("Occlusion").

        A caution names its method in brackets; one that names none holds for all.

        >>> grad_cam = MethodScores(title="Grad-CAM")
        >>> scores = ExplanationScores(
        ...     methods={"grad-cam": grad_cam}, cautions=("Its heat maps (Grad-CAM) mislead.",)
        ... )
        >>> scores.cautions_on("Occlusion")
        ('Occlusion was not scored on this classifier.',)
        """
        titles = {one.title for one in self.methods.values() if one.title}
        others = [f"({other})" for other in titles - {title}]
        told = tuple(c for c in self.cautions if not any(other in c for other in others))
        if titles and title not in titles:
            return (*told, f"{title} was not scored on this classifier.")
        return told


class ScoredClassifier(Document):
    """`explanation_scores.json`: what `carina explain --scores` found.

    Attributes:
        name: the classifier's.
        classifier: digest of its card.
        explanation_scores: the scores.
    """

    name: str
    classifier: str
    explanation_scores: ExplanationScores
