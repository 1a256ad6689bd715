"""Resource fields: what stands at the top of a compose file beside services: networks, volumes, secrets, configs, models.

Part of the tables that service_fields puts together. Source: the published schema of the compose specification, field by field.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.workload.compose.forms import LABELS, External, Resource, Subnets
from holdfast.workload.compose.shape import (
    FILE_PATH,
    FLAG,
    OPTIONS,
    STRICT_WHOLE,
    SWARM,
    TEXT,
    TEXTS,
    Field,
    MapOf,
    Record,
    never,
    no,
    yes,
)

NETWORK = Resource(
    null="empty",
    fields={
        "name": yes(TEXT, "its name on the host; without it the project's name and the key"),
        "driver": yes(TEXT),
        "driver_opts": yes(OPTIONS),
        "ipam": yes(
            Record(
                fields={
                    "driver": yes(TEXT),
                    "config": yes(
                        Subnets(
                            item=Record(
                                fields={
                                    "subnet": yes(TEXT),
                                    "ip_range": yes(TEXT),
                                    "gateway": yes(TEXT),
                                    "aux_addresses": yes(MapOf(item=TEXT)),
                                }
                            )
                        )
                    ),
                    "options": yes(MapOf(item=TEXT)),
                }
            )
        ),
        "external": yes(External(), "it must be there already and is never changed"),
        "internal": yes(FLAG, "without a way out of the host"),
        "enable_ipv4": yes(FLAG),
        "enable_ipv6": yes(FLAG),
        "attachable": yes(FLAG),
        "labels": yes(LABELS),
    },
)

VOLUME = Resource(
    null="empty",
    fields={
        "name": yes(TEXT, "its name on the host; without it the project's name and the key"),
        "driver": yes(TEXT),
        "driver_opts": yes(OPTIONS),
        "external": yes(External(), "it must be there already and is never changed"),
        "labels": yes(LABELS),
    },
)

_STORED: Mapping[str, Field] = {
    "name": yes(TEXT),
    "environment": yes(TEXT, "content from a variable"),
    "file": yes(FILE_PATH, "content from a file in the repository"),
    "labels": no(LABELS, "it becomes a file, which has no labels"),
    "template_driver": no(TEXT, SWARM),
}
SECRET = Resource(
    fields={
        **_STORED,
        "external": yes(External(), "the local secret of that name"),
        "driver": never(TEXT, "secrets come from the repository or from the local secrets directory"),
        "driver_opts": no(OPTIONS, SWARM),
    }
)
CONFIG = Resource(
    fields={
        **_STORED,
        "content": yes(TEXT, "content as it stands, with variables replaced"),
        "external": never(External(), "there is no store of configs on a Docker host: write content or file"),
    }
)
MODEL = Record(
    fields={
        "name": yes(TEXT),
        "model": yes(TEXT),
        "context_size": yes(STRICT_WHOLE),
        "runtime_flags": yes(TEXTS),
    },
    required=("model",),
)
