"""Every limit of an import in one place; docs/import.md states them and tests hold them."""

from core import storable

MIB = 1024 * 1024

MAX_FILE_BYTES = 4096 * MIB  # after decompression
MAX_RATIO = 200  # decompressed : compressed, looked at once more than RATIO_FROM came out
RATIO_FROM = 32 * MIB
MAX_ZIP_DIRECTORY = MIB  # bytes of a zip file's list of its members, of which there is to be one
MAX_RECORD_BYTES = 4 * MIB  # one record: a line of JSONL, a row of a JSON list or of a table
MAX_TEXT = 200_000  # characters of one message, answer or passage: what the bench accepts as a correction
MAX_DEPTH = storable.MAX_DEPTH  # nesting of one record
MAX_COLUMNS = 300
MAX_TURNS = 1000  # messages of one record
MAX_ANSWERS = 10  # the bench shows letters A to J
MAX_SOURCES = 50
MAX_ID = 200  # characters of an id, a model's or a column's name
MAX_METADATA_VALUE = 4000  # characters, as JSON, of a column kept as metadata; longer ones are left out
MAX_NODES = 5000  # messages of one tree
MAX_CONTROL_SHARE = 0.05  # of the first megabyte: above it the file is not text
PARQUET_BATCH = 64  # rows in memory at a time
PARQUET_BATCH_BYTES = 16 * MIB  # of them at once; where they are larger, one
MAX_PARQUET_VALUES = 20_000_000  # in the lists of one column of a row group: a row may hold all of them
MAX_PARQUET_CHUNK = 1024 * MIB  # uncompressed bytes of one column chunk
PARQUET_MEMORY = 256 * MIB  # of the process that unpacks, its libraries' code not counted

CHUNK = MIB  # read at a time
EVIDENCE = MIB  # of text with non-ASCII characters, to tell its encoding by
SAMPLE_ROWS = 50  # looked at to tell the format
# looked at to tell what the numbers of judgements stand for, where the file is not looked at whole
JUDGED_ROWS = 10_000
SHOWN_ROWS = 5  # kept in Inspection.sample
SHOWN_TEXT = 500  # characters of a shown text
