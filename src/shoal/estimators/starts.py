"""What each member starts from: drawn from its seed, or given by `init`."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.steps import State, start
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.automatic import DRAW
from shoal.kinds import check_init
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.network.initialisers import initialise
from shoal.settings import Settings
from shoal.training import lbfgs, lm
from shoal.training.network import Network

Start = Network | Parameters


def starts_given(init: Any) -> list[Start]:
    """The networks or parameters that `init` gives, one or one a member; none if it names a draw."""
    if isinstance(init, Network | Parameters):
        return [init]
    networks = getattr(init, "networks_", init)
    if isinstance(networks, list | tuple):
        if networks and all(isinstance(one, Network | Parameters) for one in networks):
            return list(networks)
        raise SettingError(
            wording(
                Setting("init"),
                ": expected a list of Network or of Parameters, one for each member, found "
                f"{[type(one).__name__ for one in networks][:5]}.",
            ),
            setting="init",
        )
    if hasattr(init, "get_params"):
        raise SettingError(
            f"init={type(init).__name__}(…): this estimator is not fitted (a clone never is). Give "
            "the networks of one that is: init=model.networks_.",
            setting="init",
        )
    return []


def check_start(s: Settings) -> None:
    """Raise SettingError for an `init` that is not allowed."""
    given = starts_given(s.init)
    if not given:
        check_init("init", s.init)
    elif s.effort > 1:
        raise SettingError(
            wording(
                Setting("effort", s.effort), " with networks as ", Setting("init"),
                ": candidates of other widths cannot start from them. Use ", Setting("effort", 1), ".",
            ),
            setting="effort",
        )  # fmt: skip
    elif s.members != "auto" and len(given) not in (1, s.members):
        raise SettingError(
            wording(
                f"init gives {len(given)} networks, and ", Setting("members", s.members),
                ": expected one for all, or one for each. Use ", Setting("members", "auto"), ".",
            ),
            setting="init",
        )  # fmt: skip


def parameters_of(
    s: Settings, architecture: Architecture, member: int, seed: int,
    b2: NDArray[np.float64] | None = None,
) -> NDArray[np.floating]:  # fmt: skip
    """The parameters that a member starts from; `b2` are its last biases, where they are not 0."""
    given, dtype = starts_given(s.init), np.dtype(s.dtype)
    if given:
        return _fitting(given[member % len(given)], architecture, dtype)
    drawn = initialise(
        *architecture[:3], key=engine.child(seed, DRAW), init=s.init, activation=s.activation,
        normals=engine.normals,
    )  # fmt: skip
    return architecture.flatten(drawn if b2 is None else drawn._replace(b2=b2), dtype)


def _fitting(one: Start, wanted: Architecture, dtype: np.dtype[Any]) -> NDArray[np.floating]:
    network = (
        one
        if isinstance(one, Network)
        else Network(*one, activation=wanted.activation, output=wanted.output)
    )
    found = network.architecture
    if found != wanted:
        raise SettingError(
            f"init gives a network with {found.n_x} inputs, {found.n_h} hidden units and "
            f"{found.n_y} outputs ({found.activation}, {found.output}), but the data and the "
            f"settings want {wanted.n_x}, {wanted.n_h} and {wanted.n_y} ({wanted.activation}, "
            f"{wanted.output}). Set hidden and activation to fit, and encode the columns as they "
            "were (encode=None takes them as they are).",
            setting="init",
        )
    return wanted.flatten(network.parameters, dtype)


def begin(parameters: NDArray[np.floating], solver: str) -> State:
    """A training before its first step."""
    if solver == "lm":
        return lm.start(parameters)
    return lbfgs.start(parameters) if solver == "lbfgs" else start(parameters, solver)


def name_of(init: Any) -> Any:
    """What tells `init` from another in plain data: itself, or a hash of what it gives."""
    given = starts_given(init)
    if not given:
        return init
    digest = hashlib.sha256()
    for one in given:
        parameters = one.parameters if isinstance(one, Network) else one
        for V in parameters:
            digest.update(f"{np.shape(V)};".encode())
            digest.update(np.ascontiguousarray(V, np.float64).tobytes())
    return digest.hexdigest()
