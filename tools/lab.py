"""Judges the laboratory's page for accessibility: every view of several networks, every step of every lesson.

    python tools/lab.py AXE.js

axe must find nothing, from 400 to 2560 pixels, light, dark and with forced colours; nothing is wider than the window.
Screenshots of the views are left in build/lab, to be looked at.
"""

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from shoal.lab.experiment import VIEWS
from shoal.lab.server import Server
from shoal.lab.stories import built_in
from shoal.lab.tables import Tables

WIDTHS = (400, 768, 1280, 2560)
THEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
NETWORKS = {  # each shows something that the others do not
    "usual": "epoch=30",
    "zeros": "init=zeros&epoch=3",
    "saturated": "init=40&epoch=3",
    "classes": "data=three&hidden=5&epoch=20",
    "counts": "data=counts&solver=lm&alpha=evidence&epoch=5",
    "many": "data=pinwheel&hidden=64&epoch=3",
    "logistic": "hidden=0&epoch=20",
    "batches": "solver=adam&batch-size=50&epoch=2",
}
FOLDER = Path("build/lab")
PATIENCE = 120_000  # milliseconds


def main(axe: str) -> int:
    """Print what is wrong; 1 if anything is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    server, ready = Server(Tables()), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,))
    thread.start()
    ready.wait()
    wrong: list[str] = []
    looks = 0
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for theme, media in THEMES.items():
                page = browser.new_page(**media, reduced_motion="reduce")
                page.set_default_timeout(PATIENCE)
                page.on("pageerror", lambda error: wrong.append(f"an error: {error}"))
                for place in places(page, server.address):
                    for width in WIDTHS:
                        wrong.extend(judged(page, axe, f"{place}-{theme}-{width}", width))
                        looks += 1
                page.close()
            browser.close()
    finally:
        server.stop()
        thread.join()
    print(*dict.fromkeys(wrong), sep="\n")
    print(f"{looks} looks, {len(wrong)} faults")
    return int(bool(wrong))


def places(page: Page, address: str) -> Iterator[str]:
    """The name of each place, when the page is there."""
    for name, link in NETWORKS.items():
        opened(page, f"{address}#{link}")
        for view in VIEWS:
            page.click(f"#tab-{view}")
            settled(page)
            yield f"{name}-{view}"
    for name, story in built_in().items():
        opened(page, f"{address}#")
        page.click(f'[data-story="{name}"]')
        for number, _ in enumerate(story.steps, 1):
            page.wait_for_function(
                "(said) => document.querySelector('#story').textContent.includes(said)",
                arg=f"step {number} of {len(story.steps)}",
            )
            settled(page)
            yield f"{name}-{number}"
            if number < len(story.steps):
                page.click("#story >> text=Next")


def opened(page: Page, link: str) -> None:
    """Open a link of the laboratory, and wait for its first picture."""
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("[data-epoch]", state="attached")


def settled(page: Page) -> None:
    """Wait until nothing is trained, and what was asked for is drawn."""
    page.wait_for_selector('[data-playing="false"]', state="attached")
    page.wait_for_timeout(500)


def judged(page: Page, axe: str, name: str, width: int) -> list[str]:
    """What is wrong with what is on the screen now."""
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(200)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    found = [f"{name}: {wide} pixels too wide"] if wide > 0 else []
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    violations = page.evaluate("axe.run().then(found => found.violations)")
    return found + [
        f"{name}: {v['id']}: {v['help']}: {v['nodes'][0]['html'][:150]}" for v in violations
    ]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).read_text(encoding="utf-8")))
