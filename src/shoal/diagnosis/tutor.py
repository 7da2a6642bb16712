"""The tutor: a learner's own back-propagation, judged equation by equation.

A wrong equation is named by its mistake: the array that came is compared with what every formula
of `mistakes.py` gives. Each equation is computed from what the learner's own equations before it
gave, so one that is right is not blamed for what it was given. Where dZ2 or dZ1 are not returned,
the one is taken that explains the gradients after it with the fewest mistakes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.diagnosis.gradients import EQUATIONS
from shoal.diagnosis.learner import Called, Raised, call
from shoal.diagnosis.mistakes import (
    Candidate,
    Operands,
    Problem,
    candidates,
    operands,
    problems,
    step_candidates,
    steps,
)
from shoal.errors import SettingError
from shoal.network.equations import Gradients, Parameters

Array = NDArray[np.floating]

# Relative to the largest entry. A learner may compute in float32; two mistakes differ by far more.
TOLERANCE = 1e-4
UNEXPLAINED = 4  # an array that no mistake explains counts as so many
LEARNING_RATE = 0.3
GRADIENTS = ("dZ", "dW", "db")  # names that a sentence may begin with, as they are
BACKWARD = ("dZ2", "dW2", "db2", "dZ1", "dW1", "db1")


class Verdict(NamedTuple):
    """How one equation, or the step of one parameter, fared.

    Attributes
    ----------
    name, mark, formula : str
        The array, the equation's mark and the right formula: "dZ1", "[8]", "dZ1 = …".
    state : {"right", "wrong", "not checked"}
    mistakes : tuple of str
        What the mistake is called; empty where it is right, or wrong in an unknown way.
    says : str
        What is wrong, in words.
    """

    name: str
    mark: str
    formula: str
    state: str
    mistakes: tuple[str, ...] = ()
    says: str = ""


class Fault(NamedTuple):
    """What is wrong with a function as a whole: it raises, returns nothing, changes what it is given."""

    function: str  # "backward" or "update"
    name: str  # "raises", "returns-nothing", "changes-its-input"
    says: str
    error: Raised | None = None


class BackwardCheck(NamedTuple):
    """What `check_backward` found; true if all of it is right.

    Attributes
    ----------
    equations : tuple of Verdict
        [5] to [10].
    update : tuple of Verdict
        The steps of W1, b1, W2, b2; empty if no `update` was given.
    faults : tuple of Fault
        What is wrong with a function as a whole.
    remarks : tuple of str
        What is right and worth knowing.
    """

    equations: tuple[Verdict, ...]
    update: tuple[Verdict, ...] = ()
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything is right."""
        right = all(verdict.state == "right" for verdict in (*self.equations, *self.update))
        return right and not self.faults

    def __bool__(self) -> bool:
        return self.passed

    @property
    def mistakes(self) -> dict[str, tuple[str, ...]]:
        """The arrays that are wrong, each with the names of its mistakes."""
        verdicts = (*self.equations, *self.update)
        return {each.name: each.mistakes for each in verdicts if each.state == "wrong"}

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for graders."""
        return {
            "passed": self.passed,
            "equations": [_plain(each) for each in self.equations],
            "update": [_plain(each) for each in self.update],
            "faults": [
                {**each._asdict(), "error": each.error._asdict() if each.error else None}
                for each in self.faults
            ],
            "remarks": list(self.remarks),
        }

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    @property
    def summary(self) -> str:
        """What was found, in a few words."""
        wrong = [each for each in self.equations if each.state == "wrong"]
        unknown = [each for each in self.equations if each.state == "not checked"]
        steps = [each for each in self.update if each.state != "right"]
        if self.passed:
            return "all six equations are right" + (" and so is the step" if self.update else "")
        told = [f"{len(wrong)} of {len(self.equations)} equations wrong"] if wrong else []
        told += [f"{len(unknown)} not checked"] if unknown else []
        told += (
            [f"the step of {', '.join(each.name for each in steps)} is not right"] if steps else []
        )
        return "; ".join(told or [f"{self.faults[0].function}: {self.faults[0].name}"])

    def __str__(self) -> str:
        rows = []
        for verdict in (*self.equations, *self.update):
            rows.append(f"{verdict.mark:>4} {verdict.formula:<26} {_MARKS[verdict.state]}")
            if verdict.says:
                rows.append(f"     {verdict.says}")
        rows += [f"{fault.function}: {fault.says}" for fault in self.faults]
        rows += [f"remark: {remark}" for remark in self.remarks]
        return "\n".join([*rows, self.summary])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks."""
        rows = "".join(
            f"<tr><td>{escape(v.mark)}</td><td style='text-align:left'>{escape(v.formula)}</td>"
            f"<td>{_MARKS[v.state]}</td><td style='text-align:left'>{escape(v.says)}</td></tr>"
            for v in (*self.equations, *self.update)
        )
        told = [f"{fault.function}: {fault.says}" for fault in self.faults]
        told += [f"remark: {remark}" for remark in self.remarks]
        lines = "".join(f"<p>{escape(line)}</p>" for line in [*told, self.summary])
        return f"<table>{rows}</table>{lines}"


_MARKS = {"right": "✓", "wrong": "✗", "not checked": "– not checked"}


def check_backward(
    backward: Callable[..., Any], update: Callable[..., Any] | None = None
) -> BackwardCheck:
    """Judge a learner's own back-propagation: each equation, and by name the mistake in a wrong one.

    The network is the lecture's: tanh in the hidden layer, sigmoid at the output, one column is
    one example.

    Parameters
    ----------
    backward : callable
        `backward(parameters, cache, X, Y)`, which returns the gradients. `parameters` has W1, b1, W2
        and b2; `cache` has Z1, A1, Z2 and A2, as keys and as attributes. Returned are dW1, db1, dW2
        and db2 of shapes (n_h, n_x), (n_h, 1), (n_y, n_h) and (n_y, 1), and if you like dZ1
        (n_h, m) and dZ2 (n_y, m): in a dictionary, as attributes, or as a tuple in this order.
    update : callable, optional
        `update(parameters, gradients, learning_rate)`, which returns W1, b1, W2 and b2 after one
        step of gradient descent.

    Returns
    -------
    BackwardCheck
        True if all is right. It prints as a table with a line for each equation; `mistakes`,
        `to_dict()` and `to_json()` are for graders.

    Raises
    ------
    SettingError
        When `backward` or `update` cannot be called. What they raise themselves is reported.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> def backward(parameters, cache, X, Y):
    ...     m = X.shape[1]
    ...     dZ2 = cache["A2"] - Y
    ...     dW2 = dZ2 @ cache["A1"].T / m
    ...     db2 = np.sum(dZ2, axis=1) / m
    ...     dZ1 = (parameters["W2"].T @ dZ2) * (1 - cache["Z1"] ** 2)
    ...     dW1 = dZ1 @ X.T / m
    ...     db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    ...     return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
    >>> check = shoal.check_backward(backward)
    >>> bool(check), check.mistakes
    (False, {'db2': ('keepdims-lost',), 'dZ1': ('slope-of-Z1',)})
    """
    for name, function in (("backward", backward), ("update", update)):
        if not callable(function) and (name == "backward" or function is not None):
            raise SettingError(
                f"{name}={function!r}: expected a function. Pass the function itself, without calling it."
            )
    equations, faults = _check_backward(backward, problems())
    if update is None:
        return BackwardCheck(equations, (), faults)
    after, more, remarks = _check_update(update, problems())
    return BackwardCheck(equations, after, faults + more, remarks)


# --- the six equations ------------------------------------------------------------------------


class _Run(NamedTuple):
    """One problem, and what the learner's function gave for it."""

    problem: Problem
    called: Called

    def found(self, name: str) -> Array | None:
        return self.called.found.get(name)

    def truth(self, name: str) -> Array:
        V: Array = getattr(self.problem.truth, name)
        return V


def _check_backward(
    function: Callable[..., Any], given: Sequence[Problem]
) -> tuple[tuple[Verdict, ...], tuple[Fault, ...]]:
    runs = []
    for problem in given:
        arguments = {
            "parameters": problem.parameters, "cache": problem.cache, "X": problem.X, "Y": problem.Y,
        }  # fmt: skip
        runs.append(_Run(problem, call(function, arguments, Gradients._fields, problem.truth)))
    faults = _faults("backward", runs)
    answered = [run for run in runs if run.called.raised is None and run.called.names is not None]
    verdicts = _judged(answered) if answered else {name: _unchecked(name) for name in BACKWARD}
    for fault in faults:
        name = fault.error.assigns if fault.error else ""
        if name in verdicts and verdicts[name].state != "wrong":
            verdicts[name] = _verdict(name, "wrong", ("raises",), fault.says)
    return tuple(verdicts.values()), faults


def _judged(runs: list[_Run]) -> dict[str, Verdict]:
    """A verdict on each equation, from the runs that gave an answer."""
    true2, true1 = [run.truth("dZ2") for run in runs], [run.truth("dZ1") for run in runs]
    verdicts = {}
    theirs2, verdicts["dZ2"] = _upstream("dZ2", runs, true2, true1)
    sources = [(theirs2, true1), (true2, true1)]
    for name in ("dW2", "db2"):
        verdicts[name] = _judge(name, runs, sources)
    theirs1, verdicts["dZ1"] = _upstream("dZ1", runs, theirs2, true1)
    sources = [(theirs2, theirs1), (true2, true1)]
    for name in ("dW1", "db1"):
        verdicts[name] = _judge(name, runs, sources)
    return verdicts


Source = tuple[list[Array], list[Array]]  # dZ2 and dZ1 of each run


def _upstream(
    name: str, runs: list[_Run], dZ2: list[Array], dZ1: list[Array]
) -> tuple[list[Array], Verdict]:
    """A dZ as the learner has it, and the verdict on it."""
    true = [run.truth(name) for run in runs]
    if all(run.found(name) is not None for run in runs):
        sources = [(dZ2, dZ1), ([run.truth("dZ2") for run in runs], dZ1)]
        return [run.called.found[name] for run in runs], _judge(name, runs, sources)
    after: tuple[str, ...] = ("dW2", "db2") if name == "dZ2" else ("dW1", "db1")
    if name == "dZ2" and all(run.found("dZ1") is not None for run in runs):
        after = (*after, "dZ1")
    best: tuple[int, Candidate | None, list[Array]] = (UNEXPLAINED * len(after), None, true)
    for guess, given in _guesses(name, runs, (dZ2, dZ1)):
        arrays = None if len(guess.mistakes) >= best[0] else _computed(guess, given)
        if arrays is None:
            continue
        source = (arrays, dZ1) if name == "dZ2" else (dZ2, arrays)
        cost = len(guess.mistakes)
        for other in after:
            told = _explained(other, runs, [source])
            cost += UNEXPLAINED if told is None else len(told.mistakes)
        if cost < best[0]:
            best = cost, guess, arrays
    _, guess_, arrays = best
    if guess_ is None:
        return true, _unchecked(name, f"not returned: {' and '.join(after)} do not tell it either.")
    if not guess_.mistakes:
        return arrays, _verdict(name, "right")
    says = f"{_sentence(guess_.says)} (Not returned; it explains {' and '.join(after)}.)"
    return arrays, _verdict(name, "wrong", guess_.mistakes, says)


def _judge(name: str, runs: list[_Run], sources: list[Source]) -> Verdict:
    there = [run.found(name) for run in runs]
    if any(V is None for V in there):
        return _absent(name, runs)
    told = _explained(name, runs, sources)
    if told is not None:
        state = "wrong" if told.mistakes else "right"
        return _verdict(name, state, told.mistakes, _sentence(told.says))
    expected = _computed(candidates(name)[0], _operands(runs, sources[0]))
    if expected is None:
        return _unchecked(name, "it is computed from a dZ of a wrong shape.")
    return _verdict(
        name, "wrong", (), _difference(runs, [V for V in there if V is not None], expected)
    )


def _explained(name: str, runs: list[_Run], sources: list[Source]) -> Candidate | None:
    """The way in which an array was computed in every run: the right one, or the least wrong."""
    theirs = [run.called.found.get(name) for run in runs]
    for guesses in zip(*(_guesses(name, runs, source) for source in sources), strict=True):
        for guess, given in guesses:
            if _agrees(guess, given, theirs):
                return guess
    return None


def _guesses(
    name: str, runs: list[_Run], source: Source
) -> Iterator[tuple[Candidate, list[Operands]]]:
    """Each way in which an array may have been computed, and from what; the right one first."""
    given = _operands(runs, source)
    right, *wrong = candidates(name)
    yield right, given
    if name == "dZ1" and any("W2" in run.called.changed for run in runs):
        says = "W2 was updated in place before it was used here"
        yield (
            Candidate(("W2-updated-before-use",), says, right.of),
            [
                each._replace(W2=run.called.changed.get("W2", each.W2))
                for each, run in zip(given, runs, strict=True)
            ],
        )
    for each in wrong:
        yield each, given


def _operands(runs: list[_Run], source: Source) -> list[Operands]:
    return [
        operands(run.problem, dZ2, dZ1) for run, dZ2, dZ1 in zip(runs, *source, strict=True)
    ]  # fmt: skip


def _computed(candidate: Candidate, given: Sequence[Any]) -> list[Array] | None:
    """What a formula gives in every run; None where the shapes do not allow it."""
    try:
        with np.errstate(all="ignore"):
            return [candidate.of(each) for each in given]
    except (ValueError, IndexError):
        return None


def _agrees(candidate: Candidate, given: Sequence[Any], theirs: Sequence[Array | None]) -> bool:
    for each, came in zip(given, theirs, strict=True):
        computed = _computed(candidate, [each])
        if came is None or computed is None or not _same(came, computed[0]):
            return False
    return True


def _same(came: Array, expected: Array) -> bool:
    if came.shape != expected.shape:
        return False
    size = float(np.abs(expected).max(initial=0.0))
    return bool((np.abs(came - expected) <= TOLERANCE * size).all())  # a NaN is not


# --- the step ---------------------------------------------------------------------------------


class _Means(NamedTuple):
    """The gradients that a step takes."""

    dW1: Array
    db1: Array
    dW2: Array
    db2: Array


def _check_update(
    function: Callable[..., Any], given: Sequence[Problem]
) -> tuple[tuple[Verdict, ...], tuple[Fault, ...], tuple[str, ...]]:
    runs = []
    for problem in given:
        arguments = {
            "parameters": problem.parameters, "gradients": _Means(*problem.truth[:4]),
            "learning_rate": LEARNING_RATE,
        }  # fmt: skip
        right = [V - LEARNING_RATE * dV for V, dV in zip(problem.parameters, problem.truth[:4], strict=True)]  # fmt: skip
        called = call(function, arguments, Parameters._fields, right)
        if called.names is None and called.changed:  # updated in place, and nothing returned
            kept = {n: V for n, V in zip(Parameters._fields, problem.parameters, strict=True)}
            moved = {n: V for n, V in called.changed.items() if n in kept}
            called = called._replace(found=kept | moved)
        runs.append(_Run(problem, called))
    faults = _faults("update", runs)
    answered = [run for run in runs if run.called.raised is None and run.called.found]
    verdicts = tuple(_step_verdict(name, answered, faults) for name in Parameters._fields)
    moved_in_place = {n for run in answered for n in run.called.changed if n in Parameters._fields}
    remarks: tuple[str, ...] = ()
    if moved_in_place and not any(fault.name == "returns-nothing" for fault in faults):
        remarks = (
            "update changes the parameters that it is given in place: whoever still needs the old "
            "values, as [8] does W2, finds the new ones. Return new arrays: W1 = W1 - learning_rate * dW1.",
        )
    return verdicts, faults, remarks


def _step_verdict(name: str, runs: list[_Run], faults: Sequence[Fault]) -> Verdict:
    formula = f"{name} := {name} - α d{name}"
    for fault in faults:
        if fault.error and fault.error.assigns == name and not runs:
            return Verdict(name, "", formula, "wrong", ("raises",), fault.says)
    if not runs:
        return Verdict(name, "", formula, "not checked")
    theirs = [run.found(name) for run in runs]
    if any(V is None for V in theirs):
        return _absent(name, runs)._replace(formula=formula)
    given = [dict(steps(run.problem, LEARNING_RATE))[name] for run in runs]
    for candidate in step_candidates():
        if _agrees(candidate, given, theirs):
            state = "wrong" if candidate.mistakes else "right"
            return Verdict(name, "", formula, state, candidate.mistakes, _sentence(candidate.says))
    expected = [step_candidates()[0].of(each) for each in given]
    says = _difference(runs, [V for V in theirs if V is not None], expected)
    return Verdict(name, "", formula, "wrong", (), says)


# --- what is said -----------------------------------------------------------------------------


def _verdict(name: str, state: str, mistakes: tuple[str, ...] = (), says: str = "") -> Verdict:
    return Verdict(name, *EQUATIONS[name], state, mistakes, says)


def _unchecked(name: str, says: str = "") -> Verdict:
    return _verdict(name, "not checked", (), _sentence(says))


def _absent(name: str, runs: Sequence[_Run]) -> Verdict:
    mark, formula = EQUATIONS.get(name, ("", ""))
    called = next(run.called for run in runs if run.found(name) is None)
    if name in called.no_numbers:
        return Verdict(
            name, mark, formula, "wrong", ("no-numbers",), f"{name} is no array of numbers."
        )
    names = ", ".join((called.names or ())[:8]) or "nothing with a name"
    says = f"{name} is not returned; returned are {names}."
    return Verdict(name, mark, formula, "wrong", ("not-returned",), says)


def _difference(runs: Sequence[_Run], came: Sequence[Array], expected: Sequence[Array]) -> str:
    """What is wrong with an array that no known mistake explains, in the first run that shows it."""
    for run, V, right in zip(runs, came, expected, strict=True):
        title = run.problem.title
        if V.shape != right.shape:
            return (
                f"Its shape is {V.shape}, expected {right.shape} (with {title}). No known mistake."
            )
        if not np.isfinite(V).all():
            return f"It contains NaN or infinity (with {title})."
        if not _same(V, right):
            at = np.unravel_index(int(np.abs(V - right).argmax()), V.shape)
            place = ", ".join(str(int(i)) for i in at)
            return f"Entry [{place}] is {V[at]:.6g}, expected {right[at]:.6g} (with {title}). No known mistake."
    return ""


def _faults(function: str, runs: Sequence[_Run]) -> tuple[Fault, ...]:
    """What is wrong with the function as a whole, each thing once."""
    found: dict[tuple[str, int], Fault] = {}
    for run in runs:
        raised, title = run.called.raised, run.problem.title
        if raised is not None:
            where = f" in line {raised.line}: {raised.source}" if raised.line else ""
            says = f"raises {raised.kind}: {raised.text}{where} (with {title})"
            found.setdefault(("raises", raised.line), Fault(function, "raises", says, raised))
            continue
        if run.called.names is None:
            says = "returns None: expected the arrays. Is a return missing?"
            found.setdefault(("returns-nothing", 0), Fault(function, "returns-nothing", says))
        changed = [
            n for n in run.called.changed if function == "backward" or n not in Parameters._fields
        ]
        if changed:
            says = f"changes {' and '.join(changed)} in place: what it is given belongs to the caller. Compute a new array."
            found.setdefault(("changes-its-input", 0), Fault(function, "changes-its-input", says))
    return tuple(found.values())


def _sentence(text: str) -> str:
    first = text[:1] if text.startswith(GRADIENTS) else text[:1].upper()
    return first + text[1:] + ("" if not text or text.endswith(".") else ".")


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {**verdict._asdict(), "mistakes": list(verdict.mistakes)}
