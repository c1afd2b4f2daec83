"""Writes of imports: taking a file in, checking it dry, writing it in chunks, taking it back."""

from companies.imports.services.jobs import (
    import_advance,
    import_cancel,
    import_delete,
    import_fail,
    import_start,
)
from companies.imports.services.undoing import import_undo
from companies.imports.services.uploads import import_create, import_remap, mapping_forget

__all__ = [
    "import_advance",
    "import_cancel",
    "import_create",
    "import_delete",
    "import_fail",
    "import_remap",
    "import_start",
    "import_undo",
    "mapping_forget",
]
