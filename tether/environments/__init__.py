"""Environments that end by themselves: how long they live, whose they are, where their things lie."""
