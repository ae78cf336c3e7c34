"""Simple commands in the text of a shell."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from tests.unit.documented.words import ANY, Words

_SUBSTITUTED: Final = re.compile(r"\$\(([^()]*)\)")
_TO_FILL_IN: Final = re.compile(r"<[A-Za-z][A-Za-z ]*>")
_STREAM: Final = re.compile(r"(?<=\s)\d(?=[<>])")
_ASSIGNED: Final = re.compile(r"\w+=.*", re.DOTALL)
_BEFORE_A_COMMAND: Final = {"!", "do", "else", "exec", "export", "if", "then", "time"}


def commands_in(text: str) -> Iterator[Words]:
    """Every simple command, also of command substitutions; without variables set for it and redirections."""
    for line in text.replace("\\\n", " ").splitlines():
        for inner in _SUBSTITUTED.findall(line):
            yield from commands_in(inner)
        yield from _of_line(_TO_FILL_IN.sub(ANY, _STREAM.sub("", _SUBSTITUTED.sub(ANY, line))))


def _of_line(line: str) -> Iterator[Words]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        tokens = list(lexer)
    except ValueError:  # a quote that ends on another line: text of an inner program
        return
    is_redirected = False
    for token in [*tokens, ";"]:
        if is_redirected:
            is_redirected = False
        elif set(token) <= set("<>&") and set(token) & set("<>"):
            is_redirected = True
        elif not set(token) <= set("();|&"):
            words.append(token)
        else:
            while words and (words[0] in _BEFORE_A_COMMAND or _ASSIGNED.fullmatch(words[0])):
                words.pop(0)
            if words:
                yield tuple(words)
            words = []
