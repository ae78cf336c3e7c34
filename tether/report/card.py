"""One cluster as a card: what lines can be tied to, and everything that is written on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tether.addresses import with_port
from tether.errors import count
from tether.report import lettering
from tether.report.picture import Cluster, Gateway, Picture, short
from tether.report.shapes import Box, Drawing, Line, Sign, Text
from tether.topology import CROSS_NETWORK_PORT, WEBHOOK_PORT, XDS_PORT

PADDING = 12.0
_HEADER, _ROW = 58.0, 22.0
_HALF = 22.0
"""From the middle of a lane to the edge of its box."""
FIRST_LANE = _HEADER + _HALF
"""From the upper edge of a remote's card to its first lane."""
_ISTIOD_HEAD = 88.0
_PRIMARY_PITCH = 58.0
"""Of the primary's lanes, whatever the others': an arrow has room between its boxes."""
_NAME, _SMALL, _VALUE = 16.0, 12.0, 12.5
_SIGN_SPACE, _LABEL = 16.0, 50.0


class Relation(StrEnum):
    """What ties clusters together; each is a lane on every card."""

    READING = "reading"
    """istiod reads a remote's API server, with a remote secret."""
    CONTROL = "control"
    """Proxies and the API server of a remote come to istiod."""
    TRAFFIC = "traffic"
    """Requests between networks."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Where a card lies, and the height of each lane on it."""

    box: Box
    lanes: dict[Relation, float]


def height(picture: Picture, cluster: Cluster, pitch: float) -> float:
    """Height of a cluster's card, where lanes lie ``pitch`` apart."""
    rows = len(_foot(picture, cluster))
    istiod, pitch = (_ISTIOD_HEAD, _PRIMARY_PITCH) if cluster.is_primary else (0.0, pitch)
    return _HEADER + istiod + 2 * _HALF + 2 * pitch + 8 + rows * _ROW + 8


def draw(drawing: Drawing, picture: Picture, cluster: Cluster, box: Box, pitch: float) -> Card:
    """Draw a cluster's card into a box of the height that ``height`` gave."""
    drawing.boxes.append(box)
    pen = _Pen(drawing, box)
    pen.header(cluster)
    first = box.y + FIRST_LANE
    if cluster.is_primary:
        pen.istiod(picture, box.y + _HEADER)
        first, pitch = first + _ISTIOD_HEAD, _PRIMARY_PITCH
    lanes = {relation: first + index * pitch for index, relation in enumerate(Relation)}
    if cluster.is_primary:
        pen.entrance(cluster, lanes[Relation.CONTROL])
    else:
        pen.places(picture, cluster, lanes)
    foot = lanes[Relation.TRAFFIC] + _HALF + 8
    for index, row in enumerate(_foot(picture, cluster)):
        pen.row(row, foot + index * _ROW + 15)
    return Card(box=box, lanes=lanes)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A line of label and value, perhaps with a sign."""

    label: str
    value: str
    is_right: bool | None = None


def _foot(picture: Picture, cluster: Cluster) -> Sequence[_Row]:
    rows = [_Row(label="API", value=bare(cluster.api_server))] if cluster.is_primary else []
    rows += [_Row(label="Secret", value=cluster.secret.name.partition("/")[2])] if cluster.secret else []
    rows += [_Row(label="Ingress", value=gateway.address or "no address") for gateway in cluster.ingress]
    rows.append(_Row(label="Root", value=short(cluster.root) or "none", is_right=picture.trusts_the_root(cluster)))
    if cluster.gaps:
        rows.append(_Row(label="Gap", value=cluster.gaps[0], is_right=False))
    return rows


def bare(url: str) -> str:
    """A URL as a picture has room for it: without its scheme."""
    return url.removeprefix("https://") or "unknown"


def way_in(cluster: Cluster) -> Gateway | None:
    """The gateway through which a cluster is entered: the first with an address."""
    return next((gateway for gateway in cluster.gateways if gateway.addresses), None)


@dataclass(frozen=True)
class _Pen:
    """Writes inside one card."""

    drawing: Drawing
    box: Box

    @property
    def left(self) -> float:
        return self.box.x + PADDING

    @property
    def space(self) -> float:
        return self.box.width - 2 * PADDING

    def write(self, x: float, y: float, text: str, look: str, space: float, size: float) -> None:
        shown = lettering.fit(text, space, size, monospaced="mono" in look, bold="bold" in look)
        self.drawing.texts.append(Text(x=x, y=y, text=shown, look=look, whole=text if shown != text else ""))

    def header(self, cluster: Cluster) -> None:
        role = str(cluster.role)
        pill = lettering.width(role, _SMALL, bold=True) + 20
        right = self.box.right - PADDING
        self.drawing.boxes.append(Box(x=right - pill, y=self.box.y + 13, width=pill, height=22, look=f"pill {role}"))
        self.drawing.texts.append(
            Text(x=right - pill / 2, y=self.box.y + 28.5, text=role, look=f"small bold {role}", anchor="middle")
        )
        self.write(self.left, self.box.y + 29, cluster.name, "name bold", self.space - pill - 10, _NAME)
        below = " · ".join(filter(None, [cluster.network or "no network", _kubernetes(cluster)]))
        self.write(self.left, self.box.y + 48, below, "small quiet", self.space, _SMALL)

    def row(self, row: _Row, y: float) -> None:
        sign = 0.0 if row.is_right is None else _SIGN_SPACE
        self.write(self.left + 10, y, row.label, "small quiet", _LABEL - 1, _SMALL)
        self.write(self.left + 10 + _LABEL, y, row.value, "mono", self.space - 20 - _LABEL - sign, _VALUE)
        if row.is_right is not None:
            self.sign(y - 4, is_right=row.is_right)

    def sign(self, y: float, *, is_right: bool) -> None:
        """A tick or a cross at the right edge, all below one another."""
        self.drawing.signs.append(Sign(x=self.box.right - PADDING - 16, y=y, right=is_right))

    def lane(self, y: float, label: str, value: str, is_right: bool | None) -> None:
        """A box with two lines around the middle of a lane."""
        self.drawing.boxes.append(Box(x=self.left, y=y - _HALF, width=self.space, height=2 * _HALF, look="part"))
        self.two_lines(y, label, value, is_right)

    def two_lines(self, y: float, label: str, value: str, is_right: bool | None = None) -> None:
        sign = 0.0 if is_right is None else _SIGN_SPACE
        space = self.space - 20 - sign
        self.write(self.left + 10, y - 5, label, "small quiet", space, _SMALL)
        self.write(self.left + 10, y + 13, value, "mono", space, _VALUE)
        if is_right is not None:
            self.sign(y, is_right=is_right)

    def istiod(self, picture: Picture, top: float) -> None:
        """The control plane's box, the remote secrets at its end."""
        istiod = picture.istiod
        end = top + _ISTIOD_HEAD + 2 * _HALF
        self.drawing.boxes.append(Box(x=self.left, y=top, width=self.space, height=end - top, look="part istiod"))
        space = self.space - 20
        self.write(self.left + 10, top + 22, f"istiod {istiod.version}".strip(), "bold", space - _SIGN_SPACE, 13)
        self.sign(top + 18, is_right=0 < istiod.ready == istiod.pods)
        until = f"root ends {picture.root_until}" if picture.root_until else "no root"
        doors = f"{XDS_PORT} XDS and CA · {WEBHOOK_PORT} webhook"
        for index, text in enumerate((istiod.readiness, doors, until)):
            self.write(self.left + 10, top + 41 + index * 18, text, "small", space, _SMALL)
        self.secrets(picture, end - _HALF)
        # Requests that the gateway lets in end at istiod.
        middle = self.left + self.space / 2
        below = (middle, end + _PRIMARY_PITCH - 2 * _HALF)
        self.drawing.lines.append(Line(points=(below, (middle, end)), look="inside control", head=True))

    def secrets(self, picture: Picture, y: float) -> None:
        found = [remote.secret for remote in picture.remotes if remote.secret]
        synced = sum(secret.state == "synced" for secret in found)
        names = ", ".join(secret.cluster_id for secret in found) or "no cluster"
        label = f"{count(len(found), 'remote secret')}, {synced} synced"
        self.drawing.lines.append(
            Line(points=((self.left, y - _HALF), (self.left + self.space, y - _HALF)), look="rule")
        )
        self.two_lines(y, label, f"reads {names}", is_right=synced == len(picture.remotes))

    def entrance(self, primary: Cluster, y: float) -> None:
        """The primary's gateway: one box with a lane for istiod and, below it, one for services."""
        gateway = way_in(primary)
        self.drawing.boxes.append(
            Box(x=self.left, y=y - _HALF, width=self.space, height=2 * _HALF + _PRIMARY_PITCH, look="part")
        )
        doors = [port for port in (XDS_PORT, WEBHOOK_PORT) if gateway and port in gateway.ports]
        self.two_lines(y, "East-west gateway → istiod", _at(gateway, *doors), is_right=len(doors) == 2)
        way = _at(gateway, CROSS_NETWORK_PORT)
        self.two_lines(y + _PRIMARY_PITCH, "East-west gateway → services", way, is_right=gateway is not None)

    def places(self, picture: Picture, remote: Cluster, lanes: dict[Relation, float]) -> None:
        """What a remote's lanes lead to, a box each."""
        state = (remote.secret.state or "unknown to istiod") if remote.secret else "no remote secret"
        gateway = way_in(remote)
        self.lane(lanes[Relation.READING], f"API server, {state}", bare(remote.api_server), state == "synced")
        leads = ", ".join(remote.istiod_addresses) or "nowhere"
        service = f"Service {picture.istiod.service} leads to"
        self.lane(lanes[Relation.CONTROL], service, leads, picture.finds_istiod(remote))
        way = _at(gateway, CROSS_NETWORK_PORT)
        self.lane(lanes[Relation.TRAFFIC], "East-west gateway", way, gateway is not None)


def _at(gateway: Gateway | None, *ports: int) -> str:
    if gateway is None:
        return "no address"
    ports_there = ", ".join(str(gateway.entrance(port)) for port in ports) or "no port"
    return with_port(gateway.addresses[0], ports_there) + gateway.more


def _kubernetes(cluster: Cluster) -> str:
    return f"Kubernetes {cluster.kubernetes}" if cluster.kubernetes else "API server does not answer"
