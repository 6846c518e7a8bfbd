"""Closed-loop client that follows every request to its end: large HTTP bodies, or WebSocket messages.

    connections, each: prebuilt request -> answer -> next request, until the time is over and enough are sent
        -> JSON: requests answered, lost and by status, latencies, and how often each distinct answer came

h2load abandons all that a connection has left once it is reset, and looks at no answer. One thread with epoll; it runs
in the bench's image, with the standard library alone: python -m client '{"port": 8080, "body": "/bodies/npy", ...}'
"""
