"""Entry point of ``tether``: commands, options, exit codes."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tether import shield
from tether.cli import failure, forms, passphrase, project
from tether.cli.delivery import give
from tether.cli.env import app as env_app
from tether.cli.forms import Drawing, Drawn, Form, Output
from tether.cli.pipeline import register as add_pipeline_commands
from tether.cli.remote import app as remote_app
from tether.cli.target import (
    KubeconfigOption,
    NamespaceOption,
    PolicyPackConfigOption,
    PolicyPackOption,
    PrimaryOption,
    RemoteOption,
    StackOption,
    named,
)
from tether.doctor.check import Severity
from tether.errors import UsageError
from tether.kinds import Kind
from tether.mesh import DEFAULT_NAMESPACE

app = typer.Typer(
    name="tether",
    help="Istio primary-remote over two or more clusters: make it, prove it, remove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    callback=forms.before_every_command,
)

settings_app = typer.Typer(name="settings", help="Look at the settings of a stack.", no_args_is_help=True)
app.add_typer(settings_app)
app.add_typer(env_app)
app.add_typer(remote_app)

OutputOption = Annotated[Form, typer.Option("--output", "-o", help="Form of the result on standard output.")]


@app.command()
def up(
    stack: StackOption = None,
    output: OutputOption = Form.TEXT,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First look at what is really there; mends what was changed by hand.")
    ] = False,
    allow_unsupported: Annotated[
        bool,
        typer.Option("--allow-unsupported", help="Only warn of versions that would be refused, and what may break."),
    ] = False,
    policy_pack: PolicyPackOption = None,
    policy_pack_config: PolicyPackConfigOption = None,
) -> None:
    """Make the clusters and the mesh, prove that requests cross, show the endpoints.

    Goes on where an interrupted run ended; changes nothing where nothing is to be changed.
    """
    from tether.cli import mesh_document, summary
    from tether.cli.policy import Packs
    from tether.cli.up import up as bring_up

    outcome = bring_up(
        project.find(Path.cwd(), stack),
        refresh=refresh,
        allow_unsupported=allow_unsupported,
        packs=Packs(policy_pack or (), policy_pack_config or ()),
    )
    if output is Form.JSON:
        give(mesh_document.document(outcome))
    else:
        summary.show(outcome, Console(highlight=False))


@app.command()
def down(
    stack: StackOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    unreachable: Annotated[
        bool,
        typer.Option("--unreachable", help="Give up what is in a cluster that is gone; says how to empty it later."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Give up whatever cannot be reached or removed any more; removes what is on this machine."
        ),
    ] = False,
    output: OutputOption = Form.TEXT,
) -> None:
    """Remove everything of the environment: clusters, containers, network, volumes, processes, state."""
    from tether.cli import removal

    wish = removal.Wish(dry_run=dry_run, yes=yes, unreachable=unreachable, force=force, output=output)
    removal.remove(project.find(Path.cwd(), stack), wish)


@settings_app.command("show")
def settings_show(stack: StackOption = None, output: OutputOption = Form.TEXT) -> None:
    """Show the settings in force and where each comes from: stack file, Pulumi.yaml or built in.

    Secrets are masked. Mistakes are told as by: tether up. Nothing is asked and nothing changed.
    """
    from tether.cli import settings as command

    command.show(project.find(Path.cwd(), stack), output)


@app.command()
def schema(
    kind: Annotated[Kind | None, typer.Argument(help="Kind of result; by default the settings of a stack.")] = None,
    output: OutputOption = Form.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; by default standard output.")] = None,
) -> None:
    """Print the JSON schema of the settings, for editors and pipelines, or that of a kind of result."""
    from tether.cli import schema as command

    command.show(kind, output, out)


@app.command()
def doctor(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result on standard output.")
    ] = Output.TEXT,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Examine again and again; show what changes.")] = False,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="Least severity that makes the exit code 7.")
    ] = Severity.ERROR,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Ask this check alone, for example D13; may be repeated.")
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List every check; needs no mesh.")] = False,
    rights: Annotated[
        bool,
        typer.Option("--rights", help="Print a ServiceAccount with the rights that the doctor needs; for kubectl."),
    ] = False,
) -> None:
    """Say what is wrong with a mesh, the cause first, with the commands that mend it. Changes nothing.

    Works on the current stack, or on any primary-remote mesh that --primary and --remote name.
    """
    from tether.cli import doctor as command

    if list_checks:
        print(command.listing(output), end="")  # noqa: T201 - the result
        return
    if rights:
        print(command.rights(istio_namespace, output), end="")  # noqa: T201 - the result
        return
    target = named(stack, primary, remote, kubeconfig, istio_namespace)
    sys.exit(command.doctor(target, command.Wish(output=output, fail_on=fail_on, only=tuple(only or ()), watch=watch)))


@app.command()
def trace(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    cluster: Annotated[
        str, typer.Option("--from", help="Remote whose proxy is played; by default the first.", metavar="CLUSTER")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of the service account; by default Istio's.")
    ] = "",
    service_account: Annotated[
        str, typer.Option("--service-account", help="That the proxy runs as; by default the east-west gateway's.")
    ] = "",
    audience: Annotated[str, typer.Option("--audience", help="Audience to ask a token for.")] = "istio-ca",
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Show the token in this file instead of a new one; none if it is empty."),
    ] = None,
    client_certificate: Annotated[
        Path | None,
        typer.Option(
            "--client-certificate", help="Show this certificate too, as a proxy does that has one (PEM with key)."
        ),
    ] = None,
    address: Annotated[
        str, typer.Option("--address", help="Reach the primary's gateway here, for example through a port-forward.")
    ] = "",
    gateway: Annotated[
        bool, typer.Option("--gateway", help="Restart the remote's east-west gateway and follow its pod to Ready.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the gateway is restarted.")] = False,
    with_doctor: Annotated[
        bool, typer.Option("--doctor/--no-doctor", help="Ask the doctor for the cause where a step failed.")
    ] = True,
    output: Annotated[
        Drawing, typer.Option("--output", "-o", help="Form of the result; the last three are sequence diagrams.")
    ] = Drawing.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="Write the result to this file.")] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="Draw this record, written by --output json; needs no mesh.")
    ] = None,
) -> None:
    """Play and draw the first authentication of a remote's proxy to istiod, for real, step by step.

    A token of ten minutes is made and a certificate of ten minutes signed; nothing else changes unless --gateway is
    given. Works on the current stack, or on any primary-remote mesh that --primary and --remote name.
    """
    from tether.cli import trace as command

    target = named(stack, primary, remote, kubeconfig, istio_namespace)
    wish = command.Wish(
        output=output,
        out=out,
        remote=cluster,
        namespace=namespace,
        service_account=service_account,
        audience=audience,
        token_file=token_file,
        client_certificate=client_certificate,
        address=address,
        gateway=gateway,
        yes=yes,
        doctor=with_doctor,
        record=record,
    )
    sys.exit(command.trace(target, wish))


@app.command()
def verify(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result: text, json or junit.")
    ] = Output.TEXT,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Prove this alone, for example http,strict; may be repeated.")
    ] = None,
    requests: Annotated[
        int, typer.Option("--requests", min=1, max=1000, help="How many, per direction, protocol and mode.")
    ] = 20,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=600, help="Seconds that each step may take to come true.")
    ] = 60,
    image: Annotated[
        str, typer.Option("--image", help="Istio's echo application (app); by default that of this checkout.")
    ] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the namespace for looking.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Prove nothing; remove what killed or kept verifications left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --clean: only say what would be removed.")] = False,
    list_proofs: Annotated[bool, typer.Option("--list", help="List every proof; needs no mesh.")] = False,
) -> None:
    """Prove a mesh: requests between every two clusters, strict mTLS, a denied identity, a failover.

    Works in a namespace of its own, which it removes again. Exit code 7 where something is not proved.

    Works on the current stack, or on any primary-remote mesh that --primary and --remote name.
    """
    from tether.cli import verify as command
    from tether.verify import rendering

    if list_proofs:
        print(rendering.listing(json_wanted=output is Output.JSON), end="")  # noqa: T201 - the result
        return
    if dry_run and not clean:
        raise UsageError("--dry-run is about --clean, which removes things; a verification removes only its own")
    target = named(stack, primary, remote, kubeconfig, istio_namespace)
    if clean:
        sys.exit(command.clean(target, dry_run=dry_run, output=output))
    wish = command.Wish(
        output=output, only=tuple(only or ()), image=image, requests=requests, timeout=timeout, keep=keep
    )
    sys.exit(command.verify(target, wish))


@app.command()
def topology(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: Annotated[
        Drawn | None, typer.Option("--output", "-o", help="What it is drawn with; by default what --out ends with.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; by default standard output.")] = None,
) -> None:
    """Draw clusters, networks, gateways, addresses and trust as they are. Changes nothing.

    Works on the current stack, or on any primary-remote mesh that --primary and --remote name.
    """
    from tether.cli import topology as command

    command.topology(named(stack, primary, remote, kubeconfig, istio_namespace), output, out)


@app.command()
def report(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    out: Annotated[Path, typer.Option("--out", help="File to write; - for standard output.")] = Path("mesh.html"),
    with_trace: Annotated[
        bool, typer.Option("--trace/--no-trace", help="Play the first authentication of a proxy in every remote.")
    ] = True,
    with_verify: Annotated[
        bool, typer.Option("--verify", help="Verify the mesh now; deploys an echo application for the time.")
    ] = False,
    matrix: Annotated[
        Path | None, typer.Option("--matrix", help="Show the verification in this file (tether verify --output json).")
    ] = None,
    output: OutputOption = Form.TEXT,
) -> None:
    """Write one page about a mesh: topology, findings, first authentication, certificates, versions, traffic.

    Deploys nothing unless --verify is given. The page needs no network and can be sent as it is. The exit code says
    whether it was written; whether the mesh is healthy is said by the page, and by the exit code of: tether doctor
    """
    from tether.cli import report as command

    wish = command.Wish(out=out, trace=with_trace, verify=with_verify, matrix=matrix, output=output)
    command.report(named(stack, primary, remote, kubeconfig, istio_namespace), wish)


@app.command()
def diagnose(
    stack: StackOption = None,
    primary: PrimaryOption = None,
    remote: RemoteOption = None,
    kubeconfig: KubeconfigOption = None,
    istio_namespace: NamespaceOption = DEFAULT_NAMESPACE,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write (.tar.gz); by default named after stack and time."),
    ] = None,
    output: OutputOption = Form.TEXT,
) -> None:
    """Collect everything that somebody who was not there needs to see, without secrets, in one archive.

    Of every cluster events, objects, logs and the gateways' configuration; what istiod knows, the doctor's findings,
    the first authentication; of the stack its settings, state and runs. What cannot be read is named in the archive's
    manifest and keeps nothing else out. Changes nothing.
    """
    from tether.cli import diagnose as command

    command.diagnose(named(stack, primary, remote, kubeconfig, istio_namespace), out, output)


add_pipeline_commands(app)


def main() -> None:
    """Run a command; every expected failure is one message and its exit code."""
    shield.put_up(passphrase.around, advice="This is a mistake in Tether. For a report of it: tether diagnose")
    failure.run(app)
