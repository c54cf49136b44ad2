"""Read the CACM collection: abstracts of one journal, questions, and which abstracts answer them."""

import html
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.context.core.values import Document

_TAG = re.compile(r"<[^>]+>")
_TOPIC = re.compile(r"<DOC>\s*<DOCNO>\s*(\d+)\s*</DOCNO>(.*?)</DOC>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Documents, the questions that have judgements, and the ids of the documents that answer each."""

    documents: tuple[Document, ...]
    topics: Mapping[str, str]
    relevant: Mapping[str, frozenset[str]]


def read_collection(folder: Path) -> Collection:
    """Read the three files of the collection from ``folder``."""
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels.cacm.txt").read_text().splitlines():
        topic, _, document_id, grade = line.split()
        if int(grade) > 0:
            relevant.setdefault(topic, set()).add(document_id)
    topics = {number: text.strip() for number, text in _TOPIC.findall((folder / "topics.cacm.txt").read_text())}
    return Collection(
        documents=tuple(_documents(folder / "cacm.tar.gz")),
        topics={number: text for number, text in topics.items() if number in relevant},
        relevant={topic: frozenset(ids) for topic, ids in relevant.items()},
    )


def _documents(archive: Path) -> list[Document]:
    documents = []
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None:
                text = html.unescape(_TAG.sub("", file.read().decode("latin-1"))).strip()
                documents.append(Document(document_id=Path(member.name).stem, source=member.name, text=text))
    return documents
