"""Pulumi components: one file, one noun.

No module here imports ``annotations`` from ``__future__``: Pulumi's schema analyser
reads the annotations as objects (pulumi/pulumi, provider/experimental/analyzer.py).
"""
