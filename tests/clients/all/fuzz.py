"""Schemathesis: makes requests up from the schema, and looks for answers that are the server's fault."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

URL = os.environ["DOCKET_URL"] + "/graphql"
HERE = Path(__file__).parent
LOGIN = 'mutation { login(input: { login: "%s", password: "docket-demo" }) { token } }'


def token(login):
    body = json.dumps({"query": LOGIN % login}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)["data"]["login"]["token"]


def fuzz(login):
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        URL,
        "--header",
        f"Authorization: Bearer {token(login)}",
        # It would be nobody from then on.
        "--exclude-name",
        "Mutation.logout",
        "--checks",
        "no_fault",
        "--phases",
        "fuzzing",
        "--max-examples",
        "8",
        "--seed",
        "12345",
        "--generation-database",
        "none",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    # It writes down what it did, wherever it is.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, env=environment, cwd=folder, check=True)


for login in ["operator", "cgj-clerk", "auditor"]:
    fuzz(login)
