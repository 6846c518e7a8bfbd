"""Layouts of data sets: each module finds the labelled images among listed files."""
