"""The page in a real Chromium: training, steps and rewinds, a dropped table, cures, links, keys.

Debian's Chromium is driven through Playwright; Playwright's own browsers are not needed.
"""

import os
import re
import shutil
import signal
import struct
import tempfile
import time

import numpy as np
import pytest

import shoal
from shoal.cli.commands.lab import _door
from shoal.lab import lecture, repeat
from shoal.lab.experiment import Experiment
from shoal.lab.tables import Tables

from . import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium on this machine: apt-get install chromium (.ci/run does), then run again",
)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
]  # fmt: skip


class Screen:
    """The page as a person has it before them, and what its console says."""

    def __init__(self, context, server):
        self.server, self.said = server, []
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * served.PATIENCE)  # milliseconds
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.said.extend(self.outside(request.url)))

    def outside(self, address):
        own = (f"http://127.0.0.1:{self.server.guard.port}/", "blob:", "data:", "file:")
        return [] if address.startswith(own) else [f"asked for {address}"]

    def open(self, link="#"):
        self.page.goto("about:blank")
        self.page.goto(self.server.address + link)
        self.until("[data-epoch]")

    def until(self, selector):
        self.page.wait_for_selector(selector, state="attached")

    def until_epoch(self, epoch):
        self.until_place(epoch, 0)

    def until_place(self, epoch, step):
        self.until(f'[data-epoch="{epoch}"][data-step="{step}"][data-playing="false"]')

    def text(self, selector):
        return self.page.text_content(selector)

    def until_text(self, selector, condition):
        """The text of an element once it fulfils a condition."""
        end = time.monotonic() + served.PATIENCE
        while not condition(text := self.text(selector)):
            assert time.monotonic() < end, f"{selector} says {text}"
            self.page.wait_for_timeout(25)
        return text

    def fingerprint(self):
        self.page.click("#tab-take-away")
        return self.until_text("#fingerprint", bool)


@pytest.fixture(scope="module")
def laboratory():
    with served.laboratory(Tables()) as server:
        yield server


@pytest.fixture(scope="module")
def context():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as program, tempfile.TemporaryDirectory() as folder:
        browser = program.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, headless=True, args=ARGUMENTS, accept_downloads=True,
            viewport={"width": 1280, "height": 900},
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def screen(context, laboratory):
    screen = Screen(context, laboratory)
    yield screen
    screen.page.close()
    assert screen.said == []  # no error, no warning, nothing from elsewhere


def test_it_trains_to_a_boundary(screen, tmp_path):
    screen.open("#data=xor&pace=0&hidden=6")
    assert screen.page.url.partition("?")[2] == ""  # the token has left the address
    screen.page.click("#play")
    screen.until("#play.playing")
    screen.until_text(
        "#accuracy", lambda text: float(text.removesuffix(" %").replace("–", "0")) > 97
    )
    screen.page.click("#play")
    screen.until('[data-playing="false"]')
    assert float(screen.text("#accuracy").removesuffix(" %")) > 97
    inks = screen.page.evaluate(
        "() => { const c = document.querySelector('canvas.surface'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; const at = (x, y) => { const i = 4 * (Math.round(y * c.height)"
        " * c.width + Math.round(x * c.width)); return [d[i], d[i + 2]]; };"
        " return [at(.7, .7), at(.3, .7), at(.7, .3), at(.3, .3)]; }"
    )  # class 1, where x1 and x2 differ in sign, is blue
    assert [red > blue for red, blue in inks] == [False, True, True, False]
    assert float(screen.page.get_attribute("html", "data-frame")) >= 0  # milliseconds, measured
    with screen.page.expect_download() as waiting:
        screen.page.click("#tab-take-away")
        screen.page.click("#save-model")
    waiting.value.save_as(tmp_path / "m.shoal")
    model = shoal.load(tmp_path / "m.shoal")
    assert model.fingerprint_ == screen.text("#fingerprint")
    assert model.score(np.array([[2.0, 2], [-2, -2], [2, -2], [-2, 2]]), [0, 0, 1, 1]) == 1


def test_steps_and_a_rewind_lead_to_the_same_bits(screen):
    screen.open("#solver=adam&batch-size=50")  # 6 steps make an epoch
    for _ in range(2):
        screen.page.click("#step10")
        screen.until_place(1, 4)
        screen.page.click("#step")
        screen.until_place(1, 5)
        screen.page.click("#to-epoch")
        screen.until_epoch(2)
        screen.page.keyboard.press("s")
        screen.until_place(2, 1)
        link = screen.page.url.partition("#")[2]
        assert screen.fingerprint() == repeat(link).fingerprint_
        screen.page.click("#tab-train")
        screen.page.click("#rewind")
        screen.until_epoch(0)


def test_a_table_that_is_dropped(screen):
    screen.open()
    x = np.linspace(-3, 3, 120)
    rows = "".join(f"{a:.3f},{np.sin(9 * a):.3f},{'in' if abs(a) < 1.5 else 'out'}\n" for a in x)
    dropped = screen.page.evaluate_handle(
        "(text) => { const data = new DataTransfer(); data.items.add(new File([text], 'own.csv')); return data; }",
        "height,wobble,where\n" + rows,
    )
    screen.page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    screen.until('#f-target option[value="where"]')
    assert screen.page.title().startswith("own.csv")
    screen.page.select_option("#f-pace", "0")
    screen.page.click("#step10")
    screen.until_place(3, 1)  # 84 rows are 3 mini-batches of 32 at most
    assert "table=" in screen.page.url
    assert screen.page.input_value("#f-axis-0") == "height"
    assert "own.csv" not in screen.page.url
    link = screen.page.url.partition("#")[2]
    assert Experiment.of(link).place == (3, 1)
    screen.page.set_input_files(
        "#f-file", {"name": "bad.csv", "mimeType": "", "buffer": b"a,b\n1,2,3\n"}
    )
    screen.until("#notice:not([hidden])")
    assert "bad.csv" in screen.text("#notice")
    assert screen.page.title().startswith("own.csv")


def test_many_columns_with_long_names(screen):
    rng = np.random.default_rng(0)
    names = [f"a rather long name of column {i:02d} as it was measured" for i in range(40)]
    values = rng.normal(size=(60, 40)).round(3)
    rows = "".join(",".join(map(str, row)) + f",{row[0] > 0}\n" for row in values)
    table = f"{','.join(names)},<b>late</b>\n{rows}".encode()
    sent = []
    screen.page.on(
        "websocket", lambda socket: socket.on("framesent", lambda text: sent.append(text))
    )
    screen.open()
    screen.page.set_input_files("#f-file", {"name": "<i>w.csv", "mimeType": "", "buffer": table})
    screen.until('[id="f-held-' + names[39] + '"]')
    for width in (400, 1280):
        screen.page.set_viewport_size({"width": width, "height": 900})
        assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tall = screen.page.locator('[data-control="features"]').first.bounding_box()["height"]
    assert tall < 700  # the network's own controls stay near
    assert (
        screen.page.locator("#stage b, #stage i:not([class])").count() == 0
    )  # names are no markup
    sent.clear()
    slider = screen.page.locator(f'[id="f-held-{names[39]}"]')
    slider.evaluate(
        "(input) => { for (let k = 1; k <= 50; k++) { input.value = Number(input.max) * k / 50;"
        " input.dispatchEvent(new Event('input')); } }"
    )
    last = slider.input_value()
    screen.page.wait_for_url(f"**,{last}*")
    assert slider.input_value() == last
    assert sum('"set"' in message for message in sent) == 2  # the first, and where it ended


def test_a_link_that_hides_the_data_takes_no_points(screen):
    for link, added in (("#epoch=3&hide=data", False), ("#epoch=3", True)):
        screen.open(link)
        screen.until_epoch(3)
        assert (screen.page.locator(".classes input").count() > 0) == added
        screen.page.click("canvas.surface", position={"x": 40, "y": 40})
        screen.page.click("#step")
        screen.until_epoch(1 if added else 4)  # a point begins a new training
        assert ("points=" in screen.page.url) == added


def test_without_a_hidden_layer_nothing_is_offered_about_one(screen):
    screen.open("#hidden=0&view=units&epoch=50")
    screen.until(".finding")
    assert screen.page.is_hidden("#u-plane")
    screen.page.click("#tab-initialise")
    screen.until("text=Run the four")
    assert screen.page.is_disabled("text=Run the four")
    screen.page.locator("#f-hidden").fill("3")
    screen.until("button:enabled >> text=Run the four")
    screen.page.click("#tab-units")
    screen.page.wait_for_selector("#u-plane", state="visible")


def test_zeros_fail_and_the_cure_works(screen):
    screen.open("#data=xor&init=zeros&pace=0&view=units&epoch=200")
    screen.until('[data-finding="symmetric-units"] button')
    assert screen.page.locator('.unit[data-state="twin"]').count() == 4
    assert float(screen.text("#loss")) > 0.69
    screen.page.click('[data-finding="symmetric-units"] button')
    screen.until('.unit[data-state="healthy"]')
    screen.until_text("#loss", lambda text: float(text) < 0.3)
    assert screen.page.input_value("#f-init") == "auto"


def test_four_starts_side_by_side(screen):
    screen.open("#view=initialise&rows=60")
    screen.until('[data-start="Too large"]')
    assert screen.text('[data-start="Zeros"] [data-learnt]') == "0 of 100"
    assert screen.text('[data-start="Zeros"] [data-distinct]') == "1 of 4"
    assert (
        int(screen.page.get_attribute('[data-start="Fitting"] [data-learnt]', "data-learnt")) > 90
    )


def test_every_equation_has_its_lamp(screen):
    screen.open("#view=equations&epoch=3&alpha=0.1")
    screen.until('[data-equation="db1"]')
    assert "The penalty adds 0.1 W / m" in screen.text("#panel")
    assert screen.page.locator(".lamp.good").count() == 11
    assert screen.page.locator(".lamp.bad").count() == 0
    screen.page.fill("#q-step", "20")
    screen.page.press("#q-step", "Enter")
    screen.until_epoch(20)
    screen.page.click("text=Next step")
    screen.until_epoch(21)
    screen.until('[data-symbol="W1"] td.changed')
    assert "W1 (4 × 2)" in screen.text('[data-symbol="W1"] figcaption')


def test_a_link_is_shared(screen):
    screen.open("#data=three&hidden=5&epoch=40&hide=data,training")
    screen.until_epoch(40)
    assert screen.page.locator('[data-control="data"]').count() == 0
    assert screen.page.locator('[data-control="network"]').count() == 1
    one = screen.fingerprint()
    link = "#" + screen.page.url.partition("#")[2]
    assert screen.server.guard.token not in link
    screen.open(link)
    screen.until_epoch(40)
    assert screen.fingerprint() == one == repeat(link).fingerprint_


def test_a_link_asks_for_its_table(screen):
    screen.open("#data=table&table=00000000000000aa&target=y")
    screen.until("#notice:not([hidden])")
    assert "drop its file" in screen.text("#notice")


def test_a_page_whose_process_is_killed_goes_on(screen):
    screen.open("#data=xor&epoch=6")
    screen.until_epoch(6)
    (socket,) = screen.server.laboratory.pages.values()
    os.kill(socket.process.pid, signal.SIGKILL)
    screen.until("#notice:not([hidden])")
    assert "ended unexpectedly" in screen.text("#notice")
    screen.until_epoch(6)
    screen.page.click("#step")
    screen.until_epoch(7)
    assert "data=xor" in screen.page.url


def test_the_door_leads_in_without_showing_the_token(screen, context, tmp_path):
    context.clear_cookies()
    screen.page.goto(_door(str(tmp_path), f"{screen.server.address}#data=xor&epoch=3"))
    screen.until_epoch(3)
    assert screen.server.guard.token not in screen.page.url
    assert "data=xor" in screen.page.url


def test_a_page_elsewhere_may_lead_here(screen, tmp_path):
    screen.open()
    page = tmp_path / "course.html"
    page.write_text(
        f'<a href="http://127.0.0.1:{screen.server.guard.port}/#data=moons&epoch=2">go</a>'
    )
    screen.page.goto(page.as_uri())
    screen.page.click("a")
    screen.until_epoch(2)
    assert screen.page.title().startswith("Moons")


def test_the_picture_shows_network_and_surface(screen):
    screen.open("#view=take-away&epoch=30")
    screen.until_epoch(30)
    with screen.page.expect_download() as waiting:
        screen.page.click("#save-picture")
    picture = waiting.value.path().read_bytes()
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert width > 2 * 620
    assert height > 620
    assert len(picture) > 20_000  # an empty one is smaller


def test_points_and_weights_by_hand(screen):
    screen.open("#hidden=2&epoch=5")
    screen.until_epoch(5)
    screen.page.click("canvas.surface", position={"x": 40, "y": 40})
    screen.until("text=Forget the added points")
    # The address follows a moment later.
    screen.page.wait_for_function("() => location.hash.includes('points=')")
    ((x1, x2, _),) = Experiment.of(screen.page.url).points
    assert x1 < -2 < 2 < x2  # on the left, and above
    screen.page.click("#step")
    screen.until_epoch(1)
    screen.page.select_option("#w-matrix", "b2")
    screen.page.fill("#w-value", "0.75")
    screen.page.press("#w-value", "Enter")
    screen.until("text=Forget the changed weights")
    screen.page.wait_for_function("() => location.hash.includes('edits=1,b2,0,0,0.75')")
    screen.page.click("#step")
    screen.until_epoch(2)
    link = screen.page.url.partition("#")[2]
    assert screen.fingerprint() == repeat(link).fingerprint_


def test_by_keyboard_alone(screen):
    screen.open()
    keys = screen.page.keyboard
    keys.press("Tab")  # the way past all controls
    assert screen.page.evaluate("() => document.activeElement.textContent") == "Skip to the network"
    reached = []
    for _ in range(60):
        keys.press("Tab")
        reached.append(
            screen.page.evaluate(
                "() => document.activeElement.id || document.activeElement.className"
            )
        )
        if reached[-1] == "play":
            keys.press("Enter")
            screen.until("#play.playing")
            keys.press("Space")
            screen.until('[data-playing="false"]')
        if reached[-1] == "tab-train":
            keys.press("ArrowRight")
            screen.until('#tab-equations[aria-selected="true"]')
            keys.press("ArrowLeft")
            screen.until('#tab-train[aria-selected="true"]')
            screen.page.wait_for_timeout(
                500
            )  # until the answer is here, with which controls are drawn
        if reached[-1] == "surface":
            break
    for name in ("rewind", "play", "step", "step10", "tab-train", "f-data", "f-hidden", "w-value"):
        assert name in reached
    keys.press("ArrowRight")
    keys.press("Enter")
    screen.until("text=Forget the added points")
    widths = screen.page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth")
    assert widths == "3px"  # the focus can be seen


def test_keys_of_one_letter_can_be_turned_off(screen):
    screen.open("#hide=keys")
    screen.page.keyboard.press("s")
    screen.page.click("#step")
    screen.until_epoch(1)
    assert "(S)" not in screen.page.get_attribute("#step", "title")
    screen.open("#")
    screen.page.keyboard.press("s")
    screen.until_epoch(1)
    screen.page.focus("#f-seed")  # where a letter is text
    screen.page.keyboard.press("s")
    screen.page.wait_for_timeout(500)  # for a step that must not come
    assert screen.text("#epoch") == "1"
    screen.page.click("#step")
    screen.until_epoch(2)
    assert "(S)" in screen.page.get_attribute("#step", "title")


@pytest.mark.parametrize("delay", [0, 10, 20, 30, 40])
def test_an_address_that_changes_as_the_training_pauses_is_followed(delay, screen):
    screen.open("#data=xor&pace=0")
    screen.page.click("#play")
    screen.until("#play.playing")
    screen.page.evaluate(
        "(delay) => { document.getElementById('play').click();"
        " setTimeout(() => { location.hash = '#data=moons&epoch=7'; }, delay); }",
        delay,
    )
    screen.page.wait_for_function("() => document.title.startsWith('Moons')")
    screen.until_epoch(7)
    assert "data=moons" in screen.page.url


def test_a_point_is_undone_with_the_training_that_it_ended(screen):
    screen.open("#data=xor&epoch=40")
    screen.until_epoch(40)
    before = screen.fingerprint()
    screen.page.click("#tab-train")
    for _ in range(2):
        screen.page.click("canvas.surface", position={"x": 40, "y": 40})
        screen.page.wait_for_function("() => location.hash.includes('points=')")
    for _ in range(2):
        screen.page.click("#undo-point")
    screen.until_epoch(40)
    assert "points=" not in screen.page.url
    assert screen.page.is_hidden("#undo-point")
    assert screen.fingerprint() == before


def test_train_with_this_trains(screen):
    screen.open("#view=initialise&rows=60")
    screen.page.click('[data-start="Fitting"] >> text=Train with this')
    screen.until('#tab-train[aria-selected="true"]')
    screen.page.wait_for_function("() => Number(document.documentElement.dataset.epoch) > 5")
    names = screen.page.evaluate(
        "() => [...document.querySelectorAll('.start button')].map((b) => b.getAttribute('aria-label'))"
    )
    assert len(set(names)) == len(names)


def test_the_focus_stays_where_it_was_in_the_equations(screen):
    screen.open("#view=equations&epoch=3")
    screen.page.focus('[data-equation="dW1"] .matrix')
    screen.page.keyboard.press("ArrowRight")
    assert screen.text("#sum").startswith("dW1[1, 2] = mean over the 300 examples of dZ1[1] · X[2]")
    assert screen.page.locator('[data-equation="dZ1"] td.lit').count() == 1
    screen.page.keyboard.press("s")
    screen.until_epoch(4)
    screen.page.wait_for_function("() => document.querySelector('#q-step').value === '4'")
    assert screen.page.evaluate("() => document.activeElement.dataset.of") == "dW1"


def test_an_entry_is_written_out_and_is_the_sum(screen):
    screen.open("#view=equations&epoch=3&hidden=3")
    for name in ("Z1", "Z2", "dZ1"):
        screen.page.hover(f'[data-equation="{name}"] td')
        sum_, _, result = screen.text("#sum").partition(" = ")[2].rpartition(" = ")
        sum_ = sum_.replace("·", "*").replace("−", "-")
        if name == "dZ1":
            sum_, _, z = sum_.partition(" * g′(")
            sum_ += f" * (1 - np.tanh({z} ** 2)"
        assert eval(sum_, {"np": np}) == pytest.approx(float(result), abs=0.02)


def test_all_ten_equations_are_on_one_screen(screen):
    screen.page.set_viewport_size({"width": 1280, "height": 800})
    screen.open("#view=equations&epoch=3")
    screen.until('[data-equation="db1"]')
    ends = screen.page.evaluate(
        "() => [...document.querySelectorAll('[data-equation]')].map((e) => e.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 11
    assert max(ends) <= 800


def test_network_plane_and_loss_are_on_the_first_screen(screen):
    screen.page.set_viewport_size({"width": 1280, "height": 800})
    screen.open("#epoch=30")
    for selector in (
        "canvas.diagram",
        "canvas.surface",
        ".losses .curve",
        "#f-init",
        "#f-activation",
        "#f-learning_rate",
        "#trouble",
    ):
        assert screen.page.locator(selector).bounding_box()["y"] >= 0
        box = screen.page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 800, selector


def test_what_is_wrong_leads_to_the_units(screen):
    screen.open("#init=zeros")
    screen.until_text("#trouble", lambda text: "All weights are zero" in text)
    screen.page.click("text=Look at the units")
    screen.until('.unit[data-state="twin"]')
    screen.open("#epoch=30")
    screen.until_epoch(30)
    assert screen.page.is_hidden("text=Look at the units")


def test_a_unit_and_a_weight_are_pointed_at(screen):
    screen.open("#hidden=2&epoch=30")
    screen.until_epoch(30)
    look = "() => document.querySelector('canvas.surface').toDataURL()"
    network = screen.page.evaluate(look)
    box = screen.page.locator("canvas.diagram").bounding_box()
    unit = screen.page.evaluate(
        "() => { const c = document.querySelector('canvas.diagram'); return [c.clientWidth, c.clientHeight]; }"
    )
    screen.page.mouse.move(box["x"] + unit[0] / 2, box["y"] + unit[1] / 2 - 40)
    assert screen.text(".hover-card").startswith("unit ")
    assert screen.page.evaluate(look) != network
    screen.page.mouse.move(1, 1)
    assert screen.page.evaluate(look) == network
    screen.page.select_option("#plane-of", "1")  # the same by keyboard
    assert screen.page.evaluate(look) != network


def test_a_lesson_by_keyboard_alone(screen):
    screen.open()
    screen.page.focus('[data-story="random-initialisation"]')
    screen.page.keyboard.press("Enter")
    screen.until_text("#story-says", lambda text: text.startswith("All weights begin at zero"))
    screen.until_epoch(300)
    screen.page.focus("#story >> text=Next")
    for number in range(2, 11):
        screen.page.keyboard.press("Enter")
        screen.until_text("#story", lambda text, n=number: f"step {n} of 10" in text)
    assert screen.page.is_disabled("#story >> text=Next")
    screen.until_epoch(1000)
    assert "story=random-initialisation&at=9" in screen.page.url
    screen.open("#" + screen.page.url.partition("#")[2])  # shared as a link
    screen.until_text("#story", lambda text: "step 10 of 10" in text)
    screen.page.click("text=End the lesson")
    screen.until("#story[hidden]")


def test_a_lesson_brings_its_table(screen):
    screen.open()
    screen.page.click('[data-story="your-own-table"]')
    screen.until('#f-target option[value="late"]')
    screen.page.click("#story >> text=Next")
    screen.until_epoch(60)
    assert screen.page.input_value("#f-axis-0") == "delay_h"


def test_what_has_the_focus_is_never_behind_the_header(screen):
    screen.page.set_viewport_size({"width": 1280, "height": 600})
    screen.open("#epoch=3")
    screen.page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    screen.page.focus("#w-value")
    for _ in range(25):  # backwards and upwards, through the form and the controls
        screen.page.keyboard.press("Shift+Tab")
        top, bottom, inside = screen.page.evaluate(
            "() => { const e = document.activeElement; return [e.getBoundingClientRect().top,"
            " document.querySelector('.top').getBoundingClientRect().bottom, Boolean(e.closest('.layout'))]; }"
        )
        assert not inside or top >= bottom


def test_forced_colours_lose_no_mark(screen):
    screen.page.emulate_media(forced_colors="active")
    screen.open("#view=equations&epoch=3")
    screen.until(".lamp.good i")
    lamp, card, changed = screen.page.evaluate(
        "() => [getComputedStyle(document.querySelector('.lamp i')).backgroundColor,"
        " getComputedStyle(document.querySelector('.card')).backgroundColor,"
        " getComputedStyle(document.querySelector('td.changed')).borderBottomWidth]"
    )
    assert lamp != card
    assert changed == "2px"
    screen.page.click("#tab-initialise")
    screen.until(".dots i.on")
    on, off = screen.page.evaluate(
        "() => ['.dots i.on', '.dots i:not(.on)'].map((s) => getComputedStyle(document.querySelector(s)).backgroundColor)"
    )
    assert on != off


def test_relu_is_not_explained_as_tanh(screen):
    screen.open("#view=initialise&rows=60&activation=relu")
    told = screen.until_text('[data-start="Too large"] .about', bool)
    assert "tanh" not in told
    assert "does not depend on the draw" in told


# The first tasks of somebody who has never seen the page: each of two clicks at most from the first screen,
# where what is to be clicked, and what is then to be seen, is in sight.


def first_screen(screen):
    screen.page.set_viewport_size({"width": 1280, "height": 800})
    screen.open()
    screen.until("#see-equal")


def click(screen, selector):
    box = screen.page.locator(selector).bounding_box()
    assert 0 <= box["y"] <= 800 - box["height"], selector
    screen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def is_seen(screen, selector):
    # While it is drawn anew it is nowhere for a moment.
    while (box := screen.page.locator(selector).first.bounding_box()) is None:
        screen.page.wait_for_timeout(20)
    return 0 <= box["y"] <= 800 - box["height"]


def test_task_1_to_see_symmetry(screen):
    first_screen(screen)
    click(screen, "#see-equal")
    screen.until_text("#trouble", lambda text: "4 of 4 units have the same weights" in text)
    assert is_seen(screen, "#trouble")
    click(screen, "text=Look at the units")
    screen.until('.unit[data-state="twin"] canvas')
    assert is_seen(screen, ".findings")


def test_task_2_to_see_saturation(screen):
    first_screen(screen)
    click(screen, "#see-saturated")
    screen.until_text("#trouble", lambda text: "are flat on nearly all examples" in text)
    click(screen, "text=Look at the units")
    screen.until('.unit[data-state="saturated"]')
    assert is_seen(screen, '.unit[data-state="saturated"] canvas')
    screen.open("#activation=relu")  # which is not flat for large numbers
    assert screen.page.is_hidden("#see-saturated")


def test_task_3_to_find_the_numbers_of_8_for_example_3(screen):
    first_screen(screen)
    click(screen, "#tab-equations")
    click(screen, "#q-example")
    screen.page.keyboard.press("Control+a")
    screen.page.keyboard.type("3")
    figure = '[data-equation="dZ1"] figcaption'
    screen.until(figure)
    screen.until_text(figure, lambda text: "column 3" in text)
    assert is_seen(screen, '[data-equation="dZ1"] .matrix')
    net, X, Y = lecture(screen.page.url)
    shown = screen.page.locator('[data-equation="dZ1"] td').all_text_contents()
    np.testing.assert_allclose([float(v) for v in shown], net.gradients(X, Y).dZ1[:, 2], atol=6e-4)


def test_task_4_to_make_a_step_and_see_W1_change(screen):
    first_screen(screen)
    click(screen, "#step")
    told = screen.until_text("#changed", bool)
    assert is_seen(screen, "#changed")
    found = re.match(r"Step 1: W1\[(\d), (\d)\] went from (\S+) to (\S+);", told)
    i, j, before, after = int(found[1]) - 1, int(found[2]) - 1, float(found[3]), float(found[4])
    nets = [lecture(f"#epoch={n}")[0] for n in (0, 1)]
    was, now = (net.parameters.W1 for net in nets)
    assert (before, after) == (round(was[i, j], 4), round(now[i, j], 4))
    assert abs(now - was).max() == abs(now - was)[i, j]
    click(screen, "#tab-equations")  # where all of W1 stands
    screen.until('[data-symbol="W1"] td.changed')
    assert is_seen(screen, '[data-symbol="W1"] .matrix')


def test_task_5_to_repair_a_faulty_network(screen):
    first_screen(screen)
    click(screen, "#see-equal")
    screen.until("#repair:not([hidden])")
    click(screen, "#repair")
    assert "init is auto" in screen.until_text("#changed", lambda text: "Repaired" in text)
    screen.until_text("#loss", lambda text: float(text) < 0.3)
    screen.until("#repair[hidden]")
    click(screen, "#play")
    screen.page.wait_for_function("() => !location.hash.includes('zeros')")
    assert "edits=" not in screen.page.url


def test_what_came_after_a_question_is_shown_too(screen):
    screen.open("#epoch=3")
    screen.page.click("#tab-equations")
    for example in "25":  # at once: before the first answer is here
        screen.page.fill("#q-example", example)
    screen.until_text("#panel", lambda text: "column 5" in text)


def test_the_tutor_names_a_mistake(screen):
    screen.open("#view=tutor")
    screen.page.wait_for_function(
        "() => document.querySelector('#tutor-code').value.includes('def backward')"
    )
    right = screen.page.input_value("#tutor-code")
    screen.page.click("#tutor-check")
    screen.until(".summary.right")
    assert screen.page.locator(".verdict.right").count() == 10
    screen.page.fill("#tutor-code", right.replace("W2.T @", "W2 @"))
    screen.page.press("#tutor-code", "Control+Enter")
    screen.until('[data-verdict="dZ1"].wrong')
    assert screen.page.locator("li.verdict.wrong").count() == 1
    screen.page.click("#tutor-plant")
    assert screen.page.input_value("#tutor-code") != right
    screen.page.click("#tutor-check")
    screen.until("li.verdict.wrong")
    screen.page.fill("#tutor-code", "import os")
    screen.page.click("#tutor-check")
    screen.until("text=Not understood")
    screen.page.keyboard.press("s")  # in a text a letter is no key
    screen.page.focus("#tutor-code")
    screen.page.keyboard.type("s")
    assert screen.page.input_value("#tutor-code") != "import os"


def test_a_count_and_the_evidence_are_shown(screen):
    screen.open("#data=counts&solver=lm&alpha=evidence&epoch=5")
    screen.until_epoch(5)
    assert screen.text("#accuracy-name") == "D²"
    assert screen.page.input_value("#f-loss") == "poisson"
    found = re.match(r"γ = (\S+) of (\d+) parameters; α: W1 ", screen.text("#evidence"))
    assert 0 < float(found[1]) < int(found[2]) == 16
    screen.page.select_option("#f-solver", "gd")  # the evidence needs lm
    screen.page.wait_for_function("() => document.querySelector('#f-alpha').value === '0'")
    screen.page.wait_for_selector("#evidence", state="hidden")
    screen.page.select_option("#f-alpha", "evidence")
    screen.page.wait_for_function("() => document.querySelector('#f-solver').value === 'lm'")
    screen.page.select_option("#f-loss", "squared_error")
    screen.until_text("#accuracy-name", lambda text: text == "R²")
    screen.page.click('.thumb[aria-label="Circle"]')
    screen.page.wait_for_selector("#f-loss", state="detached")


def test_a_lesson_brings_into_sight_what_it_speaks_of(screen):
    screen.page.set_viewport_size({"width": 400, "height": 800})
    screen.open("#story=gradient-descent&at=5&hidden=2&seed=1&view=equations")
    for name in ("dW2", "dZ1", "dW1"):
        screen.until(f'[data-equation="{name}"]')
        screen.page.wait_for_function(
            '(name) => { const e = document.querySelector(`[data-equation="${name}"]`)?.getBoundingClientRect();'
            " return e && e.top >= document.querySelector('#story').getBoundingClientRect().bottom - 1 && e.bottom <= 801; }",
            arg=name,
        )
        screen.page.click("#story >> text=Next")


@pytest.mark.parametrize("width", [400, 1280, 2560])
def test_nothing_sticks_out_and_all_can_be_read(width, screen):
    screen.page.set_viewport_size({"width": width, "height": 900})
    screen.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    screen.open("#hidden=64&data=pinwheel")
    for view, told in VIEWS.items():
        screen.page.click(f"#tab-{view}")
        screen.until(told)
        assert screen.page.evaluate("() => document.documentElement.scrollWidth") == width
        for scheme in ("light", "dark"):
            screen.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert screen.page.evaluate(CONTRAST) == []


def test_a_window_may_grow_narrower(screen):
    screen.open("#epoch=3")
    for view, told in VIEWS.items():
        screen.page.set_viewport_size({"width": 800, "height": 900})
        screen.page.click(f"#tab-{view}")
        screen.until(told)
        screen.page.wait_for_timeout(500)  # nothing is under way that would draw anew in any case
        screen.page.set_viewport_size({"width": 400, "height": 900})
        screen.page.wait_for_function("() => document.documentElement.scrollWidth === 400")


VIEWS = {
    "train": "canvas.diagram", "equations": '[data-equation="db1"]', "units": ".unit",
    "tutor": "#tutor-check", "take-away": "#save-model",
}  # fmt: skip

# Text whose contrast with what is behind it is below WCAG's 4.5 (level AA).
CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => { const layers = []; for (let e = element; e; e = e.parentElement) { const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor); if (a > 0) layers.push([r, g, b, a]); if (a === 1) break; }
    return layers.reverse().reduce((under, [r, g, b, a]) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a)), [255, 255, 255]); };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest("svg, select, :disabled, .unseen, .skip")) continue;
    const [a, b] = [light(parse(style.color).slice(0, 3)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${element.tagName}.${element.className}: ${walker.currentNode.textContent.trim().slice(0, 30)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return [...new Set(found)].slice(0, 10);
}"""
