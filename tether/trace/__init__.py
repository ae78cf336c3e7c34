"""The first authentication of a remote's proxy to an external istiod, played for real and recorded."""

from tether.trace.run import play

__all__ = ["play"]
