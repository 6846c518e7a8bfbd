"""This server and its peers side by side (`make bench-serving`), and what it endures (`make bench-endurance`).

    servers.py     how each server is started          peers/     the peers' few lines, run in the bench's image
    bodies.py      the requests and their answers      load.py    h2load, from another core
    containers.py  docker, pinned to a core            report.py  table, statements, plot

`python -m tests.bench.serving --help` and `python -m tests.bench.serving.endurance --help` have the options.
"""
