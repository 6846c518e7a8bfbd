"""mosec: its HTTP front in Rust, one worker, batches of up to 16."""

import numpy as np
from model import Network, decode, encode
from mosec import Runtime, Server, Worker


class Signs(Worker):
    resp_mime_type = "application/json"

    def __init__(self) -> None:
        self.network = Network()

    def deserialize(self, data: bytearray) -> np.ndarray:
        return decode(data)

    def forward(self, data: list[np.ndarray]) -> list[np.ndarray]:
        # one by one: a batch gains nothing on a CPU, and a tensor of another size at every call costs
        return [self.network.run(pixels) for pixels in data]

    def serialize(self, data: np.ndarray) -> bytes:
        return encode(data)


if __name__ == "__main__":
    server = Server()
    server.register_runtime({"/invocations": [Runtime(Signs, max_batch_size=16, max_wait_time=1, timeout=60)]})
    server.run()
