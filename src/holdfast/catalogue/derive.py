"""HF12xx: declarations that are sound alone and not together, and paths that declare nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1200": Explanation(
            title="Declared twice",
            meaning="Two declarations of one Application have the same kind, namespace and name.",
            cause="A file was copied, or a replica's name is taken by another resource.",
            next_step="Rename or remove one of the places shown.",
        ),
        "HF1201": Explanation(
            title="Unknown need",
            meaning="A resource needs something that this Application does not declare.",
            cause="A typing error, or the other resource was renamed or belongs to another Application.",
            next_step="Take the suggestion; write name, Kind/name or Kind/namespace/name.",
        ),
        "HF1202": Explanation(
            title="Need not clear",
            meaning="A need is only a name, and more than one resource has it.",
            cause="Resources of different kinds share a name.",
            next_step="Write the kind before the name: Kind/name.",
        ),
        "HF1203": Explanation(
            title="Ring of needs",
            meaning="Resources need each other in a ring, so none can come first.",
            cause="Often two services that talk to each other: that is no need, if each can start alone.",
            next_step="Remove one of the needs shown.",
        ),
        "HF1204": Explanation(
            title="Expands without end",
            meaning="A kind expands into itself.",
            cause="A defect of the kind.",
            next_step="Please report it.",
        ),
        "HF1205": Explanation(
            title="Wanted by two",
            meaning="Two declarations of one Application want the same port, socket or path of the host.",
            cause="A port was copied, or two services use a program's usual port.",
            next_step="Change one of the places shown.",
        ),
        "HF1206": Explanation(
            title="Wanted by two Applications",
            meaning="Two Applications want the same port, socket or path of the host. Who has it already keeps it, else the first by name.",
            cause="Two teams use a program's usual port.",
            next_step="Change one of the places shown.",
        ),
        "HF1207": Explanation(
            title="Annotation not understood",
            meaning="An annotation has a value that it does not take.",
            cause="A typing error, or a number or boolean without quotes.",
            next_step="Write what the message expects, in quotes.",
        ),
        "HF1208": Explanation(
            title="Unknown annotation",
            meaning="An annotation that begins with holdfast.dev/ is not known at this place.",
            cause="A typing error, or an annotation of an Application on a resource, or the reverse.",
            next_step="Take the suggestion.",
        ),
        "HF1210": Explanation(
            title="Two workload formats",
            meaning="The path holds more than one file that says what to run.",
            cause="A project keeps a Procfile and an ecosystem file side by side.",
            next_step="Choose with the Application's annotation holdfast.dev/format, or remove one.",
        ),
        "HF1211": Explanation(
            title="Unknown format",
            meaning="The annotation holdfast.dev/format names a format that is not known, or that has no file here.",
            cause="A typing error, or the file was removed.",
            next_step="Take the suggestion, or remove the annotation.",
        ),
        "HF1212": Explanation(
            title="Empty path",
            meaning="The Application's path holds no file.",
            cause="spec.source.path is misspelt, or everything was moved.",
            next_step="Check spec.source.path and targetRevision.",
        ),
        "HF1213": Explanation(
            title="Nothing declared",
            meaning="The path holds files, and none of them says what should run.",
            cause="The declarations lie in another folder, or in a form that is not read yet.",
            next_step="Point spec.source.path at the folder, or run `holdfast init` to write a first declaration.",
        ),
        "HF1214": Explanation(
            title="Files of two sources to run from",
            meaning="What two sources of an Application declare runs from files beside it, or shows them.",
            cause="An Application has one release: the files of one source, exported.",
            next_step="Keep what runs from files in one source, or write an Application for each.",
        ),
        "HF1215": Explanation(
            title="Not a name",
            meaning="A name holds characters that no resource's name may hold.",
            cause="Capitals, blanks or slashes.",
            next_step="Write it in lower case with '-' between words.",
        ),
    }
)
