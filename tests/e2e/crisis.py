"""The demo's market, moved to the present: quiet days up to now, and a bank run that happens now."""

from datetime import datetime, timedelta

from deploy.demo.scenario import RUN, documents
from ingest.instants import SECOND, instant, rfc3339

DAYS = timedelta(days=6)


class Market:
    """Its documents, in the order of their times."""

    def __init__(self) -> None:
        self._all = [(datetime.fromisoformat(each["published_at"]), each) for each in documents()]

    def quiet(self, now: int) -> list[dict[str, str]]:
        """The days before the run, which would begin now."""
        moved = now - instant(RUN[0])
        return [
            each | {"published_at": rfc3339(instant(at) + moved)}
            for at, each in self._all
            if RUN[0] - DAYS <= at < RUN[0]
        ]

    def bank_run(self, now: int, count: int = 150) -> list[dict[str, str]]:
        """So many texts of the run when it is worst, one a second up to now."""
        worst = [each for at, each in self._all if at >= RUN[0] + timedelta(minutes=50)][:count]
        return [
            each | {"published_at": rfc3339(now - (len(worst) - number) * SECOND)} for number, each in enumerate(worst)
        ]
