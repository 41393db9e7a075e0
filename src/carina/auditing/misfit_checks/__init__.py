"""The registered checks for films that do not belong; one file here adds one."""

from carina.auditing.misfit_check import MisfitCheck
from carina.registry import Registry

CHECKS: Registry[MisfitCheck] = Registry("misfit check", package="carina.auditing.misfit_checks")
