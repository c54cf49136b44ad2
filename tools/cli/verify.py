"""`magistrate verify`: check evidence offline, with nothing but the public key."""

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.connection import connection
from tools.cli.proof import Bundle, fetch, subject, verdict
from tools.cli.screen import screen
from tools.cli.text import one_line
from tools.up.failures import StackError
from tools.up.options import Options
from tools.verify import tlog_proof
from tools.verify.archive import Found, verify_archive
from tools.verify.archive.content import in_words
from tools.verify.bundle import Result
from tools.verify.bundle import verify as judge


def verify(
    decision_id: Annotated[
        str, typer.Argument(help="A decision of the running stack, or an exported folder.", metavar="DECISION|FOLDER")
    ] = "",
    *,
    bundle_file: Annotated[
        Path | None, typer.Option("--bundle", help="Check a saved bundle or .tlog-proof; no stack needed.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option("--key", help="File with the log's verifier key.")] = None,
    policy_file: Annotated[
        Path | None, typer.Option("--policy", help="File with the witnesses that must have seen it.")
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--kept", help="A checkpoint of the folder's log that you kept.", metavar="FILE"),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep the evidence; as FILE.tlog-proof without content.", metavar="FILE")
    ] = None,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Check that evidence stands unaltered in the signed log: a decision, a saved bundle, or all of an exported folder.

    Exit code 1 unless it does.
    """
    if bool(decision_id) == bool(bundle_file):
        raise typer.BadParameter("give either a decision, an exported folder or --bundle FILE")
    folder = _folder(decision_id)
    if (folder and save) or (kept and not folder):
        raise typer.BadParameter("--save goes with a decision or bundle, --kept with an exported folder")
    trusted = partial(_trusted, key_file, policy_file, state_dir)
    if folder:
        keys, policy = trusted()
        found = verify_archive(folder, keys, kept=[_text_of(path) for path in kept or ()], policy=policy)
        _print_folder(found, as_json=as_json)
        raise typer.Exit(0 if found.verified else 1)
    bundle = _read(bundle_file) if bundle_file else _fetched(decision_id, state_dir)
    if save:
        save.write_text(_saved(bundle, save), encoding="utf-8")
    result = judge(bundle, *trusted())
    _print_result(result, subject(bundle), as_json=as_json)
    raise typer.Exit(0 if result.verified else 1)


def _folder(name: str) -> Path | None:
    """Return the exported folder of that name; None where it must be a decision.

    Raises:
        StackError: It can be no decision, and there is no such folder.
    """
    if name and Path(name).is_dir():
        return Path(name)
    if os.sep in name:
        raise StackError(f"there is no folder {name}", hint="`magistrate export FOLDER` makes one")
    return None


def _trusted(key_file: Path | None, policy_file: Path | None, state_dir: Path) -> tuple[str, str | None]:
    """Return keys and policy: the given ones, or those of the stack; no policy where it has none."""
    own = Options(state=state_dir).folder
    keys = _text_of(key_file or own.verifier_key)
    if policy_file or own.policy.is_file():
        return keys, _text_of(policy_file or own.policy)
    return keys, None


def _print_result(result: Result, named: str, *, as_json: bool) -> None:
    """Print what the check of one decision's evidence found."""
    if as_json:
        print(json.dumps(asdict(result) | {"decision_id": named, "verified": result.verified}, indent=2))
    else:
        screen().print("proof:", verdict(result), soft_wrap=True)
        screen().print("of decision:", one_line(named) or "none", soft_wrap=True)


def _print_folder(found: Found, *, as_json: bool) -> None:
    """Print what the check of an exported folder found."""
    if as_json:
        print(json.dumps(asdict(found) | {"verified": found.verified}, indent=2))
    elif found.verified:
        told = Text.assemble(("verified", "bold green"), f" ({found.explanation})")
        screen().print(told, soft_wrap=True)
        if found.witnesses:
            screen().print("witnesses:", ", ".join(found.witnesses), soft_wrap=True)
        screen().print("content:", in_words(found.content or {}), soft_wrap=True)
    else:
        told = Text.assemble((f"NOT verified: {found.damage}", "bold red"), f" ({found.explanation})")
        screen().print(told, soft_wrap=True)


def _fetched(decision_id: str, state_dir: State) -> Bundle:
    """Return the evidence of a decision; it must be of the one that was asked for, whatever the mesh sent."""
    with connection(state_dir) as channel:
        return {**fetch(decision_id, channel), "decision_id": decision_id}


def _saved(bundle: Bundle, target: Path) -> str:
    """Return what is kept: a proof file where the name asks for one, else everything."""
    return tlog_proof.write(bundle) if target.suffix == tlog_proof.SUFFIX else json.dumps(bundle, indent=2) + "\n"


def _read(path: Path) -> Bundle:
    text = _text_of(path)
    try:
        bundle = tlog_proof.read(text) if tlog_proof.is_proof(text) else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StackError(f"{path} is neither a bundle nor a proof file: {error}") from error
    return bundle if isinstance(bundle, dict) else {}


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StackError(f"{path} is not a UTF-8 text (byte {error.start})") from error
