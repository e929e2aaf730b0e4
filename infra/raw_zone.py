"""The part of template.yaml that follows from the record contract: a stream and a raw table for each dataset."""

import inspect
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

from loader.record import Bar, CorporateAction, DailyBar, Stamp, bar_line, corporate_action_line, daily_bar_line
from loader.settings import DATASETS

TEMPLATE = Path(__file__).parent / "template.yaml"
_MARKS = re.compile(r"(?<=  # ---- generated)([^\n]*\n).*?(?=# ---- end of generated)", re.DOTALL)

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
    """Return the generated part: per dataset an optional Kinesis stream, a Firehose stream and a raw table."""
    fields = record_fields()
    parts = []
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
    """Return the template with its generated part renewed."""
    return _MARKS.sub(lambda match: match[1] + render(), template)


if __name__ == "__main__":
    TEMPLATE.write_text(renew(TEMPLATE.read_text()))
