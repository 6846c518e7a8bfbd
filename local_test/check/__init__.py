"""Check of any image against SageMaker's container contract, point by point.

    image, payload, data  ->  Subject
    Subject  ->  scenarios, each runs a container or inspects the image  ->  Findings, one per point
    Findings ->  table, JSON, JUnit XML, HTML

The check imports nothing of the package in this project's own image. It uses an image, files, signals and a port.
"""
