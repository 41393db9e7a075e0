"""What a power cut leaves of files: what was flushed is there, of the rest any part may be.

The model is that of POSIX, harsher than journalling file systems are: the content of a file is
safe once it was flushed (`fsync`); a name in a folder is, made, renamed or removed, once the
folder was flushed. Whatever was not may be as it was before, as it is now, or, in a file, cut
off or zeros from some page on.
"""

import json
import os
import shutil
import stat
from pathlib import Path

_PAGE = 4096
_JOURNAL = "journal.jsonl"


class Recorder:
    """Notes in a folder what a process has flushed; all that is there when it begins was."""

    def __init__(self, place, notes):
        """Begin.

        Args:
            place: the folder that is recorded, with everything below.
            notes: a folder beside it, on the same file system.
        """
        self._place, self._notes = place, notes
        self._n_contents = 0
        self._held = []
        self._journal = os.open(notes / _JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for folder, _, names in os.walk(place):
            for name in names:
                self._note_file(Path(folder, name))
            self._note_folder(Path(folder))

    def flushed(self, descriptor):
        """Note that an open file or folder was flushed."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if self._place not in (path, *path.parents):
            return
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._note_folder(path)
        else:
            self._note_file(path)

    def _note_file(self, path):
        state = path.stat()
        # Another name, so that the system gives its number to no other file.
        kept = self._notes / f"file-{state.st_ino}"
        if not kept.exists():
            kept.hardlink_to(path)
        self._n_contents += 1
        content = self._notes / f"content-{self._n_contents}"
        shutil.copyfile(path, content)
        self._write({"file": state.st_ino, "content": content.name, "mode": state.st_mode})

    def _note_folder(self, path):
        self._held.append(os.open(path, os.O_RDONLY))  # held for the same reason
        self._write({"folder": path.stat().st_ino, "names": _names_in(path)})

    def _write(self, line):
        os.write(self._journal, (json.dumps(line) + "\n").encode())


def cut_power(place, notes, rng):
    """Make of a folder what a power cut at this moment leaves of it.

    Args:
        place: the folder, of a process that was killed.
        notes: what the process's `Recorder` wrote.
        rng: `random.Random`; decides about all that was not flushed.
    """
    disk = _Disk(place, notes, rng)
    after = place.with_name(f"{place.name}-after")
    disk.write_folder(after, place.stat().st_ino)
    shutil.rmtree(place)
    after.rename(place)
    for file in notes.iterdir():
        file.unlink()


class _Disk:
    """The files of a folder as they are, and as they are known to be on the disk."""

    def __init__(self, place, notes, rng):
        self._rng = rng
        self._notes = notes
        self._flushed, self._folders = {}, {}
        for text in (notes / _JOURNAL).read_text().splitlines():
            line = json.loads(text)
            if "file" in line:
                self._flushed[line["file"]] = line
            else:
                self._folders[line["folder"]] = line["names"]
        self._now, self._folders_now = {}, {}
        for folder, _, names in os.walk(place):
            self._folders_now[Path(folder).stat().st_ino] = _names_in(Path(folder))
            for name in names:
                path = Path(folder, name)
                self._now[path.stat().st_ino] = path

    def write_folder(self, target, number):
        """Write what is left of a folder, by its number."""
        target.mkdir()
        before, now = self._folders.get(number, {}), self._folders_now.get(number, {})
        for name in sorted(before.keys() | now.keys()):
            chosen = self._rng.choice([before.get(name), now.get(name)])
            if chosen is None:
                continue
            number_in, is_folder = chosen
            if is_folder:
                self.write_folder(target / name, number_in)
            else:
                self._write_file(target / name, number_in)

    def _write_file(self, target, number):
        flushed = self._flushed.get(number)
        before = (self._notes / flushed["content"]).read_bytes() if flushed else b""
        now = self._now[number].read_bytes() if number in self._now else before
        target.write_bytes(before if before == now else self._some_of(before, now))
        if flushed:
            target.chmod(stat.S_IMODE(flushed["mode"]))

    def _some_of(self, before, now):
        """Return what may be left of content that was changed and not flushed."""
        rng = self._rng
        # What was flushed and not changed since stays, whatever lies beside it.
        stays = len(os.path.commonprefix([before, now]))  # noqa: RUF071  bytes are meant
        cut = rng.randrange(stays, len(now) + 1)
        whole_pages = max(cut // _PAGE * _PAGE, stays)
        return rng.choice(
            [
                before,
                now,
                now[:cut],
                before + bytes(max(len(now) - len(before), 0)),
                now[:whole_pages] + bytes(len(now) - whole_pages),
            ]
        )


def _names_in(folder):
    with os.scandir(folder) as entries:
        return {one.name: [one.inode(), one.is_dir(follow_symlinks=False)] for one in entries}
