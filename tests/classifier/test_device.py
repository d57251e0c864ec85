from pathlib import Path

import pytest

from classifier.device import MOST_THREADS, usable_cores


def cgroup(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_max", ".max").replace("cfs", "cpu.cfs")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"cpu_max": "100000 100000\n"},
        {"cpu_max": "50000 100000\n"},
        {"cpu__cfs_quota_us": "100000\n", "cpu__cfs_period_us": "100000\n"},
    ],
)
def test_a_quota_of_one_core_or_less_gives_one_thread(tmp_path: Path, files: dict[str, str]) -> None:
    assert usable_cores(cgroup(tmp_path, **files)) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu_max": "max 100000\n"},
        {"cpu_max": "nonsense"},
        {"cpu__cfs_quota_us": "-1\n", "cpu__cfs_period_us": "1"},
    ],
)
def test_without_a_quota_the_cores_count(tmp_path: Path, files: dict[str, str]) -> None:
    everything = usable_cores(cgroup(tmp_path, **files))
    assert everything == usable_cores(tmp_path / "nowhere")
    assert 1 <= everything <= MOST_THREADS
