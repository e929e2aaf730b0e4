"""Alerts from the stream: bars go to DynamoDB, and each signal, defined as in the marts, goes to SNS once."""
