"""Lists of the files of a data set: in a folder, in a zip; their names made comparable."""
