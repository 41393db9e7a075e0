"""What noise reduction does to films and to a classifier: `denoise.json`."""

from collections.abc import Mapping

from carina.domain.document import Document, Plain
from carina.domain.estimate import Estimate
from carina.domain.input_spec import DenoiseName, InputSpec


class FilterFigures(Plain):
    """What one filter, or none, does.

    Attributes:
        title: the filter's name in words.
        parameters: its settings and their source.
        psnr_db: of filtered films against the films themselves: how much is changed.
            Undefined where nothing is.
        ssim: structural similarity of the same.
        fine_edges_kept: share of the films' fine-edge energy that is left.
        noisy_psnr_db: of films with added noise, filtered, against the films without it.
        noisy_ssim: structural similarity of the same.
        noise_removed_db: by how much the filter brought them nearer; below 0 if it took
            more of the film than of the noise.
        contrast_kept: share of the contrast of known lesions in phantom films that is left.
        cnr: contrast-to-noise of those lesions, the films as drawn.
        noisy_cnr: the same with added noise.
        milliseconds: time per film.
        n_films_without_noise: real films in which the filter found nothing to do and which
            it gave back unchanged.
    """

    title: str
    parameters: str
    psnr_db: Estimate
    ssim: Estimate
    fine_edges_kept: Estimate
    noisy_psnr_db: Estimate
    noisy_ssim: Estimate
    noise_removed_db: Estimate
    contrast_kept: Estimate
    cnr: Estimate
    noisy_cnr: Estimate
    milliseconds: Estimate
    n_films_without_noise: int


class TrainedFigures(Plain):
    """A classifier trained with a filter, beside the one trained without any.

    Attributes:
        auc: macro-averaged area under the ROC curve on the test part.
        change: paired difference to the classifier without a filter, on the same films;
            None for that one itself.
        epoch: the epoch that validation chose.
    """

    auc: Estimate
    change: Estimate | None = None
    epoch: int


class FilterTrainings(Plain):
    """The trainings of a study: one recipe, split and seed; only the filter differs.

    Attributes:
        recipe: name of the recipe.
        architecture: name of the network.
        epochs: of each training.
        seed: of each training but the reseeded one.
        n_train, n_validation, n_test: films of each part.
        filters: filter -> its classifier on the test part; a diverged training is missing.
        reseeded: no filter, and another seed: what chance alone changes; None if it diverged.
        notes: sentences on trainings that did not work out.
    """

    recipe: str
    architecture: str
    epochs: int
    seed: int
    n_train: int
    n_validation: int
    n_test: int
    filters: Mapping[DenoiseName, TrainedFigures]
    reseeded: TrainedFigures | None
    notes: tuple[str, ...] = ()


class Verdict(Plain):
    """What the rule says of one filter.

    Attributes:
        recommended: whether it meets every condition.
        against: why not, one sentence each.
    """

    recommended: bool
    against: tuple[str, ...] = ()


class Recommendation(Plain):
    """Which filter the rule takes, and why.

    Attributes:
        filter: a filter, or "none".
        rule: the rule in words, as it was before the figures were known.
        reasons: sentences.
        verdicts: filter -> what the rule says of it.
    """

    filter: DenoiseName
    rule: str
    reasons: tuple[str, ...]
    verdicts: Mapping[DenoiseName, Verdict]


class DenoiseStudy(Document):
    """What noise reduction does to films and to a classifier: `denoise.json`.

    Attributes:
        data: the data set, in words.
        input: the grid that the films lie on; its `denoise` is what the study varies.
        n_films: real films measured, a sample drawn with `seed`.
        n_available: films that the sample was drawn from.
        n_phantoms: phantom films with a lesion.
        seed: draws the sample, the phantoms and the noise.
        film_noise: the films' own noise, an estimated deviation in grey of a range of 1.
        added_noise: what noise was added, in words.
        filters: "none" and every filter -> what it does.
        trainings: None if there were none.
        trainings_left_out: why not, or "".
        recommendation: which filter the rule takes.
        cautions: what the numbers do not say.
        notes: how the data was opened, and which files could not be read.
    """

    data: str
    input: InputSpec
    n_films: int
    n_available: int
    n_phantoms: int
    seed: int
    film_noise: Estimate
    added_noise: str
    filters: Mapping[DenoiseName, FilterFigures]
    trainings: FilterTrainings | None
    trainings_left_out: str = ""
    recommendation: Recommendation
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
