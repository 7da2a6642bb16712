"""The report: one page that stands alone, says what is true, and lets no text become code."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

import shoal
from shoal.cli import main
from shoal.cli.report.report import _training

pytest.importorskip("matplotlib")

EVIL = "<script>alert('$x_1$')</script>&\"town"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """A page read strictly: every element is closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def values(self, name):
        return [value for _, key, value in self.attributes if key == name]


@pytest.fixture(autouse=True)
def trips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    x = rng.normal(size=400).round(4)
    town = rng.choice(["Bonn", "<b>Ulm</b>", "Jena"], 400)
    late = np.where((np.abs(x) > 0.7) ^ (town == "Jena"), "yes<br>", "no")
    kind = rng.choice(["a", "b", "c"], 400)
    table = pa.table({"x": x, EVIL: town, "same": ["1"] * 400, "kind": kind, "late": late})
    pyarrow.csv.write_csv(table, "trips.csv")


def report(*options, target="late"):
    arguments = ["train", "trips.csv", "--target", target, "--max-iter", "15", "--hidden", "6"]
    assert main([*arguments, "--report", "r.html", *options]) == 0
    return Path("r.html").read_text("utf-8")


def test_the_page_stands_alone_and_is_closed():
    text = report("-o", "m.shoal")
    page = Page(text)
    assert "script" not in page.tags
    assert not {"link", "img", "iframe", "object", "embed"} & set(page.tags)
    # Nothing is fetched: the only addresses are places on the page itself, and names of XML.
    assert all(
        value.startswith("#") for name in ("href", "xlink:href") for value in page.values(name)
    )
    assert page.values("src") == []
    assert not re.search(r"url\((?!#)", text)
    assert not re.search(r"@import|javascript:", text)


def test_names_stay_text():
    text = report()
    assert "<script" not in text
    assert "<b>" not in text
    assert "<br" not in text
    told = " ".join(Page(text).texts)
    assert EVIL in told
    assert "yes<br>" in told


def test_it_can_be_read_without_seeing():
    page = Page(report())
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption") > 5
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert page.tags.count("svg") == len(labels) == page.tags.count("figure") >= 5
    assert all(len(label) > 15 for label in labels)
    names = page.values("id")
    assert len(names) == len(set(names))
    for name in ("href", "xlink:href", "aria-labelledby"):
        assert {value.removeprefix("#") for value in page.values(name)} <= set(names)
    used = set(
        re.findall(r"url\(#([^)]*)\)", " ".join(filter(None, (v for *_, v in page.attributes))))
    )
    assert used <= set(names)


def test_it_says_what_the_model_says():
    text = report("-o", "m.shoal")
    told = " ".join(Page(text).texts)
    model = shoal.load("m.shoal")
    assert model.fingerprint_ in told
    for said in ("shoal train trips.csv --target late", "set aside: constant", "log-loss",
                 "linear (no hidden layer)", 'always "', "ROC", "Confusion", "average precision",
                 "Calibration", f"shoal {shoal.__version__}"):  # fmt: skip
        assert said in told, said
    for name in ("x", "kind"):
        assert name in told
    assert str(len(model.networks_)) in told


@pytest.mark.parametrize(
    "options",
    [
        ("--task", "regression"),
        ("--hidden", "0"),
        ("--test-part", "0"),
        ("--members", "3", "--activation", "relu"),
        ("--init", "zeros"),
    ],
    ids=" ".join,
)
def test_any_training_has_a_page(options):
    target = "x" if "regression" in options else "late"
    told = " ".join(Page(report(*options, target=target)).texts)
    if target == "x":
        assert "Residuals" in told
        assert "ROC" not in told
    if "--test-part" in options:
        assert "rows that the model was trained on" in told
    if "zeros" in options:
        assert "symmetric-units" in told


def test_it_shows_the_importance_that_the_file_keeps_and_how_predictions_follow_columns():
    page = Page(report("-o", "m.shoal"))
    told = " ".join(page.texts)
    model = shoal.load("m.shoal")
    plans = [plan.name for plan in model.encoding_.columns]
    kept = dict(zip(plans, model.fitted_.importance, strict=True))
    assert f"{kept['x'].mean:.4g}" in told
    assert f"{kept['x'].error:.2g}" in told
    assert "standard error" in told
    drawn = [label for label in page.values("aria-label") if "the mean probability of" in label]
    assert len(drawn) == 3  # x, the town, and kind; what is set aside has none
    words = model.partial_dependence(pyarrow.csv.read_csv("trips.csv").select(plans), "kind").mean
    assert any(f"{label}".startswith("kind: ") for label in drawn)
    assert len(words) == 3


def test_where_the_file_keeps_no_importance_columns_are_shuffled_now(monkeypatch):
    monkeypatch.setattr("shoal.cli.report.reasons.importance_of", lambda model: [])
    told = " ".join(Page(report()).texts)
    assert "the mean of 5 shuffles and its standard error" in told
    assert "log-loss added" in told


def test_a_wide_table_is_not_shuffled(monkeypatch):
    monkeypatch.setattr("shoal.cli.report.reasons.SHUFFLED", 2)
    monkeypatch.setattr("shoal.cli.report.reasons.importance_of", lambda model: [])
    assert "too many to shuffle" in " ".join(Page(report()).texts)


def test_three_classes():
    told = " ".join(Page(report(target="kind")).texts)
    assert "a: area" in told
    assert "c: area" in told
    assert "true b" in told


def test_what_is_promised_in_json_is_there(capsys):
    import json

    report("--json")
    assert json.loads(capsys.readouterr().out)["report"] == "r.html"


MISTAKES = {
    "no page": (["--report", "r.pdf"], 2, ["--report r.pdf", ".html"]),
    "no model": (["-o", "m.onnx"], 2, ["-o m.onnx", "shoal export"]),
    "a pickle": (["-o", "m.pkl"], 2, ["-o m.pkl", "model.shoal"]),
    "no configuration": (["--save-config", "t.json"], 2, ["--save-config t.json", ".toml"]),
    "no folder": (["--report", "no/r.html"], 1, ["no/r.html", "folder"]),
    "the model": (["--report", "m.html", "-o", "m.html"], 2, ["--report m.html", "-o"]),
    "a folder": (["--report", "d.html"], 1, ["d.html", "folder"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_path_is_refused_before_training(mistake, capsys):
    options, code, said = MISTAKES[mistake]
    Path("d.html").mkdir()
    assert main(["train", "trips.csv", "--target", "late", *options]) == code
    told = capsys.readouterr()
    assert told.out == ""
    for word in said:
        assert word in told.err
    assert sorted(path.name for path in Path().iterdir()) == ["d.html", "trips.csv"]


def test_a_training_without_a_loss_has_no_curve():
    X = np.linspace(0, 1, 60)[:, None]
    model = shoal.ShoalRegressor(members=1, max_iter=2, random_state=0).fit(X, X[:, 0])
    assert "<svg" in _training(SimpleNamespace(model=model))
    history = model.fitted_.history._replace(losses=((),))
    model._keep(model.fitted_.replaced(history=history))
    section = _training(SimpleNamespace(model=model))
    assert "<svg" not in section
    assert "adam" in section


def test_an_old_page_survives_a_failure(monkeypatch):
    Path("r.html").write_text("old")
    monkeypatch.setattr("shoal.cli.report.report._repeat", lambda facts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["train", "trips.csv", "-t", "late", "--max-iter", "2", "--report", "r.html"])
    assert Path("r.html").read_text() == "old"


def test_an_interrupted_page_costs_no_model(monkeypatch, capsys):
    def impatient(facts):
        raise KeyboardInterrupt

    monkeypatch.setattr("shoal.cli.report.report._repeat", impatient)
    code = main(["train", "trips.csv", "-t", "late", "--max-iter", "2", "--report", "r.html",
                 "-o", "m.shoal"])  # fmt: skip
    assert code == 130
    told = capsys.readouterr().err
    assert "m.shoal" in told
    assert "There is no report" in told
    assert shoal.load("m.shoal").n_iter_ >= 1
    assert not Path("r.html").exists()


def test_without_matplotlib_nothing_is_trained(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["train", "trips.csv", "-t", "late", "--report", "r.html"]) == 2
    told = capsys.readouterr()
    assert "pip install 'shoal[plot]'" in told.err
    assert told.out == ""
