"""Traces of a real mesh, healthy and broken in every way that a proxy can fail to authenticate in.

``TETHER_E2E_GALLERY=1`` writes docs/trace anew; otherwise each run is compared with what is there.
"""

import json
import os
import re
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e import gallery
from tests.e2e.breakages import PRIMARY, REMOTE, Lab
from tests.e2e.breaking.lab import GATEWAY
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment
from tests.e2e.traced import SCENARIOS, Bench, Scenario
from tether.errors import ExitCode
from tether.topology import WEBHOOK_PORT, XDS_PORT
from tether.trace import document, istiod
from tether.trace.record import Record

SECONDS = 90
"""For istiod and Kubernetes to take notice; most need a few."""
WRITES = bool(os.environ.get("TETHER_E2E_GALLERY"))


def traced(environment: Environment, *options: str) -> tuple[int, Record]:
    ran = environment.run(TETHER, "trace", "--output", "json", *options)
    assert '"kind": "trace"' in ran.stdout, ran.talk
    assert "eyJ" not in ran.talk, "a token is in the output"
    return ran.code, document.read(ran.stdout)


def complaint(record: Record, picture: gallery.Picture) -> str:
    """What of a record is not as its picture says; empty where all is."""
    failed = record.failed.id if record.failed else ""
    finding = next(iter(gallery.finding(record)), "")
    calls = [step.message for step in record.steps if step.source_of_message == "istiod's log" and not step.inside]
    words = calls or [" ".join(step.message for step in record.steps)]
    if failed != picture.failed:
        return f"the first failure is {failed or 'none'}, not {picture.failed or 'none'}: {words}"
    if not re.fullmatch(picture.finding, finding):
        return f"the doctor says {finding or 'nothing'}, not {picture.finding or 'nothing'}"
    return "" if all(re.search(picture.message, one) for one in words) else f"not {picture.message!r}: {words}"


def until_it_is_so(environment: Environment, picture: gallery.Picture, *options: str) -> Record:
    """Trace until what was done has reached every istiod, API server and proxy."""
    deadline = time.monotonic() + SECONDS
    while True:
        code, record = traced(environment, *options)
        wrong = complaint(record, picture)
        if not wrong:
            assert code == (ExitCode.UNHEALTHY if picture.failed else ExitCode.OK)
            return record
        if time.monotonic() > deadline:
            pytest.fail(f"{picture.name}: {wrong}")
        time.sleep(1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_trace_shows_what_happens(mesh: Mesh, scenario: Scenario, tmp_path: Path) -> None:
    picture, lab = scenario.picture, Lab(mesh.environment)
    healthy = gallery.Picture(name="healthy", title="", story="")
    try:
        options = scenario.do(Bench(lab, tmp_path))
        record = until_it_is_so(mesh.environment, picture, *options)
    finally:
        lab.restore()
        until_it_is_so(mesh.environment, healthy, "--no-doctor")
    if WRITES:
        gallery.save(record, picture.name)
    assert gallery.shape(record) == gallery.shape(gallery.load(picture.name))


def test_the_audit_log_shows_both_token_reviews_and_never_a_token(mesh: Mesh) -> None:
    code, record = traced(mesh.environment)
    assert code == 0
    for name in ("certificate-review", "discovery-review"):
        review = record.step(name)
        assert (review.outcome, review.identity.partition(",")[0]) == (
            "ok", "system:serviceaccount:istio-system:istio-reader-service-account",
        )  # fmt: skip
    (node,) = mesh.environment.get(REMOTE, "nodes")["items"]
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/logs/kubernetes/audit/audit.log"
    log = mesh.environment.kubectl(REMOTE, "get", "--raw", path).stdout
    events = [json.loads(line) for line in log.splitlines()]
    assert {event["objectRef"]["resource"] for event in events} == {"tokenreviews"}
    assert not any("requestObject" in event or "responseObject" in event for event in events)
    assert "eyJ" not in log


def test_a_proxy_that_shows_its_certificate_is_known_without_a_review(mesh: Mesh, tmp_path: Path) -> None:
    lab = Lab(mesh.environment)
    token = lab.kubectl(REMOTE, "create", "token", GATEWAY, "--audience", "istio-ca").stdout.strip()
    root = lab.read(REMOTE, "configmap istio-ca-root-cert")["data"]["root-cert.pem"]
    address = traced(mesh.environment)[1].step("handshake").address
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    endpoint = istiod.Endpoint(address=address, port=XDS_PORT, host="istiod.istio-system.svc", root=root)
    with istiod.Channel(endpoint, REMOTE, token) as channel:
        chain = channel.sign(request.public_bytes(serialization.Encoding.PEM).decode(), 600)
    file = tmp_path / "client.pem"
    file.touch(mode=0o600)
    file.write_bytes("".join(chain).encode() + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip

    code, record = traced(mesh.environment, "--client-certificate", str(file))

    assert code == ExitCode.OK
    assert record.step("handshake").credential.endswith(f"/sa/{GATEWAY}")
    assert [step.id for step in record.steps[-3:]] == ["handshake", "certificate", "discovery"], "nobody was asked"


def test_a_trace_works_on_any_mesh_that_contexts_name(mesh: Mesh) -> None:
    file = PROJECT / ".tether" / f"trace-{mesh.environment.stack}.kubeconfig"
    mesh.environment.write_contexts(file, (PRIMARY, REMOTE))
    try:
        code, record = traced(mesh.environment, "--primary", PRIMARY, "--remote", REMOTE, "--kubeconfig", str(file))
    finally:
        file.unlink()
    assert (code, record.ok, record.cluster_id) == (0, True, REMOTE)


def test_a_trace_is_drawn_as_it_is_played_and_from_its_record(mesh: Mesh, tmp_path: Path) -> None:
    def drawn(*words: str | Path) -> bytes:
        file = tmp_path / "drawn"
        ran = mesh.environment.run(TETHER, "trace", *words, "--out", file)
        assert ran.code == 0, ran.talk
        return file.read_bytes()

    record = tmp_path / "record.json"
    record.write_bytes(drawn("--from", REMOTE, "--output", "json"))
    for form, mark in (("svg", b"<svg"), ("png", b"\x89PNG"), ("mermaid", b"sequenceDiagram")):
        assert mark in drawn("--output", form)
        assert mark in drawn("--record", record, "--output", form)


def test_the_token_of_a_running_proxy_is_as_good_as_a_new_one(mesh: Mesh, tmp_path: Path) -> None:
    environment = mesh.environment
    (pod,) = environment.staying(REMOTE, "-n", "istio-system", "pods", "-l", f"app={GATEWAY}")
    token = environment.kubectl(
        REMOTE, "exec", pod["metadata"]["name"], "-n", "istio-system", "-c", "istio-proxy", "--", "cat",
        "/var/run/secrets/tokens/istio-token",
    )  # fmt: skip
    assert token.code == 0, token.stderr
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(token.stdout)
    whose = ("--namespace", "istio-system", "--service-account", GATEWAY)
    code, record = traced(environment, *whose, "--token-file", str(file))
    assert (code, record.ok) == (ExitCode.OK, True)


def test_a_gateway_is_not_restarted_unasked(mesh: Mesh) -> None:
    ran = mesh.environment.run(TETHER, "trace", "--gateway")
    assert ran.code == ExitCode.USAGE
    assert "tether trace --gateway --yes" in ran.stderr


def test_a_trace_goes_through_a_port_forward_where_there_is_no_other_way(mesh: Mesh) -> None:
    """The advice that `tether trace` gives itself, with ports of this machine that it names."""
    forward = mesh.environment.start(
        "kubectl", "--kubeconfig", mesh.environment.kubeconfig(PRIMARY), "-n", "istio-system", "port-forward",
        f"service/{GATEWAY}", str(XDS_PORT), str(WEBHOOK_PORT),
    )  # fmt: skip
    try:
        assert forward.stdout
        assert "Forwarding from" in forward.stdout.readline()
        code, record = traced(mesh.environment, "--address", "127.0.0.1")
    finally:
        forward.terminate()
        forward.communicate(timeout=SECONDS)

    assert (code, record.step("handshake").address) == (ExitCode.OK, "127.0.0.1")


def test_an_address_that_this_machine_does_not_reach_is_said_to_be_out_of_reach(mesh: Mesh) -> None:
    _, healthy = traced(mesh.environment)
    nobodys = ".".join([*healthy.step("handshake").address.split(".")[:3], "250"])

    ran = mesh.environment.run(TETHER, "trace", "--output", "json", "--address", nobodys)

    record = document.read(ran.stdout)
    assert ran.code == ExitCode.FAILED
    assert [step.id for step in record.steps if step.outcome == "no way"] == ["injection", "handshake"]
    assert "tether trace --address" in ran.stderr
