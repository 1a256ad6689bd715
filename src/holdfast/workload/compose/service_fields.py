"""Service fields: what may be written of a service, and what may stand at the top of a compose file.

The tables say of each field what becomes of it on a Docker host; part_fields, mount_fields and resource_fields hold what stands within. The
reference page is made from them, derive does what they say. A test compares them with the published schema of the compose specification.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.workload.compose import mount_fields as mount
from holdfast.workload.compose import part_fields as part
from holdfast.workload.compose import resource_fields as resource
from holdfast.workload.compose.forms import (
    ENVIRONMENT,
    LABELS,
    Command,
    Either,
    Hosts,
    Logging,
    Named,
    Test,
    Texts,
    one_by_one,
    path_index,
    text_set,
)
from holdfast.workload.compose.shape import (
    ANY,
    FILE_PATH,
    FLAG,
    LONG,
    NAME,
    REAL,
    SIZE,
    SPAN,
    STRICT_FLAG,
    TEXT,
    WHOLE,
    WHOLE_SIZE,
    WORD,
    Field,
    ListOf,
    MapOf,
    Record,
    Scalar,
    between,
    choice,
    never,
    no,
    pattern,
    yes,
)

_NULL_TEXT = Scalar(types=frozenset({"string", "null"}), expected="text")
_AGENT = "a hook runs within a container by its engine, which does not do so yet"
_WINDOWS = "about Windows containers"
_SELF = "about the terminal of `docker compose up`"

DEPENDENCY = Record(
    fields={
        "condition": yes(
            choice("service_started", "service_healthy", "service_completed_successfully"),
            "it is waited for as ready in either case, with its health check where it has one",
        ),
        "restart": yes(FLAG, "replacing the one takes the other down first"),
        "required": yes(STRICT_FLAG, "false: only where it is there"),
    },
    required=("condition",),
)

SERVICE_FIELDS: Mapping[str, Field] = {
    "image": yes(TEXT, "what is run; a tag that moves, such as `latest`, is a warning"),
    "build": yes(part.BUILD, "built by the Docker host's engine from the files of the commit; with a `pull_policy` but `build`, fetched"),
    "command": yes(Command(), "arguments; one text is split as a shell would, without running one"),
    "entrypoint": yes(Command(), "the program"),
    "environment": yes(ENVIRONMENT, "a name alone takes its value from .env; variables are replaced"),
    "env_file": yes(mount.ENV_FILES, "files in the repository"),
    "label_file": yes(Texts(item=FILE_PATH, index=path_index), "files in the repository"),
    "labels": yes(LABELS, "the container's labels"),
    "annotations": yes(LABELS, "the container's annotations"),
    "depends_on": yes(
        Named(item=DEPENDENCY, name=NAME, filled={"condition": "service_started", "required": True}), "needs, which order the plan"
    ),
    "networks": yes(Named(item=part.SERVICE_NETWORK, name=NAME, keeps_null=True), "without it, the network `default`"),
    "network_mode": yes(TEXT, "`none`, `bridge`, `service:name`; `host` needs the local configuration"),
    "ports": yes(mount.PORTS, "published ports; a database's is refused on a public address"),
    "expose": yes(one_by_one(item=WORD), "ports for other containers"),
    "volumes": yes(mount.VOLUMES, "volumes; files of the repository, read from the release; the host's need the local configuration"),
    "volumes_from": no(text_set(), "mount the same volume in both"),
    "tmpfs": yes(Texts(index=path_index), "folders in memory"),
    "secrets": yes(mount.SECRET_MOUNTS, "files below /run/secrets"),
    "configs": yes(mount.CONFIG_MOUNTS, "files; a change of content replaces the container"),
    "healthcheck": yes(
        Record(
            fields={
                "test": yes(Test()),
                **part.HEALTHCHECK_TIMES,
                "retries": yes(LONG),
                "disable": yes(FLAG),
            }
        ),
        "gates rollouts and what depends on it",
    ),
    "restart": yes(TEXT, "`no`, `always`, `on-failure[:times]`, `unless-stopped`"),
    "deploy": yes(part.DEPLOY),
    "scale": yes(WHOLE, "as deploy.replicas"),
    "profiles": yes(one_by_one(), "it runs only where COMPOSE_PROFILES names one of them"),
    "extends": yes(
        Either(fields={"service": yes(TEXT), "file": yes(TEXT)}, required=("service",), short="service", is_open=False),
        "of this file or another one in the repository",
    ),
    "container_name": yes(pattern("a name of letters, digits, '_', '.' and '-'", "[a-zA-Z0-9][a-zA-Z0-9_.-]+"), "its name on the host"),
    "hostname": yes(TEXT),
    "domainname": yes(TEXT),
    "user": yes(TEXT),
    "group_add": yes(text_set(WORD)),
    "working_dir": yes(TEXT),
    "stop_signal": yes(TEXT),
    "stop_grace_period": yes(SPAN, "10 s without it"),
    "init": yes(FLAG),
    "tty": yes(FLAG),
    "stdin_open": yes(FLAG),
    "read_only": yes(FLAG),
    "privileged": yes(FLAG, "needs the local configuration"),
    "cap_add": yes(one_by_one(), "the ones that are as good as root need the local configuration"),
    "cap_drop": yes(one_by_one()),
    "security_opt": yes(text_set(), "switching protections off needs the local configuration"),
    "devices": yes(mount.DEVICES),
    "device_cgroup_rules": yes(text_set()),
    "gpus": yes(part.GPUS),
    "dns": yes(Texts(index=path_index)),
    "dns_opt": yes(one_by_one()),
    "dns_search": yes(Texts(index=path_index)),
    "extra_hosts": yes(Hosts()),
    "links": yes(one_by_one(), "needs; names on the networks that both are in"),
    "external_links": no(text_set(), "containers of somebody else are not known here; join their network"),
    "mac_address": yes(TEXT),
    "ipc": yes(TEXT, "`host` needs the local configuration"),
    "pid": yes(_NULL_TEXT, "`host` needs the local configuration"),
    "uts": yes(TEXT, "`host` needs the local configuration"),
    "userns_mode": yes(TEXT, "`host` needs the local configuration"),
    "cgroup": yes(choice("host", "private"), "`host` needs the local configuration"),
    "cgroup_parent": yes(TEXT),
    "runtime": yes(TEXT),
    "platform": yes(TEXT),
    "isolation": no(TEXT, _WINDOWS),
    "credential_spec": no(Record(fields={"config": yes(TEXT), "file": yes(TEXT), "registry": yes(TEXT)}), _WINDOWS),
    "cpu_count": no(between(0, None), _WINDOWS),
    "cpu_percent": no(between(0, 100), _WINDOWS),
    "cpus": yes(REAL),
    "cpuset": yes(TEXT),
    "cpu_shares": yes(LONG),
    "cpu_period": yes(LONG),
    "cpu_quota": yes(LONG),
    "cpu_rt_period": yes(LONG),
    "cpu_rt_runtime": yes(LONG),
    "mem_limit": yes(SIZE),
    "mem_reservation": yes(WHOLE_SIZE),
    "memswap_limit": yes(SIZE),
    "mem_swappiness": yes(WHOLE_SIZE),
    "oom_kill_disable": yes(FLAG),
    "oom_score_adj": yes(between(-1000, 1000)),
    "pids_limit": yes(LONG),
    "shm_size": yes(SIZE),
    "blkio_config": yes(part.BLKIO),
    "ulimits": yes(part.ULIMITS),
    "sysctls": yes(LABELS),
    "storage_opt": yes(MapOf(item=ANY)),
    "logging": yes(Logging(fields={"driver": yes(TEXT), "options": yes(part.LOGGING_OPTIONS)})),
    "pull_policy": yes(
        pattern(
            "always, never, build, missing, refresh, daily, weekly or every_ with a duration",
            r"always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+",
        ),
        "`always` and the timed ones look for a new image when something changes, never by themselves",
    ),
    "pull_refresh_after": no(TEXT, "an image is looked for when something changes"),
    "attach": no(FLAG, _SELF),
    "develop": no(part.DEVELOP, "about a developer's machine; what runs is what Git says"),
    "pre_start": no(ListOf(item=part.hook("image", "per_replica")), _AGENT),
    "post_start": no(ListOf(item=part.hook()), _AGENT),
    "pre_stop": no(ListOf(item=part.hook()), _AGENT),
    "use_api_socket": yes(STRICT_FLAG, "needs the local configuration: the socket is root on the host"),
    "models": never(
        Named(item=Record(fields={"endpoint_var": yes(TEXT), "model_var": yes(TEXT)}), keeps_null=True),
        "there is no engine that serves models; run one as a service",
    ),
    "provider": never(part.PROVIDER, "a provider is a program of the machine that runs compose; declare what it would provide"),
}
SERVICE = Record(fields=SERVICE_FIELDS)

INCLUDE = ListOf(
    item=Either(
        fields={
            "path": yes(Texts(is_set=True)),
            "env_file": yes(Texts(is_set=True)),
            "project_directory": yes(TEXT),
        },
        short="path",
        is_open=False,
    )
)
TOP_FIELDS: Mapping[str, Field] = {
    "version": no(TEXT, "obsolete and without meaning"),
    "name": yes(TEXT, "the project's name; without it COMPOSE_PROJECT_NAME, then the Application's name"),
    "include": yes(INCLUDE, "other files in the repository, each with variables of its own"),
    "services": yes(MapOf(item=SERVICE, name=NAME)),
    "networks": yes(MapOf(item=resource.NETWORK)),
    "volumes": yes(MapOf(item=resource.VOLUME, name=NAME)),
    "secrets": yes(MapOf(item=resource.SECRET, name=NAME)),
    "configs": yes(MapOf(item=resource.CONFIG, name=NAME)),
    "models": never(MapOf(item=resource.MODEL), "there is no engine that serves models; run one as a service"),
}
TOP = Record(fields=TOP_FIELDS)
