import subprocess
import sys
from pathlib import Path


def test_a_replay_that_the_settings_ask_for_ends_with_its_input(tmp_path: Path) -> None:
    """As with `--replay`: the console, which nothing ends, is left out."""
    (tmp_path / "bellwether.toml").write_text('clock = "replay"\n[http]\nport = 0\n')
    command = [sys.executable, "-c", "from bellwether.cli import main; main()", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
