"""One round of the doctor: every check about every cluster, independent ones side by side."""

import graphlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tether import kube
from tether.doctor import logs, settling
from tether.doctor.check import Answer, Check, Finding, Scope, Severity, Status, unknown
from tether.doctor.view import ClusterView, MeshView
from tether.mesh import Mesh
from tether.redact import redact

_WORKERS = 16
"""Checks wait for the network, hardly for the processor."""


@dataclass(frozen=True)
class Examination:
    """What one round found, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is wrong: causes before what follows from them, errors before warnings."""
        found = [finding for finding in self.findings if finding.status is Status.WRONG]
        return tuple(sorted(found, key=lambda finding: finding.check.severity is Severity.WARNING))

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """What could not be asked, each naming what was missing."""
        return tuple(finding for finding in self.findings if finding.status is Status.UNKNOWN)

    def is_healthy(self, *, fail_on: Severity = Severity.ERROR) -> bool:
        """Whether nothing of the given severity or worse was found; a question that could not be asked is a warning."""
        if fail_on is Severity.WARNING:
            return not self.wrong and not self.unknown
        return not any(one.check.severity is Severity.ERROR for one in self.wrong)


_Node = tuple[str, str]
"""Check ID and cluster name."""


def examine(mesh: Mesh, checks: Sequence[Check], *, on_done: Callable[[Finding], None] = lambda _: None) -> Examination:
    """Ask every check; changes nothing in the clusters.

    Args:
        mesh: open.
        checks: those to ask; ``needs`` that are not among them are taken to hold.
        on_done: told every finding as it comes, from this thread.
    """
    view = MeshView(mesh)
    by_id = {check.id: check for check in checks}
    findings: dict[_Node, Finding] = {}
    sorter = graphlib.TopologicalSorter(
        {(check.id, subject.name): set(_needs(check, subject, by_id, view)) for check in checks
         for subject in _subjects(check, view)}
    )  # fmt: skip
    sorter.prepare()
    subjects = {subject.name: subject for subject in view.clusters}
    running: dict[Future[Finding], _Node] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        while sorter.is_active():
            for node in sorter.get_ready():
                running[pool.submit(_ask, node, by_id, subjects, view, findings)] = node
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                node = running.pop(future)
                findings[node] = future.result()
                on_done(findings[node])
                sorter.done(node)
    order = [(check.id, subject.name) for check in checks for subject in _subjects(check, view)]
    return Examination(logs.attach(view, [findings[node] for node in order]))


def _subjects(check: Check, view: MeshView) -> tuple[ClusterView, ...]:
    if check.scope is Scope.MESH:
        return (view.primary,)
    return view.remotes if check.scope is Scope.REMOTE else view.clusters


def _needs(check: Check, subject: ClusterView, by_id: Mapping[str, Check], view: MeshView) -> Iterator[_Node]:
    """What a check about one cluster depends on: the same cluster's answers, and those about the mesh.

    A check about the whole mesh depends on the answers about every cluster, and one about
    a remote also on those about the primary, which serves it.
    """
    for name in check.needs:
        need = by_id.get(name)
        if need is None:
            continue
        others = [other.name for other in _subjects(need, view)]
        if check.scope is Scope.MESH:
            yield from ((name, other) for other in others)
        elif need.scope is Scope.MESH:
            yield (name, view.primary.name)
        else:
            served_by = {view.primary.name} if check.scope is Scope.REMOTE else set[str]()
            yield from ((name, other) for other in others if other in {subject.name, *served_by})


def _ask(
    node: _Node,
    by_id: Mapping[str, Check],
    subjects: Mapping[str, ClusterView],
    view: MeshView,
    findings: Mapping[_Node, Finding],
) -> Finding:
    check, subject = by_id[node[0]], subjects[node[1]]
    before = [findings[need] for need in _needs(check, subject, by_id, view)]
    culprits = _culprits(before)
    if culprits:
        answer = Answer(status=Status.MUTED, seen=f"not checked because {' and '.join(culprits)} failed")
        return Finding(check=check, subject=subject.name, answer=answer, muted_by=culprits)
    return Finding(check=check, subject=subject.name, answer=_answer(check, view, subject))


def _culprits(before: Sequence[Finding]) -> tuple[str, ...]:
    """The wrong checks at the root, also behind muted ones; warnings mute nothing."""
    found: list[str] = []
    for finding in before:
        if finding.status is Status.MUTED:
            found += finding.muted_by
        elif finding.status is Status.WRONG and finding.check.severity is Severity.ERROR:
            found.append(finding.check.id)
    return tuple(dict.fromkeys(found))


def _answer(check: Check, view: MeshView, subject: ClusterView) -> Answer:
    try:
        answer = check.probe(view, subject)
        is_passing = check.settles and answer.status is Status.WRONG
        return settling.softened(view, subject, answer) if is_passing else answer
    except kube.KubeError as error:
        return unknown(redact(str(error)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # An object of a shape that nobody foresaw must not hide what the other checks found.
        return unknown(redact(f"what {subject.name} answered cannot be judged: {type(error).__name__}: {error}"))
