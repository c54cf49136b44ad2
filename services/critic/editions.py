"""Every version of every critic: those in force, and those that evidence can be judged by again."""

from collections.abc import Sequence

from services.chassis.errors import CallerError, Kind, invalid
from services.critic.core.vocabulary import ALIASES, SCORERS, CriticName
from services.critic.panel import Seat

_SCORERS = {name.value: name for name in SCORERS} | ALIASES


class Editions:
    """The shelf of critics.

    Args:
        seats: Every version, the usual one of each critic first.
        in_force: Versions that replace the usual ones, such as ``risk@2``.

    Raises:
        CallerError: CRITIC_NOT_FOUND, one in force is not there; DUPLICATE_ENTRY, one critic is to have two.
    """

    def __init__(self, seats: Sequence[Seat], *, in_force: Sequence[str] = ()) -> None:
        self._by_version = {seat.version: seat for seat in seats}
        usual = dict[CriticName, Seat]()
        for seat in seats:
            usual.setdefault(seat.mandate.name, seat)
        self._in_force = usual | {seat.mandate.name: seat for seat in self._each_once("editions", in_force)}

    @property
    def in_force(self) -> Sequence[Seat]:
        """Return one seat for each critic, in the order of priority."""
        return tuple(self._in_force[name] for name in SCORERS if name in self._in_force)

    def versions(self, name: CriticName) -> Sequence[str]:
        """Return every version of one critic."""
        return [version for version, seat in self._by_version.items() if seat.mandate.name is name]

    def asked(self, words: Sequence[str]) -> Sequence[Seat]:
        """Return the seats that ``words`` name, by critic or by version, in the order of priority; none names all.

        Raises:
            CallerError: ENUM_UNKNOWN, CRITIC_NOT_FOUND or DUPLICATE_ENTRY with the word at fault.
        """
        if not words:
            return self.in_force
        seats = self._each_once("critics", words)
        return sorted(seats, key=lambda seat: SCORERS.index(seat.mandate.name))

    def _each_once(self, field: str, words: Sequence[str]) -> Sequence[Seat]:
        seats = dict[CriticName, Seat]()
        for index, word in enumerate(words):
            seat = self._named(f"{field}[{index}]", word)
            if seats.setdefault(seat.mandate.name, seat) is not seat:
                raise invalid(f"{field}[{index}]", "must name each critic once", reason="DUPLICATE_ENTRY", value=word)
        return list(seats.values())

    def _named(self, field: str, word: str) -> Seat:
        if "@" in word:
            return self._version(word)
        name = _SCORERS.get(word)
        if name is None or name not in self._in_force:
            known = ", ".join(critic.value for critic in SCORERS)
            raise invalid(field, f"must be one of {known}", reason="ENUM_UNKNOWN", value=word)
        return self._in_force[name]

    def _version(self, word: str) -> Seat:
        seat = self._by_version.get(word)
        if seat is None:
            known = ", ".join(self._by_version)
            raise CallerError(
                Kind.NOT_FOUND,
                "CRITIC_NOT_FOUND",
                f"there is no critic {word[:64]}; there are {known}",
                metadata={"critic": word[:64], "known": known},
            )
        return seat
