"""`magistrate certs`: the certificates of the local mesh, replaced while it serves."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from services.topology import EDGE
from tools.certs import Pki
from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.screen import listing, screen
from tools.up.failures import StackError
from tools.up.options import Options

app = typer.Typer(no_args_is_help=True, help="Show and replace the certificates of the local mesh.")


@app.command()
def rotate(state_dir: State = DEFAULT_STATE) -> None:
    """Give every identity a new leaf certificate; no call is lost."""
    pki = _pki(state_dir)
    pki.rotate()
    print(f"New leaf certificates; the next rotation is due {pki.next_rotation():%Y-%m-%d %H:%M:%S} UTC.")


@app.command()
def rollover(
    state_dir: State = DEFAULT_STATE,
    settle_s: Annotated[float, typer.Option("--settle", min=0, help="Seconds between the steps.")] = 2.0,
) -> None:
    """Replace the certificate authority: trust both, new leaves, forget the old one; no call is lost."""
    _pki(state_dir).rollover(settle_s=settle_s)
    print("New certificate authority; the old one is no longer trusted.")


@app.command()
def show(state_dir: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show every certificate: whose it is and how long it lasts."""
    certs = _pki(state_dir).certs
    leaves = [_facts(path) for path in (certs / "ca" / "ca.crt", *sorted(certs.glob("*/tls.crt")))]
    if as_json:
        print(json.dumps(leaves, indent=2))
        return
    table = listing("identity", "serial", "expires")
    for row in leaves:
        table.add_row(row["identity"], row["serial"], f"{row['expires']} (in {row['left']})")
    screen().print(table)


def _pki(state_dir: State) -> Pki:
    root = Options(state=state_dir).folder.root
    if not (root / "certs" / EDGE).exists():
        raise StackError(f"there are no certificates in {root}", hint="`magistrate up` makes them")
    return Pki(root)


def _facts(path: Path) -> dict[str, str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    expires = certificate.not_valid_after_utc
    left = expires - datetime.now(UTC)
    return {
        "identity": path.parent.name,
        "serial": f"{certificate.serial_number:x}"[:16],
        "expires": expires.isoformat(timespec="seconds"),
        "left": str(left).split(".")[0],
    }
