"""Figures beyond those of `experiments.figures`: one function each, a table in, a drawing out."""
