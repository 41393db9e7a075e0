"""Is this a film that the classifier knows? What the gate looks at, measured and fitted."""

from carina.inference.gate.measuring import measure, measures_of_facts

__all__ = ["measure", "measures_of_facts"]
