"""The sink that the settings ask for; AWS's library is imported only when a stream is asked for."""

from loader.settings import Settings
from loader.sinks import Sink
from loader.sinks.folder import FolderSink


def sink(settings: Settings) -> Sink:
    """Build the sink. Credentials, region and endpoint are boto3's own business (AWS_… variables, a role)."""
    if settings.sink == "folder":
        return FolderSink(settings.lake)
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    from loader.sinks.stream import Firehose, Kinesis, StreamSink
    from tickerlake.errors import UserError

    once = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
    try:
        if settings.sink == "firehose":
            return StreamSink(Firehose(boto3.client("firehose", config=once)), dict(settings.streams))
        return StreamSink(Kinesis(boto3.client("kinesis", config=once)), dict(settings.streams))
    except BotoCoreError as error:
        raise UserError(f"cannot use sink '{settings.sink}': {error}") from None
