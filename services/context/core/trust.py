"""Retrieved text is data: find text that talks to the model, and take its voice away (spec row CTX-33).

The rules are few and plain: they catch what is meant to be read as an order, not every clever wording. That is why the
text is fenced and labelled as data whether a rule fires or not.
"""

import re
from dataclasses import dataclass

WITHHELD = "[instruction-like text withheld]"
"""What stands in the place of an order to the model."""
_ORDERS = {
    "override": r"(?<!not )(?<!never )\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}"
    r"(?:\b(?:previous|prior|above|earlier|preceding|original|your|system)\b[^.\n]{0,30}"
    r"\b(?:instructions?|prompts?|rules|guidelines|guardrails|programming|tasks?|assignments|orders)\b"
    r"|\b(?:instructions?|prompts?|rules|guidelines)\b[^.\n]{0,12}"
    r"\b(?:above|before|so far|you (?:were|have been) given))[^.\n]{0,120}"
    r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,15}\b(?:everything|all|anything)\b[^.\n]{0,30}"
    r"\b(?:before|above|previously|so far|until now|told|said)\b[^.\n]{0,120}",
    "role_switch": r"\byou are (?:now|no longer) (?:an? |the )?(?:dan\b|ai\b|assistant|chatbot|language model"
    r"|unrestricted|unfiltered|jailbroken|bound by|in \w+ mode|free (?:of|from))[^.\n]{0,120}"
    r"|\b(?:pretend (?:to be|you are)|act as if you (?:are|have)|act as an? (?:unrestricted|evil|jailbroken))"
    r"[^.\n]{0,120}|\bnew (?:system )?instructions?\s*:[^\n]{0,200}",
    "speaker": r"(?m:^[ \t]*(?:system|assistant|developer)[ \t]*:[^\n]{0,200})"
    r"|<\|?(?:im_start|im_end|system|endoftext)\|?>",
    "leak": r"\b(?:reveal|print|repeat|show|output)\b[^.\n]{0,30}"
    r"\b(?:system prompt|hidden prompt|your (?:instructions|prompt|rules))\b",
    "concealment": r"\bdo not (?:tell|inform|mention (?:this|it) to|reveal (?:this|it) to) the "
    r"(?:user|human|reviewer)\b[^.\n]{0,80}",
}
_RULES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _ORDERS.items()}
_FENCE = re.compile(r"<(?=\s*/?\s*(?:context|passage)\b)", re.IGNORECASE)
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
"""Characters that a reader does not see and a model does: zero-width, direction marks, tag characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A text made safe to be placed in a prompt, and the rules that fired on it."""

    text: str
    rules: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        """Return whether the text tried to be more than data."""
        return bool(self.rules)


def inspect(text: str) -> Inspection:
    """Return ``text`` without hidden characters, orders to the model or our own fence marks, and what was found."""
    visible = _HIDDEN.sub("", text)
    rules = ["hidden_text"] if visible != text else []
    for name, pattern in _RULES.items():
        visible, found = pattern.subn(WITHHELD, visible)
        if found:
            rules.append(name)
    fenced = _FENCE.sub("&lt;", visible)
    if fenced != visible:
        rules.append("fence")
    return Inspection(text=fenced, rules=tuple(rules))
