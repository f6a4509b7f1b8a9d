"""Compare the digest of every pinned image with the one that its registry has for the same release now.

    make images                  says what differs, and ends with 1 if anything does
    make images ARGS=--write     writes the registry's digests into the files

A release is built again when its base is mended, so a digest that differs is normal, and should be taken on. It needs
the network, and no container engine.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import requests

ROOT = Path(__file__).parents[1]
FILES = ("docker-compose.yml", "Dockerfile")
IMAGE = re.compile(r"(?<=[ :])(?P<name>[a-z0-9/-]+):(?P<tag>[\w.-]+)@(?P<digest>sha256:[0-9a-f]{64})")
HUB = "https://registry-1.docker.io"
INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
"""The digest of all platforms together, not of one."""
SECONDS = 30


def digest_of(name: str, tag: str, registry: str = HUB) -> str:
    """Ask a registry for the digest of a tag. Raises requests.RequestException, ValueError if it names none."""
    path = name if "/" in name else f"library/{name}"
    with requests.Session() as session:
        session.headers["Accept"] = INDEXES
        address = f"{registry}/v2/{path}/manifests/{tag}"
        answer = session.head(address, timeout=SECONDS)
        if answer.status_code == 401:
            asked = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers.get("WWW-Authenticate", "")))
            query = {"service": asked.get("service", ""), "scope": f"repository:{path}:pull"}
            token = session.get(asked["realm"], params=query, timeout=SECONDS)
            token.raise_for_status()
            session.headers["Authorization"] = f"Bearer {token.json()['token']}"
            answer = session.head(address, timeout=SECONDS)
        answer.raise_for_status()
        digest = answer.headers.get("Docker-Content-Digest", "")
    if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"the registry names no digest for {name}:{tag}")
    return digest


def compare(files: Sequence[Path], registry: str = HUB, *, write: bool = False) -> list[str]:
    """Say, in a line for each, which images have another digest at the registry; write it if asked to."""
    known: dict[tuple[str, str], str] = {}
    differ: dict[str, None] = {}

    def now(match: re.Match[str]) -> str:
        name, tag, pinned = match["name"], match["tag"], match["digest"]
        if (name, tag) not in known:
            known[name, tag] = digest_of(name, tag, registry)
        if known[name, tag] != pinned:
            differ[f"{name}:{tag} is {known[name, tag]} by now, and pinned to {pinned}"] = None
        return f"{name}:{tag}@{known[name, tag]}"

    for file in files:
        text = file.read_text()
        compared = IMAGE.sub(now, text)
        if write and compared != text:
            file.write_text(compared)
    return list(differ)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the registry's digests into the files")
    chosen = parser.parse_args()
    try:
        differ = compare([ROOT / file for file in FILES], write=chosen.write)
    except (requests.RequestException, KeyError, ValueError) as error:
        print(f"the registry could not be asked: {error}", file=sys.stderr)
        return 2
    print("\n".join(differ) or "every image has the digest that its registry names")
    return 1 if differ and not chosen.write else 0


if __name__ == "__main__":
    sys.exit(main())
