"""HF324x and HF325x: what image registries and those who hold credentials for them say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3240": Explanation(
            title="No such image",
            meaning="The registry answered that it has no repository of that name, or no such tag or digest in it.",
            cause="A typing error, a tag that was not pushed yet or was removed, or an image that these credentials may not see.",
            next_step="Compare name and tag with what the registry shows, and log in where the image is not public.",
        ),
        "HF3241": Explanation(
            title="The registry wants other credentials",
            meaning="The registry, or the place of tokens that it names, let nobody in with the credentials that it was shown, if any.",
            cause="The image is private and nobody logged in here, the password was changed, or the token may not read this image.",
            next_step="`docker login` as the user that Holdfast runs as; an ImagePolicy may name a secret with a config.json.",
        ),
        "HF3242": Explanation(
            title="The registry does not answer",
            meaning="The registry could not be reached, showed a certificate that is not trusted, or answered with an error of its own.",
            cause="The message has the reason: a name that nobody knows, a network that is down, a registry that is not well.",
            next_step="It is asked again by itself. A registry that has no TLS is named in registries.plain of the local configuration.",
        ),
        "HF3243": Explanation(
            title="The registry was asked too often",
            meaning="The registry limits how often somebody may ask, and answered that it is enough for now.",
            cause="Many programs behind one address, or many policies with a short interval.",
            next_step="Log in, which most registries give more for, or raise the interval of ImagePolicies. It is asked again by itself.",
        ),
        "HF3244": Explanation(
            title="The registry answers too late",
            meaning="No answer came within the time that one question may take.",
            cause="A slow network or a registry that is busy.",
            next_step="It is asked again by itself.",
        ),
        "HF3245": Explanation(
            title="The registry's answer cannot be used",
            meaning="An answer was not what the distribution specification says, was too large, or led to another host.",
            cause="Something else answers at that address, such as the page of a proxy, or the registry is not well.",
            next_step="Ask the address with curl, and look at what is between here and the registry.",
        ),
        "HF3246": Explanation(
            title="No tag can be chosen",
            meaning="The registry listed its tags, and the ImagePolicy takes none of them. What was chosen before stays chosen.",
            cause="A range or pattern that is too narrow, tags that are no versions or numbers, or an image without tags.",
            next_step="Compare the policy with the tags that the registry shows; pre-releases fit only where the range names one.",
        ),
        "HF3247": Explanation(
            title="Registry on a private address",
            meaning="Git names a registry, or that one a place of tokens, whose address is not public. It was not asked.",
            cause="Whoever writes to Git could else have this host ask around in its own network.",
            next_step="Where it is your own registry, name it in registries.private of the local configuration, as host or host:port.",
        ),
        "HF3250": Explanation(
            title="Credentials cannot be read",
            meaning="Docker's config.json, or what a credential helper answered, is not of the form that Docker writes.",
            cause="The file was edited by hand or may not be read by this user, or the helper is of another program.",
            next_step="Write it anew with `docker login`.",
        ),
        "HF3251": Explanation(
            title="No such credential helper",
            meaning="config.json names a helper in credsStore or credHelpers, and there is no program docker-credential-NAME on the PATH.",
            cause="The file was copied from another machine, or the helper is not installed for the user that Holdfast runs as.",
            next_step="Install the helper, or remove its name from config.json and log in again.",
        ),
        "HF3252": Explanation(
            title="A credential helper failed",
            meaning="The helper ended with an error. What it wrote is not shown, since it may hold a secret.",
            cause="Its store is locked, or it has no session to ask in.",
            next_step="Run `echo REGISTRY | docker-credential-NAME get` as the user that Holdfast runs as.",
        ),
        "HF3253": Explanation(
            title="A credential helper does not answer",
            meaning="The helper was ended because it did not answer in time.",
            cause="It waits for a person: for a password, or a key to be touched.",
            next_step="Use a helper that needs nobody, or log in without one.",
        ),
    }
)
