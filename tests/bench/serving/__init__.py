"""Serving benchmarks: comparison with an earlier commit and with peers, endurance, large bodies.

__main__.py    comparison of all servers: `make bench-serving`
endurance.py   memory over 200,000 requests, then overload: `make bench-endurance`
large.py       100,000 large bodies, none of which may be lost: `make bench-large`

servers.py     how each server is started          peers/      the peers' programs, in the benchmark's image
baseline.py    an earlier commit's image           bodies.py   the requests and the expected answers
containers.py  containers, pinned to a core        load.py     h2load and client/, on another core
measure.py     one server in one round             results/    tables, plots, and targets, met or not
"""
