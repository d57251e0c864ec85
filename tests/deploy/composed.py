"""What compose makes of its files, as far as they are used here: merged, and laid out as in a container."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
Services = dict[str, dict[str, Any]]


def block(page: str, language: str, beginning: str) -> str:
    """The first block of code on a page of docs/ that begins so."""
    text = (DEPLOY.parent / "docs" / page).read_text("utf-8")
    return next(each for each in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if each.startswith(beginning))


def merged(*files: str) -> Services:
    """The services of these files of compose, each over those before it.

    https://docs.docker.com/reference/compose-file/merge/: variables by name, mounts by their place in the container.
    """
    services: Services = {}
    for file in files:
        for name, more in yaml.safe_load(file)["services"].items():
            service = services.setdefault(name, {})
            environment = {**service.get("environment", {}), **more.get("environment", {})}
            mounts = {each.split(":")[1]: each for each in (*service.get("volumes", ()), *more.get("volumes", ()))}
            service |= more | {"environment": environment, "volumes": list(mounts.values())}
    return services


def environment(service: Mapping[str, Any], folder: Path, inside: Path) -> dict[str, str]:
    """A service's variables, with what it mounts from `folder` laid out under `inside` in place of the container's `/`."""
    for mount in service.get("volumes", ()):
        source, target = mount.split(":")[:2]
        place = inside / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (folder / source).is_dir() else shutil.copy)(folder / source, place)
    told = {name: str(value) for name, value in service["environment"].items()}
    if config := told.get("BELLWETHER_CONFIG"):
        told["BELLWETHER_CONFIG"] = os.fspath(inside / config.lstrip("/"))
    return told
