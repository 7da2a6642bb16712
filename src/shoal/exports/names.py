"""Names, classes and words of a table in other languages: nothing of them is ever executed."""

import keyword
import re
from collections.abc import Iterable, Sequence

# Of C11, C++20 and JavaScript.
RESERVED_WORDS = """
    alignas alignof and and_eq asm auto await bitand bitor bool break case catch char class co_await
    co_return co_yield compl concept const const_cast consteval constexpr constinit continue debugger
    decltype default delete do double dynamic_cast else enum eval explicit export extends extern false
    finally float for friend function goto if implements import in inline instanceof int interface
    let long main mutable namespace new noexcept not not_eq null nullptr operator or or_eq package
    private protected public register reinterpret_cast requires restrict return short signed sizeof
    static static_assert static_cast struct super switch template this thread_local throw true try
    typedef typeid typename typeof union unsigned using var virtual void volatile wchar_t while with
    xor xor_eq yield linux unix near far errno NAN NULL
"""
RESERVED = frozenset(RESERVED_WORDS.split())
LONGEST = 40


def identifier(name: str) -> str:
    """A name that C, C++, Python and JavaScript take, like this one."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:LONGEST] or "x"
    if word[0].isdigit():
        word = f"x{word}"
    return f"{word}_" if word in RESERVED or keyword.iskeyword(word) else word


def identifiers(names: Iterable[str]) -> list[str]:
    """An identifier for each name; no two are the same."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        word = base = identifier(name)
        count = 2
        while word in taken:
            word, count = f"{base}_{count}", count + 1
        taken.add(word)
        found.append(word)
    return found


def comment(text: str) -> str:
    """The text for a comment of any language: letters, digits, blanks and some marks."""
    shown = "".join(c if re.match(r"[A-Za-z0-9 _.,;:()=+]", c) else f"<{ord(c):x}>" for c in text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def utf8(text: str) -> bytes:
    """The bytes of a text; half a surrogate pair is kept as it is."""
    return text.encode("utf-8", "surrogatepass")


def literal_of_c(text: str) -> str:
    """The text for an initialiser in C: an array where ISO C allows no literal of that length."""
    data = utf8(text)
    if len(data) > 1000:  # C99 promises 4095 characters, and an escape has 4
        signed = [byte - 256 if byte > 127 else byte for byte in [*data, 0]]
        return f"(const char[]){{{', '.join(map(str, signed))}}}"
    plain = re.compile(rb"[A-Za-z0-9 _.,;:()=+-]")
    parts = [chr(b) if plain.match(bytes([b])) else f"\\{b:03o}" for b in data]
    return f'"{"".join(parts)}"'


def literal_of_javascript(text: str) -> str:
    """The text as a string in JavaScript, in ASCII, without what HTML or a template could end."""
    units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H").tolist()
    plain = re.compile(r"[A-Za-z0-9 _.,;:()=+]")
    return f'"{"".join(chr(u) if plain.match(chr(u)) else f"{chr(92)}u{u:04x}" for u in units)}"'


def wrapped(items: Sequence[str], indent: str = "    ", width: int = 100) -> str:
    """Items with commas, in lines of that width."""
    lines, line = [], indent
    for item in items:
        piece = f"{item}, "
        if len(line) + len(piece) > width and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += piece
    return "\n".join([*lines, line.rstrip()])
