"""The command line: ``tether up``, ``tether down``, ``tether env``."""
