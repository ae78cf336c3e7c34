import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tether import versions
from toolchain import debian, releases
from toolchain.places import Cache
from toolchain.sources import SourceError
from toolchain.store import Store

LINE = versions.DEFAULT_LINE


def packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class FakeWeb:
    """Serves what the makers publish; an address that nobody publishes fails."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def fetch(self, url: str, goal: Path, headers: Mapping[str, str]) -> None:
        self.asked.append((url, headers))
        if url not in self.pages:
            raise SourceError(f"{url} — not found")
        goal.write_bytes(self.pages[url])

    def publish_tools(self) -> None:
        for release in releases._releases(debian.architecture(), LINE):  # pyright: ignore[reportPrivateUsage]
            content = packed({name: f"the {name}".encode() for name in release.members}) if release.members else b"bare"
            self.pages[release.url] = content
            file_name = release.url.rpartition("/")[2]
            self.pages[release.checksums] = f"{'0' * 64}  another-file\n{sha256(content)}  {file_name}\n".encode()

    def publish_charts(self) -> None:
        for chart in releases._charts(LINE):  # pyright: ignore[reportPrivateUsage]
            content = packed({f"{chart.name}/Chart.yaml": f"name: {chart.name}".encode()})
            site = f"https://{chart.registry}/v2/{chart.repository}"
            digest = f"sha256:{sha256(content)}"
            layers = [
                {"mediaType": "application/json", "digest": "x"},
                {"mediaType": releases.CHART_TYPE, "digest": digest},
            ]
            self.pages[f"{site}/manifests/{chart.version}"] = json.dumps({"layers": layers}).encode()
            self.pages[f"{site}/blobs/{digest}"] = content
            path = "v2/auth" if chart.registry == "quay.io" else "token"
            scope = f"repository:{chart.repository}:pull"
            token = json.dumps({"token": f"for-{chart.name}"}).encode()
            self.pages[f"https://{chart.registry}/{path}?service={chart.registry}&scope={scope}"] = token


@pytest.fixture
def web() -> FakeWeb:
    web = FakeWeb()
    web.publish_tools()
    web.publish_charts()
    return web


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path))


def test_every_tool_is_fetched_checked_and_made_executable(web: FakeWeb, store: Store):
    for name, (_, artefact) in releases.tools(web, LINE).items():
        program = store.obtain(artefact) / name
        assert os.access(program, os.X_OK)
        assert not (store.path(artefact) / "download").exists()
    _, pulumi = releases.tools(web, LINE)["pulumi"]
    host = store.path(pulumi) / "pulumi-language-python"
    assert host.read_text() == "the pulumi/pulumi-language-python"


def test_a_second_run_asks_the_network_nothing(web: FakeWeb, store: Store):
    _, kind = releases.tools(web, LINE)["kind"]
    store.obtain(kind)
    before = len(web.asked)
    store.obtain(releases.tools(web, LINE)["kind"][1])
    assert len(web.asked) == before


def test_a_download_with_another_checksum_is_refused_and_not_kept(web: FakeWeb, store: Store):
    _, kind = releases.tools(web, LINE)["kind"]
    url = next(url for url in web.pages if url.endswith(f"kind-linux-{debian.architecture()}"))
    web.pages[url] = b"something else"
    with pytest.raises(SourceError, match="damaged or not theirs"):
        store.obtain(kind)
    assert not store.has(kind)


def test_a_release_without_a_checksum_of_the_file_is_not_trusted(web: FakeWeb, store: Store):
    web.pages.update({url: b"0000  other-file\n" for url in web.pages if url.endswith(".sha256sum")})
    with pytest.raises(SourceError, match="lists no checksum of kind-linux"):
        store.obtain(releases.tools(web, LINE)["kind"][1])


def test_an_archive_without_the_program_says_which_one_is_missing(web: FakeWeb, store: Store):
    url = next(url for url in web.pages if "istioctl" in url and url.endswith(".tar.gz"))
    web.pages[url] = packed({"README": b""})
    web.pages[f"{url}.sha256"] = sha256(web.pages[url]).encode()
    with pytest.raises(SourceError, match="does not hold istioctl"):
        store.obtain(releases.tools(web, LINE)["istioctl"][1])


def test_charts_are_pulled_with_an_anonymous_token_and_checked_against_their_digest(web: FakeWeb, store: Store):
    folder = store.obtain(releases.charts(web, LINE))
    assert sorted(path.name for path in folder.iterdir()) == ["base", "gateway", "istiod", "metallb"]
    assert (folder / "istiod" / "Chart.yaml").read_text() == "name: istiod"
    blobs = [headers for url, headers in web.asked if "/blobs/" in url]
    assert [headers["Authorization"] for headers in blobs] == [
        f"Bearer for-{name}" for name in ("base", "istiod", "gateway", "metallb")
    ]


def test_a_damaged_chart_is_refused(web: FakeWeb, store: Store):
    web.pages.update({url: b"damaged" for url in web.pages if "/blobs/" in url})
    charts = releases.charts(web, LINE)
    with pytest.raises(SourceError, match="damaged or not theirs"):
        store.obtain(charts)
    assert not store.has(charts)


def test_an_address_that_cannot_be_reached_says_how_to_do_without():
    with pytest.raises(SourceError, match=r"nowhere\.invalid.*TETHER_SOURCE=packages"):
        releases.Web().fetch("https://nowhere.invalid/kind", Path("/dev/null"), {})
