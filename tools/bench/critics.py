"""Measure the rule-based detectors on labelled data: ``python -m tools.bench.critics DATA_FOLDER``.

A set is either one that the rules were written with (``dev``) or one that was held out whole (``held``). Recall is the
share of the positives that are found, FPR the share of the negatives that are found too. Nothing of the data is kept.
"""

import argparse
import csv
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.critic.core.critics import MANDATES
from services.critic.core.finding import Finding
from services.critic.core.material import Material
from services.critic.core.scoring import severity
from services.critic.core.screening import Action, screen
from services.critic.core.screening.personal_data import find_personal_data
from services.critic.core.vocabulary import CriticName

Predicate = Callable[[Material], bool]
Labelled = Iterator[tuple[Material, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One detector on one set."""

    detector: str
    dataset: str
    held_out: bool
    flags: Predicate
    read: Callable[[Path], Labelled]


@dataclass(slots=True)
class Count:
    """How often a detector was right and wrong."""

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    rejections: int = 0

    def add(self, *, expected: bool, flagged: bool) -> None:
        """Count one text."""
        if expected:
            self.hits, self.misses = self.hits + flagged, self.misses + (not flagged)
        else:
            self.false_alarms, self.rejections = self.false_alarms + flagged, self.rejections + (not flagged)

    def row(self) -> str:
        """Return positives, negatives, precision, recall and false-positive rate as columns."""
        positives, negatives = self.hits + self.misses, self.false_alarms + self.rejections
        precision = _share(self.hits, self.hits + self.false_alarms) if positives and negatives else "    -"
        recall, alarms = _share(self.hits, positives), _share(self.false_alarms, negatives)
        return f"{positives:>6} {negatives:>6} {precision} {recall} {alarms}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:5.2f}" if whole else "    -"


def _asked(text: str) -> Material:
    return Material(input=text, output="")


def _answered(text: str, context: str = "") -> Material:
    return Material(input="", output=text, context=context)


def _csv(
    name: str, column: str, label: Callable[[dict[str, str]], bool], side: Callable[[str], Material] = _asked
) -> Callable[[Path], Labelled]:
    def read(folder: Path) -> Labelled:
        with (folder / name).open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                yield side(row[column]), label(row)

    return read


def _json(
    name: str, label: Callable[[dict[str, Any]], bool], material: Callable[[dict[str, str]], Material]
) -> Callable[[Path], Labelled]:
    def read(folder: Path) -> Labelled:
        for row in json.loads((folder / name).read_text(encoding="utf-8")):
            yield material(row), label(row)

    return read


def _dialogues(folder: Path) -> Labelled:
    """Yield the last answer of each chosen (expected clean) and rejected dialogue."""
    with gzip.open(folder / "harm/hh_rlhf_harmless_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            for key, harmful in (("chosen", False), ("rejected", True)):
                question, _, answer = json.loads(line)[key].rpartition("\n\nAssistant:")
                yield Material(input=question.rpartition("\n\nHuman:")[2], output=answer), harmful


def _documents(folder: Path) -> Labelled:
    """Yield ordinary prose: abstracts and dialogues that hold nothing a critic should mind."""
    for name in ("truth/summedits_scitldr.json", "truth/summedits_samsum.json"):
        documents = {row["doc"] for row in json.loads((folder / name).read_text(encoding="utf-8"))}
        yield from ((_answered(document), False) for document in sorted(documents))


def _instructions(folder: Path) -> Labelled:
    for row in json.loads((folder / "judge/llmbar_natural.json").read_text(encoding="utf-8")):
        yield _asked(row["input"]), False


def _yes(_: object) -> bool:
    return True


def _rejects(material: Material) -> bool:
    return screen(material.input or material.output).action is Action.REJECT


def _notices(material: Material) -> bool:
    return screen(material.input or material.output).action is not Action.PASS


def _finds(name: CriticName, only: Callable[[Finding], bool] = _yes, at_least: float = 0.0) -> Predicate:
    mandate = MANDATES[name]

    def flags(material: Material) -> bool:
        findings = [finding for finding in mandate.detect(material) if only(finding)]
        return bool(findings) and severity(findings, mandate, material) >= at_least

    return flags


def _contradicts(finding: Finding) -> bool:
    return finding.category == "contradiction"


def _shows_personal_data(material: Material) -> bool:
    return any(True for _ in find_personal_data(material.input))


_SHAPED = frozenset({"CREDIT_CARD", "US_SSN", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS"})
_RIGHTS, _RISK, _FAIRNESS, _TRUTH = (
    _finds(CriticName.RIGHTS),
    _finds(CriticName.RISK),
    _finds(CriticName.FAIRNESS),
    _finds(CriticName.TRUTH, _contradicts),
)


def _summary(row: dict[str, str]) -> Material:
    return _answered(row["summary"], row["doc"])


def _trial(
    detector: str, dataset: str, flags: Predicate, read: Callable[[Path], Labelled], *, held_out: bool = True
) -> Trial:
    return Trial(detector=detector, dataset=dataset, held_out=held_out, flags=flags, read=read)


def _injection(flags: Predicate, detector: str) -> tuple[Trial, ...]:
    return (
        _trial(
            detector,
            "deepset",
            flags,
            _csv("injection/deepset_train.csv", "text", lambda row: row["label"] == "1"),
            held_out=False,
        ),
        _trial(detector, "giskard", flags, _csv("injection/giskard.csv", "prompt", _yes), held_out=False),
        _trial(
            detector,
            "piguard valid",
            flags,
            _json("injection/piguard_valid.json", lambda row: row["label"] == 1, lambda row: _asked(row["prompt"])),
            held_out=False,
        ),
        _trial(
            detector,
            "jailbreakllms",
            flags,
            _csv("injection/jailbreakllms.csv", "prompt", lambda row: row["jailbreak"] == "True"),
        ),
        _trial(detector, "gptfuzzer", flags, _csv("injection/gptfuzzer.csv", "text", _yes)),
        _trial(
            detector,
            "piguard wildguard",
            flags,
            _json("injection/piguard_wildguard.json", lambda row: row["label"] == 1, lambda row: _asked(row["prompt"])),
        ),
        _trial(detector, "llmbar questions", flags, _instructions),
        _trial(detector, "prose", flags, _documents),
    )


TRIALS: tuple[Trial, ...] = (
    *_injection(_rejects, "screen: reject"),
    *_injection(_notices, "screen: flag+"),
    _trial(
        "screen: personal",
        "presidio",
        _shows_personal_data,
        _json(
            "privacy/presidio_synth_v2.json",
            lambda row: any(span["entity_type"] in _SHAPED for span in row["spans"]),
            lambda row: _asked(row["full_text"]),
        ),
    ),
    _trial("risk", "advbench", _RISK, _csv("harm/advbench.csv", "Behavior", _yes), held_out=False),
    _trial("risk", "forbidden questions", _RISK, _csv("harm/forbidden_questions.csv", "question", _yes)),
    _trial("risk", "hh-rlhf answers", _RISK, _dialogues),
    _trial("risk", "llmbar questions", _RISK, _instructions),
    _trial("risk", "prose", _RISK, _documents),
    _trial(
        "rights",
        "davidson hate",
        _RIGHTS,
        _csv("dignity/davidson_labeled.csv", "tweet", lambda row: row["class"] == "0", _answered),
    ),
    _trial(
        "rights",
        "davidson hate+off.",
        _RIGHTS,
        _csv("dignity/davidson_labeled.csv", "tweet", lambda row: row["class"] != "2", _answered),
    ),
    _trial("rights", "prose", _RIGHTS, _documents),
    _trial(
        "fairness",
        "crows-pairs",
        _FAIRNESS,
        _csv("fairness/crows_pairs.csv", "sent_more", lambda row: row["stereo_antistereo"] == "stereo", _answered),
    ),
    _trial("fairness", "llmbar questions", _FAIRNESS, _instructions),
    _trial("fairness", "prose", _FAIRNESS, _documents),
    _trial(
        "truth: contradiction",
        "samsum",
        _TRUTH,
        _json("truth/summedits_samsum.json", lambda row: row["label"] == 0, _summary),
        held_out=False,
    ),
    _trial(
        "truth: contradiction",
        "scitldr",
        _TRUTH,
        _json("truth/summedits_scitldr.json", lambda row: row["label"] == 0, _summary),
    ),
    *(_trial(name.value, "prose", _finds(name), _documents) for name in (CriticName.AUTONOMY, CriticName.OPERATIONS)),
    *(
        _trial(name.value, "llmbar questions", _finds(name), _instructions)
        for name in (CriticName.AUTONOMY, CriticName.OPERATIONS)
    ),
)


def measure(trial: Trial, folder: Path) -> Count:
    """Run one detector over one set."""
    count = Count()
    for material, expected in trial.read(folder):
        count.add(expected=expected, flagged=trial.flags(material))
    return count


def main(arguments: list[str] | None = None) -> int:
    """Print one line per detector and set."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.critics", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that holds injection/, harm/, dignity/ and the others")
    parser.add_argument("--only", default="", help="measure only detectors whose name holds this word")
    options = parser.parse_args(arguments)
    columns = ("pos", 6), ("neg", 6), ("prec", 5), ("rec", 5), ("fpr", 5), ("ms/text", 8)
    print(f"{'detector':<22} {'set':<20} {'use':<5}", *(f"{name:>{width}}" for name, width in columns))
    for trial in (trial for trial in TRIALS if options.only in trial.detector):
        begun = time.process_time()
        count = measure(trial, options.folder)
        texts = count.hits + count.misses + count.false_alarms + count.rejections
        each_ms = 1e3 * (time.process_time() - begun) / max(1, texts)
        use = "held" if trial.held_out else "dev"
        print(f"{trial.detector:<22} {trial.dataset:<20} {use:<5} {count.row()} {each_ms:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
