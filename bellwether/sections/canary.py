"""Documents of our own that show whether the way is open."""

from bellwether.kinds import Duration
from bellwether.sections.section import Section


class CanarySection(Section):
    """How often canaries are published; not at all unless set."""

    every: Duration | None = None
