"""Interface between training and serving: the files of a model directory, and the engine that runs its network."""
