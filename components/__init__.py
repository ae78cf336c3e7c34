"""Pulumi components: one file, one noun.

No module here imports ``annotations`` from ``__future__``: Pulumi's schema analyser
reads the annotations as objects (pulumi/pulumi, provider/experimental/analyzer.py).
What a component's class annotates is its output in every language; what only Python can
hold, other components and the resources inside, its constructor assigns.
"""
