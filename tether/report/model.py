"""Everything that the page shows, gathered; the page adds nothing but its form."""

import datetime
from dataclasses import dataclass

from tether.doctor.examination import Examination
from tether.report.inventory import Version
from tether.report.picture import Picture
from tether.report.validity import Validity


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One step of the first authentication."""

    title: str
    who: str
    """``proxy → istiod, through the gateway at 10.89.3.128:15012``."""
    seconds: float
    outcome: str
    """In one word: ``ok``, ``failed``, …"""
    is_right: bool | None
    """None where it was not asked, or nobody could tell."""
    seen: str
    """What came back, or the server's own words."""
    checked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """How a new proxy of one remote got its certificate just now, or did not."""

    remote: str
    is_right: bool
    headline: str
    diagram: str
    """SVG of the sequence diagram."""
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Requests of one cluster to another over one protocol."""

    protocol: str
    answered: int
    requests: int
    milliseconds: float | None
    """Median; None where none was answered."""
    wrong: str = ""
    """Why this proves nothing; empty where it is a proof."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The requests between every two clusters in one mode of the answering side."""

    mode: str
    rows: tuple[tuple[str, tuple[tuple[Crossing, ...], ...]], ...]
    """Asking cluster, then one cell for every answering cluster, in the order of the clusters."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Something that had to come true besides answered requests."""

    proof: str
    sentence: str
    fulfilled: int
    requests: int
    seen: str
    wrong: str = ""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a verification saw."""

    is_right: bool
    headline: str
    verified_at: str
    clusters: tuple[str, ...]
    grids: tuple[Grid, ...]
    identities: tuple[tuple[str, str], ...] = ()
    """Cluster and a SPIFFE identity that it was seen with, by the other end of the requests."""
    expectations: tuple[Expectation, ...] = ()
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """What is known of the certificates."""

    validities: tuple[Validity, ...]
    note: str = ""
    """Which were left out, or why; empty where none was."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One mesh at one moment."""

    made_at: datetime.datetime
    """UTC."""
    command: str
    """How it was asked for, to make it again."""
    picture: Picture
    examination: Examination
    certificates: Certificates
    versions: tuple[Version, ...]
    authentications: tuple[Authentication, ...] = ()
    no_authentication: str = ""
    """Why there is none."""
    traffic: Traffic | None = None
