"""Types of the AWS clients used here and of what they return; they exist for the type checker only."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient
    from mypy_boto3_glue.type_defs import ColumnOutputTypeDef as GlueColumn
    from mypy_boto3_glue.type_defs import DatabaseTypeDef as GlueDatabase
    from mypy_boto3_glue.type_defs import TableTypeDef as GlueTable
else:
    GlueClient = GlueColumn = GlueDatabase = GlueTable = Any

# the development requirements have no stubs of these two
FirehoseClient: TypeAlias = Any
S3Client: TypeAlias = Any

__all__ = ["FirehoseClient", "GlueClient", "GlueColumn", "GlueDatabase", "GlueTable", "S3Client"]
