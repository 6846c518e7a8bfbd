"""Choice of a model's precision: float32, or int8 where it is faster.

    TRAFFIC_SIGNS_PRECISION    engine        model has int8    CPU has VNNI    -> computes in
    auto                       litert        yes               yes                int8
    auto                       any other case                                     float32
    float32                    any                                                float32
    int8                       litert        yes               any                int8

With VNNI, int8 takes a third of the time of `best` in float32; with AVX2 alone, a quarter more.
"""

from traffic_signs.errors import ArtifactError, SettingsError
from traffic_signs.model import artifact

_VARIABLE = "TRAFFIC_SIGNS_PRECISION"


def choose(requested: str, engine: str, model: artifact.Artifact, *, vnni: bool) -> tuple[str, str]:
    """Choose the precision that a model computes in.

    Args:
        requested: "auto", "float32" or "int8".
        engine: "litert" or "tensorflow".
        model: the model's description.
        vnni: the CPU has instructions for int8.

    Returns:
        "float32" or "int8", and the reason for the log.

    Raises:
        SettingsError: int8 is requested with TensorFlow.
        ArtifactError: int8 is requested, and the model does not have it.
    """
    if requested == "int8" and engine == "tensorflow":
        raise SettingsError(f"{_VARIABLE} = 'int8' with SERVING_ENGINE = 'tensorflow'; only litert computes in int8")
    if requested == "int8" and artifact.INT8 not in model.agreement:
        raise ArtifactError(
            f"{_VARIABLE} = 'int8', but the model has no {artifact.INT8}: it was trained by an earlier version, or int8"
            " was not accurate enough; set auto or float32"
        )
    if requested != "auto":
        return requested, f"{_VARIABLE} sets it"
    if engine == "tensorflow":
        return "float32", "the engine is TensorFlow"
    if artifact.INT8 not in model.agreement:
        return "float32", f"the model has no {artifact.INT8}"
    return ("int8", "the CPU has VNNI") if vnni else ("float32", "the CPU has no VNNI")
