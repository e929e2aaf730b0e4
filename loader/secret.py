"""Secrets by the name of the place that stores them."""

from tickerlake.errors import UserError


def fetch_secret(place: str) -> str:
    """Read a secret from SSM or Secrets Manager. Raises UserError that names the place, never the secret."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    service, _, name = place.partition(":")
    try:
        if service == "ssm":
            return boto3.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        if service == "secretsmanager":
            return boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise UserError(
            f"cannot read the secret {place}: {type(error).__name__}; check its name and the role's permission"
        ) from None
    raise UserError(f"cannot read the secret '{place}': write ssm:/name or secretsmanager:name")
