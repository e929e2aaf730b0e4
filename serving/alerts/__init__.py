"""The hot path: bars from the stream into DynamoDB, their signals to SNS, once each, by the marts' definitions."""
