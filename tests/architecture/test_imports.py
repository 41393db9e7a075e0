"""What is imported when: the promise of a quick start and a small install."""

import subprocess
import sys

import pytest

HEAVY = {
    "torch", "monai", "onnx", "onnxruntime", "scipy", "sklearn", "pandas", "matplotlib", "cv2",
    "pydicom", "fastapi", "jinja2",
}  # fmt: skip


def imported_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh process holds after a statement."""
    code = f"import sys; {statement}; print(' '.join({{n.split('.')[0] for n in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_carina_imports_nothing_but_the_standard_library():
    assert not imported_by("import carina") & (HEAVY | {"numpy", "pydantic", "PIL"})


def test_the_command_line_starts_without_numpy_or_anything_heavy():
    assert not imported_by("import carina.cli") & (HEAVY | {"numpy", "pydantic"})


@pytest.mark.parametrize(
    "module",
    [
        "carina.workflows.predict",
        "carina.workflows.watch",
        "carina.imaging",
        "carina.inference.bundle",
    ],
)
def test_predicting_imports_no_training_framework_and_no_study_package(module):
    lazy = HEAVY - {"onnxruntime"}
    assert not imported_by(f"import {module}") & lazy


def test_every_public_name_exists():
    import carina

    assert carina.__all__ == sorted(carina.__all__)
    for name in carina.__all__:
        assert getattr(carina, name) is not None
    with pytest.raises(AttributeError):
        carina.no_such_name  # noqa: B018  the look-up is the test
