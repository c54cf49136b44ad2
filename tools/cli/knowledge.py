"""`magistrate ingest` and `magistrate search`: the knowledge packs."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer
from rich.text import Text

from magistrate.context.v1.context_pb2 import (
    Document,
    IngestDocumentsRequest,
    IngestDocumentsResponse,
    SearchMode,
    SearchRequest,
    SearchResponse,
)
from magistrate.context.v1.context_pb2_grpc import ContextServiceStub
from tools.cli.arguments import DEFAULT_STATE, LARGEST, Json, State, Timeout
from tools.cli.choices import SearchChoice
from tools.cli.connection import connection
from tools.cli.screen import listing, screen
from tools.cli.text import counted, one_line, printable, typed
from tools.cli.wire import as_text
from tools.up.failures import StackError

TEXT_SUFFIXES = (".md", ".txt", ".rst")
"""What is taken from a folder; a file that is named itself is always taken."""
_SHOWN = 360
"""Characters of a hit that are shown to people; `--json` has all."""
_CALL_DOCUMENTS = 200
_CALL_BYTES = 3 * 1024 * 1024
"""Room below the mesh's limit of 4 MiB a message."""


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Text files, or folders of them.", metavar="FILE|DIR...")],
    *,
    pack: Annotated[str, typer.Option(help="Pack to add to.", metavar="ID")] = "default",
    replace: Annotated[bool, typer.Option("--replace", help="Remove what else is in the pack.")] = False,
    timeout_s: Timeout = 120.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Add text files to a knowledge pack; what did not change costs nothing."""
    calls = list(_batches(_documents(paths)))
    if replace and len(calls) > 1:
        problem = "a pack is replaced by one call, and this is too much for one"
        raise StackError(problem, hint="ingest without --replace")
    with connection(state_dir) as channel:
        context = ContextServiceStub(channel)
        for documents in calls:
            request = IngestDocumentsRequest(pack_id=pack, documents=documents, replace_pack=replace)
            reply = context.IngestDocuments(request, timeout=timeout_s)
            print(as_text(reply)) if as_json else _show_ingested(reply)


def search(
    query: Annotated[str, typer.Argument(help="What to look for; - reads it from standard input.", metavar="WORDS")],
    *,
    pack: Annotated[str, typer.Option(help="Only this pack.", metavar="ID")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=LARGEST, help="How many hits.")] = 4,
    mode: Annotated[SearchChoice, typer.Option(help="By meaning, by words, or both.")] = SearchChoice.HYBRID,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Search the knowledge packs by meaning and by word; what says something new comes before what repeats.

    The score is that of the fused rankings; the similarity is that of meaning, from -1 to 1.
    """
    request = SearchRequest(
        query=typed(query), pack_id=pack, limit=limit, mode=SearchMode.Value(f"SEARCH_MODE_{mode.name}")
    )
    with connection(state_dir) as channel:
        reply = ContextServiceStub(channel).Search(request, timeout=timeout_s)
    print(as_text(reply)) if as_json else _show_hits(reply)


def _documents(paths: Iterable[Path]) -> Iterator[Document]:
    """Yield a document for each file; its id is its path as named, so that a second run replaces it."""
    found = False
    for path in paths:
        if not path.exists():
            raise StackError(f"there is no file or folder {path}")
        inside = sorted(file for file in path.rglob("*") if file.suffix in TEXT_SUFFIXES) if path.is_dir() else [path]
        for file in inside:
            found = True
            yield _document(file, str(file.relative_to(path)) if path.is_dir() else file.name)
    if not found:
        raise StackError("there is no text to ingest", hint=f"folders are searched for {', '.join(TEXT_SUFFIXES)}")


def _document(file: Path, name: str) -> Document:
    text = _text(file)
    heading = next((line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")), file.stem)
    return Document(document_id=name, title=heading.strip(), source=name, text=text)


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        raw = stream.read(_CALL_BYTES + 1)
    if len(raw) > _CALL_BYTES:
        raise StackError(f"{file} is larger than {_CALL_BYTES:,} bytes", hint="split it into several documents")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StackError(f"{file} is not a UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise StackError(f"there is no text in {file}")
    return text


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in documents:
        if batch and (len(batch) == _CALL_DOCUMENTS or size + document.ByteSize() > _CALL_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += document.ByteSize()
    yield batch


def _show_ingested(reply: IngestDocumentsResponse) -> None:
    for document in reply.documents:
        what = "unchanged" if document.unchanged else counted(document.chunk_count, "chunk")
        print(f"{document.document_id}: {what}")
    pack = reply.pack
    content = f"{counted(pack.document_count, 'document')}, {counted(pack.chunk_count, 'chunk')}"
    print(f"Pack {pack.pack_id}, version {pack.version}: {content}.")


def _show_hits(reply: SearchResponse) -> None:
    console = screen()
    table = listing("score", "similarity", "passage")
    for hit in reply.hits:
        source = hit.provenance
        place = Text(f"{source.pack_id}/{one_line(source.title or source.document_id)}", style="bold")
        similarity = f"{source.similarity:.2f}" if source.similarity else "-"
        table.add_row(f"{hit.score:.4f}", similarity, place)
        table.add_row("", "", Text(printable(shorten(hit.text, _SHOWN, placeholder=" …"))))
    console.print(table if reply.hits else "Nothing found.")
    for part in reply.degraded_components:
        console.print(f"! {part.component}: {part.fallback} ({part.reason})", style="yellow")
