"""The layouts that `open_dataset` knows: one file each, nothing else to edit.

A new layout is a new file here that registers an object with `precedence`,
`recognises(path)` and `read(path, options)` (`carina.data.found.Layout`).
"""

from carina.data.found import Layout
from carina.registry import Registry

SOURCES: Registry[Layout] = Registry("data layout", package="carina.data.sources")
