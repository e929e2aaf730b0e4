"""The sink that the settings name; AWS's library is imported only for a stream."""

from loader.settings import Settings
from loader.sinks import Sink
from loader.sinks.folder import FolderSink
from tickerlake.errors import UserError


def sink_from_settings(settings: Settings) -> Sink:
    """Return the sink. boto3 reads credentials, region and endpoint itself (AWS_… variables, a role).

    Raises UserError when boto3 cannot make a client.
    """
    if settings.sink == "folder":
        return FolderSink(settings.lake)
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    from loader.sinks.stream import FirehoseService, KinesisService, StreamSink

    single_attempt = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
    try:
        if settings.sink == "firehose":
            return StreamSink(FirehoseService(boto3.client("firehose", config=single_attempt)), dict(settings.streams))
        return StreamSink(KinesisService(boto3.client("kinesis", config=single_attempt)), dict(settings.streams))
    except BotoCoreError as error:
        raise UserError(f"cannot use sink '{settings.sink}': {error}; check the AWS_… variables") from None
