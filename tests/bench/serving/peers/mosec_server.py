"""mosec: HTTP server in Rust, one worker, batches of up to 16.

The network runs the images of a batch one by one or, with BATCH=16, all at once.
"""

import os

import numpy as np
from model import Network, decode, encode
from mosec import Runtime, Server, Worker

_BATCH = int(os.environ.get("BATCH", "1"))


class Signs(Worker):
    resp_mime_type = "application/json"

    def __init__(self) -> None:
        # an interpreter for each batch size, because resizing an interpreter costs more than a batch saves
        self.networks = [Network() for _ in range(_BATCH)]

    def deserialize(self, data: bytearray) -> np.ndarray:
        return decode(data)

    def forward(self, data: list[np.ndarray]) -> list[np.ndarray]:
        if sum(map(len, data)) > _BATCH:
            return [self.networks[0].run(pixels) for pixels in data]
        found = self.networks[sum(map(len, data)) - 1].run(np.concatenate(data))
        return np.split(found, np.cumsum([len(pixels) for pixels in data])[:-1])

    def serialize(self, data: np.ndarray) -> bytes:
        return encode(data)


if __name__ == "__main__":
    server = Server()
    server.register_runtime({"/invocations": [Runtime(Signs, max_batch_size=16, max_wait_time=1, timeout=60)]})
    server.run()
