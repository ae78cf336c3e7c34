import dataclasses
import json

from tests.unit.report.meshes import OTHER_ROOT, ROOT, broken, mesh
from tether.report import document
from tether.report.picture import Picture, short


def with_primary_at(picture: Picture, *addresses: str) -> Picture:
    primary = picture.primary
    gateway = dataclasses.replace(primary.gateways[0], addresses=addresses)
    return dataclasses.replace(picture, clusters=(dataclasses.replace(primary, gateways=(gateway,)), *picture.remotes))


def test_who_shares_the_root_is_told_by_fingerprints():
    picture = broken()
    assert [cluster.name for cluster in picture.sharers] == ["cluster1", "cluster2", "cluster4"]
    assert not picture.trusts_the_root(picture.clusters[2])
    assert not picture.trusts_the_root(picture.clusters[4])


def test_nobody_shares_a_root_that_could_not_be_read():
    picture = mesh()
    rootless = tuple(dataclasses.replace(cluster, root="") for cluster in picture.clusters)
    assert dataclasses.replace(picture, clusters=rootless).sharers == ()


def test_a_remote_that_is_led_elsewhere_does_not_find_istiod():
    picture = mesh()
    assert picture.finds_istiod(picture.remotes[0])
    assert not broken().finds_istiod(broken().clusters[3])
    assert not with_primary_at(picture, "192.0.2.9").finds_istiod(picture.remotes[0])


def test_an_address_behind_a_host_name_is_taken_on_trust_but_no_address_is_not():
    picture = with_primary_at(mesh(), "gw.elb.example.com")
    assert picture.finds_istiod(picture.remotes[0])
    assert not picture.finds_istiod(dataclasses.replace(picture.remotes[0], istiod_addresses=()))


def test_an_ipv6_address_is_compared_and_no_host_name():
    picture = with_primary_at(mesh(), "fd00::128")
    assert not picture.finds_istiod(picture.remotes[0])


def test_the_document_names_everything_by_its_whole_value():
    found = json.loads(document.topology(broken()).text())
    assert found["schemaVersion"] == 1
    assert found["trust"] == {"rootFingerprint": ROOT, "rootUntil": "2036-11-20",
                              "sharedBy": ["cluster1", "cluster2", "cluster4"]}  # fmt: skip
    assert found["istiod"]["ports"] == {"xds": 15012, "webhook": 15017}
    healthy, other, astray, silent = found["clusters"][1:]
    assert healthy["remoteSecret"]["reads"] == "https://cluster2-ba41a77e-control-plane:6443"
    assert healthy["eastWestGateways"][0]["addresses"] == ["10.89.126.144"]
    assert (other["rootFingerprint"], other["trustsTheRoot"]) == (OTHER_ROOT, False)
    assert astray["remoteSecret"] is None
    assert silent["gaps"] == ["API server: https://cluster5:6443 does not answer: Connection refused"]


def test_a_short_fingerprint_has_eight_bytes():
    assert short(ROOT) == "91:92:93:94:95:96:97:98"
