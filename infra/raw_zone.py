"""The parts of template.yaml that follow from something else.

From the record contract: a stream and a raw table for each dataset. From dbt's schemas: the pattern of the parameter
Schema, and the databases that the transformation job may write.
"""

import inspect
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

from infra.databases import base_pattern, database_names
from loader.record import Bar, CorporateAction, DailyBar, Stamp, bar_line, corporate_action_line, daily_bar_line
from loader.settings import DATASETS

TEMPLATE = Path(__file__).parent / "template.yaml"
_MARKS = re.compile(r"(?<=  # ---- generated)([^\n]*\n).*?(?=# ---- end of generated)", re.DOTALL)

_PATTERN = re.compile(r'(?<=    AllowedPattern: ")[^"\n]*(?="  # generated)')
_GLUE = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}"

_CATALOG_POLICY = """\
  CatalogPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: The transformation job's access to the databases of this deployment, each by its name.
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action:
              ["glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchDeleteTable",
               "glue:BatchGetPartition", "glue:CreateDatabase", "glue:CreateTable", "glue:DeleteTable",
               "glue:DeleteTableVersion", "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions",
               "glue:GetTable", "glue:GetTableVersions", "glue:GetTables", "glue:UpdateTable"]
            Resource:
              - !Sub "{glue}:catalog"
{databases}
          # Athena requires both on `default` with every statement, and dbt lists the databases' names
          - Effect: Allow
            Action: ["glue:CreateDatabase"]
            Resource:
              - !Sub "{glue}:catalog"
              - !Sub "{glue}:database/default"
          - Effect: Allow
            Action: ["glue:GetDatabase", "glue:GetDatabases"]
            Resource:
              - !Sub "{glue}:catalog"
              - !Sub "{glue}:database/*"
"""
_STREAM = """\
  {name}KinesisStream:
    Type: AWS::Kinesis::Stream
    Condition: HasKinesis
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Metadata:
      checkov: {{skip: [{{id: CKV_AWS_43, comment: "encrypted with AWS's own key unless UseCustomerKey is true"}}]}}
    Properties:
      ShardCount: !Ref KinesisShards
      RetentionPeriodHours: 24
      StreamEncryption: {{EncryptionType: KMS, KeyId: !If [HasCustomerKey, !GetAtt Key.Arn, alias/aws/kinesis]}}
  {name}StreamLog:
    Type: AWS::Logs::LogStream
    Properties: {{LogGroupName: !Ref StreamLogs, LogStreamName: {dataset}}}
  {name}Stream:
    Type: AWS::KinesisFirehose::DeliveryStream
    Metadata:
      checkov:
        skip:
          - {{id: CKV_AWS_240, comment: "encrypted with AWS's own key; behind Kinesis, by the stream's encryption"}}
          - {{id: CKV_AWS_241, comment: "as CKV_AWS_240; UseCustomerKey puts a customer's key on the bucket"}}
    Properties:
      DeliveryStreamType: !If [HasKinesis, KinesisStreamAsSource, DirectPut]
      KinesisStreamSourceConfiguration:
        !If
        - HasKinesis
        - {{KinesisStreamARN: !GetAtt {name}KinesisStream.Arn, RoleARN: !GetAtt StreamRole.Arn}}
        - !Ref AWS::NoValue
      DeliveryStreamEncryptionConfigurationInput: !If [HasKinesis, !Ref AWS::NoValue, {{KeyType: AWS_OWNED_CMK}}]
      ExtendedS3DestinationConfiguration:
        BucketARN: !GetAtt RawBucket.Arn
        RoleARN: !GetAtt StreamRole.Arn
        Prefix: raw/{dataset}/dt=!{{timestamp:yyyy-MM-dd}}/hr=!{{timestamp:HH}}/
        ErrorOutputPrefix: errors/{dataset}/!{{firehose:error-output-type}}/dt=!{{timestamp:yyyy-MM-dd}}/
        CustomTimeZone: UTC
        CompressionFormat: GZIP
        FileExtension: .ndjson.gz
        BufferingHints: {{IntervalInSeconds: !Ref BufferSeconds, SizeInMBs: 64}}
        CloudWatchLoggingOptions: {{Enabled: true, LogGroupName: !Ref StreamLogs, LogStreamName: !Ref {name}StreamLog}}
"""
_TABLE = """\
  {name}Table:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref RawDatabase
      TableInput:
        Name: {dataset}
        Description: {description}
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          projection.enabled: "true"
          projection.dt.type: date
          projection.dt.format: yyyy-MM-dd
          projection.dt.range: !Sub "${{RawBegins}},NOW+1DAYS"
          projection.dt.interval: "1"
          projection.dt.interval.unit: DAYS
          storage.location.template: !Sub "s3://${{RawBucket}}/raw/{dataset}/dt=${{!dt}}/"
          record_fields: >-
            {fields}
        PartitionKeys: [{{Name: dt, Type: string, Comment: UTC date of arrival}}]
        StorageDescriptor:
          Location: !Sub "s3://${{RawBucket}}/raw/{dataset}/"
          InputFormat: org.apache.hadoop.mapred.TextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
          Columns: [{{Name: line, Type: string, Comment: The line as received; parsed in staging}}]
          SerdeInfo:
            SerializationLibrary: org.apache.hadoop.hive.serde2.RegexSerDe
            Parameters: {{input.regex: ^(.*)$}}
"""


def record_fields() -> dict[str, list[str]]:
    """Return the fields of each dataset's line, in the order in which the loader writes them.

    The run ledger (`loader_runs`) has no contract of bars; its fields are those of docs/first-real-day.md.
    """
    stamp = Stamp(datetime(2026, 1, 1, tzinfo=UTC), "", "")
    lines = {
        "bars": bar_line(_blank(Bar), stamp, 1),
        "daily_bars": daily_bar_line(_blank(DailyBar), stamp, 1),
        "corporate_actions": corporate_action_line(_blank(CorporateAction), stamp, 1),
    }
    return {dataset: list(json.loads(line)) for dataset, line in lines.items()}


def _blank(record: Any) -> Any:
    return record(*[None] * len(inspect.signature(record).parameters))


def render() -> str:
    """Return the generated part: the catalogue's policy; for each dataset the streams and the raw table."""
    fields = record_fields()
    databases = [
        f'              - !Sub "{_GLUE}:{kind}"'
        for name in database_names("${Schema}")
        for kind in (f"database/{name}", f"table/{name}/*")
    ]
    parts = [_CATALOG_POLICY.format(glue=_GLUE, databases="\n".join(databases))]
    for dataset in DATASETS:
        values = {
            "dataset": dataset,
            "name": "".join(word.capitalize() for word in dataset.split("_")),
            "fields": "\n            ".join(wrap(" ".join(fields.get(dataset, ["schema_version"])), 150)),
            "description": f"Lines of {dataset.replace('_', ' ')}, by hour of arrival",
        }
        parts.append(_STREAM.format(**values) + _TABLE.format(**values))
    return "".join(parts)


def renew(template: str) -> str:
    """Return the template with its generated parts renewed."""
    return _MARKS.sub(lambda match: match[1] + render(), _PATTERN.sub(lambda _: base_pattern(), template))


if __name__ == "__main__":
    TEMPLATE.write_text(renew(TEMPLATE.read_text()))
