"""Every kind of result for programs: its model, and the commands that give it."""

from collections.abc import Mapping
from typing import Any, Literal

from tether.cli.diagnose import DiagnosisDocument
from tether.cli.environment_documents import (
    EnvironmentDocument,
    EnvironmentRemovalDocument,
    EnvironmentsDocument,
    KubeconfigDocument,
    ReapingDocument,
    TimerDocument,
)
from tether.cli.error_document import ErrorDocument
from tether.cli.expiry import ExpiryDocument
from tether.cli.foreseen_document import DriftDocument, PreviewDocument
from tether.cli.mesh_document import MeshDocument
from tether.cli.removal import RemovalDocument
from tether.cli.report import ReportDocument
from tether.cli.settings import SettingsDocument
from tether.cli.variables import VariablesDocument
from tether.doctor.document import ChecksDocument, ExaminationDocument, RightsDocument
from tether.document import Document, Kind, kind_of
from tether.removal.document import RemoteRemovalDocument
from tether.report.document import TopologyDocument
from tether.trace.document import TraceDocument
from tether.verify.matrix import VerificationDocument
from tether.verify.reaper import CleanupDocument
from tether.verify.rendering import ProofsDocument


class SchemaDocument(Document):
    """A JSON schema."""

    kind: Literal[Kind.SCHEMA] = Kind.SCHEMA
    of: Kind | None
    """Kind of result that it describes; null for what a stack file may say."""
    json_schema: dict[str, Any]
    """The schema."""


COMMANDS: Mapping[type[Document], tuple[str, ...]] = {
    MeshDocument: ("tether up",),
    RemovalDocument: ("tether down",),
    VariablesDocument: ("tether env",),
    SettingsDocument: ("tether settings show",),
    SchemaDocument: ("tether schema",),
    ExaminationDocument: ("tether doctor",),
    ChecksDocument: ("tether doctor --list",),
    RightsDocument: ("tether doctor --rights",),
    TraceDocument: ("tether trace",),
    VerificationDocument: ("tether verify",),
    ProofsDocument: ("tether verify --list",),
    CleanupDocument: ("tether verify --clean",),
    TopologyDocument: ("tether topology",),
    ReportDocument: ("tether report",),
    DiagnosisDocument: ("tether diagnose",),
    RemoteRemovalDocument: ("tether remote remove",),
    PreviewDocument: ("tether preview",),
    DriftDocument: ("tether drift",),
    ExpiryDocument: ("tether expiry",),
    EnvironmentDocument: tuple(f"tether env {word}" for word in ("up", "show", "extend", "keep", "pause", "resume")),
    EnvironmentsDocument: ("tether env list",),
    KubeconfigDocument: ("tether env kubeconfig",),
    EnvironmentRemovalDocument: ("tether env down",),
    ReapingDocument: ("tether env reap",),
    TimerDocument: ("tether env timer",),
    ErrorDocument: ("any command that fails",),
}
"""Who gives a document of a model."""

MODELS: Mapping[Kind, type[Document]] = {kind_of(model): model for model in COMMANDS}
"""By kind."""
