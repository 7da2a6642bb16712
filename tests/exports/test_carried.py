"""Law: what exports do not carry is refused by name, and every export of a model with it."""

import dataclasses
from typing import NamedTuple

import pytest

from shoal.data.read.writing import Written
from shoal.errors import SettingError
from shoal.estimators.carried import CARRIED, _defaults
from shoal.estimators.exporting import exported
from shoal.exports import model as exports
from shoal.network.activations import ACTIVATIONS
from shoal.network.outputs import OUTPUTS

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")


@pytest.fixture
def model(a_table, fitted):
    return fitted("two", a_table(), hidden=3).fitted_


def refused(fitted, said):
    with pytest.raises(SettingError, match="exports do not carry") as caught:
        exported(fitted)
    assert said in str(caught.value)


def test_every_field_of_today_is_listed(model):
    plans = model.inputs.encoding.columns
    for value in (model, model.inputs, model.targets, *plans):
        assert {name for name, _ in _defaults(value)} <= CARRIED[type(value)]
    assert set(exports.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(exports.OUTPUTS) == set(OUTPUTS)


def test_a_new_field_of_the_model_is_refused_unless_it_has_its_default(model, monkeypatch):
    @dataclasses.dataclass(frozen=True, eq=False)
    class More(type(model)):
        smoothing: tuple = ()

    monkeypatch.setattr("shoal.estimators.carried.CARRIED", {**CARRIED, More: CARRIED[type(model)]})
    fields = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    assert exported(More(**fields)).fingerprint == model.fingerprint
    refused(More(**fields, smoothing=(1.0,)), "smoothing")


def test_a_new_field_or_kind_of_column_is_refused(model, monkeypatch):
    encoding = model.inputs.encoding
    number = encoding.columns[0]

    class Other(NamedTuple):
        name: str
        mean: float
        scale: float
        holes: bool
        kind: str
        edges: tuple
        periodic: bool = False

    def with_column(column):
        own = encoding._replace(columns=(column, *encoding.columns[1:]))
        return model.replaced(inputs=dataclasses.replace(model.inputs, encoding=own))

    refused(with_column(Other(*number)), 'Other of the column "age"')
    monkeypatch.setattr(
        "shoal.estimators.carried.CARRIED", {**CARRIED, Other: CARRIED[type(number)]}
    )
    refused(with_column(Other(*number, periodic=True)), 'periodic of the column "age"')


def test_folded_categories_are_refused_and_other_spellings_are_not(model):
    @dataclasses.dataclass(frozen=True)
    class Inputs(type(model.inputs)):
        written: dict = dataclasses.field(default_factory=dict)

    fields = {f.name: getattr(model.inputs, f.name) for f in dataclasses.fields(model.inputs)}
    CARRIED_HERE = {**CARRIED, Inputs: CARRIED[type(model.inputs)]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.estimators.carried.CARRIED", CARRIED_HERE)
        plain = Inputs(**{**fields, "written": {"age": Written(decimal=",")}})
        assert exported(model.replaced(inputs=plain)).fingerprint == model.fingerprint
        folded = Inputs(**{**fields, "written": {"age": Written(fold=True)}})
        refused(model.replaced(inputs=folded), 'fold of the column "age"')


def test_an_activation_that_exports_do_not_have_is_refused(model, monkeypatch):
    monkeypatch.setattr("shoal.estimators.carried.ACTIVATIONS", ("relu",))
    refused(model, "tanh with sigmoid")
