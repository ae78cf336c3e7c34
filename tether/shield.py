"""Keeps secrets out of what nobody words beforehand: log records and crash messages."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from tether.redact import redact


def put_up(known: Callable[[], Iterable[str]] = tuple, advice: str = "") -> None:
    """Mask every record of every logger, and every traceback that would end the process or a thread.

    Args:
        known: gives secrets that only their value tells; asked when something is said.
        advice: last words of a crash message.
    """

    def masked(text: str) -> str:
        return redact(text, *known())

    def crashed(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
        told = masked("".join(traceback.format_exception(kind, error, where)))
        sys.stderr.write(told + (f"{advice}\n" if advice else ""))

    logging.setLogRecordFactory(_factory(masked))
    sys.excepthook = crashed
    threading.excepthook = lambda of: crashed(of.exc_type, of.exc_value, of.exc_traceback)


def _factory(masked: Callable[[str], str]) -> Callable[..., logging.LogRecord]:
    formatter = logging.Formatter()

    def record(*arguments: Any, **named: Any) -> logging.LogRecord:
        made = logging.LogRecord(*arguments, **named)
        made.msg, made.args = masked(made.getMessage()), None
        if made.exc_info and made.exc_info[0]:
            # Every formatter takes the text that is already there.
            made.exc_text = masked(formatter.formatException(made.exc_info))
        return made

    return record
