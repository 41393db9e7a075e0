"""The registered metrics; one file here adds one, or one family."""

from carina.evaluation.metric import Metric
from carina.registry import Registry

METRICS: Registry[Metric] = Registry("metric", package="carina.evaluation.metrics")
