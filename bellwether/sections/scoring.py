"""How texts are scored, and which names are looked for in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from bellwether.kinds import File, ReadableFile
from bellwether.sections.section import Section
from classifier.artifact import SHIPPED, Artifact, Model, read_artifact
from classifier.watchlist import WatchList, read_watch_list
from ingest.tables import WrongTables


class ClassifierSection(Section):
    """Which model scores, on what."""

    artifact: File | None = None
    model: Model = "default"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    poll: Annotated[int, Field(ge=1, le=100_000)] = 500

    @property
    def folder(self) -> Path:
        """The folder of the model."""
        return self.artifact or SHIPPED

    def verified(self) -> Artifact:
        """The model, read and verified. Raises `ArtifactError`."""
        return read_artifact(self.folder, self.model)


class WatchSection(Section):
    """Names that are watched beside the topics. How each is written is for `classifier.watchlist` to read."""

    file: ReadableFile | None = None
    name: tuple[dict[str, Any], ...] = ()

    _list: WatchList = PrivateAttr(WatchList())

    @property
    def list(self) -> WatchList:
        """The names of the file and of the tables, as they were when the settings were read."""
        return self._list

    def look_up(self) -> Iterator[str]:
        """Read the watch list."""
        try:
            self._list = read_watch_list(self.file, self.name)
        except WrongTables as wrong:
            yield from wrong.mistakes
