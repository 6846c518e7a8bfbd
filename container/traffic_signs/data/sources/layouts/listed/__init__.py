"""Layouts in which a file lists the images: a table, or COCO JSON."""
