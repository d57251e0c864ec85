"""`make demo`, as a newcomer runs it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_in_an_alert_about_the_bank_run_and_in_few_others() -> None:
    """Its exit code says that the run was found; its last lines, what else was alerted about."""
    command = [sys.executable, "-m", "deploy.demo.run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The bank run was found" in done.stdout
    assert "woke nobody" in done.stdout
    others = re.search(r"weeks: (\d+) ", done.stdout)
    assert others
    assert int(others[1]) <= 8
    assert "bellwether_classify_documents_total" in (ROOT / ".data" / "demo" / "metrics.txt").read_text()
