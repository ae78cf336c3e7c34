"""What has a machine look after its environments by itself: a systemd timer, or a line of cron."""

import shlex

MINUTES = 5


def systemd(command: str, *, minutes: int = MINUTES) -> dict[str, str]:
    """Units of a user's systemd, by file name below ``~/.config/systemd/user``.

    Args:
        command: path of the program ``tether``.
        minutes: between two looks.
    """
    program = command.replace("%", "%%").replace('"', '\\"')
    return {
        "tether-env-reap.service": (
            "[Unit]\nDescription=Remove environments of Tether that have expired or were abandoned\n\n"
            f'[Service]\nType=oneshot\nExecStart="{program}" env reap\nTimeoutStartSec=30min\n'
        ),
        "tether-env-reap.timer": (
            "[Unit]\nDescription=Look after the environments of Tether\n\n"
            f"[Timer]\nOnBootSec=2min\nOnUnitInactiveSec={minutes}min\n\n[Install]\nWantedBy=timers.target\n"
        ),
    }


def cron(command: str, *, minutes: int = MINUTES) -> str:
    """A line for ``crontab -e``; a percent sign would end the command there (crontab(5))."""
    return f"*/{minutes} * * * * {shlex.quote(command).replace('%', chr(92) + '%')} env reap >/dev/null 2>&1"


def text(command: str) -> str:
    """Both, with how to set them up."""
    units = systemd(command)
    folder = "~/.config/systemd/user"
    lines = ["# Either systemd. Paste this into a shell:", f"mkdir -p {folder}"]
    for name, content in units.items():
        lines += [f"cat > {folder}/{name} <<'UNIT'", content.rstrip("\n"), "UNIT"]
    lines += [
        "systemctl --user daemon-reload && systemctl --user enable --now tether-env-reap.timer",
        "loginctl enable-linger  # only if it is to run while you are not logged in",
        "",
        "# Or cron. Paste this into a shell:",
        f"(crontab -l 2>/dev/null; echo {shlex.quote(cron(command))}) | crontab -",
    ]
    return "\n".join(lines)
