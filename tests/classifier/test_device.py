import os
from pathlib import Path

import pytest

from classifier.device import MOST_THREADS, nvidia_gpus, processor, quota, usable_cores


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
    assert usable_cores(cgroup(tmp_path, **files)) == min(len(os.sched_getaffinity(0)), MOST_THREADS)
    assert quota(tmp_path) is None


@pytest.mark.parametrize(("cores", "used"), [(1, 1), (3, 3), (MOST_THREADS + 1, MOST_THREADS)])
def test_of_more_cores_than_a_small_network_can_use_some_are_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, used: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert usable_cores(tmp_path) == used


def test_a_quota_need_not_be_whole_and_counts_as_the_next_whole_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    assert quota(cgroup(tmp_path, cpu_max="150000 100000\n")) == 1.5
    assert usable_cores(tmp_path) == 2


@pytest.mark.parametrize(
    ("membership", "files", "granted"),
    [
        ("0::/system.slice/bellwether.service\n", {"system.slice/bellwether.service/cpu.max": "200000 100000\n"}, 2),
        (
            "0::/system.slice/bellwether.service\n",
            {"system.slice/bellwether.service/cpu.max": "max 100000\n", "system.slice/cpu.max": "50000 100000\n"},
            0.5,
        ),
        ("0::/a/b\n", {"a/b/cpu.max": "100000 100000\n", "a/cpu.max": "300000 100000\n"}, 1),
        ("0::/a\n", {"b/cpu.max": "100000 100000\n"}, None),
        ("0::/\n", {"cpu.max": "300000 100000\n"}, 3),  # a container with a namespace of its own
        (
            "5:cpu,cpuacct:/docker/c0ffee\n1:name=systemd:/x\n",  # and one without
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            4,
        ),
        (
            "5:cpu,cpuacct:/a/b\n4:cpuset:/c\n0::/\n",
            {
                "cpu/a/cpu.cfs_quota_us": "150000",
                "cpu/a/cpu.cfs_period_us": "100000",
                "cpu/a/b/cpu.cfs_quota_us": "-1",
                "cpu/a/b/cpu.cfs_period_us": "100000",
            },
            1.5,
        ),
    ],
)
def test_the_lowest_quota_counts_from_the_processs_own_cgroup_to_the_root(
    tmp_path: Path, membership: str, files: dict[str, str], granted: float | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    root = tmp_path / "cgroup"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    assert quota(root, tmp_path / "membership") == granted


@pytest.mark.parametrize(
    ("told", "model", "fast"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx512_vnni amx_int8\n", "Xeon", ("AMX", "VNNI")),
        ("model name\t: EPYC\nflags\t\t: fpu avx2\n", "EPYC", ()),
        ("Features\t: fp asimd asimddp\n", "", ("VNNI",)),
    ],
)
def test_a_processor_is_known_by_what_multiplies_bytes(
    tmp_path: Path, told: str, model: str, fast: tuple[str, ...]
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(told)
    found = processor(file)
    assert (found.model, found.bytes) == (model, fast)


def test_where_the_kernel_tells_nothing_there_is_a_processor_without_a_name(tmp_path: Path) -> None:
    assert processor(tmp_path / "cpuinfo").model == ""


def test_gpus_are_those_that_the_driver_tells_of(tmp_path: Path) -> None:
    assert nvidia_gpus(tmp_path) == ()
    for number in ("0", "1"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "information").write_text(f"Model: \t\t NVIDIA H200\nIRQ:   {number}\n")
    assert nvidia_gpus(tmp_path) == ("NVIDIA H200", "NVIDIA H200")
