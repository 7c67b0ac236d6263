"""What a policy names, whether or not it is otherwise good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.config.near import hint

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report


@dataclass(frozen=True, slots=True)
class Names:
    """Names by section, and the paths of parts that are refused already: nothing more is said about those."""

    providers: frozenset[str]
    deployments: frozenset[str]
    aliases: frozenset[str]
    teams: frozenset[str] = frozenset()
    broken: frozenset[Path] = frozenset()

    @classmethod
    def of(cls, value: dict[str, Any]) -> Names:
        """The names in a value tree."""

        def under(section: str) -> frozenset[str]:
            inside = value.get(section)
            return frozenset(inside) if isinstance(inside, dict) else frozenset()

        return cls(under("providers"), under("deployments"), under("aliases"), under("teams"))

    def is_gone(self, path: Path) -> bool:
        """Whether this part, or one that holds it, was refused and left out."""
        return any(path[:depth] in self.broken for depth in range(1, len(path) + 1))

    def is_broken(self, path: Path) -> bool:
        """Whether this part, one that holds it, or something in it was refused."""
        return self.is_gone(path) or any(part[: len(path)] == path for part in self.broken)

    def require(self, name: str, kind: str, at: Path, report: Report, *, key: bool = False) -> None:
        """Reports a name that no section holds. `kind` is `provider`, `deployment`, `alias` or `team`."""
        section = {"alias": "aliases"}.get(kind, f"{kind}s")
        known: frozenset[str] = getattr(self, section)
        if name not in known and not self.is_gone((section,)):
            report.error(at, f"no {kind} `{name}`{hint(name, known)}", key=key)
