"""The described systems, trained by Carina and by the ways that compete with it.

The modules named `*_way` are run in processes of their own; `keras_way` in an environment
that has TensorFlow and no Carina, so it and what it imports need neither.
"""
