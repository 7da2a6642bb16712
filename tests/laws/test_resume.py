"""Resuming is invisible: a training cut short anywhere ends with the bits of one that was not."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

import shoal
from shoal import (
    ModelFileError,
    SettingError,
    ShoalClassifier,
    ShoalRegressor,
    ShoalWarning,
)
from shoal.compute.steps import start
from shoal.errors import FileError
from shoal.estimators import train as estimators_train
from shoal.files import checkpoint
from shoal.training import loop

RNG = np.random.default_rng(6)
X = RNG.normal(size=(700, 5))
SIGN = (X[:, 0] * X[:, 1] + 0.3 * RNG.normal(size=700) > 0).astype(int)
SIZE = np.abs(X @ RNG.normal(size=(5, 2)))
WEIGHTS = RNG.uniform(0.1, 2, 700)
QUICK = {"hidden": 6, "max_iter": 12, "members": 1, "random_state": 4}

CASES = {
    "adam": (ShoalClassifier, {}, {}),
    "sgd": (ShoalClassifier, {"solver": "sgd", "batch_size": 50}, {}),
    "gd": (ShoalClassifier, {"solver": "gd", "early_stopping": False, "max_iter": 40}, {}),
    "lbfgs": (ShoalClassifier, {"solver": "lbfgs", "members": 2}, {}),
    "lm": (ShoalClassifier, {"solver": "lm", "members": 2}, {}),
    "lm by the evidence": (ShoalRegressor, {"solver": "lm", "alpha": "evidence"}, {}),
    "lbfgs alone": (ShoalRegressor, {"solver": "lbfgs", "early_stopping": False}, {}),
    "scoring": (ShoalClassifier, {"scoring": "accuracy", "members": 2}, {}),
    "replicas": (ShoalClassifier, {"replicas": 2, "local_steps": 2, "members": 2}, {}),
    "three members": (ShoalClassifier, {"members": 3}, {}),
    "no validation": (ShoalClassifier, {"early_stopping": False, "members": 2}, {}),
    "plateau": (ShoalClassifier, {"n_iter_no_change": 2, "tol": 0.05, "members": 2}, {}),
    "own validation": (ShoalClassifier, {}, {"X_val": X[:90], "y_val": SIGN[:90]}),
    "weights": (ShoalClassifier, {"class_weight": "balanced"}, {"sample_weight": WEIGHTS}),
    "dropout": (ShoalClassifier, {"dropout": 0.2, "schedule": "cosine", "weight_decay": 0.1}, {}),
    "falling gd": (ShoalClassifier, {"solver": "gd", "schedule": "cosine", "max_iter": 40}, {}),
    "linear": (ShoalClassifier, {"hidden": 0, "members": 2}, {}),
    "regression": (ShoalRegressor, {"dtype": "float64", "members": 2}, {}),
    "diverged": (ShoalRegressor, {"solver": "sgd", "learning_rate": 1e6}, {}),
}


def fitted(case, n_jobs=1, **more):
    kind, settings, others = CASES[case]
    model = kind(**(QUICK | settings | more), n_jobs=n_jobs)
    return model.fit(X, SIZE if kind is ShoalRegressor else SIGN, **others)


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)


def interrupt_at(epoch):
    def verbose(report):
        if report.epoch >= epoch:
            raise KeyboardInterrupt

    return verbose


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
def test_a_training_cut_short_and_resumed_has_the_bits_of_one_that_was_not(case, tmp_path):
    whole = fitted(case)
    for i, epoch in enumerate((1, 3, 4, 9)):  # with other threads every time
        fitted(case, n_jobs=1 + i % 2, checkpoint=tmp_path, verbose=interrupt_at(epoch))
    resumed = fitted(case, n_jobs=2, checkpoint=tmp_path)
    assert resumed.interruption_ is None
    assert resumed.fingerprint_ == whole.fingerprint_
    for curve, expected in zip(resumed.loss_curves_, whole.loss_curves_, strict=True):
        np.testing.assert_array_equal(curve, expected)  # a diverged one ends with NaN
    assert resumed.validation_loss_curves_ == whole.validation_loss_curves_
    assert (resumed.endings_, resumed.best_epoch_) == (whole.endings_, whole.best_epoch_)
    assert str(resumed.diagnosis_) == str(whole.diagnosis_)


def test_an_interrupted_training_was_interrupted(tmp_path):
    with pytest.warns(ShoalWarning, match="interrupted after 3 epochs"):
        model = fitted("adam", checkpoint=tmp_path, verbose=interrupt_at(3))
    assert model.n_iter_ == 3
    epochs = []
    resumed = fitted(
        "adam", checkpoint=tmp_path, verbose=lambda report: epochs.append(report.epoch)
    )
    assert epochs == list(range(4, 13))
    assert resumed.n_iter_ == 12


def test_a_training_that_is_over_is_not_done_again(tmp_path, monkeypatch):
    whole = fitted("three members", checkpoint=tmp_path)
    monkeypatch.setattr(estimators_train, "findings_of", lambda *_, **__: whole.diagnosis_)
    monkeypatch.setattr(loop, "_advance", None)
    assert fitted("three members", checkpoint=tmp_path).fingerprint_ == whole.fingerprint_


def test_without_random_state_the_drawn_seed_is_kept(tmp_path):
    one = fitted("adam", checkpoint=tmp_path, random_state=None)
    two = fitted("adam", checkpoint=tmp_path, random_state=None)
    assert one.fingerprint_ == two.fingerprint_
    assert one.member_seeds_ == two.member_seeds_


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"hidden": 7}, "hidden=6 there, 7 here"),
        (
            {"solver": "sgd", "tol": 0.1},
            'solver="adam" there, "sgd" here; tol=0.0001 there, 0.1 here',
        ),
        ({"random_state": 5}, "random_state=4 there, 5 here"),
    ],
)
def test_other_settings_are_refused_and_named(more, named, tmp_path):
    fitted("adam", checkpoint=tmp_path)
    with pytest.raises(SettingError, match=f"keeps another training: {named}. Go on"):
        fitted("adam", checkpoint=tmp_path, **more)


def test_other_data_are_refused_and_named(tmp_path):
    def fit(X, y, **others):
        ShoalClassifier(**QUICK, encode=None, checkpoint=tmp_path).fit(X, y, **others)

    fit(X, SIGN)
    other = X.copy()
    other[699, 4] += 1
    with pytest.raises(SettingError, match=r"training: X differs. Go on"):
        fit(other, SIGN)
    with pytest.raises(SettingError, match=r"training: y differs. Go on"):
        fit(X, 1 - SIGN)
    with pytest.raises(SettingError, match=r"training: sample_weight differs. Go on"):
        fit(X, SIGN, sample_weight=WEIGHTS)
    with pytest.raises(SettingError, match="examples=700 there, 699 here"):
        fit(X[1:], SIGN[1:])
    with pytest.raises(SettingError, match="X_val differs; y_val differs"):
        fit(X, SIGN, X_val=X[:9], y_val=SIGN[:9])


def test_checkpoint_and_warm_start_do_not_go_together(tmp_path):
    with pytest.raises(SettingError, match="Choose one"):
        fitted("adam", checkpoint=tmp_path, warm_start=True)


def test_every_epoch_or_so_many_seconds(tmp_path, monkeypatch):
    """Whichever is longer: with 30 seconds nothing is written between a start and its end."""
    monkeypatch.setattr(checkpoint, "EVERY", 30.0)
    seen = []
    fitted(
        "adam",
        checkpoint=tmp_path,
        verbose=lambda _: seen.append(len(checkpoint.kept_in(tmp_path))),
    )
    assert set(seen) == {0}
    assert [path.name for path in checkpoint.kept_in(tmp_path)] == ["member-0.checkpoint"]


def test_what_a_killed_training_left_is_cleared(tmp_path):
    (tmp_path / ".shoal-0123456789abcdef.tmp").write_bytes(b"half")
    fitted("adam", checkpoint=tmp_path)
    assert os.listdir(tmp_path) == ["member-0.checkpoint"]


# --- what cannot be kept, and what is no checkpoint -----------------------------------


def test_a_full_disk_stops_no_training(tmp_path, monkeypatch):
    with pytest.warns(ShoalWarning, match="interrupted"):
        fitted("adam", checkpoint=tmp_path, verbose=interrupt_at(2))
    kept = (tmp_path / "member-0.checkpoint").read_bytes()

    def full(*_, **__):
        error = FileError("member-0 cannot be written: no space is left on the device.")
        error.errno = errno.ENOSPC
        raise error

    for door in ("write", "check_writable"):
        monkeypatch.setattr(checkpoint, door, full)
    with pytest.warns(ShoalWarning) as warned:
        model = fitted("adam", checkpoint=tmp_path)
    told = [str(w.message) for w in warned]
    assert len(told) == 1
    assert "no space is left on the device. Training continues" in told[0]
    assert model.fingerprint_ == fitted("adam").fingerprint_
    assert (tmp_path / "member-0.checkpoint").read_bytes() == kept


LIMITED = """
import resource, sys, warnings
from shoal import ShoalClassifier
from shoal.files import checkpoint
from sklearn.datasets import load_iris
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
checkpoint.EVERY = 0.0
model = ShoalClassifier(random_state=0, members=2, max_iter=3, checkpoint=sys.argv[1])
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    model.fit(*load_iris(return_X_y=True))
print(len(told), told[0].message)
"""


@pytest.mark.slow
def test_a_real_disk_that_takes_no_more(tmp_path):
    pytest.importorskip("resource", reason="limits of a process are Unix's")
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("1 no checkpoint: ")
    assert "larger than this place allows" in ran.stdout
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_one_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="used for checkpoints"):
        fitted("adam", checkpoint=tmp_path / "file")


def test_damage_is_told_and_nothing_is_overwritten(tmp_path):
    fitted("adam", checkpoint=tmp_path)
    path = tmp_path / "member-0.checkpoint"
    sound = path.read_bytes()
    for at in range(0, len(sound), 997):
        damaged = bytearray(sound)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"member-0.checkpoint"):
            fitted("adam", checkpoint=tmp_path)
        assert path.read_bytes() == damaged


def test_a_checkpoint_of_another_form_is_refused(tmp_path):
    fitted("three members", checkpoint=tmp_path)
    document, tensors = checkpoint.read(tmp_path / "member-0.checkpoint", finite=False)
    path = tmp_path / "member-1.checkpoint"
    for change in (
        {"losses": tensors["best"]},
        {"more": tensors["best"]},
        {"best": tensors["losses"]},
        {"losses": tensors["losses"] * np.nan},
    ):
        checkpoint.write(path, document, tensors | change, finite=False)
        with pytest.raises(ModelFileError, match=r"member-1.checkpoint: .*not as shoal writes it"):
            fitted("three members", checkpoint=tmp_path)
    standing = document["standing"] | {"waited": "two"}
    checkpoint.write(path, document | {"standing": standing}, tensors, finite=False)
    with pytest.raises(ModelFileError, match=r'expected "int", got "str" in standing.waited'):
        fitted("three members", checkpoint=tmp_path)


def test_a_checkpoint_is_no_model(tmp_path):
    fitted("adam", checkpoint=tmp_path)
    with pytest.raises(ModelFileError, match="a checkpoint of a training, not yet a model"):
        shoal.load(tmp_path / "member-0.checkpoint")


def test_a_model_keeps_no_folder(tmp_path):
    fitted("adam", checkpoint=tmp_path / "kept").save(tmp_path / "m.shoal")
    assert shoal.load(tmp_path / "m.shoal").checkpoint is None


def test_a_setting_that_only_one_of_the_two_trainings_has_is_a_difference(tmp_path):
    standing = loop.TrainingState(start(np.zeros(2), "sgd"), np.zeros(2))
    checkpoint.Checkpoint(tmp_path, {"a": 1, "b": 2}).keeper(0, 0)(standing, now=True)
    checkpoint.Checkpoint(tmp_path, {"a": 1, "b": 2})
    with pytest.raises(SettingError, match="b=2 there, None here"):
        checkpoint.Checkpoint(tmp_path, {"a": 1})
    with pytest.raises(SettingError, match="c=None there, 3 here"):
        checkpoint.Checkpoint(tmp_path, {"a": 1, "b": 2, "c": 3})
