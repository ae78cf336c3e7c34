"""The components in programs of other languages, built by the plugin's process; with the real engine."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.output import Unknown
from pydantic.alias_generators import to_camel

from components.hosted_inputs import misfits
from components.hosting import HOSTED, Host
from tests.contract.conftest import ISTIO, mesh_args
from tests.contract.recording import Recording
from tests.contract.test_components import COMPONENTS
from tests.forge import PROJECT, clean
from tether import parts as chosen
from toolchain.environment import variables

NOT_HOSTED = {"AksCluster", "AksNetwork", "EksCluster", "EksNetwork", "GkeCluster", "GkeNetwork", "KindEnvironment"}
"""Those of clouds need extra packages, and the last hands out components; the mesh makes all of them by itself."""
OWN = "tether:index:"
STACK = "pulumi:pulumi:Stack::"
NOBODY = f"urn:pulumi:any::any::{STACK}"
PLANTED = "planted-secret"
REMOTELY = """
import pulumi


class Hosted(pulumi.ComponentResource):
    def __init__(self, noun, name, inputs, outputs=()):
        super().__init__(f"tether:index:{noun}", name, {**dict.fromkeys(outputs), **inputs}, remote=True)
"""


class Program:
    """A project of somebody who has the engine, the plugin's folder, and nothing else of this checkout."""

    def __init__(self, folder: Path) -> None:
        host = PROJECT / ".tether" / "bin" / "pulumi-language-yaml"
        assert host.is_file(), "Pulumi's YAML is missing. Build it with: .venv/bin/python -m toolchain test-tools"
        self.folder = folder / "outside"
        state = folder / "state"
        for one in (self.folder, state):
            one.mkdir()
        self.environment = {
            **clean(folder / "home"), **variables(PROJECT), "PULUMI_BACKEND_URL": state.as_uri(),
        }  # fmt: skip
        del self.environment["PULUMI_STACK"]

    def in_yaml(self, **parts: Any) -> "Program":
        return self._of("yaml", parts)

    def in_python(self, text: str) -> "Program":
        (self.folder / "__main__.py").write_text(REMOTELY + text)
        return self._of("python", {})

    def _of(self, runtime: str, parts: dict[str, Any]) -> "Program":
        plugin = {"name": "tether", "path": str(PROJECT / "providers" / "tether")}
        written = {"name": "outside", "runtime": runtime, "plugins": {"providers": [plugin]}, **parts}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(written))
        self.run("stack", "init", "test")
        return self

    def run(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert bool(done.returncode) == bool(code), done.stdout + done.stderr
        return done.stdout + (done.stderr if code else "")

    def preview(self) -> list[dict[str, Any]]:
        """What would be made."""
        said = self.run("preview", "--json")
        return json.loads(said[said.index("{") :])["steps"]


@pytest.fixture
def outside(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return Host("127.0.0.1:1", "0.0.0").schema


def written(value: Any) -> Any:
    """Arguments of Python as other languages write them."""
    if isinstance(value, dict):
        return {to_camel(key): written(inner) for key, inner in value.items()}  # type: ignore[misc]
    return [written(inner) for inner in value] if isinstance(value, list) else value  # type: ignore[misc]


def below(urn: str) -> str:
    """A URN without stack and project."""
    return urn.split("::", 2)[2]


def places(urns: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Types and names of parents and their resources, below the stack, whose name is the project's."""
    own = {(below(parent).rpartition("$")[2], below(urn).rpartition("$")[2]) for parent, urn in urns}
    return {("" if parent.startswith(STACK) else parent, one) for parent, one in own if not one.startswith(STACK)}


def test_a_program_in_yaml_makes_the_mesh_that_one_in_python_makes(outside: Program, two_clusters: Recording):
    mesh = {"type": f"{OWN}Mesh", "properties": written(mesh_args("cluster2"))}

    steps = outside.in_yaml(resources={"mesh": mesh}).preview()

    made = places((step["newState"].get("parent", NOBODY), step["urn"]) for step in steps)
    assert made == places((one.parent or NOBODY, one.urn) for one in two_clusters.all())


def test_the_program_of_the_how_to_takes_two_clusters_and_shows_no_kubeconfig(outside: Program):
    page = (PROJECT / "docs" / "how-to" / "use-from-another-language.md").read_text()
    program = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    parts = {key: program[key] for key in ("config", "resources", "outputs")}
    istio = parts["resources"]["mesh"]["properties"]["istio"]
    for name in ("base", "istiod", "gateway"):
        istio[f"{name}Chart"] = str(PROJECT / chosen.read(PROJECT / chosen.FILE).charts[name].path)
    outside.in_yaml(**parts)
    for key in parts["config"]:
        # Nobody answers there: the preview of what lies in a cluster needs none.
        server = {"server": "https://192.0.2.1:6443"}
        written = {
            "current-context": key, "clusters": [{"name": key, "cluster": server}],
            "contexts": [{"name": key, "context": {"cluster": key, "user": key}}],
            "users": [{"name": key, "user": {"token": PLANTED}}],
        }  # fmt: skip
        outside.run("config", "set", "--secret", key, yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **written}))

    said = outside.run("preview", "--json")

    steps = json.loads(said[said.index("{") :])["steps"]
    made = {below(step["urn"]).rpartition("$")[2] for step in steps}
    assert {f"{OWN}Primary::cluster1", f"{OWN}Remote::cluster2", f"{OWN}RemoteSecret::cluster2"} <= made
    assert PLANTED not in said


def test_a_program_in_yaml_puts_a_mesh_together_by_itself(outside: Program):
    common = {"clusterName": "c", "network": "n", "meshId": "m", "trustDomain": "t", "istioNamespace": "istio-system"}
    istio, later = written(ISTIO), "${later.hex}"
    with_istio = {"istioNamespace": "istio-system", "kubeconfig": later, "istio": istio}
    ports = {"status": 30021, "tls": 30043, "xds": 30012, "webhook": 30017}
    inputs: dict[str, Any] = {
        "CertificateAuthority": {"istioNamespace": "istio-system"},
        "ExistingCluster": {"kubeconfig": {"fn::secret": later}, "identifier": "c"},
        "KindCluster": {
            "clusterName": "k", "identifier": "k", "environment": "e", "network": "n", "nodeImage": "i:1",
            "kubernetesVersion": "1.34.4", "createTimeoutSeconds": 60,
        },
        "LoadBalancer": {
            "chart": "c", "controllerImage": "c:1", "speakerImage": "s:1", "addresses": ["10.0.0.1-10.0.0.9"],
            "timeoutSeconds": 60,
        },
        "Primary": {
            **common, **with_istio,
            "authority": {
                "rootCertificate": "${CertificateAuthority.rootCertificate}",
                "cacerts": "${CertificateAuthority.cacerts}",
            },
        },
        "EastWestGateway": {
            **with_istio, "network": "n", "exposure": {"nodePorts": ports, "nodeAddresses": ["10.0.0.1"]},
        },
        "IngressGateway": with_istio,
        "Remote": {
            **common, **with_istio, "primaryClusterName": "p", "istiodAddresses": "${EastWestGateway.ipAddresses}",
            "injectionPath": "/inject", "rootCertificate": "${Primary.rootCertificate}",
        },
        "RemoteSecret": {
            "clusterName": "r", "secretName": "s", "apiServer": "${ExistingCluster.apiServer}",
            "certificateAuthority": "${Remote.certificateAuthority}", "token": "${Remote.readerToken}",
        },
    }  # fmt: skip
    resources: dict[str, Any] = {
        "later": {"type": "random:RandomId", "properties": {"byteLength": 4}},
        "provider": {"type": "pulumi:providers:kubernetes", "properties": {"kubeconfig": later}},
    }
    for noun, properties in inputs.items():
        resources[noun] = {
            "type": OWN + noun, "properties": properties, "options": {"providers": ["${provider}"]},
        }  # fmt: skip

    steps = {below(step["urn"]): step["newState"] for step in outside.in_yaml(resources=resources).preview()}

    assert {*inputs} == {component.__name__ for component in HOSTED} - {"Mesh"}
    assert {f"{OWN}{noun}::{noun}" for noun in inputs} <= {*steps}
    istiod = steps[f"{OWN}Primary$kubernetes:helm.sh/v3:Release::Primary-istiod"]
    assert istiod["provider"].split("::")[-2] == "provider"
    asked = steps[f"{OWN}EastWestGateway${OWN}GatewayReady::EastWestGateway"]["inputs"]["triggers"]
    assert {name: asked[name] for name in ports} == {name: str(port) for name, port in ports.items()}


def test_a_component_that_python_asks_for_remotely_is_made_and_its_secrets_stay_secret(outside: Program):
    program = outside.in_python(
        """
made = Hosted("CertificateAuthority", "ca", {"istioNamespace": "mesh", "rootDays": 100, "intermediateDays": 50},
              ["rootCertificate", "cacerts"])
pulumi.export("root", made.rootCertificate)
pulumi.export("cacerts", made.cacerts)
"""
    )

    program.run("up", "--yes", "--skip-preview")

    outputs = json.loads(program.run("stack", "output", "--json", "--show-secrets"))
    cacerts = outputs["cacerts"] if isinstance(outputs["cacerts"], dict) else json.loads(outputs["cacerts"])
    assert cacerts["root-cert.pem"] == outputs["root"]
    assert "PRIVATE KEY" in cacerts["ca-key.pem"]
    assert "PRIVATE KEY" not in program.run("stack", "export")
    program.run("destroy", "--yes", "--skip-preview")
    assert [one["type"] for one in json.loads(program.run("stack", "export"))["deployment"].get("resources", [])] == []


def test_everything_that_is_wrong_with_inputs_is_told_at_once_and_no_value_is(outside: Program):
    said = outside.in_python(
        f"""
Hosted("CertificateAuthority", "ca", {{"istioNamespac": "mesh", "rootDays": "100", "caKy": "{PLANTED}"}})
"""
    ).run("preview", code=1)

    assert "tether:index:CertificateAuthority ca cannot be made; nothing of it was created." in said
    assert "istioNamespace — is missing" in said
    assert "istioNamespac — is not known; did you mean istioNamespace?" in said
    assert "rootDays — is not a whole number" in said
    assert "caKy — is not known; did you mean caKey?" in said
    assert PLANTED not in said


def test_a_component_that_is_not_hosted_is_one_clear_error(outside: Program):
    said = outside.in_python('Hosted("KindEnvironment", "e", {})').run("preview", code=1)

    assert "tether:index:KindEnvironment is no component that other programs can use; those are" in said


def test_every_component_is_hosted_or_known_not_to_be():
    assert {one.__name__ for one in COMPONENTS} == {one.__name__ for one in HOSTED} | NOT_HOSTED


def test_everything_that_other_languages_see_is_described(schema: dict[str, Any]):
    parts = [
        (f"{token}.{name}", entry)
        for token, described in {**schema["resources"], **schema["types"]}.items()
        for name, entry in {**described.get("inputProperties", {}), **described["properties"]}.items()
    ]
    assert len(parts) > 100
    assert [path for path, entry in parts if not entry.get("description")] == []


def clusters(**second: Any) -> dict[str, Any]:
    first = {"name": "a", "role": "primary", "network": "n1", "platform": "existing", "settings": {"kubeconfig": "k"}}
    other = {"name": "b", "role": "remote", "network": "n2", "platform": "existing"}
    own = {"kubeconfig": "l", "apiServer": "https://10.0.0.1:6443"}
    given = written(mesh_args("cluster2", platform="existing"))
    return {**given, "clusters": [first, {**other, "settings": own, **second}]}


@pytest.mark.parametrize(
    ("inputs", "paths"),
    [
        (clusters(), []),
        (clusters(name="a", network="n1"), ["clusters[1].name", "clusters[1].network"]),
        (clusters(role="primary"), ["clusters[1].role"]),
        (clusters(settings={"apiServer": "https://10.0.0.1:6443"}), ["clusters[1].settings.kubeconfig"]),
        (clusters(settings={"kubeconfig": "l"}), ["clusters[1].apiServer"]),
        (clusters(platform="eks", settings={"region": "eu-central-1"}), []),
        (clusters(platform="eks", settings={}), ["clusters[1].eks.region"]),
        (clusters(settings={"pod_cidr": "10.0.0.0/16"}), ["clusters[1].settings.pod_cidr"]),
        (clusters(exposure={"sourceRanges": "10.0.0.0/8"}), ["clusters[1].exposure.sourceRanges"]),
        (clusters(v1Endpoints="true"), ["clusters[1].v1Endpoints"]),
        ({**clusters(platform="kind", settings={}), "kind": None}, ["kind"]),
        ({**clusters(), "meshId": Unknown()}, ["meshId"]),
        ({**clusters(), "istio": {**written(ISTIO), "timeoutSeconds": True}}, ["istio.timeoutSeconds"]),
        ({**clusters(), "istio": {**written(ISTIO), "labels": {"team": 1}}}, ["istio.labels.team"]),
    ],
)
def test_a_mesh_is_refused_by_the_rules_of_the_settings(schema: dict[str, Any], inputs: Any, paths: list[str]):
    assert [path for path, _ in misfits(f"{OWN}Mesh", inputs, schema)] == paths


def test_what_only_the_engine_will_know_may_be_left_open_where_no_resource_hangs_on_it(schema: dict[str, Any]):
    later = Unknown()
    assert misfits(f"{OWN}Mesh", clusters(settings={"kubeconfig": later, "apiServer": later}), schema) == []
