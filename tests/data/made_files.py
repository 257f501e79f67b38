"""Files in place of those that experiments look for in JAXDL_DATA_DIR."""

from tests.data.files.made_omniglot import write_omniglot
from tests.data.tables.made_table import write_table
from tests.language.made_vectors import write_vectors


def write_files(folder):
    """Writes all of them below `folder`."""
    write_omniglot(folder / "omniglot")
    write_vectors(folder / "glove50")
    write_table(folder / "diabetes.csv.gz")
