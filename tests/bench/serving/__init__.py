"""This server, an earlier commit's and its peers side by side (`make bench-serving`), and what it endures.

    servers.py     how each server is started          peers/      the peers' few lines, run in the bench's image
    baseline.py    an earlier commit's image           bodies.py   the requests and their answers
    containers.py  docker, pinned to a core            load.py     h2load and client/, from another core
    measure.py     one server, one round               targets.py  what is asked, met or not
    report.py      tables, with figures.py, plot.py

    endurance.py   memory over 200,000 requests, then too many of them: `make bench-endurance`
    large.py       100,000 large bodies, of which none may be lost: `make bench-large`

Each of the three has its options in `--help`.
"""
