"""What a release's programs are made of, Swift packages and Debian's libraries: a CycloneDX list, and their licences.

    components.py PROGRAMS --licences FOLDER --output FILE

Swift packages come from Package.resolved and their checkouts beside PROGRAMS; Debian's packages are those that own the
libraries that evssm and evssmd are linked with, and the static ones of which parts are in them.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("evssm", "evssmd")
STATIC = ("libprotobuf-c-dev",)


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def swift_packages(programs, licences):
    checkouts = next(path for path in (parent / "checkouts" for parent in programs.parents) if path.is_dir())
    for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]:
        name, state = pin["identity"], pin["state"]
        version = state.get("version", state["revision"])
        folder = checkouts / pin["location"].rsplit("/", 1)[-1].removesuffix(".git")
        for licence in (*folder.glob("LICENSE*"), *folder.glob("NOTICE*")):
            shutil.copyfile(licence, licences / f"{name}-{licence.name}")
        yield {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:swift/{re.sub('^https://|[.]git$', '', pin['location'])}@{version}",
            "hashes": [{"alg": "SHA-1", "content": state["revision"]}],
        }


def debian_packages(programs, licences):
    libraries = set()
    for program in PROGRAMS:
        libraries.update(re.findall(r"=> (/\S+)", output("ldd", str(programs / program))))
    owners = {owner(library) for library in libraries} | {name for name in STATIC if installed(name)}
    for name in sorted(owners - {None}):
        version, architecture = output("dpkg-query", "-W", "-f=${Version} ${Architecture}", name).split()
        plain = name.split(":")[0]
        copyright = Path("/usr/share/doc") / plain / "copyright"
        if copyright.exists():
            shutil.copyfile(copyright, licences / f"debian-{plain}")
        yield {
            "type": "library",
            "name": plain,
            "version": version,
            "purl": f"pkg:deb/debian/{plain}@{version}?arch={architecture}",
        }


def owner(library):
    """The Debian package of a library, which may be listed below /lib or below what /lib is a link to."""
    resolved = Path(library).resolve()
    for path in (library, str(resolved), str(resolved).removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(": ")[0]
    return None


def installed(name):
    return subprocess.run(["dpkg-query", "-W", name], capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=Path)
    parser.add_argument("--licences", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    programs = options.programs.absolute()
    main_component = {
        "type": "application",
        "name": "evssm",
        "version": (ROOT / "VERSION").read_text().strip(),
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [
            {"alg": "SHA-256", "content": hashlib.sha256((programs / name).read_bytes()).hexdigest()}
            for name in PROGRAMS
        ],
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main_component},
        "components": [
            *swift_packages(programs, options.licences),
            *debian_packages(programs, options.licences),
        ],
    }
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{options.output}: {len(document['components'])} components")


if __name__ == "__main__":
    main()
