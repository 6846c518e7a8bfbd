"""Holds any image against SageMaker's container contract, point by point.

    image, payload, data  ->  Subject
    Subject  ->  scenarios, each one run of a container or one look at the image  ->  Findings, one a point
    Findings ->  table, JSON, JUnit XML, HTML

Nothing in here knows the package that this project's own image holds: it sees an image, files, signals and a port.
"""
