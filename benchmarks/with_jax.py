"""JAX: one compiled call for each epoch, a `lax.scan` over its steps.

The order of an epoch comes from NumPy, as an argument of the compiled call: JAX's own
permutation is a sort and costs more than the training of such small networks. A row of its
own shows it. Examples are rows or columns, whichever is faster here.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import SEED, Case, Data, Start, cost
from benchmarks.jobs import Job, quickest

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TRIAL_EPOCHS = 1
Tree = Any


class Layout:
    """The mean loss, and the parameters, with examples as rows or as columns."""

    def __init__(self, case: Case, columns: bool) -> None:
        self.case, self.columns = case, columns

    def parameters(self, start: Start) -> Tree:
        """The first parameters on the device; one output is a vector, not a matrix."""
        W1, b1, W2, b2 = start
        if self.case.n_y == 1:
            W2, b2 = W2[0], b2[0, 0]
        elif not self.columns:
            W2, b2 = W2.T, b2[:, 0]
        if not self.columns:
            W1, b1 = W1.T, b1[:, 0]
        return [jnp.array(V) for V in (W1, b1, W2, b2)]

    def lecture(self, parameters: Tree) -> Start:
        """The parameters in the lecture's shapes."""
        W1, b1, W2, b2 = (np.asarray(V) for V in parameters)
        if not self.columns:
            W1, W2 = W1.T, W2.T
        shape = self.case.n_y, self.case.n_h
        return Start(W1, b1.reshape(-1, 1), W2.reshape(shape), b2.reshape(-1, 1))

    def loss(self, parameters: Tree, X: jax.Array, y: jax.Array) -> jax.Array:
        """J of some rows."""
        W1, b1, W2, b2 = parameters
        g = ACTIVATIONS[self.case.activation]
        Z2 = W2 @ g(W1 @ X + b1) + b2 if self.columns else g(X @ W1 + b1) @ W2 + b2
        if self.case.n_y == 1:
            return jnp.mean(jax.nn.softplus(Z2) - y * Z2)
        Z2 = Z2.T if self.columns else Z2
        return -jnp.mean(jax.nn.log_softmax(Z2)[jnp.arange(len(y)), y])


def first_memory(case: Case, parameters: Tree) -> Tree:
    """What the optimiser remembers at first; `optax` begins in the same way."""
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    if case.solver == "adam":
        return zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.zeros((), jnp.int32)
    return zeros


def updated(case: Case, parameters: Tree, memory: Tree, gradient: Tree) -> tuple[Tree, Tree]:
    """One step of adam, of descent with momentum, or of plain descent."""
    rate = case.learning_rate
    if case.solver == "adam":
        first, second, t = memory
        t += 1
        first = jax.tree.map(lambda a, g: BETA1 * a + (1 - BETA1) * g, first, gradient)
        second = jax.tree.map(lambda a, g: BETA2 * a + (1 - BETA2) * g * g, second, gradient)
        by1, by2 = 1 - BETA1**t, 1 - BETA2**t
        step = jax.tree.map(
            lambda a, b: rate * (a / by1) / (jnp.sqrt(b / by2) + EPSILON), first, second
        )
        return jax.tree.map(jnp.subtract, parameters, step), (first, second, t)
    if case.momentum:
        gradient = memory = jax.tree.map(lambda v, g: case.momentum * v + g, memory, gradient)
    return jax.tree.map(lambda V, g: V - rate * g, parameters, gradient), memory


class Training:
    """The compiled functions of one case in one layout."""

    def __init__(self, case: Case, data: Data, *, columns: bool, own_order: bool = False) -> None:
        self.case, self.data, self.own_order = case, data, own_order
        self.layout = Layout(case, columns)
        self.X = jnp.asarray(np.ascontiguousarray(data.X.T) if columns else data.X)
        self.y = jnp.asarray(data.y.astype(case.dtype if case.n_y == 1 else np.int32))
        self.descent = jax.jit(self._descent, static_argnums=3, donate_argnums=0)
        self.epoch = jax.jit(self._epoch, donate_argnums=0)

    def step(self, carry: Tree, X: jax.Array, y: jax.Array) -> Tree:
        """Forward, backward, update."""
        gradient = jax.grad(self.layout.loss)(carry[0], X, y)
        return updated(self.case, *carry, gradient)

    def _descent(self, carry: Tree, X: jax.Array, y: jax.Array, iterations: int) -> Tree:
        return jax.lax.scan(lambda c, _: (self.step(c, X, y), None), carry, length=iterations)[0]

    def _epoch(self, carry: Tree, order: jax.Array, X: jax.Array, y: jax.Array) -> Tree:
        case = self.case
        if self.own_order:
            order = jax.random.permutation(order, case.m)
        full = case.m // case.batch * case.batch

        def on(carry: Tree, rows: jax.Array) -> Tree:
            return self.step(carry, X[:, rows] if self.layout.columns else X[rows], y[rows])

        batches = order[:full].reshape(-1, case.batch)
        carry = jax.lax.scan(lambda c, rows: (on(c, rows), None), carry, batches)[0]
        return on(carry, order[full:]) if full < case.m else carry

    def train(self, epochs: int) -> Tree:
        """The parameters after so many epochs."""
        case = self.case
        parameters = self.layout.parameters(self.data.start)
        carry = parameters, first_memory(case, parameters)
        if not case.batch:
            carry = self.descent(carry, self.X, self.y, epochs)
        rng, key = np.random.default_rng(SEED), jax.random.key(SEED)
        for epoch in range(epochs if case.batch else 0):
            if self.own_order:
                order = jax.random.fold_in(key, epoch)
            else:
                order = rng.permutation(case.m).astype(np.int32)
            carry = self.epoch(carry, order, self.X, self.y)
        return jax.block_until_ready(carry)[0]

    def job(self) -> Job:
        """The whole training, compiled."""

        def run() -> Tree:
            return self.train(self.case.epochs)

        run()
        return Job(
            run,
            lambda trained: cost(self.case, self.data, self.layout.lecture(trained)),
            note="examples are " + ("columns" if self.layout.columns else "rows"),
        )


def train(case: Case, data: Data) -> Job:
    """The faster layout of two."""
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    ways = {name: Training(case, data, columns=name == "columns") for name in ("rows", "columns")}
    epochs = min(TRIAL_EPOCHS, case.epochs) if case.m > 1000 else case.epochs
    return ways[quickest({n: partial(way.train, epochs) for n, way in ways.items()})].job()


def train_with_own_order(case: Case, data: Data) -> Job:
    """The order of an epoch drawn by `jax.random.permutation`, inside the compiled call."""
    return Training(case, data, columns=False, own_order=True).job()
