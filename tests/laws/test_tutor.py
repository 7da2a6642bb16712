"""`check_backward`: classic mistakes are named, and a right function is called right."""

import copy
import json

import numpy as np
import pytest

import shoal
from shoal.diagnosis import tutor
from shoal.diagnosis.mistakes import FORMULAS, STEP, candidates, operands, problems, steps
from shoal.errors import SettingError

BACKWARD = """
def backward(parameters, cache, X, Y):
    m = X.shape[1]
    W1, W2 = parameters["W1"], parameters["W2"]
    Z1, A1, Z2, A2 = cache["Z1"], cache["A1"], cache["Z2"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = (W2.T @ dZ2) * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""
UPDATE = """
def update(parameters, gradients, learning_rate):
    W1 = parameters["W1"] - learning_rate * gradients["dW1"]
    b1 = parameters["b1"] - learning_rate * gradients["db1"]
    W2 = parameters["W2"] - learning_rate * gradients["dW2"]
    b2 = parameters["b2"] - learning_rate * gradients["db2"]
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
"""
WITH_DZ = ('"db2": db2}', '"db2": db2, "dZ1": dZ1, "dZ2": dZ2}')

# What a learner writes in place of what, and what it is called.
SEEDED = [
    ("dZ2 = A2 - Y", "dZ2 = Y - A2", "dZ2", "wrong-sign"),
    ("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "dZ2", "output-slope"),
    ("dZ2 = A2 - Y", "dZ2 = -(Y / A2) + (1 - Y) / (1 - A2)", "dZ2", "slope-by-A2"),
    ("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / m", "dZ2", "divided-by-m"),
    ("dZ2 @ A1.T / m", "dZ2 @ A1.T", "dW2", "not-divided-by-m"),
    ("dZ2 @ A1.T / m", "dZ2 @ A1.T / Y.shape[0]", "dW2", "divided-by-n_y"),
    ("dZ2 @ A1.T / m", "dZ2 @ Z1.T / m", "dW2", "Z1-for-A1"),
    ("dZ2 @ A1.T / m", "dZ2 * A1 / m", "dW2", "elementwise-for-product"),
    ("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=1)", "db2", "keepdims-lost"),
    ("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2)", "db2", "sum-over-everything"),
    ("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=0, keepdims=True)", "db2", "wrong-axis"),
    ("W2.T @ dZ2", "W2 @ dZ2", "dZ1", "W2-not-transposed"),
    ("(W2.T @ dZ2) * (1 - A1**2)", "(W2.T @ dZ2) @ (1 - A1**2)", "dZ1", "product-for-elementwise"),
    ("1 - A1**2", "1 - Z1**2", "dZ1", "slope-of-Z1"),
    ("1 - A1**2", "1 - A1", "dZ1", "not-squared"),
    (" * (1 - A1**2)", "", "dZ1", "no-slope"),
    ("1 - A1**2", "A1 * (1 - A1)", "dZ1", "sigmoid-slope"),
    ("dZ1 @ X.T / m", "dZ1 @ A1.T / m", "dW1", "A1-for-X"),
    ("dZ1 @ X.T / m", "dZ1 @ X.T / m / m", "dW1", "divided-by-m-twice"),
    ("dZ1 @ X.T / m", "(dZ1 @ X.T / m).T", "dW1", "transposed"),
    ("np.sum(dZ1, axis=1, keepdims=True) / m", "np.sum(dZ1, axis=1, keepdims=True)", "db1", "not-divided-by-m"),
    ("np.sum(dZ1, axis=1", "np.sum(dZ2, axis=1", "db1", "dZ2-for-dZ1"),
]  # fmt: skip
SEEDED_STEPS = [
    ('    b1 = parameters["b1"] - learning_rate * gradients["db1"]\n', '    b1 = parameters["b1"]\n', "b1", "not-updated"),
    ('parameters["W1"] - ', 'parameters["W1"] + ', "W1", "plus-for-minus"),
    ('learning_rate * gradients["dW2"]', 'gradients["dW2"]', "W2", "no-learning-rate"),
    ('    W1 = parameters', '    parameters["W1"] -= learning_rate * gradients["dW1"]\n    W1 = parameters', "W1", "updated-twice"),
    ('parameters["b2"] - learning', "-learning", "b2", "step-alone"),
    ('"b2": b2}', "}", "b2", "not-returned"),
]  # fmt: skip


def made(source, *replaced):
    """The function that a learner wrote."""
    for old, new in replaced:
        assert old in source
        source = source.replace(old, new, 1)
    names = {"np": np, "copy": copy}
    exec(compile(source, "learner.py", "exec"), names)
    return names["backward" if "def backward" in source else "update"]


def test_a_right_function_is_called_right():
    for replaced in ([], [WITH_DZ]):
        check = shoal.check_backward(made(BACKWARD, *replaced), made(UPDATE))
        assert check, str(check)
        assert check.mistakes == {}
        assert (check.faults, check.remarks) == ((), ())
        assert [verdict.state for verdict in check.equations] == ["right"] * 6


@pytest.mark.parametrize("returned", ["four", "six"])
@pytest.mark.parametrize(("old", "new", "name", "mistake"), SEEDED)
def test_a_seeded_mistake_is_named_and_no_other(old, new, name, mistake, returned):
    function = made(BACKWARD, (old, new), *([WITH_DZ] if returned == "six" else []))
    check = shoal.check_backward(function)
    assert not check
    assert check.mistakes == {name: (mistake,)}
    assert f"{name} = " in str(check)


@pytest.mark.parametrize(("old", "new", "name", "mistake"), SEEDED_STEPS)
def test_a_seeded_mistake_of_the_step_is_named_and_no_other(old, new, name, mistake):
    check = shoal.check_backward(made(BACKWARD), made(UPDATE, (old, new)))
    assert not check
    assert check.mistakes == {name: (mistake,)}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FORMULAS))
def test_every_known_mistake_is_named_as_itself(name, monkeypatch):
    monkeypatch.setattr(tutor, "TOLERANCE", 100 * tutor.TOLERANCE)  # so far apart are any two
    for candidate in candidates(name):
        check = shoal.check_backward(_computing(name, candidate.of))
        found = {each.name: each for each in check.equations}
        if all(_runs(candidate, problem) for problem in problems()):
            assert found[name].mistakes == candidate.mistakes, (candidate.mistakes, str(check))
        else:  # in squares alone, where all sizes are one
            sizes = {"divided-by-n_x", "divided-by-n_h", "divided-by-n_y"}
            assert set(found[name].mistakes) - sizes == set(candidate.mistakes) - sizes
        assert {n for n, each in found.items() if each.state != "right"} <= {name}


def _computing(name, of):
    """A function in which one equation is computed so."""

    def backward(parameters, cache, X, Y):
        same = [p for p in problems() if p.X.shape == X.shape and p.Y.shape == Y.shape]
        (problem,) = same
        computed = {}
        for each in tutor.BACKWARD:
            c = operands(problem, computed.get("dZ2"), computed.get("dZ1"))
            if c.dZ2 is None or (c.dZ1 is None and each == name):
                c = operands(problem, computed.get("dZ2", problem.truth.dZ2), problem.truth.dZ1)
            computed[each] = of(c) if each == name else candidates(each)[0].of(c)
        return computed

    return backward


def _runs(candidate, problem):
    try:
        wrong = candidate.of(operands(problem, problem.truth.dZ2, problem.truth.dZ1))
    except ValueError:
        return False
    return wrong is not None


def test_a_wrong_dZ_does_not_blame_what_follows_from_it():
    for candidate in candidates("dZ2"):
        check = shoal.check_backward(_computing("dZ2", candidate.of))
        assert [v.state for v in check.equations[1:]] == ["right"] * 5


def test_the_right_formulas_are_the_specification():
    for problem in problems():
        given = operands(problem, problem.truth.dZ2, problem.truth.dZ1)
        for name in FORMULAS:
            assert np.allclose(candidates(name)[0].of(given), getattr(problem.truth, name))


def test_every_mistake_of_the_step_differs_from_every_other():
    given = [dict(steps(problem, tutor.LEARNING_RATE)) for problem in problems()]
    for parameter in ("W1", "b1", "W2", "b2"):
        arrays = [(f.name, [f.of(each[parameter]) for each in given]) for f in STEP]
        for i, (name, Vs) in enumerate(arrays):
            for other, Ws in arrays[:i]:
                apart = [
                    V.shape != W.shape or np.abs(V - W).max() > 1e-3
                    for V, W in zip(Vs, Ws, strict=True)
                ]
                assert name == other or any(apart), (name, other)


def test_answers_may_be_tuples_attributes_and_float32():
    right = made(BACKWARD, WITH_DZ)

    class Answer:
        def __init__(self, found):
            self.__dict__.update(found)

    def as_attributes(*given):
        return Answer(right(*given))

    def in_the_order_of_the_fields(*given):
        found = right(*given)
        return tuple(found[name] for name in ("dW1", "db1", "dW2", "db2"))

    def in_the_order_of_computing(*given):
        return [right(*given)[name] for name in tutor.BACKWARD]

    def in_float32(*given):
        return {name: V.astype(np.float32) for name, V in right(*given).items()}

    def from_tuples(parameters, cache, X, Y):
        W1, _, W2, _ = parameters
        Z1, A1, Z2, A2 = cache
        return right({"W1": W1, "W2": W2}, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}, X, Y)

    def with_attributes(parameters, cache, X, Y):
        return right(copy.deepcopy(parameters), dict(cache), X, Y) | {"dZ2": cache.A2 - Y}

    for function in (
        as_attributes, in_the_order_of_the_fields, in_the_order_of_computing, in_float32,
        from_tuples, with_attributes,
    ):  # fmt: skip
        check = shoal.check_backward(function)
        assert check, (function.__name__, str(check))


def test_what_the_learner_raises_is_reported_with_its_line():
    check = shoal.check_backward(made(BACKWARD, ("dZ1 @ X.T / m", "dZ1 @ X.T / n")))
    assert not check
    assert check.mistakes == {}
    assert {each.state for each in check.equations} == {"not checked"}
    (fault,) = check.faults
    assert (fault.error.kind, fault.error.line, fault.error.assigns) == ("NameError", 10, "")
    assert "name 'n' is not defined" in str(check)


def test_what_a_file_raises_names_its_equation(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n" + BACKWARD.replace("dZ1 @ X.T", "dZ1 @ X")
    )
    names = {}
    exec(compile((tmp_path / "mine.py").read_text(), str(tmp_path / "mine.py"), "exec"), names)
    check = shoal.check_backward(names["backward"])
    assert check.mistakes == {"dW1": ("not-transposed",)}  # where all sizes are one it runs
    assert "raises ValueError" in check.faults[0].says
    assert "in line 11: dW1 = dZ1 @ X / m (with one output)" in check.faults[0].says


def test_a_parameter_that_is_updated_before_it_is_used():
    check = shoal.check_backward(made(BACKWARD, ("    dZ1 =", "    W2 -= 0.5 * dW2\n    dZ1 =")))
    assert check.mistakes == {"dZ1": ("W2-updated-before-use",)}
    assert check.faults[0].name == "changes-its-input"
    assert "W2" in check.faults[0].says


def test_an_update_in_place_is_a_remark():
    function = made(
        'def update(parameters, gradients, learning_rate):\n    for name in parameters:\n'
        '        parameters[name] -= learning_rate * gradients["d" + name]\n    return parameters\n'
    )  # fmt: skip
    check = shoal.check_backward(made(BACKWARD), function)
    assert check
    assert "in place" in check.remarks[0]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda *given: None, "Is a return missing?"),
        (lambda *given: {}, "dW1 is not returned; returned are nothing with a name"),
        (lambda *given: {"dw1": 1}, "dW1 is not returned; returned are dw1"),
        (lambda *given: {"dW1": "x"}, "dW1 is no array of numbers"),
        (lambda *given: 7, "dW1 is not returned"),
        (lambda parameters: None, "raises TypeError"),
        (lambda *given: 1 / 0, "raises ZeroDivisionError: division by zero"),
    ],
)
def test_odd_answers_are_told(function, told):
    check = shoal.check_backward(function)
    assert not check
    assert told in str(check)


def test_an_unknown_mistake_shows_an_entry():
    check = shoal.check_backward(made(BACKWARD, ("dZ1 @ X.T / m", "dZ1 @ X.T / m + 0.1")))
    assert check.mistakes == {"dW1": ()}
    assert "No known mistake" in str(check)
    check = shoal.check_backward(made(BACKWARD, ("dZ1 @ X.T / m", "dZ1 @ X.T * np.nan")))
    assert "NaN or infinity" in str(check)


def test_the_result_is_plain_data_and_a_table():
    check = shoal.check_backward(made(BACKWARD, ("A1**2", "Z1**2")), made(UPDATE))
    told = json.loads(check.to_json())
    assert told == check.to_dict()
    assert told["passed"] is False
    assert told["equations"][3] == {
        "name": "dZ1", "mark": "[8]", "formula": "dZ1 = W2ᵀ dZ2 ∗ g'(Z1)", "state": "wrong",
        "mistakes": ["slope-of-Z1"], "says": check.equations[3].says,
    }  # fmt: skip
    assert [each["name"] for each in told["update"]] == ["W1", "b1", "W2", "b2"]
    assert "<table>" in check._repr_html_()
    assert "1 of 6 equations wrong" in str(check)


@pytest.mark.parametrize("given", [(None,), (3,), (made(BACKWARD), "update")])
def test_what_is_no_function_is_refused(given):
    with pytest.raises(SettingError, match="expected a function"):
        shoal.check_backward(*given)
