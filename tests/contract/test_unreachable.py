"""What the engine alone does about a cluster that does not answer, with both real providers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import copy_of_the_checkout, with_tools
from tests.forge import clean
from tether.removal.reach import GIVE_UP
from toolchain.environment import variables

STACK = "gone"
CONTEXT = {"cluster": "c", "user": "u"}
KUBECONFIG = json.dumps(
    {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "c", "context": CONTEXT}],
    }
)  # fmt: skip
RELEASE, NAMESPACE = "kubernetes:helm.sh/v3:Release", "tether:index:IstioNamespace"


def resource(kind: str, name: str, properties: dict[str, Any], provider: str = "") -> dict[str, Any]:
    """A resource as the engine records it."""
    made = {
        "urn": f"urn:pulumi:{STACK}::tether::{kind}::{name}", "custom": True, "id": name, "type": kind,
        "inputs": properties, "outputs": properties,
    }  # fmt: skip
    return {**made, "provider": f"urn:pulumi:{STACK}::tether::{provider}"} if provider else made


KUBERNETES, OURS = "pulumi:providers:kubernetes", "pulumi:providers:tether"
RECORDED = [
    resource(KUBERNETES, "east", {"kubeconfig": KUBECONFIG}),
    resource(OURS, "default", {}),
    resource(
        NAMESPACE, "istio-system", {"name": "istio-system", "kubeconfig": KUBECONFIG, "made": True, "before": {}},
        f"{OURS}::default::default",
    ),
    resource(
        RELEASE, "istio-system/istiod",
        {"chart": "istiod", "name": "istiod", "namespace": "istio-system", "status": {"status": "deployed"}},
        f"{KUBERNETES}::east::east",
    ),
]  # fmt: skip


class Gone:
    """A stack with a namespace and a Helm release in a cluster where nobody is."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.home = with_tools(copy_of_the_checkout(folder / "checkout")), folder / "home"

    def pulumi(self, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**clean(self.home), **variables(self.checkout), "PULUMI_STACK": STACK, **more}
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        return subprocess.run(
            command, cwd=self.checkout, env=environment, input=stdin, capture_output=True, text=True, check=False
        )

    def left(self) -> list[str]:
        """Types of what is recorded, providers aside."""
        deployment: dict[str, Any] = json.loads(self.pulumi("stack", "export").stdout)["deployment"]
        resources: list[dict[str, Any]] = deployment.get("resources") or []
        kinds = [str(one["type"]) for one in resources]
        return [kind for kind in kinds if not kind.startswith("pulumi:providers:")]


@pytest.fixture
def gone(tmp_path: Path) -> Gone:
    made = Gone(tmp_path)
    document = json.dumps({"version": 3, "deployment": {"resources": RECORDED}})
    for command in (["stack", "init", STACK], ["stack", "import"]):
        done = made.pulumi(*command, stdin=document)
        assert done.returncode == 0, done.stderr
    return made


DESTROY = ("destroy", "--yes", "--skip-preview")


@pytest.mark.parametrize("options", [(), ("--refresh",)], ids=["destroy", "destroy --refresh"])
def test_nothing_in_a_cluster_that_does_not_answer_is_given_up_unasked(gone: Gone, options: tuple[str, ...]) -> None:
    assert gone.pulumi(*DESTROY, *options).returncode != 0
    assert sorted(gone.left()) == [RELEASE, NAMESPACE]


def test_a_helm_release_is_given_up_by_a_refresh_only(gone: Gone) -> None:
    done = gone.pulumi(*DESTROY, **{GIVE_UP: "true"})
    assert done.returncode != 0
    assert "can't delete Helm Release with unreachable cluster" in done.stdout
    assert RELEASE in gone.left()

    done = gone.pulumi(*DESTROY, "--refresh", **{GIVE_UP: "true"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert gone.left() == []
