"""Pieces of an HTML page. Whatever comes from a table is escaped here, and only here.

`Html` is text that is HTML already; every other value that a function takes is plain text.
"""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --grey: #667080;
  --faint: #d8dde3; --wash: #f3f5f8; --blue: #0072b2; --red: #c65300; --green: #00805d;
  --purple: #b0568a; --sky: #3d9bd6; --orange: #b87f00; }
@media (prefers-color-scheme: dark) { :root { --paper: #16191d; --ink: #e4e8ec; --grey: #9aa5b1;
  --faint: #3a414a; --wash: #20252b; --blue: #58b4ee; --red: #ff8b3d; --green: #3ecfa3;
  --purple: #e79ac4; --sky: #8accf5; --orange: #f0b840; } }
@media print { :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --grey: #555555;
  --faint: #cccccc; --wash: #f5f5f5; --blue: #0072b2; --red: #c65300; --green: #00805d;
  --purple: #b0568a; --sky: #3d9bd6; --orange: #b87f00; } }
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1.2rem; max-width: 64rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.4rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; border-bottom: 1px solid var(--faint); }
h3 { font-size: 1rem; margin: 1.4rem 0 0.4rem; }
p { max-width: 44rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
a { color: var(--blue); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--orange); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
.lead { font-size: 1.15rem; }
.quiet, figcaption, caption { color: var(--grey); font-size: 0.9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; list-style: none; padding: 0; }
.scroll { overflow-x: auto; margin: 0.6rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.3rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0;
  border-bottom: 1px solid var(--faint); overflow-wrap: break-word; min-width: 4rem; }
th { font-weight: 600; }
.numbers td { text-align: right; } .numbers thead th + th { text-align: right; }
.numbers tbody tr:first-child { font-weight: 600; } .numbers tbody th { overflow-wrap: anywhere; }
.numbers.plain tbody tr:first-child { font-weight: 400; }
.confusion td { background: color-mix(in srgb, var(--blue) var(--share), transparent);
  padding: 0.25rem 0.6rem; text-align: right; white-space: nowrap; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1rem 2rem; align-items: start; }
figure { margin: 0.6rem 0; max-width: 36rem; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; }
figure svg text { font-family: system-ui, sans-serif !important; }
.finding { border-left: 0.3rem solid var(--green); padding: 0.1rem 0 0.1rem 0.9rem;
  margin: 0.8rem 0; break-inside: avoid; }
.finding h3 { margin-top: 0.3rem; }
.finding.warning { border-color: var(--orange); } .finding.error { border-color: var(--red); }
pre { background: var(--wash); padding: 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: 0.9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
@media print { nav, .skip { display: none; } html { font-size: 10pt; }
  body { max-width: none; padding: 0; } .figures { grid-template-columns: 1fr 1fr; }
  figure svg { max-height: 20cm; }
  .scroll { overflow: visible; } h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }
"""


class Html(str):
    """Text that is HTML already."""


def text(value: object) -> Html:
    """The value, so that a browser shows it as it is; control characters are replaced by a sign."""
    if isinstance(value, Html):
        return value
    shown = "".join("\ufffd" if ord(c) < 32 and c not in "\t\n" else c for c in str(value))
    return Html(escape(shown.encode("utf-8", "replace").decode("utf-8"), quote=True))


def tag(name: str, *inside: object, **attributes: str) -> Html:
    """An element; an attribute called class_ is `class`, and aria_label `aria-label`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{''.join(map(text, inside))}</{name}>")


def paragraph(*inside: object, class_: str = "") -> Html:
    """A paragraph."""
    return tag("p", *inside, **({"class_": class_} if class_ else {}))


def table(
    caption: str,
    headings: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    class_: str = "",
) -> Html:
    """A table; the first cell of each row is its heading. Wide ones can be scrolled by keys."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(c if _is_cell(c) else tag("td", c) for c in row[1:]),
        )
        for row in rows
    ]
    whole = tag(
        "table",
        tag("caption", caption),
        tag("thead", head),
        tag("tbody", *body),
        **({"class_": class_} if class_ else {}),
    )
    return tag("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _is_cell(value: object) -> bool:
    return isinstance(value, Html) and value.startswith("<td")


def section(name: str, title: str, *inside: object) -> Html:
    """A part of the page, to which the list of contents leads."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *inside, id=name, aria_labelledby=f"{name}-title")


def page(title: str, lead: Html, sections: Sequence[tuple[str, str, Html]]) -> str:
    """The whole page. `sections` are (name, title, content); one without content is left out."""
    kept = [(name, heading, inside) for name, heading, inside in sections if inside]
    contents = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", heading, href=f"#{name}")) for name, heading, _ in kept)),
        aria_label="Contents",
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"{tag('title', title)}\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"{tag('a', 'To the content', href='#content', class_='skip')}\n"
        f"{tag('header', tag('h1', title), lead)}\n{contents}\n"
        f'<main id="content">\n'
        + "\n".join(section(name, heading, inside) for name, heading, inside in kept)
        + "\n</main>\n</body>\n</html>\n"
    )
