"""Which extras are installed."""

from importlib.util import find_spec

from carina.errors import MissingExtraError
from carina.imaging.denoise import EXTRA_MODULES as DENOISE_MODULES

# Extra -> the modules that are there only if it is installed.
_PROOF = {
    "import": ("onnx",),
    "study": ("scipy", "sklearn", "pandas", "matplotlib", "jinja2", "onnx"),
    "train": ("torch", "monai", "onnxscript", "cv2"),
    "openvino": ("openvino",),
    "dicom": ("highdicom", "imagecodecs"),
    "keras": ("torch", "monai", "onnxscript", "cv2", "keras"),
    "denoise": DENOISE_MODULES,
    "tune": ("optuna",),
    "kaggle": ("kagglehub",),
    "sign": ("cryptography",),
    "cluster": ("torch", "ray", "pyarrow"),
    "web": ("fastapi", "uvicorn", "jinja2", "multipart", "prometheus_client"),
}

EXTRAS = tuple(_PROOF)


def require_extra(extra: str, *, needed_for: str) -> None:
    """Check that an extra is installed, without importing it.

    Args:
        extra: one of `EXTRAS`.
        needed_for: what asks for it ("carina train").

    Raises:
        MissingExtraError: if one of its modules is missing; it says how to install it.
    """
    if not extra_is_installed(extra):
        raise MissingExtraError(needed_for=needed_for, extra=extra)


def extra_is_installed(extra: str) -> bool:
    """Return whether every module of an extra can be found.

    >>> extra_is_installed("web") in (True, False)
    True
    """
    return all(find_spec(module) is not None for module in _PROOF[extra])
