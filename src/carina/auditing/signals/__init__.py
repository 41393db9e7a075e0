"""The registered signals that can tell a class without the lungs; one file here adds one."""

from carina.auditing.signal import Signal
from carina.registry import Registry

SIGNALS: Registry[Signal] = Registry("confounding signal", package="carina.auditing.signals")
