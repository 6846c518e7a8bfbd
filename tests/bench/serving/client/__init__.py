"""Closed-loop load generator that checks every request's outcome, for large HTTP bodies and WebSocket messages.

    connections, each: prebuilt request -> answer -> next request, until the time is over and the minimum is sent
        -> JSON: lost requests, requests by status, latencies, and the count of each distinct answer

h2load abandons the remaining requests of a connection that is reset, and does not check answers. This client is one
thread with epoll. It runs in the benchmark's image with the standard library only:
python -m client '{"port": 8080, "body": "/bodies/npy", ...}'
"""
