"""Matthews correlation: how far answers and truths go together, over all classes."""

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def _correlation(films: Resamples) -> Floats:
    """Return the correlation of truths and answers, float64 `[draws]` in `[-1, 1]`.

    Where all films got one answer it is 0, as in scikit-learn: such answers tell nothing.
    Where all films are of one class it is undefined (scikit-learn says 0 here, too).

    References:
        Gorodkin, Comput Biol Chem 28 (2004) 367-374, for more than two classes; Matthews,
        Biochim Biophys Acta 405 (1975) 442-451, for two.
    """
    n, right = films.n_films, films.hits.sum(axis=1)
    together = right * n - (films.support * films.answered).sum(axis=1)
    of_truths = n**2 - (films.support**2).sum(axis=1)
    of_answers = n**2 - (films.answered**2).sum(axis=1)
    # two roots, since the product of both outgrows the whole numbers of a float64
    value = ratio(together, np.sqrt(of_truths) * np.sqrt(of_answers))
    return np.where((of_answers == 0) & (of_truths > 0), 0.0, value)


METRICS.register("matthews_corrcoef")(
    Metric(
        title="Matthews correlation",
        measure=_correlation,
        undefined_because="films of two classes are needed",
        interval="correlation",
        lowest=-1.0,
    )
)
