"""Files of an earlier version: models that still predict the same bits, a training that goes on.

The files in `files/` are never written again but in a commit that means to change what they are,
and says why. A later form of the file gets files of its own, beside these:

    python tests/pins/test_files.py NAME …       writes those of these names, and their pins
    python tests/pins/test_files.py checkpoint   the training that was cut short
"""

import shutil
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from pinned import (
    HERE,
    answers_of,
    features,
    many_classes,
    numbers,
    numbers_to_learn,
    pins_of,
    record,
    score,
    several_labels,
    table,
    two_classes,
    wanted,
)

import shoal
from shoal import SettingError, ShoalClassifier, ShoalRegressor
from shoal.compute.builds import BUILD
from shoal.files.container import read
from shoal.training import loop

pytestmark = [
    pytest.mark.skipif(BUILD == "plain", reason="the plain equations promise no bits"),
    pytest.mark.filterwarnings("ignore::shoal.ShoalWarning"),
]

FILES = HERE / "files"
CHECKPOINT = "checkpoint"
SMALL: dict[str, Any] = {"hidden": 4, "max_iter": 6, "members": 1, "random_state": 5}
X = numbers(200, 4)
TABLE = table(240)
WORDS = np.array(["amber", "blau", "zielony"], object)

# Of each file: its estimator, X, y and the settings.
KINDS: dict[str, Any] = {
    "binary": (ShoalClassifier, features(TABLE), TABLE["late"], {"members": 2}),
    "softmax": (ShoalClassifier, X, many_classes(X, 4), {}),
    "labels": (ShoalClassifier, X, several_labels(X), {}),
    "target": (ShoalRegressor, features(TABLE), TABLE["delay"], {"members": 2}),
    "targets": (
        ShoalRegressor,
        X,
        np.stack([1000 * numbers_to_learn(X), score(X, 51)], axis=1),
        {"activation": "relu"},
    ),
    "linear": (ShoalClassifier, X, two_classes(X), {"hidden": 0}),
    "float64": (ShoalRegressor, X, numbers_to_learn(X), {"encode": None, "dtype": "float64"}),
    "sparse": (
        ShoalClassifier,
        scipy.sparse.csr_array(np.where(X > 0.5, np.round(X, 2), 0.0)),
        two_classes(X),
        {},
    ),
    "members": (ShoalClassifier, X, two_classes(X), {"members": 3, "solver": "lbfgs"}),
    "class-weight": (ShoalClassifier, X, two_classes(X), {"class_weight": {0: 2.0, 1: 0.5}}),
    "words": (ShoalClassifier, X, WORDS[many_classes(X, 3)], {"activation": "sigmoid"}),
    "whole-numbers": (ShoalClassifier, X, 10 * many_classes(X, 3) - 7, {"scoring": "accuracy"}),
    "booleans": (ShoalClassifier, X, two_classes(X) == 1, {"activation": "leaky_relu"}),
    "decimals": (ShoalClassifier, X, many_classes(X, 3) + 0.0, {"bins": 0, "dropout": 0.1}),
}


def make(name):
    kind, X, y, settings = KINDS[name]
    return kind(**SMALL | settings).fit(X, y)


def rows(name):
    """What is asked of a model."""
    return KINDS[name][1][:50]


def pin_of_file(path, name):
    """What must be found in a file again."""
    model = shoal.load(path)
    return {
        "fingerprint": model.fingerprint_,
        "answers": answers_of(model, rows(name)),
        "classes": model.classes_.tolist() if hasattr(model, "classes_") else None,
        "seeds": list(model.member_seeds_),
        "endings": list(model.endings_),
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_an_earlier_version_predicts_the_same_bits(name):
    assert pin_of_file(FILES / f"{name}.shoal", name) == pins_of("files")[name]


@pytest.mark.parametrize("name", KINDS)
def test_a_model_that_is_loaded_and_saved_again_is_the_same(name, tmp_path):
    before = shoal.load(FILES / f"{name}.shoal")
    before.save(tmp_path / "again.shoal")
    assert pin_of_file(tmp_path / "again.shoal", name) == pins_of("files")[name]
    after = shoal.load(tmp_path / "again.shoal")
    assert after.get_params() == before.get_params()
    assert after.loss_curve_ == before.loss_curve_
    assert after.validation_loss_curve_ == before.validation_loss_curve_
    assert str(after.diagnosis_) == str(before.diagnosis_)


@pytest.mark.parametrize("name", KINDS)
def test_this_version_learns_what_the_file_holds(name, tmp_path):
    """The same settings and data give the file's parameters, while the numerics are the same."""
    model = make(name)
    if version_of(model, tmp_path) != read(FILES / f"{name}.shoal").document["numerics_version"]:
        pytest.skip("the numerics have changed since")
    assert model.fingerprint_ == pins_of("files")[name]["fingerprint"]


def test_the_settings_of_a_file_are_those_that_it_was_fitted_with():
    for name, (kind, _, _, settings) in KINDS.items():
        model = shoal.load(FILES / f"{name}.shoal")
        assert type(model) is kind
        found = model.get_params()
        for setting, value in (SMALL | settings).items():
            assert found[setting] == value, (name, setting)


# --- a training that was cut short ----------------------------------------------------

CUT_SHORT: dict[str, Any] = SMALL | {"max_iter": 12, "members": 2, "dropout": 0.1}
EPOCHS = 5  # that were done


def version_of(model, folder):
    """The version of the numerics that fits here."""
    model.save(folder / "version.shoal")
    return read(folder / "version.shoal").document["numerics_version"]


def cut_short(folder):
    def interrupt(report):
        if report.epoch >= EPOCHS:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "REPORT_EVERY", 0.0)
        model = ShoalClassifier(**CUT_SHORT, checkpoint=folder, n_jobs=1, verbose=interrupt)
        model.fit(features(TABLE), TABLE["late"])


def test_a_training_that_an_earlier_version_began_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    """Or it is refused, if the numerics have changed since."""
    whole = ShoalClassifier(**CUT_SHORT).fit(features(TABLE), TABLE["late"])
    kept, epochs = tmp_path / "kept", []
    shutil.copytree(FILES / CHECKPOINT, kept)
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    patience = {"n_iter_no_change": 6}  # the default of that version
    model = ShoalClassifier(
        **CUT_SHORT, **patience, checkpoint=kept, verbose=lambda report: epochs.append(report.epoch)
    )
    asked = read(kept / "member-0.checkpoint", finite=False).document["question"]
    version = asked["numerics_version"]
    if version_of(whole, tmp_path) != version:
        with pytest.raises(SettingError, match=f"numerics_version={version} there"):
            model.fit(features(TABLE), TABLE["late"])
        return
    assert whole.fingerprint_ == pins_of("files")[CHECKPOINT]["fingerprint"]
    resumed = model.fit(features(TABLE), TABLE["late"])
    assert epochs[0] == EPOCHS + 1
    assert resumed.fingerprint_ == whole.fingerprint_
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_


def test_there_is_a_pin_for_each_file_and_no_other():
    assert list(pins_of("files")) == sorted([*KINDS, CHECKPOINT])
    found = {path.name for path in FILES.iterdir()}
    assert found == {*(f"{name}.shoal" for name in KINDS), CHECKPOINT}


def _write(name):
    if name == CHECKPOINT:
        shutil.rmtree(FILES / name, ignore_errors=True)
        cut_short(FILES / name)
        whole = ShoalClassifier(**CUT_SHORT).fit(features(TABLE), TABLE["late"])
        return {"fingerprint": whole.fingerprint_}
    path = FILES / f"{name}.shoal"
    make(name).save(path)
    return pin_of_file(path, name)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    FILES.mkdir(exist_ok=True)
    record("files", {name: _write(name) for name in wanted([*KINDS, CHECKPOINT])})
