"""A network that another tool wrote -> one that keeps a classifier's contract.

Made of the `onnx` package alone, in this order: `reading` (bytes -> `Graph`, or a refusal by
name), `image_input` and `answers` (what goes in and what comes out), `batch` (any number of
films), `maps` (the last spatial maps, the features and the head), `contract` (the files).
"""
