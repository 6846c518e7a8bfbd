"""SageMaker's endpoints and their configurations, as the documents describe them: a state machine over moto.

CreateEndpoint   Creating -> InService | Failed
UpdateEndpoint   Updating, stage by stage -> InService | InService as before | UpdateRollbackFailed | Failed
DeleteEndpoint   Deleting -> gone

Time passes by DescribeEndpoint: each answer while something is in progress is followed by the next stage. So a test
waits for nothing and meets every stage. `hosting.paused` stops time.

Not known, and so decided here: how percentages are rounded to instances; that an update to the same configuration is
refused ("To update an endpoint, you must create a new EndpointConfig"); that alarms must exist; the status while alarms
send an update back (here Updating: RollingBack "only applies to" UpdateEndpointWeightsAndCapacities).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.aws.fake import deployment
from tests.aws.fake.refusals import IN_PROGRESS, check_deployment, check_idle, check_model, refuse_unless

Json = dict[str, Any]


@dataclass
class Endpoint:
    name: str
    arn: str
    configuration: str
    status: str
    counts: dict[str, int]
    created: datetime
    pending: str = ""
    stage: deployment.Stage | None = None
    course: Iterator[deployment.Stage] = field(default_factory=lambda: iter(()))
    reason: str = ""
    last: Json = field(default_factory=dict)
    retained: dict[str, int] = field(default_factory=dict)


@dataclass
class Hosting:
    """The endpoints of an account.

    Attributes:
        model: Name -> CreateModel's container, None if there is no such model.
        alarm: Name -> state of the CloudWatch alarm, None if there is none.
        outcomes: Image -> (status, reason) in which a deployment of it ends, in place of success.
        digests: Image with tag -> digest; else one made of the name.
        paused: Stops the stages.
        before_baking: Called when the alarms begin to watch.
    """

    prefix: str
    model: Callable[[str], Json | None]
    alarm: Callable[[str], str | None]
    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    before_baking: Callable[[], None] = lambda: None
    configurations: dict[str, Json] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    tags: dict[str, list[Json]] = field(default_factory=dict)

    def create_endpoint_config(self, request: Json) -> Json:
        check_model("CreateEndpointConfig", request)
        name, arn = request["EndpointConfigName"], f"{self.prefix}:endpoint-config/{request['EndpointConfigName']}"
        known = name in self.configurations
        refuse_unless(not known, f'Cannot create already existing endpoint configuration "{arn}".')
        for variant in [*request["ProductionVariants"], *request.get("ShadowProductionVariants", [])]:
            found = self.model(variant["ModelName"])
            refuse_unless(found, f'Could not find model "{self.prefix}:model/{variant["ModelName"]}".')
        self.tags[arn] = request.get("Tags", [])
        kept = {key: value for key, value in request.items() if key != "Tags"}
        self.configurations[name] = {**kept, "EndpointConfigArn": arn, "CreationTime": datetime.now(UTC)}
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, request: Json) -> Json:
        return self._configuration(request["EndpointConfigName"])

    def list_endpoint_configs(self, request: Json) -> Json:
        check_model("ListEndpointConfigs", request)
        found = [each for name, each in self.configurations.items() if request.get("NameContains", "") in name]
        keys = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        return {"EndpointConfigs": [{key: each[key] for key in keys} for each in found]}

    def delete_endpoint_config(self, request: Json) -> Json:
        name = self._configuration(request["EndpointConfigName"])["EndpointConfigName"]
        # "You must not delete an EndpointConfig in use by an endpoint that is live" or being created or updated
        users = [each.name for each in self.endpoints.values() if name in (each.configuration, each.pending)]
        refuse_unless(not users, f"Endpoint configuration {name} is in use by {', '.join(users)}.")
        del self.configurations[name]
        return {}

    def create_endpoint(self, request: Json) -> Json:
        check_model("CreateEndpoint", request)
        name, arn = request["EndpointName"], f"{self.prefix}:endpoint/{request['EndpointName']}"
        refuse_unless(name not in self.endpoints, f'Cannot create already existing endpoint "{arn}".')
        configuration = self._configuration(request["EndpointConfigName"])
        self.tags[arn] = request.get("Tags", [])
        self.endpoints[name] = Endpoint(
            name, arn, configuration["EndpointConfigName"], "Creating", _counts(configuration), datetime.now(UTC)
        )
        return {"EndpointArn": arn}

    def update_endpoint(self, request: Json) -> Json:
        check_model("UpdateEndpoint", request)
        endpoint = self._endpoint(request["EndpointName"])
        new = self._configuration(request["EndpointConfigName"])
        check_idle(endpoint.arn, endpoint.status)
        same = endpoint.configuration == new["EndpointConfigName"] and endpoint.status != "UpdateRollbackFailed"
        refuse_unless(not same, f'Endpoint "{endpoint.arn}" has this endpoint configuration already.')
        policy = request.get("DeploymentConfig", {})
        check_deployment(self.configurations.get(endpoint.configuration, new), new, policy)
        for name in self._alarms(policy):
            refuse_unless(self.alarm(name), f"Could not find alarm {name}.")
        endpoint.status, endpoint.pending, endpoint.last, endpoint.reason = (
            "Updating",
            request["EndpointConfigName"],
            policy,
            "",
        )
        excluded = [each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])]
        retains = request.get("RetainAllVariantProperties") and "DesiredInstanceCount" not in excluded
        endpoint.retained = endpoint.counts if retains else _counts(new)
        endpoint.course = deployment.stages(sum(endpoint.retained.values()), policy)
        endpoint.stage = next(endpoint.course)
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, request: Json) -> Json:
        endpoint = self._endpoint(request["EndpointName"])
        check_idle(endpoint.arn, endpoint.status, deletion=True)
        endpoint.status = "Deleting"
        return {}

    def describe_endpoint(self, request: Json) -> Json:
        endpoint = self._endpoint(request["EndpointName"])
        answer = {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.configuration,
            "EndpointStatus": endpoint.status,
            "ProductionVariants": self._variants(endpoint.configuration, endpoint.counts),
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.created,
        }
        if endpoint.reason:
            answer["FailureReason"] = endpoint.reason
        if endpoint.last:
            answer["LastDeploymentConfig"] = endpoint.last
        if endpoint.pending and endpoint.stage:
            answer["PendingDeploymentSummary"] = self._pending(endpoint, endpoint.stage)
        if not self.paused:
            self._advance(endpoint)
        return answer

    def list_endpoints(self, request: Json) -> Json:
        check_model("ListEndpoints", request)
        found = [each for name, each in self.endpoints.items() if request.get("NameContains", "") in name]
        return {
            "Endpoints": [
                {
                    "EndpointName": each.name, "EndpointArn": each.arn, "EndpointStatus": each.status,
                    "CreationTime": each.created, "LastModifiedTime": each.created,
                }
                for each in found
            ]
        }  # fmt: skip

    def list_tags(self, request: Json) -> Json | None:
        return {"Tags": self.tags[request["ResourceArn"]]} if request["ResourceArn"] in self.tags else None

    def add_tags(self, request: Json) -> Json | None:
        if (arn := request["ResourceArn"]) not in self.tags:
            return None
        new = {each["Key"] for each in request["Tags"]}
        self.tags[arn] = [each for each in self.tags[arn] if each["Key"] not in new] + request["Tags"]
        return {"Tags": self.tags[arn]}

    def delete_tags(self, request: Json) -> Json | None:
        if (arn := request["ResourceArn"]) not in self.tags:
            return None
        self.tags[arn] = [each for each in self.tags[arn] if each["Key"] not in request["TagKeys"]]
        return {}

    def _advance(self, endpoint: Endpoint) -> None:
        """Let the time pass until the next answer."""
        if endpoint.status == "Deleting":
            del self.endpoints[endpoint.name]
        if endpoint.status not in IN_PROGRESS:
            return
        target = endpoint.pending or endpoint.configuration
        model = self.model(self._configuration(target)["ProductionVariants"][0]["ModelName"]) or {}
        outcome = self.outcomes.get(model.get("Image", ""))
        if outcome:
            status, endpoint.reason = outcome
            self._end(endpoint, status if endpoint.pending else "Failed", endpoint.configuration)
        elif endpoint.stage and endpoint.stage.status == "Baking" and self._tripped(endpoint):
            self._end(endpoint, "InService", endpoint.configuration)
        elif not (following := next(endpoint.course, None)):
            self._end(endpoint, "InService", target)
        else:
            endpoint.stage = following
            if following.status == "Baking":
                self.before_baking()

    def _end(self, endpoint: Endpoint, status: str, configuration: str) -> None:
        if endpoint.pending and configuration == endpoint.pending:
            endpoint.counts = endpoint.retained
        endpoint.status, endpoint.configuration, endpoint.pending, endpoint.stage = status, configuration, "", None

    def _tripped(self, endpoint: Endpoint) -> bool:
        return "ALARM" in [self.alarm(name) for name in self._alarms(endpoint.last)]

    @staticmethod
    def _alarms(policy: Json) -> list[str]:
        return [each["AlarmName"] for each in policy.get("AutoRollbackConfiguration", {}).get("Alarms", [])]

    def _pending(self, endpoint: Endpoint, stage: deployment.Stage) -> Json:
        [variant, *others] = self._variants(endpoint.pending, endpoint.retained)
        if "DesiredInstanceCount" in variant:
            variant["CurrentInstanceCount"] = stage.instances
        variant["VariantStatus"] = [{"Status": stage.status, "StatusMessage": stage.message}]
        return {"EndpointConfigName": endpoint.pending, "ProductionVariants": [variant, *others]}

    def _variants(self, configuration: str, counts: dict[str, int]) -> list[Json]:
        found = []
        for variant in self._configuration(configuration)["ProductionVariants"]:
            image = (self.model(variant["ModelName"]) or {}).get("Image", "")
            digest = self.digests.get(image) or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
            resolved = image if "@" in image else f"{image.rpartition(':')[0]}@{digest}"
            answer: Json = {
                "VariantName": variant["VariantName"],
                "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": resolved}],
                "CurrentWeight": 1.0,
                "DesiredWeight": 1.0,
            }
            if count := counts.get(variant["VariantName"]):
                answer |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
            else:
                answer["CurrentServerlessConfig"] = variant["ServerlessConfig"]
            found.append(answer)
        return found

    def _endpoint(self, name: str) -> Endpoint:
        refuse_unless(name in self.endpoints, f'Could not find endpoint "{self.prefix}:endpoint/{name}".')
        return self.endpoints[name]

    def _configuration(self, name: str) -> Json:
        known = name in self.configurations
        refuse_unless(known, f'Could not find endpoint configuration "{self.prefix}:endpoint-config/{name}".')
        return self.configurations[name]


def _counts(configuration: Json) -> dict[str, int]:
    variants = configuration["ProductionVariants"]
    return {each["VariantName"]: each["InitialInstanceCount"] for each in variants if "InitialInstanceCount" in each}
