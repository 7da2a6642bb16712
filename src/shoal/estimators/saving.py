"""A fitted estimator as a model file, and back: plain data and arrays, no pickle.

What a file holds is listed in `docs/model-file.md`; what it looks like, in `shoal.files.layout`.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.encoding import from_plain, to_plain, vocabularies
from shoal.diagnosis.findings import Diagnosis
from shoal.errors import ModelFileError
from shoal.estimators.base import ShoalBase
from shoal.estimators.classifier import ShoalClassifier
from shoal.estimators.members import NUMERICS_VERSION
from shoal.estimators.regressor import ShoalRegressor
from shoal.estimators.starts import starts_given
from shoal.files.container import read, write
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.training.network import Network

FORMAT_VERSION = 1
KINDS = {"classifier": ShoalClassifier, "regressor": ShoalRegressor}
# What a fit leaves behind and a file keeps as it is.
NUMBERS_KEPT = (
    "n_iter_",
    "n_features_in_",
    "n_layers_",
    "n_outputs_",
    "best_epoch_",
    "training_seconds_",
)
LISTS_KEPT = ("endings_", "member_seeds_")
# Of each member, one number an epoch; the last two are empty without a validation part, or a score.
CURVES = ("loss_curve", "validation_loss_curve", "validation_score_curve")


def save(model: ShoalBase, path: str | os.PathLike[str]) -> None:
    """Write the fitted model, atomically. Raises FileError when that cannot be."""
    document, tensors = to_document(model)
    write(path, document, tensors)


def load(path: str | os.PathLike[str]) -> Any:
    """The estimator that was saved. Raises ModelFileError for a file that is damaged."""
    document, tensors = read(path)
    try:
        return from_document(document, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelFileError(
            f"{os.fspath(path)}: the description of the model is not what shoal writes "
            f"({type(error).__name__}: {error}). Copy the file again, or train the model again."
        ) from None


def to_document(model: ShoalBase) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The model as JSON-able data and named arrays."""
    import shoal

    tensors: dict[str, NDArray[Any]] = {}
    for i, network in enumerate(model.networks_):
        for name, V in zip(Parameters._fields, network.parameters, strict=True):
            tensors[f"network.{i}.{name}"] = np.ascontiguousarray(V)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "numerics_version": NUMERICS_VERSION,
        "shoal_version": shoal.__version__,
        "kind": next(kind for kind, estimator in KINDS.items() if type(model) is estimator),
        "architecture": model.networks_[0].architecture._asdict(),
        "members": len(model.networks_),
        "fingerprint": model.fingerprint_,
        "settings": _settings(model),
        "encoding": None if model.encoding_ is None else to_plain(model.encoding_),
        "fitted": {name: _plain(getattr(model, name)) for name in (*NUMBERS_KEPT, *LISTS_KEPT)},
        "record": model.record_,
        "diagnosis": model.diagnosis_.to_dict(),
    }
    for i, vocabulary in vocabularies(model.encoding_) if model.encoding_ else ():
        _put_words(tensors, f"words.{i}", vocabulary)
    if hasattr(model, "feature_names_in_"):
        _put_words(tensors, "features", [str(name) for name in model.feature_names_in_])
    _put_curves(model, tensors)
    _put_targets(model, document, tensors)
    return document, tensors


def from_document(document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Any:
    """The inverse of `to_document`, which trusts nothing that it is given."""
    if document.get("kind") == "checkpoint":
        raise ModelFileError(
            "this is a checkpoint of a training, not yet a model. Go on with the training: "
            "--checkpoint FOLDER --resume, or fit with checkpoint=FOLDER."
        )
    if document["format_version"] != FORMAT_VERSION:
        raise ModelFileError(
            f"the file has format version {document['format_version']}, and this shoal reads "
            f"version {FORMAT_VERSION}. Install the shoal that wrote it ({document['shoal_version']})."
        )
    model = KINDS[document["kind"]](**_unplain(document["settings"]))
    shape = Architecture(**document["architecture"])
    members = _whole(document["members"], 1)
    for name in ("n_x", "n_h", "n_y"):
        _whole(getattr(shape, name), 0 if name == "n_h" else 1)
    shape.g, shape.sigma  # noqa: B018  unknown names raise KeyError
    expected = {f"network.{i}.{name}" for i in range(members) for name in Parameters._fields}
    expected |= {f"{name}.{i}" for i in range(members) for name in CURVES}
    model.networks_ = []
    for i in range(members):
        matrices = Parameters(*(tensors[f"network.{i}.{name}"] for name in Parameters._fields))
        for name, V, wanted in zip(Parameters._fields, matrices, shape.shapes, strict=True):
            if V.shape != wanted:
                raise ModelFileError(
                    f"{name} of network {i} has shape {V.shape}, but the architecture implies "
                    f"{wanted}. Copy the file again, or train the model again."
                )
        model.networks_.append(Network(*matrices, activation=shape.activation, output=shape.output))
    model.encoding_ = None
    if document["encoding"] is not None:
        words = {}
        for i, column in enumerate(document["encoding"]):
            if column["kind"] == "words":
                words[i] = tuple(_get_words(tensors, f"words.{i}", expected))
                if len(words[i]) != column["words"]:
                    raise ModelFileError(
                        f"column {i} has {len(words[i])} words, expected {column['words']}."
                    )
        model.encoding_ = from_plain(document["encoding"], words)
        if len(model.encoding_.features) != shape.n_x:
            raise ModelFileError(
                f"the encoding makes {len(model.encoding_.features)} columns, and the network "
                f"expects {shape.n_x}."
            )
    for name in (*NUMBERS_KEPT, *LISTS_KEPT):
        setattr(model, name, document["fitted"][name])
    if "features.bytes" in tensors:
        model.feature_names_in_ = np.array(_get_words(tensors, "features", expected), object)
    _get_curves(model, tensors)
    curve, best = model.loss_curve_, model.best_epoch_
    model.loss_ = curve[best - 1] if 0 < best <= len(curve) else np.nan
    model.interruption_ = None
    model.out_activation_ = shape.output
    model.record_ = dict(document["record"])
    model.diagnosis_ = Diagnosis.from_dict(document["diagnosis"])
    _get_targets(model, document, tensors, expected)
    if unknown := set(tensors) - expected:
        raise ModelFileError(
            f"the file holds arrays that no model has: {', '.join(sorted(unknown))}."
        )
    if model.fingerprint_ != document["fingerprint"]:
        raise ModelFileError(
            f"the parameters have fingerprint {model.fingerprint_}, and the file says "
            f"{document['fingerprint']}. Copy the file again, or train the model again."
        )
    return model


def _settings(model: ShoalBase) -> dict[str, Any]:
    settings = plain_settings(model)
    if not isinstance(model.random_state, int | type(None)):
        settings["random_state"] = int(model.member_seeds_[0])
    return settings


def plain_settings(model: ShoalBase) -> dict[str, Any]:
    """The parameters as JSON can hold them, fitted or not; without those of this machine."""
    settings = model.get_params(deep=False)
    if starts_given(settings["init"]):
        settings["init"] = "auto"  # a file holds what was learnt, not what it was learnt from
    if callable(settings["scoring"]):
        settings["scoring"] = None
    settings["verbose"] = bool(settings["verbose"])
    for name in ("checkpoint", "engine", "memory", "scratch"):
        settings[name] = None
    if not isinstance(settings["random_state"], int | np.integer):
        settings["random_state"] = None
    if isinstance(settings.get("class_weight"), dict):  # JSON has no keys but strings
        settings["class_weight"] = [
            [_plain(k), _plain(v)] for k, v in settings["class_weight"].items()
        ]
    settings["dtype"] = np.dtype(settings["dtype"]).name
    return {name: _plain(value) for name, value in settings.items()}


def _unplain(settings: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(settings)
    if isinstance(values.get("class_weight"), list):
        values["class_weight"] = {k: v for k, v in values["class_weight"]}
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [_plain(v) for v in value]
    return value


def _whole(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"expected a whole number from {least} on, found {value!r}")
    return value


def _put_curves(model: ShoalBase, tensors: dict[str, NDArray[Any]]) -> None:
    most = np.finfo(np.float64).max
    for i in range(len(model.networks_)):
        for name in CURVES:
            curve = np.array(getattr(model, f"{name}s_")[i], np.float64)
            # A file holds finite numbers alone: the last loss of a fit that diverged may be
            # none, and a score that is none counts as below all others.
            if name != "validation_score_curve":
                curve = curve[np.isfinite(curve)]
            tensors[f"{name}.{i}"] = np.clip(curve, -most, most)


def _get_curves(model: Any, tensors: Mapping[str, NDArray[Any]]) -> None:
    for name in CURVES:
        curves = [tensors[f"{name}.{i}"].tolist() for i in range(len(model.networks_))]
        setattr(model, f"{name}s_", curves)
        setattr(model, f"{name}_", curves[0] if name == "loss_curve" else curves[0] or None)


# --- words as bytes with offsets: 10,000 of them fit, and the header stays small ------


def _put_words(tensors: dict[str, NDArray[Any]], name: str, words: Sequence[str]) -> None:
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    tensors[f"{name}.bytes"] = np.frombuffer(b"".join(encoded), np.uint8)
    tensors[f"{name}.ends"] = np.cumsum([len(word) for word in encoded], dtype=np.int64)


def _get_words(tensors: Mapping[str, NDArray[Any]], name: str, expected: set[str]) -> list[str]:
    data, ends = tensors[f"{name}.bytes"].tobytes(), tensors[f"{name}.ends"].tolist()
    expected |= {f"{name}.bytes", f"{name}.ends"}
    starts = [0, *ends[:-1]]
    if any(a > b for a, b in zip(starts, ends, strict=True)) or (ends[-1] if ends else 0) != len(
        data
    ):
        raise ModelFileError(f"the words of {name} do not fit their bytes.")
    return [data[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True)]


# --- what y meant ---------------------------------------------------------------------


def _put_targets(
    model: ShoalBase, document: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    if isinstance(model, ShoalRegressor):
        document["columns"] = model._columns_
        tensors["target_mean"], tensors["target_scale"] = model.target_mean_, model.target_scale_
        return
    classes = model.classes_
    document["labels"] = model._labels_
    words = all(isinstance(c, str) for c in classes.tolist())
    if not words and classes.dtype.kind not in "biuf":
        raise ModelFileError(
            "the classes are neither words, whole numbers, numbers nor booleans: a model file "
            "cannot hold them. Turn y into one of these before fit."
        )
    document["class_type"] = "words" if words else classes.dtype.name
    if words:
        _put_words(tensors, "classes", classes.tolist())
    else:
        document["classes"] = classes.tolist()


def _get_targets(
    model: Any, document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], expected: set[str]
) -> None:
    n_y = model.n_outputs_
    if isinstance(model, ShoalRegressor):
        expected |= {"target_mean", "target_scale"}
        model._columns_ = _whole(document["columns"], 0)
        model.target_mean_, model.target_scale_ = tensors["target_mean"], tensors["target_scale"]
        if not len(model.target_mean_) == len(model.target_scale_) == n_y:
            raise ModelFileError(f"expected the mean and scale of {n_y} targets.")
        return
    model._labels_ = _whole(document["labels"], 1)
    if document["class_type"] == "words":
        model.classes_ = np.array(_get_words(tensors, "classes", expected), object)
    else:
        if np.dtype(document["class_type"]).kind not in "biuf":
            raise ValueError(f"class_type {document['class_type']!r}")
        model.classes_ = np.array(document["classes"], document["class_type"])
    model.n_classes_ = len(model.classes_)
    wanted = n_y if model._labels_ > 1 or n_y > 1 else 2
    if model.n_classes_ != wanted:
        raise ModelFileError(f"the file names {model.n_classes_} classes, expected {wanted}.")
