"""`shoal check`: it passes here, and does not when an equation or a bit is wrong."""

import json

import pytest

from shoal.cli import main
from shoal.compute import engine
from shoal.diagnosis import gradients, self_check


@pytest.mark.slow
def test_this_machine_keeps_the_promises(capsys):
    assert main(["check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert found["bits"]["same"] is True
    assert set(found["equations"]) == set(gradients.EQUATIONS)
    assert all(step["gflops"] > 0 for step in found["speed"])


def test_a_broken_promise_is_told_and_ends_with_1(capsys, monkeypatch):
    real = engine.engine.sums

    def sums(*arguments, **options):
        total = real(*arguments, **options)
        return total._replace(gradient=total.gradient * 1.01)

    class Broken:
        forward = staticmethod(engine.engine.forward)

    Broken.sums = staticmethod(sums)
    check = gradients.gradient_check
    monkeypatch.setattr(self_check, "gradient_check", lambda *a: check(*a, engine=Broken))
    words = self_check.fingerprints()
    other = words | {"adam float32 2": "another"}
    monkeypatch.setattr("shoal.cli.commands.check.fingerprints_of", lambda build: other)
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert "faulty: [5] dZ2 = A2 - Y" in told.out
    assert "differ: adam float32" in told.out
    assert "fails the check" in told.err
