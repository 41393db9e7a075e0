"""Where a machine keeps its films is written nowhere: absolute paths keep their last names."""

from collections import Counter
from collections.abc import Collection
from pathlib import PurePath


def last_names(paths: Collection[str], *, taken: Collection[str]) -> dict[str, str]:
    """Return absolute path -> its last names, as few as are its own.

    Args:
        paths: with `/` between the names; a member of an archive as `archive.zip!/member`.
        taken: names that others have.

    >>> last_names(["/home/me/a.png", "/home/me/b/c.png", "/home/me/d/c.png"], taken=())
    {'/home/me/a.png': 'a.png', '/home/me/b/c.png': 'b/c.png', '/home/me/d/c.png': 'd/c.png'}
    """
    endings = {path: _endings(path) for path in paths}
    n_paths = Counter(ending for own in endings.values() for ending in own)
    return {
        path: next((e for e in own if n_paths[e] == 1 and e not in taken), path)
        for path, own in endings.items()
    }


def _endings(path: str) -> list[str]:
    """Return `a.png`, `ward/a.png`, ...; a member of an archive keeps its archive's name."""
    file, mark, member = path.partition("!/")
    parts = PurePath(file).parts
    return [PurePath(*parts[-n:]).as_posix() + mark + member for n in range(1, len(parts) + 1)]
