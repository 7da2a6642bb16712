"""A fitted model as a model file, and back: plain data and arrays, no pickle.

What a file holds is listed in `docs/model-file.md`; what it looks like, in `shoal.files.layout`.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Encoding, from_plain, to_plain, vocabularies
from shoal.diagnosis.findings import Diagnosis
from shoal.errors import ModelFileError
from shoal.estimators.fitted import Curves, Fitted, History
from shoal.estimators.inputs import Inputs
from shoal.estimators.plain import plain_settings, settings_again
from shoal.estimators.targets import ClassTargets, NumberTargets, Targets
from shoal.estimators.train import NUMERICS_VERSION
from shoal.files.container import write
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.settings import Declared, DeclaredForClasses, Settings, names_of
from shoal.training.network import Network

FORMAT_VERSION = 1
CLASSIFIER, REGRESSOR = "classifier", "regressor"
NAMES = {CLASSIFIER: "ShoalClassifier", REGRESSOR: "ShoalRegressor"}
DECLARED = {CLASSIFIER: DeclaredForClasses, REGRESSOR: Declared}
# Of each member, one number an epoch; the last two are empty without a validation part, or a score.
CURVES = ("loss_curve", "validation_loss_curve", "validation_score_curve")
Tensors = Mapping[str, NDArray[Any]]


def save(fitted: Fitted, kind: str, path: str | os.PathLike[str]) -> None:
    """Write the fitted model, atomically. Raises FileError when that fails."""
    document, tensors = to_document(fitted, kind)
    write(path, document, tensors)


def to_document(fitted: Fitted, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The model as JSON-able data and named arrays."""
    import shoal

    h, inputs = fitted.history, fitted.inputs
    tensors: dict[str, NDArray[Any]] = {}
    for i, network in enumerate(fitted.networks):
        for name, V in zip(Parameters._fields, network.parameters, strict=True):
            tensors[f"network.{i}.{name}"] = np.ascontiguousarray(V)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "numerics_version": NUMERICS_VERSION,
        "shoal_version": shoal.__version__,
        "kind": kind,
        "architecture": fitted.architecture._asdict(),
        "members": len(fitted.networks),
        "fingerprint": fitted.fingerprint,
        "settings": _settings(fitted, kind),
        "encoding": None if inputs.encoding is None else to_plain(inputs.encoding),
        "fitted": {
            "n_iter_": h.epochs,
            "n_features_in_": inputs.n,
            "n_layers_": 3 if fitted.architecture.n_h else 2,
            "n_outputs_": fitted.architecture.n_y,
            "best_epoch_": h.best_epoch,
            "training_seconds_": h.seconds,
            "endings_": list(h.endings),
            "member_seeds_": list(h.seeds),
        },
        "record": dict(fitted.record),
        "diagnosis": fitted.diagnosis.to_dict(),
    }
    for i, vocabulary in vocabularies(inputs.encoding) if inputs.encoding else ():
        _put_words(tensors, f"words.{i}", vocabulary)
    if inputs.names is not None:
        _put_words(tensors, "features", inputs.names)
    for name, curves in zip(
        CURVES, (h.losses, h.validation_losses, h.validation_scores), strict=True
    ):
        _put_curves(tensors, name, curves, len(fitted.networks))
    _put_targets(fitted.targets, document, tensors)
    return document, tensors


def from_document(document: Mapping[str, Any], tensors: Tensors) -> tuple[str, Fitted]:
    """The inverse of `to_document`, which trusts nothing that it is given: the kind, and the model."""
    if document.get("kind") == "checkpoint":
        raise ModelFileError(
            "this is a checkpoint of a training, not yet a model. Continue the training: "
            "--checkpoint FOLDER --resume, or fit with checkpoint=FOLDER."
        )
    if document["format_version"] != FORMAT_VERSION:
        raise ModelFileError(
            f"the file has format version {document['format_version']}, and this shoal reads "
            f"version {FORMAT_VERSION}. Install the shoal that wrote it ({document['shoal_version']})."
        )
    kind, expected = document["kind"], set[str]()
    fitted = _fitted(kind, document, tensors, expected)
    if unknown := set(tensors) - expected:
        raise ModelFileError(
            f"the file holds arrays that no model has: {', '.join(sorted(unknown))}."
        )
    if fitted.fingerprint != document["fingerprint"]:
        raise ModelFileError(
            f"the parameters have fingerprint {fitted.fingerprint}, and the file says "
            f"{document['fingerprint']}. Copy the file again, or train the model again."
        )
    return kind, fitted


def _fitted(kind: str, document: Mapping[str, Any], tensors: Tensors, expected: set[str]) -> Fitted:
    """What the estimator had learnt; the names of the arrays it needs are added to `expected`."""
    networks = _networks(document, tensors, expected)
    shape, kept = networks[0].architecture, document["fitted"]
    names = None
    if "features.bytes" in tensors:
        names = tuple(_get_words(tensors, "features", expected))
    encoding = _encoding(document, tensors, expected)
    dtype = networks[0].dtype.name
    inputs = Inputs(NAMES[kind], kept["n_features_in_"], names, encoding, dtype)
    if inputs.width != shape.n_x:
        raise ModelFileError(
            f"the encoding makes {inputs.width} columns, and the network expects {shape.n_x}."
        )
    curves = [_get_curves(tensors, name, len(networks)) for name in CURVES]
    expected |= {f"{name}.{i}" for i in range(len(networks)) for name in CURVES}
    history = History(
        seeds=tuple(kept["member_seeds_"]),
        losses=curves[0],
        validation_losses=curves[1],
        validation_scores=curves[2],
        endings=tuple(kept["endings_"]),
        best_epoch=kept["best_epoch_"],
        epochs=kept["n_iter_"],
        seconds=kept["training_seconds_"],
    )
    return Fitted(
        Settings(**settings_again(document["settings"])).replaced(dtype=dtype),
        inputs,
        _get_targets(kind, shape.n_y, document, tensors, expected),
        tuple(networks),
        history,
        Diagnosis.from_dict(document["diagnosis"]),
        dict(document["record"]),
    )


def _networks(document: Mapping[str, Any], tensors: Tensors, expected: set[str]) -> list[Network]:
    shape = Architecture(**document["architecture"])
    members = _whole(document["members"], 1)
    for name in ("n_x", "n_h", "n_y"):
        _whole(getattr(shape, name), 0 if name == "n_h" else 1)
    shape.g, shape.sigma  # noqa: B018  unknown names raise KeyError
    networks = []
    for i in range(members):
        matrices = Parameters(*(tensors[f"network.{i}.{name}"] for name in Parameters._fields))
        for name, V, wanted in zip(Parameters._fields, matrices, shape.shapes, strict=True):
            if V.shape != wanted:
                raise ModelFileError(
                    f"{name} of network {i} has shape {V.shape}, but the architecture implies "
                    f"{wanted}. Copy the file again, or train the model again."
                )
        networks.append(Network(*matrices, activation=shape.activation, output=shape.output))
        expected |= {f"network.{i}.{name}" for name in Parameters._fields}
    return networks


def _encoding(document: Mapping[str, Any], tensors: Tensors, expected: set[str]) -> Encoding | None:
    if document["encoding"] is None:
        return None
    words = {}
    for i, column in enumerate(document["encoding"]):
        if column["kind"] == "words":
            words[i] = tuple(_get_words(tensors, f"words.{i}", expected))
            if len(words[i]) != column["words"]:
                raise ModelFileError(
                    f"column {i} has {len(words[i])} words, expected {column['words']}."
                )
    return from_plain(document["encoding"], words)


def _settings(fitted: Fitted, kind: str) -> dict[str, Any]:
    """The settings of the fit; for a seed that was drawn the one that was drawn."""
    seed = None if fitted.settings.random_state is None else fitted.history.seeds[0]
    plain = plain_settings(fitted.settings, seed)
    return {name: value for name, value in plain.items() if name in names_of(DECLARED[kind])}


def _whole(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"expected a whole number from {least} on, found {value!r}")
    return value


def _put_curves(tensors: dict[str, NDArray[Any]], name: str, curves: Curves, members: int) -> None:
    most = np.finfo(np.float64).max
    for i in range(members):
        curve = np.array(curves[i] if curves else (), np.float64)
        # A file holds finite numbers alone: the last loss of a fit that diverged may be
        # none, and a score that is none counts as below all others.
        if name != "validation_score_curve":
            curve = curve[np.isfinite(curve)]
        tensors[f"{name}.{i}"] = np.clip(curve, -most, most)


def _get_curves(tensors: Tensors, name: str, members: int) -> Curves:
    return tuple(tuple(tensors[f"{name}.{i}"].tolist()) for i in range(members))


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
    targets: Targets, document: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    if isinstance(targets, NumberTargets):
        document["columns"] = targets.columns
        tensors["target_mean"], tensors["target_scale"] = targets.mean, targets.scale
        return
    classes = targets.classes
    document["labels"] = targets.labels
    words = all(isinstance(c, str) for c in classes.tolist())
    if not words and classes.dtype.kind not in "biuf":
        raise ModelFileError(
            "the classes are neither text, whole numbers, numbers nor booleans: a model file "
            "cannot hold them. Turn y into one of these before fit."
        )
    document["class_type"] = "words" if words else classes.dtype.name
    if words:
        _put_words(tensors, "classes", classes.tolist())
    else:
        document["classes"] = classes.tolist()


def _get_targets(
    kind: str, n_y: int, document: Mapping[str, Any], tensors: Tensors, expected: set[str]
) -> Targets:
    if kind == REGRESSOR:
        expected |= {"target_mean", "target_scale"}
        mean, scale = tensors["target_mean"], tensors["target_scale"]
        if not len(mean) == len(scale) == n_y:
            raise ModelFileError(f"expected the mean and scale of {n_y} targets.")
        return NumberTargets(mean, scale, _whole(document["columns"], 0))
    labels = _whole(document["labels"], 1)
    if document["class_type"] == "words":
        classes: NDArray[Any] = np.array(_get_words(tensors, "classes", expected), object)
    else:
        if np.dtype(document["class_type"]).kind not in "biuf":
            raise ValueError(f"class_type {document['class_type']!r}")
        classes = np.array(document["classes"], document["class_type"])
    wanted = n_y if labels > 1 or n_y > 1 else 2
    if len(classes) != wanted:
        raise ModelFileError(f"the file names {len(classes)} classes, expected {wanted}.")
    return ClassTargets(classes, labels)
