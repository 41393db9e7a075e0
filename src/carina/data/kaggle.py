"""Data sets from Kaggle, by the package kagglehub."""

from __future__ import annotations

import shutil
from pathlib import Path

from carina.errors import DownloadError, StorageError
from carina.files.atomic import storage_errors

_OWN_ERRORS = ("BackendError", "CredentialError", "DataCorruptionError", "UnauthenticatedError")


def fetch_from_kaggle(handle: str, folder: Path) -> None:
    """Copy a data set of Kaggle into a new folder.

    kagglehub keeps what it fetched in its own cache, goes on there with a broken download, and
    checks it against the md5 that Kaggle sends.

    Args:
        handle: "owner/name".
        folder: made; must not exist.

    Raises:
        DownloadError: if Kaggle cannot be reached, wants a login or has no such data set.
        StorageError: if there is no room or no permission.
    """
    import kagglehub
    from kagglehub import exceptions

    own = tuple(getattr(exceptions, name) for name in _OWN_ERRORS if hasattr(exceptions, name))
    try:
        cached = Path(kagglehub.dataset_download(handle))
    except OSError as error:  # those of the package requests are such, too, without a number
        if error.errno is not None:
            raise StorageError(
                f"kagglehub cannot write its own cache ({error.strerror}); free some room, or name "
                "another place in the environment variable KAGGLEHUB_CACHE"
            ) from error
        raise DownloadError(_sentence(handle, error)) from error
    except own as error:
        raise DownloadError(f"Kaggle did not give {handle} ({_first_line(error)})") from error
    with storage_errors(folder):
        shutil.copytree(cached, folder)


def _sentence(handle: str, error: OSError) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return (
            f"Kaggle wants a login for {handle} (HTTP {status}): log in once with "
            "kagglehub.login() in Python, or accept the data set's terms on its page"
        )
    if status == 404:
        return f"Kaggle has no data set {handle} any more (HTTP 404)"
    if status is not None:
        return f"Kaggle did not give {handle} (HTTP {status}: {_first_line(error)})"
    return (
        f"Kaggle could not be reached for {handle} ({type(error).__name__}); connect this machine "
        "to the network"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
