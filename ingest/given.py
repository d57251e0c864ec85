"""The text that a publisher gave, and where in it stands what the rest of the way sees of it."""

from ingest.cleaning import clean, trace
from ingest.native import NativeDocument


class GivenText:
    """What `native` became a document of: its `text`, or its title, a newline and its body, before any cleaning."""

    def __init__(self, native: NativeDocument) -> None:
        worded = bool(native.text) and (not (native.title or native.body) or bool(clean(native.text or "")))
        parts = (native.text,) if worded else (native.title, native.body)
        self._parts = [part for part in parts if part]
        self.text = "\n".join(self._parts)

    def places(self) -> list[tuple[int, int]]:
        """For each character of the document's cleaned text, the stretch [start, end) of the given text it came from."""
        places: list[tuple[int, int]] = []
        shift = 0
        for part in self._parts:
            traced = trace(part)
            if traced.text and places:
                places.append((shift - 1, shift))
            places += [(shift + start, shift + end) for start, end in zip(traced.starts, traced.ends, strict=True)]
            shift += len(part) + 1
        return places
