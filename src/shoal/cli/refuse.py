"""Calls that are refused before a table is read: they can only fail, or overwrite a file."""

import math
import os
import shlex
from collections.abc import Iterator
from pathlib import PurePath

from shoal.cli.options import Order, Parameters
from shoal.cli.screen.printing import note
from shoal.data.rows.target import CLASSIFICATION, REGRESSION
from shoal.errors import SettingError
from shoal.files.atomic import check_writable
from shoal.files.checkpoint import kept_in
from shoal.pictures.canvas import library
from shoal.settings import POISSON, Settings

NO_MODELS = {  # what a name with one of these endings promises
    "a table": (
        ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".ods",
    ),
    "an export (shoal export writes it)": (".c", ".h", ".js", ".mjs", ".sql", ".onnx"),
    "a pickle": (".pkl", ".pickle", ".joblib"),
    "a configuration (--save-config writes it)": (".toml",),
}  # fmt: skip


def _checked(parameters: Parameters) -> Settings:
    """The parameters, checked as the estimator does."""
    from shoal import ShoalRegressor  # scikit-learn takes a second, which `look` does not need
    from shoal.estimators.base import settings_of

    return settings_of(ShoalRegressor(**parameters))


def refuse(order: Order, parameters: Parameters) -> Settings:
    """The checked parameters; raises SettingError or FileError for a training that cannot be."""
    _refuse_task(order)
    _refuse_test(order)
    _refuse_splits(order)
    _refuse_folds(order)
    _refuse_columns(order)
    refuse_name_of_model(order.output)
    settings = _checked(parameters)
    if settings.loss == POISSON and order.task == CLASSIFICATION:
        raise SettingError(
            "--loss poisson is for counts and rates, not for classes: leave --task out."
        )
    refuse_output(order.output, (*order.tables, order.test))
    _refuse_report(order)
    _refuse_config(order)
    _refuse_checkpoint(order, parameters["checkpoint"])
    _refuse_scratch(parameters)
    return settings


def refuse_question(order: Order, parameters: Parameters) -> None:
    """Raise SettingError for a table and parameters that cannot be studied."""
    _refuse_task(order)
    _refuse_columns(order)
    _checked(parameters)


def _refuse_task(order: Order) -> None:
    if order.task not in (None, CLASSIFICATION, REGRESSION):
        raise SettingError(f"--task {order.task}: expected {CLASSIFICATION} or {REGRESSION}.")


def _refuse_test(order: Order) -> None:
    if not (math.isfinite(order.test_part) and 0 <= order.test_part < 1):
        raise SettingError(
            f"--test-part {order.test_part:g}: expected a share from 0 to below 1, such as 0.2."
        )
    if order.table == order.test == "-":
        raise SettingError("--test -: standard input is read for the table. Name a file.")
    if order.test and any(_same(table, order.test) for table in order.tables):
        raise SettingError(
            f"--test {order.test}: that is the table which is trained on, so it tests nothing. "
            "Name another file, or leave --test out: a part of the table is then held out."
        )
    if order.test and order.test_part != Order.test_part:
        raise SettingError("--test and --test-part: the test is one or the other. Choose one.")


def _refuse_splits(order: Order) -> None:
    if order.group is not None and order.time is not None:
        raise SettingError("--group and --time: a split is by one or the other. Choose one.")
    for option, column in (("--group", order.group), ("--time", order.time)):
        if column is not None and column == order.target:
            raise SettingError(f"{option} {shlex.quote(column)}: that is the target (--target).")
    for option, columns in (("--words", order.words), ("--numbers", order.numbers)):
        if order.group in columns:
            raise SettingError(
                f"{option} {shlex.quote(str(order.group))}: the column of --group is no input. Leave "
                f"{option} out."
            )


def _refuse_folds(order: Order) -> None:
    if order.cv is None:
        return
    if order.cv < 2:
        raise SettingError(f"--cv {order.cv}: expected 2 folds at least, such as 5.")
    for option, given in (
        ("--test", order.test),
        ("--test-part", order.test_part != Order.test_part),
    ):
        if given:
            raise SettingError(
                f"--cv and {option}: with --cv every row is tested in turn. Choose one."
            )


def _refuse_columns(order: Order) -> None:
    for column in order.drop:
        for option in _other_options(order, column):
            raise SettingError(
                f"--drop {shlex.quote(column)}: the column is also named by {option}. Choose one."
            )


def _refuse_report(order: Order) -> None:
    if order.report is None:
        return
    refuse_name_of_page(order.report)
    if order.output and os.path.realpath(order.output) == os.path.realpath(order.report):
        raise SettingError(
            f"--report {order.report}: the model would be written there too (-o). Choose another "
            "name for one of them."
        )
    library()
    refuse_output(order.report, (*order.tables, order.test), "--report")


def _refuse_config(order: Order) -> None:
    refuse_output(order.save_config, (*order.tables, order.test), "--save-config")
    if order.save_config and PurePath(order.save_config).suffix not in ("", ".toml"):
        raise SettingError(
            f"--save-config {order.save_config}: expected a name that ends with .toml, such as "
            "train.toml."
        )


def _refuse_checkpoint(order: Order, folder: str | None) -> None:
    if folder is None:
        if order.resume:
            raise SettingError(
                "--resume: expected --checkpoint FOLDER too, to continue from there."
            )
        return
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise SettingError(f"--checkpoint {folder}: that is a file. Expected a folder.")
    if kept_in(folder) and not order.resume:
        raise SettingError(
            f"--checkpoint {folder}: a training is saved there. Add --resume to continue it, "
            "name another folder, or delete this one."
        )
    if order.resume and not kept_in(folder):
        note(f"{folder} holds no training yet: this one begins at its first epoch.")


def _refuse_scratch(parameters: Parameters) -> None:
    folder = parameters["scratch"]
    if folder is None:
        return
    if parameters["memory"] is None:
        raise SettingError("--scratch: expected --memory SIZE too, to stream the table.")
    if not os.path.isdir(folder):
        raise SettingError(f"--scratch {folder}: expected an existing folder.")


def refuse_name_of_model(output: str | None) -> None:
    """Raise SettingError for the name of a file that promises something else than a model."""
    suffix = PurePath(output or "").suffix.lower()
    for what, suffixes in NO_MODELS.items():
        if suffix in suffixes:
            raise SettingError(
                f"-o {output}: that is the name of {what}, and a model is saved. Expected a "
                "name such as model.shoal."
            )


def refuse_name_of_page(report: str | None) -> None:
    """Raise SettingError for the name of a file that promises something else than a page."""
    if report and not report.lower().endswith((".html", ".htm")):
        raise SettingError(
            f"--report {report}: expected a name that ends with .html, such as report.html."
        )


def refuse_output(output: str | None, inputs: tuple[str | None, ...], option: str = "-o") -> None:
    """Raise SettingError or FileError for a file that cannot, or should not, be written."""
    if output is None:
        return
    if output in ("", "-"):
        raise SettingError(
            f'{option} "{output}": expected the name of a file, such as model.shoal.'
        )
    for source in inputs:
        if source and _same(source, output):
            raise SettingError(
                f"{option} {output}: that is the file which is read, and it would be lost. Choose "
                "another name."
            )
    check_writable(output)


def _same(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _other_options(order: Order, column: str) -> Iterator[str]:
    if column == order.target:
        yield "--target"
    for option in ("words", "numbers"):
        if column in getattr(order, option):
            yield f"--{option}"
