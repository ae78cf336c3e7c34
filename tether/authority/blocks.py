"""PEM blocks as plain text."""

import re

BLOCK = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----[ \t]*\r?\n(?P<body>.*?)-----END (?P=label)-----[ \t]*(?:\r?\n|\Z)",
    re.DOTALL,
)
"""One block with its markers and the line break after it."""
