"""What the commands return, as plain values: the source of every output format.

Standard library only. The field names and their order are those of the JSON records; fields are
added, never renamed or removed within a schema version.
"""
