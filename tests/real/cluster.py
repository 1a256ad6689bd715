"""A real control plane for tests: etcd, kube-apiserver, and where asked the controller manager, the scheduler, and kwok for nodes.

Built by `tools/cluster` from the modules in tests/cluster/. Where it is not built, tests that want it are skipped by name; under CI=true
they fail. Everything is on loopback, in one folder, on free ports, and ends with the block, by its process.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
LOOK_AGAIN_S = 0.05
STOP_S = 20.0
TOKEN = "tests-admin"
"""Of a user in system:masters; the server listens on loopback only, and lives as long as the tests."""
NOBODY = "tests-nobody"
"""Of a user without any right."""
NODES = 2
KWOK = "kwok.x-k8s.io/v1alpha1"
LOGGED_IN = "logged"
LOGGED = ("web-0", "web-1", "web-2")
"""Pods that have logs: those of a StatefulSet `web` in that namespace."""


def programs() -> Path:
    """Return the folder of the control plane; skips, or under CI=true fails, the test where it is not built."""
    found = subprocess.run([str(ROOT / "tools" / "cluster"), "--where"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return Path(found.stdout.strip())
    reason = "needs a control plane: tools/cluster builds it (about eight minutes, once)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@dataclass
class Cluster:
    """A running control plane."""

    folder: Path
    programs: Path
    port: int
    etcd_port: int
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _controllers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Their arguments."""

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def authority(self) -> Path:
        return self.folder / "certs" / "apiserver.crt"

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json", token: str = TOKEN) -> tuple[int, Any]:
        """Ask the server once, past every client of ours; returns status and decoded body."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        try:
            data = json.dumps(body).encode() if body is not None else None
            connection.request(method, path, data, {"Authorization": f"Bearer {token}", "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if "json" in (answer.getheader("Content-Type") or "") else text.decode()
        finally:
            connection.close()

    def requests(self) -> Mapping[str, float]:
        """Return how many requests the server has answered, by verb, from its own metrics."""
        return self.requests_of("")

    def requests_of(self, resource: str) -> Mapping[str, float]:
        """Return the same for one resource (`applications`)."""
        _, text = self.ask("GET", "/metrics")
        found: dict[str, float] = {}
        for line in str(text).splitlines():
            if line.startswith("apiserver_request_total{") and (not resource or f'resource="{resource}"' in line):
                labels, _, value = line.rpartition(" ")
                verb = labels.split('verb="', 1)[1].split('"', 1)[0]
                found[verb] = found.get(verb, 0.0) + float(value)
        return found

    def start(self, name: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._running[name] = subprocess.Popen(
            [str(self.programs / name), *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, "GOMAXPROCS": "2"},
        )
        log.close()

    def kill(self, name: str, sign: int = signal.SIGKILL) -> None:
        process = self._running.pop(name)
        process.send_signal(sign)
        process.wait(STOP_S)

    def start_server(self) -> None:
        certs = self.folder / "certs"
        self.start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={certs}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://tests.invalid",
            f"--service-account-key-file={self.folder / 'sa.pub'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--kubelet-preferred-address-types=InternalIP",
            "--watch-cache=true",
        )
        self.wait("kube-apiserver", lambda: self.ask("GET", "/readyz")[0] == 200)

    def wait(self, name: str, is_there: Any) -> None:
        """Wait until the server answers as wanted; fails with the end of the log of `name`."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if name in self._running and self._running[name].poll() is not None:
                break
            try:
                if is_there():
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(LOOK_AGAIN_S)
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        pytest.fail(f"{name} did not become ready:\n{log[-4000:]}", pytrace=False)

    def start_controllers(self) -> None:
        """Start the controller manager, the scheduler and kwok with two nodes, on which pods run at once."""
        certs = f"--cert-dir={self.folder / 'certs-controllers'}"
        config = f"--kubeconfig={self.kubeconfig}"
        kcm, scheduler = free_port(), free_port()
        loopback = "--bind-address=127.0.0.1"
        stages = [argument for path in (*self._stages(), self._pod_programs()) for argument in ("--config", str(path))]
        kubelet = free_port()
        self._controllers = {
            "kube-controller-manager": (
                config,
                certs,
                loopback,
                f"--secure-port={kcm}",
                f"--service-account-private-key-file={self.folder / 'sa.key'}",
                "--leader-elect=false",
                "--concurrent-deployment-syncs=5",
            ),
            "kube-scheduler": (config, certs, loopback, f"--secure-port={scheduler}", "--leader-elect=false"),
            "kwok": (
                config,
                *stages,
                "--manage-all-nodes=true",
                f"--server-address=127.0.0.1:{kubelet}",
                "--node-ip=127.0.0.1",
                f"--node-port={kubelet}",
                f"--tls-cert-file={self.folder / 'certs' / 'apiserver.crt'}",
                f"--tls-private-key-file={self.folder / 'certs' / 'apiserver.key'}",
            ),
        }
        for name, arguments in self._controllers.items():
            self.start(name, *arguments)
        for number in range(NODES):
            status, _ = self.ask("POST", "/api/v1/nodes", node(f"node-{number}"))
            assert status in (201, 409), status
        self.wait("kwok", self._are_nodes_ready)

    def restart_controllers(self) -> None:
        """Start the cluster's own controllers anew: to a server that was away they come back when they like (client-go waits 30 s, and
        as much again, each kind for itself).
        """
        for name, arguments in self._controllers.items():
            self.kill(name)
            self.start(name, *arguments)
        self.wait("kwok", self._are_nodes_ready)

    @property
    def logs(self) -> Path:
        """The folder of what pods have written: a file for each of `LOGGED`, in the form of the container runtime interface."""
        return self.folder / "logs"

    def _pod_programs(self) -> Path:
        """Return what kwok answers as the kubelet: logs from files, and commands of pods run on this host."""
        self.logs.mkdir()
        documents: list[dict[str, Any]] = []
        for name in LOGGED:
            (self.logs / name).touch()
            spec = {"logs": [{"logsFile": str(self.logs / name), "follow": True}]}
            documents.append({"apiVersion": KWOK, "kind": "Logs", "metadata": {"name": name, "namespace": LOGGED_IN}, "spec": spec})
        execs = {"execs": [{"local": {"workDir": str(self.folder)}}]}
        documents.append({"apiVersion": KWOK, "kind": "ClusterExec", "metadata": {"name": "all"}, "spec": execs})
        path = self.folder / "pods.yaml"
        path.write_text("\n---\n".join(json.dumps(each) for each in documents))
        return path

    def _stages(self) -> list[Path]:
        module = subprocess.run(
            ["go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"],
            cwd=ROOT / "tests" / "cluster" / "kwok",
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        folder = Path(module) / "kustomize" / "stage"
        return [*sorted((folder / "node" / "fast").glob("node-*.yaml")), *sorted((folder / "pod" / "fast").glob("pod-*.yaml"))]

    def _are_nodes_ready(self) -> bool:
        _, nodes = self.ask("GET", "/api/v1/nodes")
        ready = [
            condition["status"]
            for each in nodes["items"]
            for condition in each.get("status", {}).get("conditions", ())
            if condition["type"] == "Ready"
        ]
        for each in nodes["items"]:  # nothing else takes the taint away that admission gives a new node
            if each["spec"].get("taints"):
                self.ask(
                    "PATCH", f"/api/v1/nodes/{each['metadata']['name']}", {"spec": {"taints": None}}, kind="application/merge-patch+json"
                )
        return ready.count("True") == NODES

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()  # nothing of it is kept, and a server without its store is slow to say goodbye
        for process in self._running.values():
            process.wait(STOP_S)
        self._running.clear()


def node(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {
            "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "1000"},
            "capacity": {"cpu": "64", "memory": "256Gi", "pods": "1000"},
        },
    }


def _keys(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "sa.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    (folder / "sa.pub").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _kubeconfig(cluster: Cluster) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": {"server": cluster.server, "certificate-authority": str(cluster.authority)}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}, {"name": "nobody", "user": {"token": NOBODY}}],
        "contexts": [
            {"name": "tests", "context": {"cluster": "tests", "user": "admin"}},
            {"name": "nobody", "context": {"cluster": "tests", "user": "nobody"}},
        ],
        "current-context": "tests",
    }
    cluster.kubeconfig.write_text(json.dumps(document))


@contextmanager
def running(folder: Path, *, controllers: bool = False) -> Iterator[Cluster]:
    """Run a control plane in `folder`."""
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    cluster = Cluster(folder=folder, programs=programs(), port=port, etcd_port=etcd_port)
    _keys(folder)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,1,"system:masters"\n{NOBODY},nobody,2\n')
    _kubeconfig(cluster)
    try:
        cluster.start(
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )
        cluster.start_server()
        if controllers:
            cluster.start_controllers()
        yield cluster
    finally:
        cluster.stop()
