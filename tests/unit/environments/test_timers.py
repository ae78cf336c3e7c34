import configparser
import subprocess
from pathlib import Path

from tether.environments import timers

PROGRAM = "/home/a b/tether 100%/.venv/bin/tether"


def test_the_units_run_the_reaper_of_this_checkout() -> None:
    units = timers.systemd(PROGRAM)
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    service.read_string(units["tether-env-reap.service"])
    timer.read_string(units["tether-env-reap.timer"])
    assert service["Service"]["ExecStart"] == '"/home/a b/tether 100%%/.venv/bin/tether" env reap'
    assert timer["Timer"]["OnUnitInactiveSec"] == "5min"
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_the_line_of_cron_survives_blanks_and_percent_signs() -> None:
    line = timers.cron(PROGRAM)
    assert line == "*/5 * * * * '/home/a b/tether 100\\%/.venv/bin/tether' env reap >/dev/null 2>&1"


def test_the_text_is_a_shell_script(tmp_path: Path) -> None:
    file = tmp_path / "setup.sh"
    file.write_text(timers.text(PROGRAM))
    assert subprocess.run(["sh", "-n", file], check=False).returncode == 0
