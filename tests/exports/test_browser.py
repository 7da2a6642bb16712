"""Law: a module gives the same bits in a browser, also inside the page's own text."""

import tempfile

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def context():
    playwright = pytest.importorskip("playwright.sync_api")
    from .conftest import needed

    chromium = needed("chromium", "chromium-browser")
    with playwright.sync_playwright() as program, tempfile.TemporaryDirectory() as folder:
        browser = program.chromium.launch_persistent_context(
            folder, executable_path=chromium, headless=True, args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["three", "number"])
def test_a_page_predicts_the_same_bits(context, a_table, fitted, tmp_path, dtype, kind):
    (file,) = fitted(kind, a_table(), dtype=dtype).export(tmp_path / "m.js")
    shown = "document.title = `${selftest()} of ${GOLDEN_ROWS.length} differ`;"
    html = f'<title>-</title><script type="module">{file.read_text("ascii")}{shown}</script>'
    (tmp_path / "page.html").write_text(html, "ascii")
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "page.html").as_uri())
    assert not errors
    page.wait_for_function("document.title !== '-'")
    assert page.title() == "0 of 24 differ"
    page.close()
