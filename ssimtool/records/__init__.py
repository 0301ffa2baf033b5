"""Results of the commands, as plain values: the source of every output format.

This package uses only the standard library. The field names and their order are those of the JSON
records. Within a schema version fields are added, never renamed or removed.
"""
