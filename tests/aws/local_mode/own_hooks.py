"""SDK v2's Model with an entry_point in local mode; test_sagemaker_local runs it in the SDK's environment.

python -m tests.aws.local_mode.own_hooks IMAGE MODEL.tar.gz SOURCE_DIR ENTRY_POINT PORT
-> the endpoint's answer to one black image
"""

import sys

from scripts.aws import local_mode
from scripts.aws.session import PREFIX, quiet_sdk


def main(image: str, model_data: str, source_dir: str, entry_point: str, port: str) -> None:
    quiet_sdk()
    from sagemaker.deserializers import BytesDeserializer  # noqa: PLC0415 # after quiet_sdk
    from sagemaker.model import Model  # noqa: PLC0415 # as above
    from sagemaker.predictor import Predictor  # noqa: PLC0415 # as above
    from sagemaker.serializers import CSVSerializer  # noqa: PLC0415 # as above

    with local_mode.container_root(image) as folder:
        session = local_mode.local_session(folder, int(port))
        model = Model(
            image_uri=image,
            model_data=f"file://{model_data}",
            role=local_mode.ROLE,
            name=PREFIX,
            entry_point=entry_point,
            source_dir=source_dir,
            code_location="s3://not-used/in-local-mode",  # otherwise the SDK asks AWS for a bucket
            predictor_cls=Predictor,
            sagemaker_session=session,
        )
        try:
            predictor = model.deploy(1, "local", serializer=CSVSerializer(), deserializer=BytesDeserializer())
            print("answer:", predictor.predict([0] * 1024).decode())  # noqa: T201 # the test reads it
        finally:
            session.delete_endpoint(PREFIX)
            session.delete_endpoint_config(PREFIX)
            session.delete_model(PREFIX)


if __name__ == "__main__":
    main(*sys.argv[1:])
