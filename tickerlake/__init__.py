"""What every package here may use: the error that users meet, the frame of a command line, the lake on disk."""
