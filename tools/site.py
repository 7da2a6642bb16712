"""Judges the documentation's site as its readers use it: errands, screenshots, accessibility, broken links.

    python tools/site.py build/docs/html AXE.js

An errand is a question that somebody comes with: two clicks at most lead from the front page to the answer. Screenshots
of a page of each kind are left in build/docs/screenshots, to be looked at. axe must find nothing serious.
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

from playwright.sync_api import Page, sync_playwright

# What somebody wants, the links that are clicked, and what the page then says.
ERRANDS = [
    ("find how to resume", ["Resume a training"], "--resume"),
    ("what does --schedule do", ["all parameters"], "--schedule"),
    ("which options has shoal train", ["The command line"], "--test-part"),
    ("read coefficients", ["Coefficients and units"], "coefs_"),
    ("use it for counts", ["Counts and positive targets"], "poisson"),
    ("install it on Windows", ["Installing"], "Windows"),
    ("what does exit code 143 mean", ["Errors and exit codes"], "143"),
    ("what does dead-units mean", ["The diagnosis"], "dead-units"),
    ("call a model from C", ["Export"], "late_predict"),
    ("train on a table larger than memory", ["How-to", "Files larger than memory"], "--memory"),
    ("rows of one patient belong together", ["How-to", "Groups, time and cross-validation"], "--group"),
    ("one class is rare", ["How-to", "Imbalanced classes, costs and thresholds"], "--threshold"),
    ("use it on several machines", ["How-to", "Train on a cluster"], "tls://"),
    ("why is the product in [8] elementwise", ["Ten questions"], "chain rule"),
    ("how does hidden_layer_sizes translate", ["Coming from …", "scikit-learn's MLPClassifier"], "hidden_layer_sizes"),
    ("how sure is a prediction", ["Intervals"], "predict_interval"),
    ("why was this predicted", ["Why this prediction"], "Shapley"),
    ("what does Network.descend return", ["Python", "Network"], "The cost before each update."),
    ("how are dates in text read", ["Explanation", "How columns become numbers"], "31.01.2011"),
    ("what happens to my models when I upgrade", ["Develop", "Versions"], "numerics version"),
    ("how fast is it", ["Measured", "Speed"], "PyTorch"),
    ("what does SHOAL_THREADS do", ["Reference", "Environment variables"], "SHOAL_THREADS"),
    ("run it in a service", ["How-to", "A service"], "load_fitted"),
    ("why do zeros fail", ["Explanation", "The ten equations and the two lessons"], "symmetry"),
    ("which defaults are used", ["Explanation", "The defaults on one page"], "8 below 2,000 rows"),
]  # fmt: skip
KINDS = {  # a page of each kind
    "front": "index.html",
    "tutorial": "tutorial/table.html",
    "how-to": "how-to/cluster.html",
    "gallery": "gallery/index.html",
    "example": "gallery/plot_07_symmetry.html",
    "class": "reference/api/shoal.ShoalClassifier.html",
    "commands": "reference/commands.html",
    "parameters": "reference/parameters.html",
    "explanation": "explanation/lessons.html",
    "questions": "questions.html",
    "measured": "measured/practice.html",
    "changes": "develop/changes.html",
}
GRAVE = ("serious", "critical")


def main(site: Path, axe: Path) -> int:
    """Print what is wrong; 1 if anything is."""
    wrong = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on(
            "requestfailed",
            # What was still on its way when the next page was asked for is no fault.
            lambda r: r.failure == "net::ERR_ABORTED" or wrong.append(f"not loaded: {r.url}"),
        )
        page.on(
            "request", lambda r: r.url.startswith("http") and wrong.append(f"not offline: {r.url}")
        )
        wrong += [said for errand in ERRANDS if (said := run(page, site, *errand))]
        wrong += broken(page, site)
        for scheme in ("light", "dark"):
            for width in (400, 1280):
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme=scheme
                )
                wrong += looked_at(context.new_page(), site, axe, scheme, width)
                context.close()
        browser.close()
    print(*wrong, sep="\n")
    print(f"{len(ERRANDS)} errands, {len(KINDS)} kinds of pages in 4 ways, {len(wrong)} faults")
    return int(bool(wrong))


def run(page: Page, site: Path, what: str, clicks: list[str], answer: str) -> str:
    """Follow the links of an errand; what went wrong, or nothing."""
    page.goto((site / "index.html").as_uri())
    assert len(clicks) <= 2, what
    for text in clicks:
        link = page.locator("a:visible", has_text=text).first
        if not link.count():
            return f"{what}: no link “{text}” on {page.url}"
        with page.expect_navigation():  # until the page is there, as a slow machine needs
            link.click()
    shown = answer in page.locator("main").inner_text()
    return "" if shown else f"{what}: {page.url} does not say “{answer}”"


def broken(page: Page, site: Path) -> list[str]:
    """Links to files or anchors that are not there."""
    found, anchors = [], {}
    pages = sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)
    for path in pages:
        page.goto(path.as_uri())
        anchors[path] = set(page.eval_on_selector_all("[id]", "all => all.map(e => e.id)"))
    for path in pages:
        page.goto(path.as_uri())
        links = page.eval_on_selector_all("a[href]", "all => all.map(e => e.href)")
        for link in set(links):
            parts = urlparse(link)
            if parts.scheme != "file":
                continue
            target = Path(unquote(parts.path))
            lost = not target.exists() or (
                parts.fragment
                and target in anchors
                and unquote(parts.fragment) not in anchors[target]
            )
            if lost:
                found.append(f"{path.relative_to(site)}: broken link {link}")
    return found


def looked_at(page: Page, site: Path, axe: Path, scheme: str, width: int) -> list[str]:
    """A screenshot of each kind of page, and what axe finds grave on it."""
    folder = site.parent / "screenshots"
    folder.mkdir(exist_ok=True)
    found = []
    for name, file in KINDS.items():
        page.goto((site / file).as_uri())
        page.wait_for_timeout(200)
        page.screenshot(path=folder / f"{name}-{scheme}-{width}.png")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 1:
            found.append(f"{name}, {scheme}, {width}: {wide} pixels too wide")
        page.add_script_tag(path=axe)
        violations = page.evaluate("axe.run().then(found => found.violations)")
        found += [
            f"{name}, {scheme}, {width}: {v['id']}: {v['help']}: {v['nodes'][0]['html'][:150]}"
            for v in violations
            if v["impact"] in GRAVE
        ]
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2])))
