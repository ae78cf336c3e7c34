from pathlib import Path

import pytest

from toolchain import debian

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [arch=amd64 signed-by=/a.gpg] https://vendor.example/apt stable-vendor main
deb http://security.example/debian-security bookworm-security main
deb http://mirror.example/debian/ bookworm main contrib # near
"""
DEB822 = """\
Types: deb deb-src
# a comment inside
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://near.example/debian
  http://far.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path / "sources.list.d"


def test_the_mirror_is_read_from_one_line_sources(place: Path):
    (place / "a.list").write_text(ONE_LINE)
    assert debian.mirror((place,)) == "http://mirror.example/debian"


def test_the_mirror_is_read_from_deb822_sources(place: Path):
    (place / "debian.sources").write_text(DEB822)
    assert debian.mirror((place,)) == "http://near.example/debian"


def test_every_uri_and_suite_of_a_stanza_is_a_source(place: Path):
    (place / "debian.sources").write_text(DEB822)
    found = [(source.uri, source.suite) for source in debian.apt_sources((place,))]
    assert found == [
        (f"http://{host}.example/debian", suite)
        for host in ("near", "far")
        for suite in ("bookworm", "bookworm-updates")
    ]


def test_the_main_file_comes_before_the_folder(place: Path):
    (place / "a.list").write_text(ONE_LINE)
    main = place.parent / "sources.list"
    main.write_text("deb http://first.example/debian trixie main\n")
    assert debian.mirror((main, place)) == "http://first.example/debian"


@pytest.mark.parametrize(
    "line",
    [
        "deb http://archive.example/ubuntu noble main",
        "deb cdrom:[Debian]/ bookworm main",
        "deb http://mirror.example/debian bookworm contrib",
        "",
    ],
)
def test_without_a_debian_mirror_none_is_named(place: Path, line: str):
    (place / "a.list").write_text(line)
    assert debian.mirror((place, place / "absent")) == ""


def test_the_architecture_is_one_that_images_are_made_for():
    assert debian.architecture() in ("amd64", "arm64")
