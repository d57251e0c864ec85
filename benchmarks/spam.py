"""Days on which one text was sent over and over: what is alerted on them, and how much of it was copies.

    python -m benchmarks.spam --data DIR [--out FILE]

DIR holds `en_stocknet_2014_2016.jsonl.gz`. Seven weeks of it go through `bellwether replay`'s own code with the shipped model;
on 2014-05-21 and 2014-06-04 robots copied single texts hundreds of times. No alert is to open on them.
"""

import argparse
import gzip
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bellwether.publishing import FileOptions
from bellwether.replaying import LOG_FILE, Outcome, Replay
from bellwether.sections.scoring import ClassifierSection
from bellwether.settings import Settings
from benchmarks.machine import machine
from ingest.decode import field_mapping

STREAM = "en_stocknet_2014_2016.jsonl.gz"
FIRST, LAST = "2014-04-15", "2014-06-06"
SPAM = ("2014-05-21", "2014-06-04")


def excerpt(data: Path, folder: Path) -> Path:
    """The texts from FIRST to LAST, in a file of their own."""
    path = folder / "excerpt.jsonl"
    with gzip.open(data / STREAM, "rt", encoding="utf-8") as lines, path.open("w", encoding="utf-8") as out:
        out.writelines(line for line in lines if FIRST <= json.loads(line)["time"][:10] <= LAST)
    return path


def days(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Of each spam day the documents and stories counted, topic by topic, and the alerts that opened."""
    found: dict[str, dict[str, Any]] = {}
    for day in SPAM:
        at = datetime.fromisoformat(day).replace(tzinfo=UTC).date()
        windows = [window for window in outcome.history if window.start.date() == at and window.subject.kind == "topic"]
        found[day] = {
            "documents": sum(window.documents for window in windows),
            "stories": sum(window.stories for window in windows),
            "alerts": [
                {"subject": str(alert.subject), "opened_at": alert.opened_at.isoformat(), "documents": alert.documents,
                 "stories": alert.stories, "copies": alert.copies, "days": alert.return_period_days}
                for alert in outcome.alerts if alert.opened_at.date() == at
            ],
        }  # fmt: skip
    return found


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0, help="of the model; 0: as many as there are cores")
    parser.add_argument("--scores", type=Path, help="of an earlier run; else the model scores")
    parser.add_argument("--keep", type=Path, help="a folder for the scores")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    settings = Settings(classifier=ClassifierSection(threads=arguments.threads))
    with tempfile.TemporaryDirectory() as folder:
        replay = Replay(settings, Path(arguments.keep or folder), keep=bool(arguments.keep))
        if arguments.scores:
            outcome = replay.of_scores(arguments.scores / LOG_FILE)
        else:
            path = excerpt(arguments.data, Path(folder))
            outcome = replay.of_files([str(path)], FileOptions(field_mapping({"published_at": "time"}, "UTC")))
    by_day = days(outcome)
    figures = {"days": by_day, "texts": outcome.documents, "alerts": len(outcome.alerts), "machine": machine()}
    for day, found in by_day.items():
        print(f"{day}: {found['documents']} counted, {found['stories']} stories, {len(found['alerts'])} alerts")
        for alert in found["alerts"]:
            print(f"  {alert['opened_at'][11:16]} {alert['subject']}: {alert['stories']} stories of {alert['documents']}"
                  f" ({alert['copies']} copies), once in {alert['days']:.0f} days")  # fmt: skip
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
