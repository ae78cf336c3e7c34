import base64
import dataclasses
import hashlib
import itertools
import re
from html.parser import HTMLParser

import pytest

from tests.unit.report import reports
from tests.unit.report.meshes import ROOT, broken, mesh
from tether.doctor.check import Answer, Status
from tether.doctor.examination import Examination
from tether.report import page
from tether.report.model import Report

EVIL = '<script>alert(1)</script><img src="https://evil.example/x.png" onerror="alert(2)">'
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4eXoifQ.c2lnbmF0dXJl"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIabcdefghijkl\n-----END PRIVATE KEY-----"


class Page(HTMLParser):
    """A page taken apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.within = ""
        self.held: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.within = tag

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        self.held.setdefault(self.within, []).append(data)
        if self.within not in ("script", "style"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def of(report: Report) -> Page:
    return Page(page.html(report))


def with_finding(seen: str, fix: str = "true") -> Report:
    wrong = reports.finding("D13", "cluster2", answer=Answer(status=Status.WRONG, seen=seen, fix=fix))
    return dataclasses.replace(reports.healthy(), examination=Examination((wrong,)))


@pytest.mark.parametrize("report", [reports.healthy(), reports.unhealthy(), reports.healthy(broken())])
def test_nothing_on_the_page_leads_anywhere_but_into_it(report: Report):
    found = of(report)
    assert all(link["href"].startswith("#") for link in found.all("a"))
    targets = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    assert {link["href"][1:] for link in found.all("a")} <= targets
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in found.all("img"))
    assert not found.all("link")
    assert not found.all("iframe")
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_the_policy_allows_this_pages_own_style_and_script_and_nothing_else():
    found = of(reports.healthy())
    policy = next(meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("img-src") == "data:"
    for rule, tag in (("style-src", "style"), ("script-src", "script")):
        digest = hashlib.sha256("".join(found.held[tag]).encode()).digest()
        assert rules.pop(rule) == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules == {"base-uri": "'none'", "form-action": "'none'"}


def test_a_findings_text_stays_text():
    found = of(with_finding(EVIL, fix=EVIL))
    assert found.words.count(EVIL) >= 2
    assert len(found.all("script")) == 1
    assert all(image["src"].startswith("data:") for image in found.all("img"))


def test_a_namespace_or_cluster_name_stays_text():
    picture = mesh()
    primary, remote = picture.clusters
    secret = dataclasses.replace(remote.secret, name=f"{EVIL}/{EVIL}") if remote.secret else None
    evil = dataclasses.replace(remote, name=EVIL, network=EVIL, api_server=EVIL, secret=secret, gaps=(EVIL,))
    found = of(reports.healthy(dataclasses.replace(picture, stack=EVIL, mesh_id=EVIL, clusters=(primary, evil))))
    assert found.words.count(EVIL) > 5
    assert len(found.all("script")) == 1
    for image in found.all("img"):
        svg = base64.b64decode(image["src"].partition(",")[2]).decode()
        assert "<script" not in svg
        assert "<img" not in svg


def test_secrets_are_masked_wherever_they_come_from():
    gap = dataclasses.replace(mesh().remotes[0], gaps=(f"Authorization: Bearer {TOKEN}",))
    picture = dataclasses.replace(mesh(), clusters=(mesh().primary, gap))
    report = dataclasses.replace(
        with_finding(f"token: {TOKEN}", fix=f"echo '{KEY}' {TOKEN}"),
        picture=picture,
        command=f"tether report {TOKEN}",
        no_authentication=KEY,
        authentications=(),
    )
    text = page.html(report)
    drawings = [base64.b64decode(code).decode() for code in re.findall(r"base64,([\w+/=]+)", text)]
    assert len(drawings) == 2
    for part in (text, *drawings):
        assert TOKEN not in part
        assert "MIIabcdefghijkl" not in part
    assert "[secret]" in text


def test_a_fix_that_names_a_secret_without_holding_it_can_still_be_pasted():
    fix = "TOKEN=$(kubectl get secret x -o jsonpath='{.data.token}' | base64 -d)\nsed \"s/token: .*/token: $TOKEN/\""
    assert fix in of(with_finding("it was revoked", fix=fix)).words


def test_causes_come_first_with_everything_that_helps():
    found = of(reports.unhealthy())
    first, second = (found.words.index(f"{name}: not so") for name in ("D13 cluster2", "D33 cluster1"))
    assert first < second
    for text in ("the token is not accepted", "it was revoked", "istiod: Unauthorized", "D18 cluster2",
                 "docs/reference/doctor.md#d13", "kind: Secret\nEND", "Could not be asked"):  # fmt: skip
        assert text in found.words
    assert "Unhealthy: 1 error, 1 warning; 1 question could not be asked." in found.words


def test_headings_go_down_one_step_at_a_time():
    for report in (reports.healthy(), reports.unhealthy()):
        levels = [int(tag[1]) for tag, _ in of(report).elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_every_table_has_a_caption_and_headed_rows_and_columns():
    found = of(reports.healthy())
    assert len(found.all("table")) == len(found.all("caption")) > 4
    assert all(head.get("scope") in ("row", "col") for head in found.all("th"))


def test_addresses_fingerprint_and_versions_are_named():
    words = of(reports.healthy(mesh(3))).words
    for text in (ROOT, "10.89.126.128", "10.89.126.176", "https://cluster3-ba41a77e-control-plane:6443", "v1.34.4",
                 "1.39.3", "istio-system/istio-remote-secret-cluster4", "cluster.local"):  # fmt: skip
        assert text in words


def test_days_left_are_hours_where_they_are_few_and_past_where_they_are_none():
    words = of(reports.healthy()).words
    assert "3\N{NARROW NO-BREAK SPACE}650 days" in words
    assert "7 hours ago" in words
    assert "Gateway istio-system/istio-eastwestgateway-6d4f of cluster1 ended 7 hours ago." in words


def test_a_report_without_traffic_says_how_to_add_it():
    found = of(reports.unhealthy())
    assert "tether verify --output json > verify.json" in found.words
    assert "tether report --primary east --remote west --out mesh.html --verify" in found.words
    assert "Left out, as --no-trace asked." in found.words


def test_who_the_two_ends_of_the_requests_were_is_told():
    words = of(reports.healthy()).words
    assert "cluster1: spiffe://cluster.local/ns/tether-verify/sa/echo-cluster1" in words


def test_lost_requests_are_marked_by_more_than_a_colour():
    found = of(reports.healthy())
    assert re.search(r"✗\s+TCP\s+0 of 20", found.words)
    assert re.search(r"✓\s+HTTP\s+20 of 20, 3.2 ms", found.words)
