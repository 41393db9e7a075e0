import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from carina.files.memory import FreeMemory, free_memory

MB = 1_000_000
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what Linux says of memory")


def system(root, files):
    """A folder that says what a Linux machine would say of its memory."""
    files = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable:   {9000 * MB // 1024} kB\n", **files}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def group2(folder, *, limit, used, files=0, high="max"):
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.high": f"{high}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {files // 2}\nactive_file {files // 2}\n",
    }


V2 = {
    "proc/self/cgroup": "0::/jobs/mine\n",
    "proc/self/mountinfo": "30 1 0:26 / /cg rw - cgroup2 cgroup2 rw,nsdelegate\n",
}


@LINUX
def test_without_groups_it_is_what_the_machine_has_available(tmp_path):
    found = free_memory(system(tmp_path, {}))
    assert found.because == "of the machine"
    assert found.n_bytes == pytest.approx(9000 * MB, abs=1024)


@LINUX
@pytest.mark.parametrize(
    ("own", "above", "wanted"),
    [
        ({"limit": 3000 * MB, "used": 1000 * MB}, {"limit": "max", "used": 5}, 2000),
        ({"limit": "max", "used": 5}, {"limit": 4000 * MB, "used": 3500 * MB}, 500),
        (
            {"limit": 3000 * MB, "used": 2900 * MB, "files": 900 * MB},
            {"limit": "max", "used": 5},
            1000,
        ),
        ({"limit": "max", "high": 700 * MB, "used": 200 * MB}, {"limit": "max", "used": 5}, 500),
        ({"limit": 100 * MB, "used": 400 * MB}, {"limit": "max", "used": 5}, 0),
    ],
)  # fmt: skip
def test_the_tightest_group_above_the_process_counts_and_files_are_given_up(
    tmp_path, own, above, wanted
):
    files = {**V2, **group2("cg/jobs/mine", **own), **group2("cg/jobs", **above)}
    found = free_memory(system(tmp_path, files))
    assert found == FreeMemory(wanted * MB, "of the memory limit of its control group")


@LINUX
def test_a_container_that_is_told_its_name_on_the_host_finds_its_own_group(tmp_path):
    files = {
        "proc/self/cgroup": "9:memory,hugetlb:/docker/abc\n0::/\n",
        "proc/self/mountinfo": (
            "40 1 0:30 /docker/abc /cg\\040v1/memory rw - cgroup cgroup rw,hugetlb,memory\n"
            "41 1 0:31 / /cg v2 rw - tmpfs tmpfs rw\n"
        ),
        "cg v1/memory/memory.limit_in_bytes": f"{1500 * MB}\n",
        "cg v1/memory/memory.usage_in_bytes": f"{700 * MB}\n",
        "cg v1/memory/memory.stat": f"inactive_file 0\ntotal_inactive_file {100 * MB}\n",
    }
    found = free_memory(system(tmp_path, files))
    assert found.n_bytes == 900 * MB


@LINUX
def test_no_limit_of_version_1_is_none(tmp_path):
    files = {
        "proc/self/cgroup": "4:memory:/mine\n",
        "proc/self/mountinfo": "40 1 0:30 / /cg rw - cgroup cgroup rw,memory\n",
        "cg/mine/memory.limit_in_bytes": "9223372036854771712\n",
        "cg/mine/memory.usage_in_bytes": "5\n",
    }
    assert free_memory(system(tmp_path, files)).because == "of the machine"


SAY = "from carina.files.memory import free_memory; f = free_memory(); print(f.n_bytes, f.because)"


@LINUX
def test_a_processs_own_limit_counts():
    limit = 900 * MB

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-c", SAY], preexec_fn=limited, capture_output=True, text=True, check=True
    )
    n_bytes, _, because = done.stdout.strip().partition(" ")
    assert because == "of this process's limit on addresses (ulimit -v)"
    assert limit / 2 < int(n_bytes) < limit


def own_group():
    """A real control group of version 1 for memory, if one can be made here."""
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        if ":memory:" in line:
            return Path("/sys/fs/cgroup/memory") / line.split(":", 2)[2].lstrip("/")
    return None


@LINUX
def test_the_limit_of_a_real_group_counts():
    above = own_group()
    if above is None or not os.access(above, os.W_OK) or os.getuid() != 0:
        pytest.skip("no control group can be made here")
    group = above / f"carina-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(f"{512 << 20}\n", encoding="ascii")
        enter = f"open('{group}/cgroup.procs', 'w').write('0'); "
        done = subprocess.run(
            [sys.executable, "-c", enter + SAY], capture_output=True, text=True, check=True
        )
    finally:
        group.rmdir()
    n_bytes, _, because = done.stdout.strip().partition(" ")
    assert because == "of the memory limit of its control group"
    assert 400 << 20 < int(n_bytes) <= 512 << 20
