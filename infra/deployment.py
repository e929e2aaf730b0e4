"""Deploy, look at, run and remove a deployment through AWS's API. Credentials and region are boto3's own business."""

import io
import json
import re
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from ulid import ULID

from infra.template import load
from loader import package
from pipeline.athena_cost import Prices
from pipeline.job import FOLDER
from serving.api import package as api_package
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

Client = Callable[[str], Any]
_DONE = ("SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT")
_POLL_SECONDS = 5.0
_NOT_THE_JOBS = re.compile(r"(docs|local_aws|tests/(?!warehouse/.*\.sql))")


@dataclass(frozen=True)
class Deployment:
    """One environment, such as `dev`: its stack `tickerlake-dev`, its Glue databases `tickerlake_dev_…`."""

    name: str
    client: Client = boto3.client  # type: ignore[assignment]
    say: Callable[[str], object] = print
    known: Mapping[str, str] = field(default_factory=dict)
    """The stack's outputs where no stack is asked for them."""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return f"tickerlake-{self.name}"

    def outputs(self) -> Mapping[str, str]:
        """Give the stack's outputs. Raises UserError when there is no such stack."""
        if self.known:
            return self.known
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError as error:
            raise UserError(f"no stack {self.stack}: {error.response['Error'].get('Message', '')}") from None
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def deploy(self, parameters: Mapping[str, str]) -> None:
        """Upload the archives, and bring the stack to the template; parameters not given stay as they are.

        Raises UserError with CloudFormation's reason.
        """
        cloudformation = self.client("cloudformation")
        bucket = self.artifact_bucket()
        kept = self._kept_parameters(cloudformation)
        serves = {**(kept or {}), **parameters}.get("Api") == "true"
        given = {"Schema": self.stack.replace("-", "_"), **parameters, **self.archives(bucket, has_api=serves)}
        template = self.upload(bucket, json.dumps(load()).encode(), "json")
        change = f"deploy-{ULID()}".lower()
        cloudformation.create_change_set(
            StackName=self.stack,
            ChangeSetName=change,
            ChangeSetType="UPDATE" if kept is not None else "CREATE",
            TemplateURL=f"https://{bucket}.s3.{cloudformation.meta.region_name}.amazonaws.com/{template}",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]
            + [{"ParameterKey": k, "UsePreviousValue": True} for k in (kept or {}) if k not in given],
        )
        try:
            cloudformation.get_waiter("change_set_create_complete").wait(StackName=self.stack, ChangeSetName=change)
            cloudformation.execute_change_set(StackName=self.stack, ChangeSetName=change)
            waiter = "stack_create_complete" if kept is None else "stack_update_complete"
            cloudformation.get_waiter(waiter).wait(StackName=self.stack)
        except WaiterError as error:
            reason = str((error.last_response or {}).get("StatusReason", error))
            if "didn't contain changes" not in reason and "No updates" not in reason:
                raise UserError(f"{self.stack}: {reason}") from None
            self.say("nothing to change")
        for name, value in sorted(self.outputs().items()):
            self.say(f"{name}: {value}")

    def _kept_parameters(self, cloudformation: Any) -> dict[str, str] | None:
        try:
            (found,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError:
            return None
        known = load()["Parameters"]
        return {
            one["ParameterKey"]: one["ParameterValue"]
            for one in found.get("Parameters", [])
            if one["ParameterKey"] in known
        }

    def artifact_bucket(self) -> str:
        """Give the account's bucket for archives in this region, made where it is missing."""
        s3 = self.client("s3")
        account = self.client("sts").get_caller_identity()["Account"]
        name = f"tickerlake-artifacts-{account}-{s3.meta.region_name}"
        try:
            s3.head_bucket(Bucket=name)
        except ClientError:
            where = {} if s3.meta.region_name == "us-east-1" else {"LocationConstraint": s3.meta.region_name}
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
            closed = dict.fromkeys(
                ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
            )
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        return name

    def archives(self, bucket: str, *, has_api: bool = False) -> dict[str, str]:
        """Upload the archives of loader, project and, on demand, API, named by their hash; gives their parameters."""
        contents = {"LoaderKey": loader_archive(), "ProjectKey": project_archive()}
        if has_api:
            contents["ApiKey"] = api_archive()
        return {"ArtifactBucket": bucket, **{n: self.upload(bucket, one, "zip") for n, one in contents.items()}}

    def upload(self, bucket: str, content: bytes, extension: str) -> str:
        """Put an archive under its hash; gives the key."""
        key = f"{sha256(content).hexdigest()[:32]}.{extension}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return key

    def loader_environment(self) -> dict[str, str]:
        """Give the variables with which `python -m loader` lands lines where the deployment's functions do."""
        found = self.outputs()
        datasets = {
            "BARS": "Bars",
            "DAILY_BARS": "DailyBars",
            "CORPORATE_ACTIONS": "CorporateActions",
            "LOADER_RUNS": "LoaderRuns",
        }
        streams = {f"TICKERLAKE_STREAM_{one}": found[f"Stream{name}"] for one, name in datasets.items()}
        return {"TICKERLAKE_SINK": found["Sink"], "TICKERLAKE_STATE_BUCKET": found["RawBucket"], **streams}

    def verify(self, wait: timedelta = timedelta(minutes=20)) -> bool:
        """Check the vendor's key, send one line through a stream until Athena finds it, look for who hears alarms.

        Says each answer in a line, and gives whether all are well.
        """
        found, checks = self.outputs(), {}
        if found["KeyParameter"] == "none":
            checks["vendor's key"] = "none needed"
        else:
            checks["vendor's key"] = self._key(found["KeyParameter"])
        checks["a line through the stream to Athena"] = self._line(found, wait)
        pages = self.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=found["Alarms"])
        heard = [one for page in pages for one in page["Subscriptions"] if one["SubscriptionArn"].startswith("arn:")]
        checks["who hears alarms"] = f"{len(heard)} confirmed" if heard else "NOBODY: set AlarmEmail, confirm its mail"
        for name, answer in checks.items():
            self.say(f"{name}: {answer}")
        return not any(answer.startswith(("NOBODY", "NO ", "NOT")) for answer in checks.values())

    def _key(self, name: str) -> str:
        try:
            value = self.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            return f"NOT readable: {name}: {error.response['Error']['Code']}"
        return "there" if value.strip() else f"NOT set: {name} is empty"

    def _line(self, found: Mapping[str, str], wait: timedelta) -> str:
        """Send one line of the run ledger, which no model reads, and ask Athena for it until it is there."""
        mark, began = str(ULID()), datetime.now(UTC)
        line = json.dumps({"schema_version": 1, "command": "verify", "run_id": mark}).encode() + b"\n"
        if found["Sink"] == "kinesis":
            self.client("kinesis").put_record(StreamName=found["StreamLoaderRuns"], Data=line, PartitionKey="verify")
        else:
            self.client("firehose").put_record(DeliveryStreamName=found["StreamLoaderRuns"], Record={"Data": line})
        sql = (
            f"select count(*) from {found['Schema']}_raw.loader_runs "  # noqa: S608 - the deployment's own names
            f"where dt >= '{began:%Y-%m-%d}' and line like '%{mark}%'"
        )
        while True:
            if self.query(sql, found["Workgroup"]) == "1":
                return f"there after {(datetime.now(UTC) - began).total_seconds():.0f} s"
            if datetime.now(UTC) - began > wait:
                return f"NOT there after {wait}: see the streams' log group"
            time.sleep(_POLL_SECONDS)

    def query(self, sql: str, workgroup: str) -> str:
        """Run a statement and give its first value. Raises UserError with Athena's reason."""
        athena = self.client("athena")
        started = athena.start_query_execution(QueryString=sql, WorkGroup=workgroup)["QueryExecutionId"]
        while True:
            status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.2)
        if status["State"] != "SUCCEEDED":
            raise UserError(f"Athena: {status.get('StateChangeReason', status['State'])}")
        rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
        return str(rows[1]["Data"][0].get("VarCharValue", "")) if len(rows) > 1 else ""

    def run(self, selector: str) -> bool:
        """Invoke the loader, then the transformation, and say what came of both. Gives whether both went well."""
        found, began = self.outputs(), datetime.now(UTC)
        answer = self.client("lambda").invoke(FunctionName=found["Loader"], Payload=b"{}")
        said = json.loads(answer["Payload"].read() or b"{}")
        if "FunctionError" in answer:
            self.say(f"loader: FAILED {said.get('errorType')}: {said.get('errorMessage')}")
            return False
        self.say(f"loader: {said.get('skipped') or str(said.get('confirmed')) + ' lines landed'}")
        codebuild = self.client("codebuild")
        started = codebuild.start_build(
            projectName=found["Transform"], environmentVariablesOverride=[{"name": "SELECTOR", "value": selector}]
        )["build"]["id"]
        while (build := codebuild.batch_get_builds(ids=[started])["builds"][0])["buildStatus"] not in _DONE:
            time.sleep(_POLL_SECONDS)
        self.say(f"transformation: {build['buildStatus']}")
        for line in self.summary(began):
            self.say(line)
        return bool(build["buildStatus"] == "SUCCEEDED")

    def summary(self, since: datetime) -> Iterator[str]:
        """Say what the newest record of the transformation holds, and what Athena scanned since then."""
        found = self.outputs()
        s3, athena = self.client("s3"), self.client("athena")
        listed = s3.list_objects_v2(Bucket=found["RawBucket"], Prefix=FOLDER).get("Contents", [])
        if listed:
            newest = max(listed, key=lambda one: one["LastModified"])["Key"]
            record = json.loads(s3.get_object(Bucket=found["RawBucket"], Key=newest)["Body"].read())
            for step in record["steps"]:
                yield f"  {step['name']}: {step['status']} in {step['seconds']} s {step['problem']}".rstrip()
            yield "  " + ", ".join(f"{name} {value}" for name, value in record["measured"].items())
        scanned, billed = scanned_since(athena, found["Workgroup"], since)
        yield f"  Athena: {scanned / 1e6:.1f} MB scanned, some {billed:.4f} dollars"

    def remove(
        self, *, deletes_data: bool, is_rehearsal: bool, deletes_stack: Callable[[], object] | None = None
    ) -> None:
        """Remove the stack and, when asked, everything that it and dbt left: buckets' versions, Glue databases.

        A rehearsal says what would go. Query results go in any case, since they expire by themselves.
        """
        found = self.outputs()
        emptied = [found["ResultsBucket"]]
        emptied += [found["RawBucket"], found["WarehouseBucket"]] if deletes_data else []
        databases = list(self.databases(found["Schema"])) if deletes_data else []
        for bucket in emptied:
            self.empty(bucket, is_rehearsal=is_rehearsal)
        for database in databases:
            self.say(f"{'would drop' if is_rehearsal else 'dropping'} database {database}")
            if not is_rehearsal:
                self.client("glue").delete_database(Name=database)
        self.say(f"{'would delete' if is_rehearsal else 'deleting'} stack {self.stack}")
        if is_rehearsal:
            return
        (deletes_stack or self._delete_stack)()
        for bucket in emptied[1:]:
            self.client("s3").delete_bucket(Bucket=bucket)
        if not deletes_data:
            self.say(f"kept: {found['RawBucket']}, {found['WarehouseBucket']}")

    def _delete_stack(self) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName=self.stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.stack)

    def databases(self, schema: str) -> Iterator[str]:
        """Give the databases of this deployment that dbt made: that of the template goes with the stack."""
        for page in self.client("glue").get_paginator("get_databases").paginate():
            for one in page["DatabaseList"]:
                if one["Name"].startswith(f"{schema}_") and one["Name"] != f"{schema}_raw":
                    yield one["Name"]

    def _versions(self, bucket: str) -> Iterator[dict[str, str]]:
        for page in self.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield {"Key": one["Key"], "VersionId": one["VersionId"]}

    def empty(self, bucket: str, *, is_rehearsal: bool = False) -> None:
        """Delete every version of every object. Raises UserError at the first that S3 refuses."""
        versions = list(self._versions(bucket))
        self.say(f"{'would delete' if is_rehearsal else 'deleting'} {len(versions)} versions in {bucket}")
        if is_rehearsal:
            return
        for start in range(0, len(versions), 1000):
            answer = self.client("s3").delete_objects(
                Bucket=bucket, Delete={"Objects": versions[start : start + 1000], "Quiet": True}
            )
            if answer.get("Errors"):
                raise UserError(f"{bucket}: {answer['Errors'][0].get('Message')}")


def scanned_since(athena: Any, workgroup: str, since: datetime) -> tuple[int, float]:
    """Give the bytes that a workgroup's statements scanned since an instant, and their price in dollars."""
    prices = Prices.read()
    scanned, billed = 0, 0
    for page in athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup):
        ids = page["QueryExecutionIds"]
        executions = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"] if ids else []
        ours = [one for one in executions if one["Status"]["SubmissionDateTime"] >= since]
        for one in ours:
            size = one.get("Statistics", {}).get("DataScannedInBytes", 0)
            scanned += size
            billed += prices.billed_bytes(one.get("SubstatementType", ""), one["Status"]["State"], size)
        if len(ours) < len(executions):  # the newest come first
            break
    return scanned, prices.dollars(billed)


def loader_archive() -> bytes:
    """Build the loader's Lambda package."""
    target = PROJECT / "target" / "loader.zip"
    package.build(target)
    return target.read_bytes()


def api_archive() -> bytes:
    """Build the API's Lambda package. Raises UserError when its parts cannot be had."""
    target = PROJECT / "target" / "api.zip"
    api_package.build(target)
    return target.read_bytes()


def project_archive() -> bytes:
    """Pack what the transformation job runs: every committed file. Raises UserError outside a clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)  # noqa: S607
    if listed.returncode:
        raise UserError("deploy from a clone: git lists what goes into the job's archive")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(one for one in listed.stdout.decode().split("\0") if one):
            path = Path(PROJECT) / name
            if path.is_file() and not _NOT_THE_JOBS.match(name):
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    return packed.getvalue()
