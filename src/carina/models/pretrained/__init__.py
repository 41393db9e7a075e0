"""Weights that others trained, in the backbones that they were trained for."""

from carina.models.pretrained.load import PretrainedWeights, load_pretrained

__all__ = ["PretrainedWeights", "load_pretrained"]
