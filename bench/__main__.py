"""``python -m bench``: the documented sequence and ``pulumi up``, both from nothing to a verified mesh."""

import argparse
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.measure import Reading, reading
from bench.peer import Peer
from tether import parts
from toolchain import build, environment

PROJECT = Path(__file__).resolve().parent.parent
STACK = "bench"
SETTLE_SECONDS = 30
"""Fresh control planes keep both cores busy for a while; what people do every day is not done in that while."""


def main() -> int:
    """Run everything, write the numbers, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each is run; medians are compared (default 3)")
    parser.add_argument("--out", type=Path, default=PROJECT / ".tether" / "bench.json", help="where the numbers go")
    options = parser.parse_args()
    build.ensure(PROJECT)
    helm = build.ensure_helm(PROJECT)
    settings = {**os.environ, **environment.variables(PROJECT)}
    rounds: dict[str, list[Reading]] = {}
    for number in range(options.runs):
        tell(f"run {number + 1} of {options.runs}: documented sequence")
        rounds.setdefault("peer", []).append(run_peer(settings, helm))
        tell(f"run {number + 1} of {options.runs}: pulumi")
        for name, result in run_tether(settings).items():
            rounds.setdefault(name, []).append(result)
    options.out.write_text(json.dumps({key: [asdict(one) for one in all_] for key, all_ in rounds.items()}, indent=2))
    sys.stdout.write(table(rounds))
    return 0


def run_peer(settings: Mapping[str, str], helm: Path) -> Reading:
    """The documented sequence, from nothing to a verified mesh; removed afterwards, also when it fails."""
    os.chdir(PROJECT)
    peer = Peer(parts=parts.read(), environment=settings, helm=helm, suffix=secrets.token_hex(4))
    try:
        with reading() as result:
            for title, step in peer.steps():
                start = time.monotonic()
                step()
                result.steps[title] = time.monotonic() - start
                tell(f"  {title}: {result.steps[title]:.1f} s")
    except subprocess.CalledProcessError as error:
        tell(f"  {error.cmd}: {error.stderr}")
        raise
    else:
        return result
    finally:
        peer.remove()


def run_tether(settings: Mapping[str, str]) -> dict[str, Reading]:
    """``pulumi up`` from nothing to a verified mesh, then what people do with it every day, then destroy."""
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder, contextlib.ExitStack() as afterwards:
        config = Path(folder) / "Pulumi.bench.yaml"
        config.write_text((PROJECT / "stacks" / "Pulumi.kind.yaml").read_text())
        own = {**settings, "PULUMI_BACKEND_URL": Path(folder).as_uri(), "PULUMI_STACK": STACK}
        # The engine writes the passphrase's salt there, which fits this checkout alone.
        afterwards.callback((PROJECT / "stacks" / f"Pulumi.{STACK}.yaml").unlink, missing_ok=True)
        pulumi(own, "stack", "init", STACK, config=config)
        results: dict[str, Reading] = {}
        try:
            for name, arguments in (
                ("up", ("up", "--yes", "--skip-preview")),
                ("preview", ("preview",)),
                ("up again", ("up", "--yes", "--skip-preview")),
                ("refresh", ("refresh", "--yes", "--skip-preview")),
            ):
                with reading() as results[name]:
                    pulumi(own, *arguments, config=config)
                if name == "up":
                    time.sleep(SETTLE_SECONDS)
                tell(f"  {name}: {results[name].seconds:.1f} s")
        finally:
            with reading() as results["destroy"]:
                pulumi(own, "destroy", "--yes", "--skip-preview", config=config)
            tell(f"  destroy: {results['destroy'].seconds:.1f} s")
        return results


def pulumi(settings: Mapping[str, str], *arguments: str, config: Path) -> None:
    """One command of the engine; its output is shown only when it fails."""
    command = ["pulumi", *arguments, "--config-file", str(config), "--non-interactive", "--color", "never"]
    if arguments[0] == "stack":
        command = ["pulumi", *arguments, "--non-interactive"]
    done = subprocess.run(command, cwd=PROJECT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        tell(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)


def table(rounds: Mapping[str, Sequence[Reading]]) -> str:
    """Medians as Markdown, each beside the peer's where there is one."""
    middle = {name: statistics.median(one.seconds for one in all_) for name, all_ in rounds.items()}
    memory = {name: statistics.median(one.peak_mib for one in all_) for name, all_ in rounds.items()}
    count = len(rounds["peer"])
    lines = [
        f"| median of {count} | seconds | all readings | peak memory |",
        "|---|---|---|---|",
        *(
            f"| {'documented sequence' if name == 'peer' else f'pulumi {name}'} | {middle[name]:.1f} "
            f"| {', '.join(f'{one.seconds:.1f}' for one in all_)} | {memory[name]:.0f} MiB |"
            for name, all_ in rounds.items()
        ),
        "",
        f"ratio of up to the documented sequence: {middle['up'] / middle['peer']:.2f}",
    ]
    return "\n".join(lines) + "\n"


def tell(line: str) -> None:
    """Talk on standard error; the table alone is the result."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
