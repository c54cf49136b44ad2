"""Prompt templates, and how what a caller sends is placed in them: always as delimited data, never as instructions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template as Placeholders

from services.router.core.finish import Step
from services.router.core.request import Domain, Request, Task

PLACEHOLDERS = frozenset({"question", "context", "notes"})
"""What a template's user part may name; each becomes a delimited block, or nothing where the caller sent nothing."""
CHARACTERS_PER_TOKEN = 4
"""The estimate of spec row PRV-05."""
_FORGED_DELIMITER = re.compile(r"<(?=\s*/?\s*(?:question|context|notes)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One version of the prompt for a domain and task (spec row ENG-26)."""

    domain: Domain
    task: Task
    version: int
    system: str
    user: str
    """Text with ``$question``, ``$context`` and ``$notes``."""
    temperature: float
    sha256: str
    """Of the whole file, lowercase hex."""
    answer_steps: tuple[Step, ...] = ()
    """What is taken off the answer."""

    @property
    def id(self) -> str:
        """Return the name that replies and evidence carry."""
        return f"{self.domain}/{self.task}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The conversation that goes to the model."""

    system: str
    user: str

    @property
    def characters(self) -> int:
        """Return the characters of both parts."""
        return len(self.system) + len(self.user)

    @property
    def estimated_tokens(self) -> int:
        """Return the characters / 4, rounded up."""
        return -(-self.characters // CHARACTERS_PER_TOKEN)

    @property
    def cautious_tokens(self) -> int:
        """Return the UTF-8 bytes / 4: above the estimate for scripts in which a character may be a token or more."""
        return -(-len((self.system + self.user).encode()) // CHARACTERS_PER_TOKEN)


def newest(templates: Sequence[Template], domain: Domain, task: Task) -> Template:
    """Return the highest version for ``domain`` and ``task``. Raises LookupError where there is none."""
    fitting = [template for template in templates if (template.domain, template.task) == (domain, task)]
    if not fitting:
        raise LookupError(f"no prompt template for {domain}/{task}")
    return max(fitting, key=lambda template: template.version)


def render(template: Template, request: Request) -> Prompt:
    """Place what the caller sent in ``template``."""
    user = Placeholders(template.user).substitute(
        question=_block("question", request.query),
        context=_block("context", request.context),
        notes=_block("notes", request.additional_context),
    )
    return Prompt(system=template.system.strip(), user=user.strip())


def _block(tag: str, text: str) -> str:
    if not text.strip():
        return ""
    # What looks like one of our delimiters inside the data is disarmed, so that data cannot end its own block.
    return f"<{tag}>\n{_FORGED_DELIMITER.sub('&lt;', text.strip())}\n</{tag}>"
