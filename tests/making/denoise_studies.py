"""Figures of a noise study, as the rule and the page get them."""

from carina.domain.denoise_study import FilterFigures, FilterTrainings, TrainedFigures
from carina.domain.estimate import Estimate


def estimate(value, low=None, high=None):
    """An estimate, whose interval is 0.01 to both sides if none is named."""
    low = value - 0.01 if low is None else low
    high = value + 0.01 if high is None else high
    return Estimate(value=value, low=low, high=high, n=66, method="made")


def figures(title="Median", *, edges=1.0, contrast=1.0):
    """What one filter does."""
    made = estimate(0.5)
    return FilterFigures(
        title=title,
        parameters="made up",
        psnr_db=made,
        ssim=made,
        fine_edges_kept=estimate(edges),
        noisy_psnr_db=made,
        noisy_ssim=made,
        noise_removed_db=made,
        contrast_kept=estimate(contrast),
        cnr=made,
        noisy_cnr=made,
        milliseconds=made,
        n_films_without_noise=0,
    )


def trainings(changes, *, reseeded=0.0):
    """Trainings whose AUC changes by filter -> (value, low, high) or value."""
    filters = {"none": TrainedFigures(auc=estimate(0.9), epoch=1)}
    for name, change in changes.items():
        made = estimate(*change) if isinstance(change, tuple) else estimate(change)
        filters[name] = TrainedFigures(auc=estimate(0.9), change=made, epoch=1)
    other = None
    if reseeded is not None:
        other = TrainedFigures(auc=estimate(0.9), change=estimate(reseeded), epoch=1)
    return FilterTrainings(
        recipe="made",
        architecture="two-conv",
        epochs=1,
        seed=0,
        n_train=200,
        n_validation=30,
        n_test=66,
        filters=filters,
        reseeded=other,
    )
