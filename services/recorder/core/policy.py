"""Which witnesses make a checkpoint count: the text format of C2SP tlog-policy."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.recorder.core.cosignature import Cosigner, read_cosigner
from services.recorder.core.note import NoteError, public_key_of

NONE = "none"
"""The quorum that asks for no witness."""


class PolicyError(ValueError):
    """The text is no policy; the message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that is known by its name and key."""

    origin: str
    public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness and, for who speaks to it, where it answers."""

    cosigner: Cosigner
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """So many of these witnesses and groups."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Logs, witnesses and the rule."""

    logs: Sequence[Log] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def satisfied(self, names: Collection[str]) -> bool:
        """Return whether the cosignatures of these witnesses are enough."""
        return self.quorum == NONE or self._witnessed(self.quorum, names)

    def _witnessed(self, name: str, names: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.threshold


def answerable(policy: Policy) -> bool:
    """Return whether the witnesses that have an address are enough."""
    return policy.satisfied({name for name, witness in policy.witnesses.items() if witness.url})


@dataclass(slots=True)
class _Draft:
    """A policy of which some lines were read."""

    logs: list[Log] = field(default_factory=list)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    quorum: str = ""

    def line(self, words: Sequence[str]) -> None:
        """Take a line.

        Raises:
            PolicyError: it has not the form of its keyword, or repeats something.
        """
        match words:
            case ["log", key, *urls] if len(urls) <= 1:
                self._log(key)
            case ["witness", name, key, *urls] if len(urls) <= 1:
                self._witness(name, key, *urls)
            case ["group", name, count, *members] if members:
                self._group(name, count, members)
            case ["quorum", name] if not self.quorum and (name == NONE or self._known(name)):
                self.quorum = name
            case _:
                raise PolicyError(
                    "is none of log, witness, group and one quorum, or names what is not defined above it"
                )

    def _log(self, key: str) -> None:
        log = Log(origin=key.partition("+")[0], public_key=public_key_of(key))
        if any(log.public_key == other.public_key for other in self.logs):
            raise PolicyError("repeats the key of a log")
        self.logs.append(log)

    def _witness(self, name: str, key: str, url: str = "") -> None:
        witness = Witness(cosigner=read_cosigner(key), url=url)
        if any(witness.cosigner.public_key == other.cosigner.public_key for other in self.witnesses.values()):
            raise PolicyError("repeats the key of a witness")
        self._check_new(name)
        self.witnesses[name] = witness

    def _group(self, name: str, count: str, members: Sequence[str]) -> None:
        self._check_new(name)
        if not all(map(self._known, members)) or len(set(members)) < len(members) or self.grouped & set(members):
            raise PolicyError("has a member that is not defined above it, or that belongs to a group already")
        named = {"all": len(members), "any": 1}
        threshold = named.get(count) or (int(count) if count.isascii() and count.isdecimal() else 0)
        if not 1 <= threshold <= len(members):
            raise PolicyError(f"asks for {count} of {len(members)}")
        self.grouped |= set(members)
        self.groups[name] = Group(threshold=threshold, members=tuple(members))

    def _check_new(self, name: str) -> None:
        if name == NONE or self._known(name):
            raise PolicyError(f"defines {name} again")

    def _known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups


def read_policy(text: str) -> Policy:
    """Return the policy that a file holds.

    Raises:
        PolicyError: it holds none.
    """
    draft = _Draft()
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            draft.line(words)
        except (PolicyError, NoteError) as error:
            raise PolicyError(f"line {number} of the policy: {error}") from error
    if not draft.quorum:
        raise PolicyError("the policy has no quorum line")
    return Policy(logs=draft.logs, witnesses=draft.witnesses, groups=draft.groups, quorum=draft.quorum)
