"""ImagePolicy: its state, its health, and what is refused where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import DeclarationError, Where
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.live import Observation, Status
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import Facts, State
from holdfast.workload.image_policy import ImagePolicyKind, message_of, read, write
from holdfast.workload.image_policy_spec import (
    Choice,
    CommitAuthor,
    FilterTags,
    ImagePolicySpec,
    OrderChoice,
    SemverChoice,
    UpdateRules,
)
from holdfast.workload.process_spec import SecretRef

KIND = ImagePolicyKind()
SEMVER = Choice(semver=SemverChoice(range="^1.2"))
SPEC = ImagePolicySpec(image="ghcr.io/acme/web", policy=SEMVER)
_WORDS = st.text(alphabet="abc {}<", min_size=1, max_size=8)
_SPECS = st.builds(
    ImagePolicySpec,
    image=st.just("nginx"),
    policy=st.one_of(
        st.builds(Choice, semver=st.builds(SemverChoice, range=_WORDS)),
        st.builds(Choice, numerical=st.builds(OrderChoice, order=st.sampled_from(["asc", "desc"]))),
        st.builds(Choice, alphabetical=st.builds(OrderChoice)),
    ),
    filter_tags=st.none() | st.builds(FilterTags, pattern=_WORDS, extract=st.none() | _WORDS),
    interval=st.sampled_from([10.0, 90.0, 300.0, 3600.0]),
    digest=st.booleans(),
    credentials=st.none() | st.builds(SecretRef, secret=st.just("registry")),
    update=st.none() | st.builds(UpdateRules, branch=st.none() | _WORDS, author=st.builds(CommitAuthor, name=_WORDS), message=_WORDS),
)


def declared(spec: ImagePolicySpec) -> Resource | tuple[DeclarationError, ...]:
    declaration = Declaration(
        kind="ImagePolicy",
        name="web",
        namespace=None,
        spec=spec,
        origin=Origin(path="p.yaml", line=1, revision="r"),
        place=lambda path: Where(path=".".join(map(str, path))),
    )
    scope = Scope(application="shop", namespace="shop", destination="host", revision="r")
    return KIND.declare(declaration, scope, Facts(fingerprints={"registry": "f1"}))


@given(_SPECS)
def test_a_state_says_all_that_was_written(spec: ImagePolicySpec) -> None:
    assert read(State.of(write(spec, {})).fields) == spec


def test_a_new_secret_is_a_change_and_defaults_say_nothing() -> None:
    assert write(SPEC, {}) == {"image": "ghcr.io/acme/web", "policy": {"semver": {"range": "^1.2"}}}
    private = ImagePolicySpec(image="nginx", policy=SEMVER, credentials=SecretRef(secret="registry"))
    assert write(private, {"registry": "f1"})["credentials"] == {"secret": "registry", "fingerprint": "f1"}


@pytest.mark.parametrize(
    ("spec", "reason", "place"),
    [
        (ImagePolicySpec(image="Nginx", policy=SEMVER), "image 'Nginx': its name has capital letters", "spec.image"),
        (ImagePolicySpec(image="nginx:1", policy=SEMVER), "its image has a tag or a digest, which the policy is to choose", "spec.image"),
        (ImagePolicySpec(image="nginx", policy=Choice()), "policy has nothing", "spec.policy"),
        (
            ImagePolicySpec(image="nginx", policy=Choice(numerical=OrderChoice(), alphabetical=OrderChoice())),
            "policy has numerical and alphabetical",
            "spec.policy",
        ),
        (
            ImagePolicySpec(image="nginx", policy=Choice(semver=SemverChoice(range="latest"))),
            "version range 'latest': 'latest' is no comparison with a version",
            "spec.policy.semver.range",
        ),
        (
            ImagePolicySpec(image="nginx", policy=SEMVER, filter_tags=FilterTags(pattern="(")),
            "pattern '(': a bracket is opened and never closed",
            "spec.filterTags.pattern",
        ),
        (ImagePolicySpec(image="nginx", policy=SEMVER, interval=1.0), "its interval is too short", "spec.interval"),
        (
            ImagePolicySpec(image="nginx", policy=SEMVER, update=UpdateRules(message="{0.__class__}")),
            "message: it asks for something that there is not",
            "spec.update.message",
        ),
    ],
)
def test_what_cannot_be_followed_says_why_and_where(spec: ImagePolicySpec, reason: str, place: str) -> None:
    found = declared(spec)
    assert isinstance(found, tuple)
    assert [(each.code, each.message, str(each.where[0])) for each in found] == [
        ("HF1450", f"cannot follow ImagePolicy web: {reason}", place)
    ]


def test_a_registry_that_is_silent_for_long_degrades_its_policy() -> None:
    resource = declared(SPEC)
    assert isinstance(resource, Resource)

    def health(**handle: object) -> tuple[Status, str]:
        seen = Observation(state=resource.state, handle=handle)  # type: ignore[arg-type]
        found = KIND.health(resource, seen, 1_000.0)
        return found.status, found.message

    assert KIND.health(resource, Observation(state=None), 0.0).status is Status.MISSING
    assert health() == (Status.HEALTHY, "the registry was not asked yet")
    assert health(image="web:1", message="no answer", failing_since=200.0) == (Status.HEALTHY, "web:1")
    assert health(image="web:1", message="no answer", failing_since=100.0) == (Status.DEGRADED, "no answer (for 15m)")


@pytest.mark.parametrize("template", ["{", "}", "{who}", "{0}", "{}", "{summary!r}", "{summary:>9}", "{changes.x}"])
def test_a_message_holds_only_what_there_is(template: str) -> None:
    with pytest.raises(ValueError, match="cannot read message"):
        message_of(template)


def test_a_message_is_filled_in() -> None:
    filled = message_of("{{{application}}}: {summary}\n{changes}", summary="web:{1}", changes="- a", application="shop")
    assert filled == "{shop}: web:{1}\n- a"
