"""What a diagnosis is made of: findings, each with figures and a cure.

severity   remark    true and worth knowing; healthy networks have some
           warning   the network is worse than it need be
           error     it has learnt next to nothing, or less: `fit` warns in Python's way too
"""

import math
from typing import Any, NamedTuple

from shoal.wording import Wording, from_parts, parts_of, wording

SEVERITIES = ("remark", "warning", "error")
CONSTANT = "constant-answer"  # of a model that says the same of every row
SHOWN = 3  # so many findings are printed in full: nobody reads a wall of text


class Finding(NamedTuple):
    """One thing that is so, what shows it, and what to do."""

    name: str
    severity: str
    what: str  # a sentence with figures
    advice: str  # the cure in words
    cure: dict[str, Any]  # the cure as parameters of the estimator; may be empty
    evidence: dict[str, Any]  # the figures

    @property
    def wording(self) -> Wording:
        """The name, what is so, and what to do."""
        return wording(f"{self.name}: ", self.what, " " if self.advice else "", self.advice)

    def __str__(self) -> str:
        return self.wording


class Diagnosis(NamedTuple):
    """The findings of one training, the gravest first; `healthy` says it is one line."""

    findings: tuple[Finding, ...]
    n_units: int = 0  # hidden units of all members
    n_members: int = 1

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong: there may be remarks."""
        return all(finding.severity == "remark" for finding in self.findings)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the findings."""
        return tuple(finding.name for finding in self.findings)

    @property
    def cure(self) -> dict[str, Any]:
        """The parameters to change, where two findings differ as the graver one says."""
        merged: dict[str, Any] = {}
        for finding in self.findings:
            if finding.severity != "remark" or self.healthy:
                merged = finding.cure | merged
        return merged

    def cured(self, model: Any) -> Any:
        """Return an unfitted estimator like `model`, with the cures applied.

        A healthy network's remarks (a smaller network would do) are cures too.
        """
        settings = model.get_params(deep=False)
        known = {name: value for name, value in self.cure.items() if name in settings}
        return type(model)(**(settings | known))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "healthy": self.healthy,
            "findings": [
                {**_plain(finding._asdict()), "advice_parts": parts_of(finding.advice)}
                for finding in self.findings
            ],
            "units": self.n_units,
            "members": self.n_members,
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Diagnosis":
        """The inverse of `to_dict`."""
        fields = Finding._fields
        findings = tuple(
            Finding(**{name: f[name] for name in fields})._replace(
                advice=from_parts(f.get("advice_parts", [f["advice"]]))
            )
            for f in plain["findings"]
        )
        return cls(findings, plain["units"], plain["members"])

    def lines(self) -> list[str]:
        """One line a finding; of a healthy network a reassuring one, then the remarks."""
        told = [wording(f"{f.severity}: ", f.wording) for f in self.findings]
        wrong = [line for line in told if not line.startswith("remark")]
        remarks = [line for line in told if line.startswith("remark")]
        if wrong:
            told = wrong[:SHOWN]
            more = len(wrong) - len(told)
            return [*told, *([f"and {more} more: see findings"] if more else [])]
        what = f"{self.n_units:,} hidden units" if self.n_units else "a linear network"
        if CONSTANT in self.names:
            what = "a constant answer"
        return [f"healthy: {what}, nothing to repair.", *remarks[:SHOWN]]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return str(self)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
