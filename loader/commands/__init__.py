"""The commands of `python -m loader`, one file each. They need click, which the Lambda package does not have."""
