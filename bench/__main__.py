"""``python -m bench``: the documented sequence and ``pulumi up``, both from nothing to a verified mesh."""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.measure import Reading, reading
from bench.peer import Peer
from bench.stack import PROJECT, empty, tell
from tether import parts
from toolchain import build, environment

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
    with empty(settings, (PROJECT / "stacks" / "Pulumi.kind.yaml").read_text()) as stack:
        results: dict[str, Reading] = {}
        try:
            for name, step in (
                ("up", stack.up),
                ("preview", lambda: stack.pulumi("preview")),
                ("up again", stack.up),
                ("refresh", lambda: stack.pulumi("refresh", "--yes", "--skip-preview")),
            ):
                with reading() as results[name]:
                    step()
                if name == "up":
                    time.sleep(SETTLE_SECONDS)
                tell(f"  {name}: {results[name].seconds:.1f} s")
        finally:
            with reading() as results["destroy"]:
                stack.destroy()
            tell(f"  destroy: {results['destroy'].seconds:.1f} s")
        return results


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


if __name__ == "__main__":
    sys.exit(main())
