"""HF13xx: the edge: reading nginx files, Sites, certificates and the configuration that joins them."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = {
    "HF1300": Explanation(
        title="An nginx file cannot be read",
        meaning="The file breaks the syntax of nginx at the place shown; nginx would not start with it.",
        cause="A semicolon, brace or quote is missing, or stands where none belongs.",
        next_step="Mend the file at the place shown.",
    ),
    "HF1301": Explanation(
        title="An nginx file is too large",
        meaning="The file has more bytes, or blocks nested deeper, than is read.",
        cause="It was generated without end, or it is no configuration.",
        next_step="Split it into files that include each other, or name the right file.",
    ),
}
