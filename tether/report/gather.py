"""Gathers a report from a mesh; nothing is deployed, and what cannot be read is said instead."""

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tether.doctor.examination import examine
from tether.doctor.registry import CHECKS
from tether.doctor.view import MeshView
from tether.mesh import Mesh
from tether.report import inventory, observation, proxies, validity
from tether.report.model import Authentication, Certificates, Report, Traffic
from tether.report.proxies import Survey

Talk = Callable[[str], None]


def gather(
    mesh: Mesh,
    *,
    command: str,
    authentications: tuple[Authentication, ...] = (),
    no_authentication: str = "",
    traffic: Traffic | None = None,
    on_change: Talk = lambda _: None,
) -> Report:
    """Look at a mesh from every side.

    Args:
        mesh: open.
        command: how the report is asked for, to make it again.
        authentications: traces that were played for it.
        no_authentication: why there are none.
        traffic: a verification to show.
        on_change: told what is done now.
    """
    view = MeshView(mesh)
    made_at = datetime.datetime.now(datetime.UTC)
    on_change("asking the doctor")
    examination = examine(mesh, CHECKS)
    on_change("reading clusters, certificates and versions")
    with ThreadPoolExecutor(2) as pool:
        picture = pool.submit(observation.observe, view)
        survey = pool.submit(proxies.survey, view).result()
        validities = validity.read(view, survey.proxies, made_at)
    return Report(
        made_at=made_at,
        command=command,
        picture=picture.result(),
        examination=examination,
        certificates=Certificates(validities=validities, note=note(survey)),
        versions=tuple(inventory.versions(picture.result(), survey.proxies, inventory.data_plane(view))),
        authentications=authentications,
        no_authentication=no_authentication,
        traffic=traffic,
    )


def note(survey: Survey) -> str:
    """Which proxies were left out; empty where none was."""
    if survey.gap:
        return f"Only gateways were asked, as istiod does not say which proxies there are: {survey.gap}"
    asked = len(survey.proxies)
    if asked >= survey.connected:
        return ""
    return (
        f"{survey.connected} proxies are connected to istiod; asked were the gateways and, of each cluster, "
        f"the first {proxies.PER_CLUSTER} others by name: {asked} in all."
    )
