"""The page's tutor: a text is computed as Python would, and can do nothing else."""

import json

import pytest
from tests.laws.test_tutor import BACKWARD, SEEDED, SEEDED_STEPS, UPDATE, made

import shoal
from shoal.lab.formulas import functions_of
from shoal.lab.tutor import MISTAKES, RIGHT, judged, lesson

from . import served


def test_the_right_text_is_right():
    told = judged(RIGHT)
    assert told["passed"]
    assert len(told["equations"]) == 6
    assert len(told["update"]) == 4
    assert (told["faults"], told["remarks"]) == ([], [])


@pytest.mark.parametrize(("old", "new", "name", "mistake"), MISTAKES)
def test_what_can_be_planted_is_named(old, new, name, mistake):
    assert RIGHT.count(old) >= 1
    told = judged(RIGHT.replace(old, new, 1))
    wrong = {
        v["name"]: v["mistakes"]
        for v in (*told["equations"], *told["update"])
        if v["state"] == "wrong"
    }
    assert wrong == {name: [mistake]}  # fmt: skip
    assert [old, new] in lesson()["mistakes"]


@pytest.mark.parametrize(("old", "new"), [seeded[:2] for seeded in SEEDED])
def test_a_text_says_what_python_says(old, new):
    found = shoal.check_backward(functions_of(BACKWARD.replace(old, new, 1)).backward)
    pythons = shoal.check_backward(made(BACKWARD, (old, new)))
    assert found.mistakes == pythons.mistakes
    assert raised(found) == raised(pythons)


def raised(check):
    """What Python would raise, and where."""
    return [(fault.name, fault.error.kind, fault.error.line) for fault in check.faults]


@pytest.mark.parametrize(("old", "new"), [seeded[:2] for seeded in SEEDED_STEPS])
def test_a_step_says_what_python_says(old, new):
    found = functions_of(BACKWARD + UPDATE.replace(old, new, 1))
    check = shoal.check_backward(found.backward, found.update)
    assert check == shoal.check_backward(made(BACKWARD), made(UPDATE, (old, new)))
    assert not check


IN_OTHER_WORDS = """
import numpy as np
import copy

def backward(parameters, cache, X, Y):
    "As in the course."
    W1, b1, W2, b2 = parameters
    m = float(X.shape[1])
    A1, A2 = cache.A1, cache["A2"]
    dZ2 = np.subtract(A2, Y)
    dW2 = (1. / m) * np.dot(dZ2, A1.T)
    db2 = dZ2.mean(axis=1, keepdims=True)
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))
    dW1 = dZ1.dot(X.transpose()) / m
    db1 = np.sum(dZ1, 1, keepdims=True)
    db1 /= m
    assert dW1.shape == W1.shape
    grads = dict(dW1=dW1, db1=db1)
    grads["dW2"], grads["db2"] = dW2, db2[:, 0:1]
    return grads

def update(parameters, gradients, learning_rate):
    parameters = copy.deepcopy(parameters)
    W1 = parameters["W1"]
    W1 -= learning_rate * gradients["dW1"]
    parameters["b1"] = parameters["b1"] - learning_rate * gradients["db1"]
    parameters["W2"] = parameters["W2"] - learning_rate * gradients["dW2"]
    parameters["b2"] = -learning_rate * gradients["db2"] + parameters["b2"]
    return parameters
"""


def test_the_same_may_be_written_in_many_ways():
    told = judged(IN_OTHER_WORDS)
    assert told.get("passed"), told


def body(*lines):
    return "def backward(parameters, cache, X, Y):\n" + "".join(f"    {line}\n" for line in lines)


FORBIDDEN = {
    "import": "import os\n" + RIGHT,
    "from": "from os import system\n" + RIGHT,
    "at the top": "print(1)\n" + RIGHT,
    "decorator": "@print\n" + RIGHT,
    "default": "def backward(parameters, cache, X, Y=open('/etc/passwd')):\n    return X\n",
    "a builtin": body("return __import__('os').getcwd()"),
    "open": body("return open('/etc/passwd')"),
    "eval": body("return eval('1')"),
    "class": body("return ().__class__.__bases__"),
    "class of an array": body("return X.__class__"),
    "class of a dictionary": body("return cache.__class__"),
    "class of numpy": body("return np.__builtins__"),
    "a file by numpy": body("return np.load('/etc/passwd')"),
    "a file by an array": body("X.tofile('/tmp/x')", "return X"),
    "memory by an array": body("return X.data"),
    "out": body("return np.multiply(X, X, out=X)"),
    "lambda": body("return (lambda: X)()"),
    "a loop": body("while True:", "    pass"),
    "a loop in brackets": body("return [X for i in X]"),
    "a call of what is given": body("return cache()"),
    "a format": body("return f'{X!r:>999999999}'"),
    "walrus": body("return (Y := X)"),
    "a long text": body('return "a" * 1000000000'),
    "star": body("return np.add(*[X, X])"),
    "two stars": body("return dict(**cache)"),
    "a large array": body("A = X[:, 0:1] @ X[0:1]", *["A = A.reshape(A.size, 1) @ A.reshape(1, A.size)"] * 6, "return A"),
    "more axes": body("return X[:, None]"),
    "an attribute": body("X.shape = (1, 2)", "return X"),
    "delete": body("del X"),
    "global": body("global X"),
    "try": body("try:", "    pass", "except Exception:", "    pass"),
    "a class": "class A: pass\n" + RIGHT,
    "deep": body("return " + "-" * 7000 + "1"),
    "brackets": body("return " + "(" * 3000 + "1" + ")" * 3000),
    "long": body(*["x = 1"] * 2000),
    "very long": "#" * 70_000,
    "a nought": "\0",
    "a lone half": "\ud800",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_text_can_do_nothing_but_compute(case):
    told = judged(FORBIDDEN[case])
    if "error" in told:
        assert len(told["error"]) < 400
    else:
        assert not told["passed"]
        assert [fault["name"] for fault in told["faults"]] == ["raises"]
        assert told["faults"][0]["error"]["line"] >= 1
    json.dumps(told, allow_nan=False)


def test_numbers_cannot_grow_without_end():
    for text in ("9 ** 9 ** 9 ** 9", "1e308 * 1e308 - 1e308 * 1e308", "m ** m ** m ** m ** m"):
        told = judged(body("m = X.shape[1]", f"return {{'dW1': {text}}}"))
        assert not told["passed"]
        json.dumps(told, allow_nan=False)


def test_a_mistake_says_its_line():
    told = judged(RIGHT.replace("dZ2 @ A1.T", "dZ2 @ A1"))
    (fault,) = told["faults"]
    assert fault["error"]["line"] == 7
    assert "dZ2 @ A1 / m" in fault["error"]["source"]


def test_the_page_is_answered_before_and_after_it_has_a_network():
    with served.laboratory() as server, served.Page(server) as page:
        lesson = page.asked("tutor", "tutor")
        assert judged(lesson["text"])["passed"]
        old, new = lesson["mistakes"][0]
        told = page.asked("tutor", "tutor", text=lesson["text"].replace(old, new, 1))
        assert not told["passed"]
        assert page.asked("open", "scene", fragment="#")["shape"] == [2, 4, 1]
        assert page.asked("tutor", "tutor", text=lesson["text"])["passed"]
        assert "expected a text" in page.asked("tutor", "error", text=5)["message"]
