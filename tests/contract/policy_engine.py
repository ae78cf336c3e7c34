"""Previews by the real engine with the policy pack, each in a project folder of its own; no cluster is made."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from toolchain.environment import variables

PROJECT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PREVIEW_SECONDS = 180
PASSPHRASE = "of-a-test"


@dataclass(frozen=True)
class Violation:
    """What a policy said."""

    policy: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True)
class Preview:
    """How a preview ended."""

    code: int
    shown: str
    violations: tuple[Violation, ...]

    def of(self, policy: str) -> list[Violation]:
        return [one for one in self.violations if one.policy == policy]

    def levels(self) -> set[str]:
        return {one.level for one in self.violations}


def of_mesh(
    folder: Path, stack: str, settings: Mapping[str, Any], policies: Mapping[str, Any], istio: str = ""
) -> Preview:
    """Preview the project's own program.

    Args:
        folder: an empty one.
        stack: name of the stack.
        settings: of the stack.
        policies: configuration of the pack.
        istio: version that the parts say they are; their own when left out.
    """
    shutil.copy(PROJECT / "__main__.py", folder)
    own = folder / ".tether"
    own.mkdir()
    (own / "charts").symlink_to(PROJECT / ".tether" / "charts")
    parts = json.loads((PROJECT / ".tether" / "parts.json").read_text())
    (own / "parts.json").write_text(json.dumps(parts | ({"istio_version": istio} if istio else {})))
    return _preview(folder, stack, settings, policies, {})


def of_objects(folder: Path, flavour: str, policies: Mapping[str, Any]) -> Preview:
    """Preview somebody else's program, ``good`` or ``bad``, that writes manifests instead of reaching a cluster."""
    shutil.copy(PROGRAMS / "objects" / "__main__.py", folder)
    more = {"POLICY_OBJECTS": flavour, "POLICY_FOLDER": str(folder / "manifests")}
    return _preview(folder, flavour, {}, policies, more)


def of_nothing(folder: Path, stack: str) -> Preview:
    """Preview a program that declares nothing."""
    (folder / "__main__.py").write_text("")
    return _preview(folder, stack, {}, {}, {})


def _preview(
    folder: Path, stack: str, settings: Mapping[str, Any], policies: Mapping[str, Any], more: Mapping[str, str]
) -> Preview:
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    project["plugins"]["providers"][0]["path"] = str(PROJECT / "providers" / "tether")
    project.pop("stackConfigDir")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / f"Pulumi.{stack}.yaml").write_text(
        yaml.safe_dump({"config": {f"tether:{key}": value for key, value in settings.items()}})
    )
    (folder / "policies.json").write_text(json.dumps(policies))
    (folder / "state").mkdir()
    environment = {
        **os.environ, **variables(PROJECT), "PULUMI_BACKEND_URL": (folder / "state").as_uri(), "PULUMI_STACK": stack,
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "PULUMI_DEBUG_COMMANDS": "true", **more,
    }  # fmt: skip
    del environment["PULUMI_CONFIG_PASSPHRASE_FILE"]
    events = folder / "events.jsonl"

    def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PREVIEW_SECONDS, check=False,
        )  # fmt: skip

    made = pulumi("stack", "init", stack)
    assert made.returncode == 0, made.stderr
    done = pulumi(
        "preview", "--policy-pack", str(PROJECT / "policy"), "--policy-pack-config", str(folder / "policies.json"),
        "--event-log", str(events),
    )  # fmt: skip
    assert events.is_file(), done.stdout + done.stderr
    told = [json.loads(line).get("policyEvent") for line in events.read_text().splitlines()]
    return Preview(done.returncode, done.stdout + done.stderr, tuple(_violation(one) for one in told if one))


def _violation(event: Mapping[str, str]) -> Violation:
    name = event.get("resourceUrn", "").rpartition("::")[2]
    return Violation(event["policyName"], event["enforcementLevel"], name, event["message"])
