"""HF1000-HF1049: reading and decoding what a repository says (floor `declare`)."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = {
    "HF1000": Explanation(
        title="Several errors",
        meaning="More than one thing is wrong with what the repository says. Nothing was changed: the last good revision stays in force.",
        cause="Each error is listed with its own code, file, line and column.",
        next_step="Mend all of them and commit once. `holdfast render PATH` shows the same list before you push.",
    ),
    "HF1001": Explanation(
        title="Not UTF-8",
        meaning="A declaration file holds bytes that are no UTF-8 text.",
        cause="The file was saved in another encoding, such as UTF-16 or Latin-1, or it is no text at all.",
        next_step="Save it as UTF-8. If it is no declaration, move it out of the Application's path.",
    ),
    "HF1002": Explanation(
        title="Control character",
        meaning="A declaration file holds a character that YAML and JSON forbid in text, such as NUL or an escape.",
        cause="A binary file with the name of a declaration, or something pasted from a terminal.",
        next_step="Remove the character, or write it as an escape within double quotes.",
    ),
    "HF1003": Explanation(
        title="File too large",
        meaning="A declaration file is larger than a declaration may be.",
        cause="Usually data that is no declaration, or a generated file.",
        next_step="Split the file, or keep the data elsewhere and refer to it.",
    ),
    "HF1004": Explanation(
        title="YAML syntax",
        meaning="The text is no YAML from the place shown on. Other documents and files were still read.",
        cause="Mostly indentation, a tab, an open quote or bracket, or a value with ': ' that needs quotes.",
        next_step="Look at the line shown and the one before it.",
    ),
    "HF1005": Explanation(
        title="JSON syntax",
        meaning="The text is no JSON from the place shown on.",
        cause="Mostly a comma too many, single quotes, a comment, or a missing bracket.",
        next_step="Mend the place shown; where comments are wanted, write YAML.",
    ),
    "HF1006": Explanation(
        title="Key stands twice",
        meaning="A mapping has the same key twice. Readers differ on which one counts, so neither is taken.",
        cause="A block was copied, or two people added the same key.",
        next_step="Keep one of the two places shown.",
    ),
    "HF1007": Explanation(
        title="Key is no text",
        meaning="A key of a mapping is a number, a boolean, null, a list or a mapping.",
        cause="An unquoted key such as 80, on or null; or a template that was not rendered.",
        next_step="Write the key in quotes.",
    ),
    "HF1008": Explanation(
        title="Tag not read",
        meaning="A value carries a YAML tag that asks the reader to make something special of it.",
        cause="!!binary, !!timestamp, !reset and language tags are not part of what declarations may say.",
        next_step="Write the plain value without the tag.",
    ),
    "HF1009": Explanation(
        title="Nested too deep",
        meaning="Lists and mappings stand within each other deeper than any declaration needs.",
        cause="A generated or hostile file, or aliases that nest.",
        next_step="Flatten the document.",
    ),
    "HF1010": Explanation(
        title="Aliases expand too far",
        meaning="The document is small, but its aliases would make it huge.",
        cause="Aliases of aliases (the 'billion laughs' attack), or very wide anchors.",
        next_step="Write the values out, or use fewer aliases.",
    ),
    "HF1011": Explanation(
        title="Alias without anchor",
        meaning="An alias names an anchor that does not stand before it in the same document, or stands within itself.",
        cause="A typing error, an anchor further down, or in another document of the file; or a value that begins with * and needs quotes.",
        next_step="Define the anchor before its first use, or quote the value.",
    ),
    "HF1012": Explanation(
        title="Too many documents",
        meaning="One file holds more documents than are read from a file.",
        cause="Usually generated output.",
        next_step="Split the file.",
    ),
    "HF1013": Explanation(
        title="Key too long",
        meaning="A key is longer than a key may be.",
        cause="Usually text that was meant as a value.",
        next_step="Shorten the key.",
    ),
    "HF1014": Explanation(
        title="Not a value that JSON can hold",
        meaning="A word reads as infinity, as no number, as a number beyond 64 bits, or does not fit its tag.",
        cause="Often an unquoted commit id such as 12e4567, which reads as a number.",
        next_step="Put the word in quotes if it is text.",
    ),
    "HF1015": Explanation(
        title="Merge needs a mapping",
        meaning="The key << brings in the keys of another mapping, but what stands there is none.",
        cause="An alias of a list or a scalar.",
        next_step="Name an anchor of a mapping, or a list of such.",
    ),
    "HF1016": Explanation(
        title="Number with a leading zero",
        meaning="0644 is octal in YAML 1.1 and decimal in YAML 1.2. Rather than guess, it is refused in Holdfast's own kinds.",
        cause="A file mode, a postcode or a number padded with zeros.",
        next_step='Write "0644" for the text, 0o644 for the octal number.',
    ),
    "HF1020": Explanation(
        title="Unknown field",
        meaning="A field is not known at this place. It is never silently ignored.",
        cause="A typing error, a wrong indentation, or a field of another kind or version.",
        next_step="Take the suggestion, or look at the kind's reference.",
    ),
    "HF1021": Explanation(
        title="Wrong value",
        meaning="A value is not of the type, or not in the form, that the field takes.",
        cause="Often a number or boolean where text is expected, or a duration without its unit.",
        next_step="Write what the message expects; text that looks like a number goes in quotes.",
    ),
    "HF1022": Explanation(
        title="Missing field",
        meaning="A field that has no default is not there.",
        cause="It was forgotten, or stands at another indentation.",
        next_step="Add the field.",
    ),
    "HF1023": Explanation(
        title="Not one of the choices",
        meaning="A field takes one of a few words, and this is none of them.",
        cause="A typing error, or another tool's word for it.",
        next_step="Write one of the words listed.",
    ),
    "HF1024": Explanation(
        title="Fields do not go together",
        meaning="Each field is sound by itself, but not beside the others.",
        cause="Two fields that exclude each other, or one that needs another.",
        next_step="The message names the fields.",
    ),
    "HF1030": Explanation(
        title="Not a resource",
        meaning="A document has neither apiVersion nor kind.",
        cause="A file of another tool with a name or place that is read as resources.",
        next_step="Give it the name its format asks for, or move it out of the Application's path.",
    ),
    "HF1031": Explanation(
        title="Generated name",
        meaning="metadata.generateName asks for a new name at each creation, so nothing in Git would name what runs.",
        cause="A manifest written for `kubectl create`.",
        next_step="Write metadata.name.",
    ),
}
