"""A screen is a fit: the same bits by steps, by one call, after a rewind, and as an estimator."""

import json
import shlex
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import shoal
from shoal.errors import DataError, SettingError, ShoalError
from shoal.lab import repeat
from shoal.lab.drawing import Drawing
from shoal.lab.experiment import Experiment
from shoal.lab.frames import figures, scene, surface
from shoal.lab.messages import MessageHandler
from shoal.lab.session import MOST_MARKS, Mark, Session, _thinned
from shoal.lab.steps import Position
from shoal.lab.tables import Tables
from shoal.lab.takeaway import command, data_of, fingerprint, link_of, python
from shoal.lab.training import prepare
from shoal.lab.trouble import trouble
from shoal.lab.units import units

from . import served


def session_of(link, tables=None):
    return Session(Experiment.of(link), tables or Tables())


def waited(session, condition):
    return session.wait(condition, served.PATIENCE)


def reached(session, epoch):
    return waited(session, lambda view: view.position.epoch >= epoch)


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(5)
    x = rng.normal(size=200)
    columns = {
        "height": x, "width": np.where(rng.random(200) < 0.1, np.nan, rng.normal(size=200)),
        "town": rng.choice(["Ulm", "Bonn, Rhein", "a;b"], 200), "late": np.where(x > 0, "yes", "no"),
    }  # fmt: skip
    path = tmp_path / "trips.csv"
    pyarrow.csv.write_csv(pa.table(columns), path)
    return str(path)


LINKS = [
    "#epoch=40",
    "#data=xor&solver=sgd&epoch=9&hidden=6&activation=relu&alpha=0.1&points=1,1,0;2,2,1",
    "#data=rings&solver=adam&epoch=7&features=x1,x2,x1%C2%B2",
    "#data=hills&solver=adam&epoch=11&batch-size=10&points=0,0,2.5",
    "#data=moons&hidden=0&epoch=12&validation=0",
    "#epoch=30&edits=10,W1,0,1,2.5;10,b2,0,0,-1&solver=adam",
    "#epoch=0&init=zeros",
    "#solver=lbfgs&epoch=15&data=moons",
    "#solver=adam&batch-size=50&epoch=7&step=4",
    "#solver=sgd&batch-size=50&edits=1,W1,0,1,2.5,3&step=2&epoch=3",
    "#data=counts&epoch=20&points=1,1,3",
    "#data=counts&solver=adam&batch-size=50&epoch=3&step=2",
    "#data=counts&epoch=0",
    "#data=hills&loss=squared_error&solver=lm&alpha=evidence&epoch=12",
    "#data=rings&solver=lm&alpha=evidence&epoch=6",
]


@pytest.mark.parametrize("link", LINKS)
def test_the_screen_is_what_can_be_taken_away(link, capsys):
    session = session_of(link)
    try:
        place = Experiment.of(link).place
        view = waited(session, lambda view: view.position.place >= place)
    finally:
        session.close()
    word = fingerprint(view.ready, view.position)
    assert repeat(link).fingerprint_ == word
    assert " ./-x.csv " in command(view.ready, view.position, "-x.csv")  # no option
    told = shlex.split(command(view.ready, view.position))
    assert (told[:2], Experiment.of(told[2])) == (["shoal", "lab"], Experiment.of(link))
    exec(python(view.ready, view.position), {})
    assert capsys.readouterr().out.strip() == word


@pytest.mark.parametrize("link", ["#data=three&epoch=9", "#solver=adam&epoch=9&step=1"])
def test_two_lines_of_python_say_the_equations(link, capsys):
    with served.laboratory() as server, served.Page(server) as page:
        page.asked("open", "scene", fragment=link)
        page.until(lambda frame: (frame["epoch"], frame["step"]) == Experiment.of(link).place)
        told = page.asked("equations", "equations", example=0)
    assert len(told["python"].splitlines()) == 2
    names = {}
    exec(told["python"], names)
    printed = capsys.readouterr().out
    assert "all equations hold" in printed
    assert f"{told['symbols']['Z1']['values'][0][0]:9.4g}" in printed
    dW1 = names["net"].gradients(names["X"], names["Y"]).dW1
    np.testing.assert_allclose(told["symbols"]["dW1"]["values"], dW1, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_a_table_too(table, capsys, tmp_path, monkeypatch):
    tables = Tables()
    known = tables.open(table)
    link = f"#data=table&table={known.digest}&target=late&hidden=5&solver=adam&epoch=6"
    session = session_of(link, tables)
    try:
        view = reached(session, 6)
    finally:
        session.close()
    word = fingerprint(view.ready, view.position)
    model = repeat(link, table)
    assert model.fingerprint_ == word
    monkeypatch.chdir(tmp_path)
    exec(python(view.ready, view.position, "trips.csv"), {})
    assert capsys.readouterr().out.strip() == word
    model.save("m.shoal")
    same = shoal.load("m.shoal")
    X = view.ready.question.X
    assert (same.predict_proba(X) == model.predict_proba(X)).all()


def test_steps_and_rewinds_lead_to_the_same_bits():
    session = session_of("#solver=adam&hidden=5")
    try:
        session.go_to((50, 0))
        once = reached(session, 50).position.state.parameters.copy()
        session.rewind()
        first = session.latest
        assert first.position.epoch == 0
        assert (first.position.state.parameters == first.ready.first.parameters).all()
        for epoch in (1, 2, 12, 50):
            session.go_to((epoch, 0))
            reached(session, epoch)
        assert (session.latest.position.state.parameters == once).all()
        session.play()
        reached(session, 60)
        session.pause()
        session.go_to((50, 0))
        assert (reached(session, 50).position.state.parameters == once).all()
    finally:
        session.close()


def test_a_weight_may_be_changed_within_an_epoch():
    session = session_of("#solver=adam&batch-size=50")  # 6 steps make an epoch
    try:
        session.step(8)
        waited(session, lambda view: view.position.place == (1, 2))
        session.edit("W2", 0, 3, 1.5)
        session.edit("W2", 0, 3, 2.5)  # instead
        session.step(5)
        view = waited(session, lambda view: view.position.place == (2, 1))
        assert [mark.epoch for mark in view.curve][-1] == 2 + 1 / 6
        link = link_of(view.ready, view.position)
        assert "edits=1,W2,0,3,2.5,2&epoch=2&step=1" in link
        assert repeat(link).fingerprint_ == fingerprint(view.ready, view.position)
        session.change(view.ready.experiment.changed({"batch_size": 100}))  # of 3 steps
        session.go_to_step(7)
        waited(session, lambda view: view.position.place == (2, 1))
    finally:
        session.close()


def test_an_edit_after_the_end_goes_on_in_a_link_too():
    session = session_of("#solver=lbfgs&data=three&hidden=0&rows=30&noise=50&pace=0")
    try:
        session.play()
        end = waited(session, lambda view: bool(view.position.ending)).position.epoch
        session.edit("b2", 0, 0, 3.0)
        session.go_to((end + 2, 0))
        view = reached(session, end + 2)
        word = fingerprint(view.ready, view.position)
        assert repeat(link_of(view.ready, view.position)).fingerprint_ == word
    finally:
        session.close()


def test_a_long_curve_keeps_its_beginning_and_its_end():
    curve = ()
    for epoch in [*range(300), *range(300, 9000, 10), *range(9000, 1_000_000, 200)]:
        curve = _thinned((*curve, Mark(float(epoch), 1.0, None)))
        assert len(curve) <= MOST_MARKS
    epochs = [mark.epoch for mark in curve]
    assert epochs == sorted(set(epochs))
    assert epochs[:4] == [0, 1, 2, 3]
    assert epochs[-1] == 999_800
    gaps = np.diff(np.log1p(epochs)) / np.log1p(epochs[-1])
    assert gaps[3:].max() < 0.03  # no hole on the axis on which it is drawn
    still = (Mark(0.0, 1.0, None),) * 500  # weights changed before the first step
    assert len(_thinned(still)) == 2


def test_what_a_call_brings_after_a_rewind_is_left_out():
    session = session_of("#epoch=5")
    try:
        late = reached(session, 5)
        session.rewind()
        session._leave(late, Position(6, late.position.state), 0.1)
        assert session.latest.position.epoch == 0
    finally:
        session.close()


def test_the_training_does_not_wait_for_a_page_but_for_one_that_has_gone(monkeypatch):
    session = session_of("#pace=0")
    try:
        session.play()
        end = time.monotonic() + served.PATIENCE
        while session.latest.position.epoch < 1000:  # nobody asks for a frame
            assert time.monotonic() < end
            time.sleep(0.01)
        monkeypatch.setattr("shoal.lab.session.UNSEEN", 0.0)
        while session.latest.playing:
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        session.close()


def test_a_weight_that_is_changed_is_remembered():
    session = session_of("#epoch=20")
    try:
        reached(session, 20)
        session.edit("W2", 0, 3, 1.5)
        view = session.latest
        assert view.ready.shape.unflatten(view.position.state.parameters).W2[0, 3] == 1.5
        session.go_to((25, 0))
        view = reached(session, 25)
        link = view.ready.experiment.changed({"epoch": 25}).fragment
        assert "edits=20,W2,0,3,1.5" in link
        assert repeat(link).fingerprint_ == fingerprint(view.ready, view.position)
        with pytest.raises(SettingError, match="no entry"):
            session.edit("W1", 4, 0, 1.0)
    finally:
        session.close()


def test_columns_that_are_called_as_a_toys_and_a_rare_class(tmp_path):
    rows = [f"{i},{i * i % 11},{i % 5},{'abc'[i % 3]}" for i in range(300)] + ["1,2,3,rare"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x1,x2,x3,y", *rows, ""]))
    tables = Tables()
    digest = tables.open(str(path)).digest
    session = session_of(f"#data=table&table={digest}&rows=60", tables)
    session.close()
    ready = session.latest.ready
    assert ready.inputs == ("x1", "x2", "x3")
    assert ready.question.classes == tuple(ready.learnt.targets.classes) == ("a", "b", "c")


def test_zeros_are_seen_and_cured():
    session = session_of("#init=zeros&epoch=100")
    try:
        told = units(reached(session, 100), (0, 1))
        assert [unit["state"] for unit in told["units"]] == ["twin"] * 4
        cures = [f["cure"] for f in told["findings"] if f["name"] == "symmetric-units"]
        assert cures == [{"init": "auto"}]
        session.change(session.latest.ready.experiment.changed(cures[0]))
        session.go_to((400, 0))
        view = reached(session, 400)
        assert "twin" not in [unit["state"] for unit in units(view, (0, 1))["units"]]
        assert view.curve[-1].loss < 0.3
    finally:
        session.close()


def test_a_training_that_diverges_stops_and_keeps_the_best():
    session = session_of("#data=hills&learning-rate=1000&activation=identity&pace=0")
    try:
        session.play()
        view = waited(session, lambda view: bool(view.position.ending))
        assert not view.playing
        assert np.isfinite(view.position.state.parameters).all()
        assert view.position.ending == "diverged"
    finally:
        session.close()


def test_a_page_that_shows_something_else_trains_on():
    session = session_of("#epoch=10")
    try:
        view = reached(session, 10)
        session.change(view.ready.experiment.changed({"view": "units", "pace": 0}))
        assert session.latest.position.epoch == 10
        session.change(session.latest.ready.experiment.changed({"hidden": 5}))
        assert session.latest.position.epoch == 0
    finally:
        session.close()


def shown(path, target):
    tables = Tables()
    known = tables.open(path)
    session_of(f"#data=table&table={known.digest}&target={target}", tables)


TABLES = {
    "one class": ("a,y\n" + "1,no\n2,no\n" * 9, DataError, "one class only"),
    "300 classes": ("a,y\n" + "".join(f"{i},c{i}\n" for i in range(300)), DataError, "300 classes"),
    "words alone": ("a,y\n" + "u,no\nv,yes\n" * 9, DataError, "number"),
    "one row": ("a,y\n1,no\n", DataError, "one class"),
    "nothing": ("", DataError, "t.csv"),
    "no rows": ("a,y\n", DataError, "t.csv"),
    "no such target": ("a,y\n1,no\n2,yes\n", SettingError, '"z"'),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_shown(case, tmp_path):
    text, kind, said = TABLES[case]
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(kind, match=said):
        shown(str(path), "z" if case == "no such target" else "y")


def test_a_parquet_file_that_unpacks_to_more_than_a_page_may_bring(tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.lab.tables.MOST_CELLS", 1000)
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"a": np.zeros(5000)}), path)
    with pytest.raises(ShoalError, match="5,000 rows"):
        Tables().drop("t.parquet", path.read_bytes())


def test_a_column_without_a_name_is_held_and_no_axis(tmp_path):
    i = np.arange(60) % 30
    columns = {"": i, "a": i % 7, "b": i % 5, "late": np.where(i % 7 > 3, "yes", "no")}
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    tables = Tables()
    digest = tables.open(str(path)).digest
    link = f"#data=table&table={digest}"
    session = session_of(f"{link}&held=,12", tables)
    try:
        plane = session.view.ready.question.plane
        assert plane.axes == ("a", "b")
        assert [(held.name, held.value) for held in plane.held] == [("", "12.0")]
        session.change(Experiment.of(f"{link}&features=,a"))
        assert session.view.ready.question.plane.axes == ("a", "")
        assert session.view.ready.question.plane.held[0].name == ""
    finally:
        session.close()


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_all_views_of_a_table_over_the_socket(table):
    tables = Tables()
    digest = tables.open(table).digest
    with served.laboratory(tables) as server, served.Page(server) as page:
        link = f"#data=table&table={digest}&target=late&axes=height,width&held=town,a%253Bb"
        scene = page.asked("open", "scene", fragment=link)
        assert scene["axes"] == ["height", "width"]
        assert [held["value"] for held in scene["held"]] == ["a;b"]
        assert scene["classes"] == ["no", "yes"]
        page.say("step", steps=10)
        place = divmod(10, scene["steps"])
        frame = page.until(lambda frame: (frame["epoch"], frame["step"]) == place)
        assert len(frame["bytes"]) == scene["side"] ** 2 + 4 * scene["map"] ** 2
        told = page.asked("equations", "equations", example=3)
        assert [e["mark"] for e in told["equations"]] == [
            f"[{i}]" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        ]
        assert all(lamp["passed"] for lamp in told["lamps"].values())
        assert told["symbols"]["X"]["shape"][1] == told["m"] == scene["batch"]
        assert (told["done"], told["rows"]) == (10, scene["rows"][0])
        assert told["symbols"]["W1"]["shape"] == [4, scene["shape"][0]]
        assert len(page.asked("units", "units")["units"]) == 4
        assert digest in page.asked("take", "take")["command"]


@pytest.mark.slow
def test_zeros_fail_in_the_four_starts_and_fitting_ones_learn():
    with served.laboratory() as server, served.Page(server) as page:
        page.asked("open", "scene", fragment="#rows=60")
        kinds = page.asked("starts", "starts")["kinds"]
        assert [k["title"] for k in kinds] == ["Zeros", "Too small", "Fitting", "Too large"]
        assert (kinds[0]["learnt"], kinds[0]["distinct"]) == (0, 1)
        assert kinds[2]["learnt"] > 90
        assert kinds[2]["trials"] == 100
        assert sum(kinds[3]["begin"]["slopes"][:3]) > 0.5  # flat from the start


def test_while_it_plays_only_some_frames_are_complete(monkeypatch):
    monkeypatch.setattr("shoal.lab.drawing.EVERY", 1e9)
    session = session_of("#epoch=5")
    view = reached(session, 5)
    session.close()
    drawing = Drawing()
    more = [
        set(head_of(drawing.frame(view._replace(playing=playing))))
        for playing in (True, True, True, False, True)
    ]
    seldom = {"fragment", "accuracy", "accuracy_val", "evidence", "curve", "trouble"}
    assert [seldom <= names for names in more] == [True, False, False, True, False]
    assert more[0] - seldom == more[1]
    assert {"W1", "loss", "epoch", "version"} <= more[1]


def head_of(frame):
    return json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "little")])


def test_the_evidence_says_how_many_parameters_count():
    session = session_of("#data=hills&hidden=6&solver=lm&alpha=evidence&epoch=30")
    view = reached(session, 30)
    session.close()
    told = figures(view)["evidence"]
    model = repeat("#data=hills&hidden=6&solver=lm&alpha=evidence&epoch=30")
    assert told["gamma"] == pytest.approx(model.evidence_.gamma[0], rel=1e-5)
    assert told["alpha"] == pytest.approx(model.evidence_.alpha[0].tolist(), rel=1e-5)
    assert 0 < told["gamma"] < told["of"] == 6 * 2 + 6 + 6
    assert figures(session_of("#solver=lm").view)["evidence"] is None


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_a_table_of_counts(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    calls = rng.poisson(np.exp(0.5 * x[:, 0] + 0.7))
    path = tmp_path / "calls.csv"
    pyarrow.csv.write_csv(pa.table({"load": x[:, 0], "hour": x[:, 1], "calls": calls}), path)
    tables = Tables()
    link = f"#data=table&table={tables.open(str(path)).digest}&target=calls&solver=adam&epoch=20"
    classes = scene(prepare(Experiment.of(link), tables))  # so few values count as classes
    assert (classes["range"], classes["counts"]) == (None, False)
    link += "&loss=poisson"
    session = session_of(link, tables)
    view = reached(session, 20)
    session.close()
    shown = scene(view.ready)
    assert (shown["output"], shown["counts"]) == ("poisson", True)
    assert shown["range"][0] == 0
    assert 3 < shown["range"][1] < calls.max()
    model = repeat(link, str(path))
    assert model.fingerprint_ == fingerprint(view.ready, view.position)
    X, y = data_of(link, str(path))
    assert figures(view)["accuracy"] == pytest.approx(model.score(X, y), rel=1e-6)
    # Points and surface on one scale: 0 in its middle, the top of the range at its end.
    shares = np.array([point[2] for point in shown["points"]])
    np.testing.assert_allclose(
        shares * shown["range"][1], y[[p[3] for p in shown["points"]]], atol=1e-4
    )
    (surface_,) = surface(view.ready, view.position.state.parameters, view.ready.surface)
    assert surface_.min() >= 127


def test_what_is_wrong_is_repaired():
    said = []
    handler = MessageHandler(lambda answer: said.append(answer), Tables())

    def changed(link):
        said.clear()
        handler.answer(json.dumps({"do": "open", "fragment": link}))
        waited(handler.now, lambda view: view.position.place >= Experiment.of(link).place)
        handler.answer(json.dumps({"do": "repair"}))
        told = [json.loads(answer) for answer in said if isinstance(answer, str)][-1]
        handler.now.close()
        return told.get("changes") or told["message"]

    assert changed("#init=zeros") == {"init": "auto"}
    assert changed("#init=30") == {"init": "auto"}
    by_hand = "#activation=relu&edits=0,b1,0,0,-99;0,b1,1,0,-99&epoch=30"
    assert changed(by_hand) == {"edits": []}
    equal = "0,W1,0,0,0.5;0,W1,1,0,0.5;0,W2,0,0,0.5;0,W2,0,1,0.5"
    assert changed(f"#hidden=2&init=zeros&edits={equal}&epoch=9") == {"init": "auto", "edits": []}
    assert changed("#data=gaussians&hidden=0&rows=40") == {"hidden": 64}  # what "auto" means
    assert "knows no setting" in changed("#data=xor&epoch=300")


def test_overfitting_is_named_by_the_validation_rows():
    link = "#data=xor&rows=80&noise=50&validation=80&hidden=32&solver=lbfgs&epoch=300"
    session = session_of(link)
    view = waited(session, lambda view: view.position.epoch >= 300 or view.position.ending)
    assert view.curve[-1].validation > 1.5 * view.curve[-1].loss
    found = {each["name"]: each for each in units(view, (0, 1))["findings"]}
    assert "alpha" in found["overfitting"]["cure"]
    session.close()


def test_a_unit_that_says_the_same_to_all_is_not_healthy():
    link = "#hidden=2&edits=0,W1,0,0,0;0,W1,0,1,0;0,b1,0,0,0.3"
    session = session_of(link)
    assert [each["state"] for each in units(session.view, (0, 1))["units"]] == [
        "constant",
        "healthy",
    ]
    assert trouble(session.view) == "1 of 2 units say the same to every example."
    session.close()


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("#", ""),
        ("#hidden=0&init=zeros", ""),
        (
            "#init=zeros",
            "All weights are zero: all units say the same, and will say the same for ever.",
        ),
        ("#init=10", "units are flat on nearly all examples"),
        ("#activation=relu&hidden=1&edits=0,b1,0,0,-99", "1 of 1 units say 0 to every example"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(link, told):
    session = session_of(link)
    assert told in trouble(session.view)
    assert bool(told) == bool(trouble(session.view))
    session.close()


def test_rows_without_a_target_are_counted(tmp_path):
    (tmp_path / "t.csv").write_text(
        "a,b,late\n"
        + "".join(
            f"{i},{i % 7},{'yes' if i % 3 else ''}{'' if i % 6 else 'no'}\n" for i in range(60)
        )
    )
    tables = Tables()
    digest = tables.open(str(tmp_path / "t.csv")).digest
    session = session_of(f"#data=table&table={digest}", tables)
    told = scene(session.view.ready)
    assert (told["left_out"], told["total"], told["target"]) == (10, 50, "late")
    session.close()
