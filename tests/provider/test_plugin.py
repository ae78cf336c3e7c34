import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from tests.provider.fake_machine import CLUSTER, ENVIRONMENT, NETWORK, NODE_IMAGE, Machine
from tests.provider.provider_harness import SIGNATURE, UNKNOWN, Plugin, failed, plain, raw, struct
from tether.cli import processes

CLUSTER_INPUTS: dict[str, Any] = {
    "name": CLUSTER,
    "network": NETWORK,
    "runtime": "podman",
    "nodeImage": NODE_IMAGE,
    "environment": ENVIRONMENT,
}
KINDS = [
    "AuthoritySecret",
    "BoundToken",
    "CertificateChain",
    "Cluster",
    "ContainerNetwork",
    "GatewayReady",
    "IstioNamespace",
    "IstiodReady",
    "ProvidedChain",
    "RemoteReady",
    "Verification",
]


def test_the_provider_accepts_secrets_and_previews(plugin: Plugin) -> None:
    answer = plugin.stub.Configure(provider_pb2.ConfigureRequest(), timeout=10)

    assert answer.acceptSecrets
    assert answer.supportsPreview


def test_the_schema_names_every_resource_and_its_secrets(plugin: Plugin) -> None:
    schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=60).schema)

    resources = [token for token, described in schema["resources"].items() if not described.get("isComponent")]
    assert sorted(resources) == [f"tether:index:{kind}" for kind in KINDS]
    cluster = schema["resources"]["tether:index:Cluster"]
    assert cluster["properties"]["kubeconfig"] == {"type": "string", "secret": True}
    assert cluster["inputProperties"]["podCidr"]["willReplaceOnChanges"]
    assert cluster["requiredInputs"] == ["name", "network"]


def test_an_unknown_resource_type_is_one_clear_error(plugin: Plugin) -> None:
    error = failed(lambda: plugin.check("Clutser", {}))

    assert "tether:index:Clutser is no resource of this provider" in error.details()


def test_an_unexpected_error_is_a_sentence_and_the_traceback_goes_to_the_log(
    start_plugin: Callable[..., Plugin],
) -> None:
    plugin = start_plugin()
    broken = provider_pb2.DeleteRequest(
        urn="urn:pulumi:test::tether::tether:index:Cluster::it", id="it", properties=struct({"runtime": "podman"})
    )

    error = failed(lambda: plugin.stub.Delete(broken, timeout=30))

    assert error.code() is grpc.StatusCode.INTERNAL
    assert "Traceback" not in error.details()
    assert "\n" not in error.details()
    assert "Traceback" in plugin.close()


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("GatewayReady", {"kubeconfig": "{"}),
        ("RemoteReady", {"primaryKubeconfig": "[]", "remoteKubeconfig": "", "clusterName": "c", "network": "n"}),
        (
            "Verification",
            {"clusters": [{"name": "a", "kubeconfig": "x"}, {"name": "b", "kubeconfig": "y"}], "image": "i"},
        ),
    ],
)
def test_a_kubeconfig_that_is_none_is_one_clear_error(plugin: Plugin, kind: str, inputs: dict[str, Any]) -> None:
    error = failed(lambda: plugin.create(kind, inputs))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details().startswith("the kubeconfig ")


@pytest.mark.parametrize(
    ("kind", "inputs", "secret_keys"),
    [
        ("GatewayReady", {"kubeconfig": "k"}, ["kubeconfig"]),
        (
            "RemoteReady",
            {"primaryKubeconfig": "k", "remoteKubeconfig": "k", "clusterName": "c", "network": "n"},
            ["primaryKubeconfig", "remoteKubeconfig"],
        ),
        (
            "Verification",
            {"clusters": [{"name": "a", "kubeconfig": "k"}, {"name": "b", "kubeconfig": "k"}], "image": "i"},
            ["clusters"],
        ),
    ],
)
def test_kubeconfigs_are_secret_even_where_the_program_forgot_to_say_so(
    plugin: Plugin, kind: str, inputs: dict[str, Any], secret_keys: list[str]
) -> None:
    checked = raw(plugin.checked(kind, inputs))

    assert [key for key in sorted(checked) if SIGNATURE in str(checked[key])] == secret_keys


def test_an_open_gate_promises_itself_and_stays_open_on_refresh(plugin: Plugin) -> None:
    inputs = {"primaryKubeconfig": UNKNOWN, "remoteKubeconfig": UNKNOWN, "clusterName": "cluster2", "network": "n"}

    promised = plugin.create("RemoteReady", inputs, preview=True).properties
    state = struct({**plain(promised), "primaryKubeconfig": "k", "remoteKubeconfig": "k"})
    read = plugin.read("RemoteReady", "cluster2", state)

    assert plain(promised)["ready"] is True
    assert (read.id, plain(read.properties)) == ("cluster2", plain(state))


def test_a_gate_asks_anew_when_a_trigger_changes(plugin: Plugin) -> None:
    inputs = {"kubeconfig": "k", "expectedAddress": "10.0.0.1", "triggers": {"release": "1"}}
    state = plugin.create("GatewayReady", inputs, preview=True).properties

    difference = plugin.diff("GatewayReady", state, {**inputs, "triggers": {"release": "2"}})

    assert list(difference.diffs) == ["triggers"]
    assert not difference.replaces


def test_a_verification_is_made_anew_when_a_trigger_changes(plugin: Plugin) -> None:
    sides = [{"name": name, "kubeconfig": "k"} for name in ("a", "b")]
    inputs = {"clusters": sides, "image": "i", "requests": 10, "triggers": {"release": "1"}}
    state = plugin.create("Verification", inputs, preview=True).properties

    assert plain(state)["requests"] == 20
    assert not plugin.diff("Verification", state, inputs).diffs
    assert list(plugin.diff("Verification", state, {**inputs, "requests": 11}).diffs) == ["requests"]
    assert list(plugin.diff("Verification", state, {**inputs, "triggers": {}}).replaces) == ["triggers"]


def test_a_verification_needs_two_different_clusters(plugin: Plugin) -> None:
    one = {"name": "a", "kubeconfig": "k"}

    for sides in ([], [one], [one, one]):
        (failure,) = plugin.check("Verification", {"clusters": sides, "image": "i"}).failures
        assert failure.reason.startswith("clusters ")
        assert failure.property == "", "the engine would print the kubeconfigs"


class FakeEngine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.messages: list[engine_pb2.LogRequest] = []

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> Any:  # noqa: N802
        from google.protobuf import empty_pb2

        self.messages.append(request)
        return empty_pb2.Empty()


def test_progress_reaches_the_engines_display(start_plugin: Callable[..., Plugin], machine: Machine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    servicer = FakeEngine()
    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        start_plugin(engine=f"127.0.0.1:{port}").create("Cluster", CLUSTER_INPUTS)
    finally:
        server.stop(0)

    progress = [message for message in servicer.messages if message.ephemeral]
    assert any("Preparing nodes" in message.message for message in progress)
    assert {message.urn for message in progress} == {"urn:pulumi:test::tether::tether:index:Cluster::it"}
    assert all("very-secret-token" not in message.message for message in servicer.messages)


def begin_endless_create(plugin: Plugin, machine: Machine) -> Any:
    machine.mood(kind="hangs")
    creating = plugin.create_future("Cluster", CLUSTER_INPUTS)
    deadline = time.monotonic() + 15
    while not (machine.root / "pids").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (machine.root / "pids").unlink()
    return creating


def assert_ends_clean(plugin: Plugin, machine: Machine) -> None:
    assert plugin.process.wait(12) == 0
    assert machine.containers == []
    assert machine.volumes == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plugin_that_is_told_to_end_takes_half_made_things_with_it(
    start_plugin: Callable[..., Plugin], machine: Machine, number: signal.Signals
) -> None:
    plugin = start_plugin()
    begin_endless_create(plugin, machine)

    os.kill(plugin.process.pid, number)

    assert_ends_clean(plugin, machine)


def test_a_plugin_whose_engine_was_killed_takes_half_made_things_with_it(
    start_plugin: Callable[..., Plugin], machine: Machine
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as engine:
        plugin = start_plugin(engine=f"127.0.0.1:{engine.getsockname()[1]}")
        begin_endless_create(plugin, machine)
        engine.settimeout(5)
        engine.accept()[0].close()

    assert_ends_clean(plugin, machine)


def test_an_idle_plugin_ends_when_asked(start_plugin: Callable[..., Plugin]) -> None:
    plugin = start_plugin()

    plugin.close()

    assert plugin.process.returncode == 0


def test_a_plugin_of_a_test_is_not_ended_by_the_next_up_of_its_checkout(tmp_path: Path) -> None:
    """It has no engine above it, as one whose engine was killed."""
    running = Plugin(environment={"PULUMI_HOME": str(tmp_path)})
    try:
        assert running.process.pid not in [found.number for found in processes.orphaned_plugins(tmp_path)]
    finally:
        running.close()
