"""Fetch the pinned browser libraries of `static/vendor.json` into `static/vendor/` (git-ignored).

With the files there, pages load them from this server; without, from the CDN with the same integrity.
`--update` recomputes the integrity values after a version in the manifest was changed by hand.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from itertools import groupby
from operator import itemgetter
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
MANIFEST = STATIC / "vendor.json"

Asset = dict[str, str]


class AssetError(Exception):
    """A library could not be fetched, or is not the one that was pinned."""


def integrity_of(content: bytes) -> str:
    """Return the Subresource Integrity value (SHA-384) of a file's content."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def place_of(asset: Asset) -> Path:
    """Where the asset lies; the version in its path lets browsers keep it for ever."""
    return STATIC / "vendor" / f"{asset['package']}-{asset['version']}" / asset["file"]


def is_present(asset: Asset) -> bool:
    """Tell whether the asset is there with exactly the pinned content."""
    target = place_of(asset)
    return target.is_file() and integrity_of(target.read_bytes()) == asset["integrity"]


def fetch_package(package: str, version: str, folder: Path) -> Path:
    """Download one npm package into `folder` and return its tarball."""
    npm = shutil.which("npm")
    if npm is None:
        raise AssetError("npm is not installed; pages load the libraries from the CDN instead.")
    command = [npm, "pack", "--silent", "--ignore-scripts", f"{package}@{version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode or not tarballs:
        raise AssetError(f"npm pack {package}@{version} failed: {done.stderr.strip()[-300:]}")
    return tarballs[0]


def read_member(tarball: Path, path: str) -> bytes:
    """Read one file of the package without unpacking the rest."""
    with tarfile.open(tarball) as archive:
        try:
            member = archive.extractfile(f"package/{path}")
        except KeyError:
            member = None
        if member is None:
            raise AssetError(f"{tarball.name} has no {path}")
        return member.read()


def install(asset: Asset, content: bytes, *, update: bool) -> None:
    """Write the file if it is the pinned one, or pin it when `update` is set."""
    found = integrity_of(content)
    if update:
        asset["integrity"] = found
    if found != asset["integrity"]:
        raise AssetError(f"{asset['file']} of {asset['package']} is {found}, pinned {asset['integrity']}")
    target = place_of(asset)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def fetch_all(assets: list[Asset], *, update: bool) -> int:
    """Fetch what is missing, one download per package; return the number of files written."""
    wanted = assets if update else [asset for asset in assets if not is_present(asset)]
    by_package = itemgetter("package", "version")
    for (package, version), group in groupby(sorted(wanted, key=by_package), key=by_package):
        with tempfile.TemporaryDirectory() as folder:
            tarball = fetch_package(package, version, Path(folder))
            for asset in group:
                install(asset, read_member(tarball, asset["file"]), update=update)
    return len(wanted)


def main() -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--update", action="store_true", help="pin what the packages contain now")
    update = parser.parse_args().update
    manifest: list[Asset] = json.loads(MANIFEST.read_text())
    try:
        written = fetch_all(manifest, update=update)
    except AssetError as error:
        print(f"assets: {error}", file=sys.stderr)
        return 1
    if update:
        MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"assets: {written} fetched, {len(manifest) - written} already there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
