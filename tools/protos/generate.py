"""Generate ``gen/python`` from ``protos``: messages, gRPC stubs, type stubs and package files."""

import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
PYTHON = ROOT / "gen" / "python"
_WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
_BIN = Path(sys.executable).parent
_OPTIONS = {"mypy": "quiet:", "mypy_grpc": "quiet,generate_concrete_servicer_stubs:"}
"""A servicer may leave methods out: those that are pending are answered by the chassis."""
_PACKAGE_DOC = '"""Generated from protos by `make gen`; do not edit."""\n'


def generate(target: Path) -> None:
    """Write the whole generated tree below ``target``, which must be empty.

    Raises:
        RuntimeError: if protoc or one of its plugins refuses a file.
    """
    files = sorted(PROTOS.rglob("*.proto"))
    _protoc(files, target, "python", "mypy")
    _protoc([path for path in files if "\nservice " in path.read_text()], target, "grpc_python", "mypy_grpc")
    _add_packages(target / "magistrate")


def _protoc(files: list[Path], target: Path, *plugins: str) -> None:
    arguments = [
        "protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={_WELL_KNOWN}",
        *(f"--{plugin}_out={_OPTIONS.get(plugin, '')}{target}" for plugin in plugins),
        # The plugins live beside the interpreter, which need not be on PATH.
        *(f"--plugin=protoc-gen-{name}={_BIN / f'protoc-gen-{name}'}" for name in plugins if "mypy" in name),
        *(str(path.relative_to(PROTOS)) for path in files),
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc refused the contract; its message is above")


def _add_packages(root: Path) -> None:
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        (folder / "__init__.py").write_text(_PACKAGE_DOC)
    (root / "py.typed").touch()


def stale() -> list[str]:
    """Return the generated files, relative to ``gen/python``, that differ from what the contract gives now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        return sorted(
            name for name in _names(fresh) | _names(PYTHON) if _content(fresh / name) != _content(PYTHON / name)
        )


def _names(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.parent != root
    }


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def main() -> None:
    """Write the tree in place, or with ``--check`` fail if it is not fresh."""
    if "--check" in sys.argv[1:]:
        if names := stale():
            sys.exit("gen/python is not fresh; run `make gen`. Differs: " + ", ".join(names))
        return
    shutil.rmtree(PYTHON / "magistrate", ignore_errors=True)
    PYTHON.mkdir(parents=True, exist_ok=True)
    generate(PYTHON)


if __name__ == "__main__":
    main()
