"""What Schemathesis looks for, and how it makes up this schema's scalars.

Its own check takes every GraphQL error for the server's fault; here only some are, told by status or by code.
"""

import schemathesis
from hypothesis import strategies
from schemathesis.graphql import nodes

FAULTS = {"INTERNAL", "UNAVAILABLE", "TIMEOUT"}

schemathesis.graphql.scalar("NaiveDate", strategies.dates().map(lambda day: nodes.String(day.isoformat())))


@schemathesis.check
def no_fault(ctx, response, case):
    assert response.status_code < 500, response.status_code
    for error in response.json().get("errors", []):
        code = error.get("extensions", {}).get("code")
        assert code is not None, f"an error without a code: {error['message']}"
        assert code not in FAULTS, f"{code}: {error['message']}"
