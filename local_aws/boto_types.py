"""Types of the AWS clients used here and of what they return; they exist for the type checker only."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_firehose.client import FirehoseClient
    from mypy_boto3_firehose.type_defs import ExtendedS3DestinationDescriptionTypeDef as S3Destination
    from mypy_boto3_glue.client import GlueClient
    from mypy_boto3_glue.type_defs import ColumnOutputTypeDef as GlueColumn
    from mypy_boto3_glue.type_defs import DatabaseTypeDef as GlueDatabase
    from mypy_boto3_glue.type_defs import TableTypeDef as GlueTable
    from mypy_boto3_s3.client import S3Client
else:
    FirehoseClient = S3Destination = GlueClient = GlueColumn = GlueDatabase = GlueTable = S3Client = Any

__all__ = ["FirehoseClient", "GlueClient", "GlueColumn", "GlueDatabase", "GlueTable", "S3Client", "S3Destination"]
