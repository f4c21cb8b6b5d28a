"""Fixtures of the servers that the tests of this folder share."""

pytest_plugins = ["radosgw", "s3_faults"]
