"""gql, a Python client: over HTTP, and over WebSocket by graphql-transport-ws."""

import asyncio
import os
import unittest

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

URL = os.environ["DOCKET_URL"] + "/graphql"
SOCKET = URL.replace("http", "ws", 1)

LOGIN = gql("mutation($input: LoginInput!) { login(input: $input) { token } }")
RECEIVE = gql(
    """mutation($input: ReceiveTicketInput!) {
      receiveTicket(input: $input) { ticket { id } position userErrors { code } }
    }"""
)
WITHDRAW = gql(
    """mutation($input: WithdrawTicketInput!) {
      withdrawTicket(input: $input) { position userErrors { code } }
    }"""
)
CHANGED = gql(
    """subscription($id: ID!, $after: Position) {
      ticketChanged(id: $id, after: $after) { position type }
    }"""
)
REQUEST = {
    "kind": "COMPLAIN",
    "channel": "phone",
    "region": "东湖区",
    "caller": {"name": "陈女士", "sex": "女", "phone": "13800000042"},
    "title": "夜间施工噪音扰民",
    "body": "长江路工地连续三晚在22点以后施工,影响休息。",
    "place": "长江路工地",
}


def over_http(token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # The schema is fetched, and every document is checked against it before it is sent.
    return Client(transport=AIOHTTPTransport(url=URL, headers=headers), fetch_schema_from_transport=True)


def run(client, document, values):
    document.variable_values = values
    return client.execute_async(document)


async def logged_in(login):
    account = {"login": login, "password": "docket-demo"}
    return (await run(over_http(), LOGIN, {"input": account}))["login"]["token"]


class TestGql(unittest.IsolatedAsyncioTestCase):
    async def test_a_subscription_tells_what_happens(self):
        token = await logged_in("operator")
        client = over_http(token)
        received = (await run(client, RECEIVE, {"input": REQUEST}))["receiveTicket"]
        ticket = received["ticket"]["id"]
        payload = {"Authorization": f"Bearer {token}"}
        transport = WebsocketsTransport(
            url=SOCKET, init_payload=payload, subprotocols=["graphql-transport-ws"]
        )
        async with Client(transport=transport) as session:
            CHANGED.variable_values = {"id": ticket, "after": received["position"]}
            changes = session.subscribe(CHANGED)
            pushed = asyncio.ensure_future(anext(changes))
            withdrawn = await run(client, WITHDRAW, {"input": {"id": ticket, "text": "来电人要求撤回"}})
            told = (await pushed)["ticketChanged"]
            self.assertEqual(told["position"], withdrawn["withdrawTicket"]["position"])
            self.assertEqual(told["type"], "withdrawn")
            await changes.aclose()

    async def test_errors_have_codes(self):
        with self.assertRaises(TransportQueryError) as raised:
            await over_http().execute_async(gql("{ me { login } }"))
        self.assertEqual(raised.exception.errors[0]["extensions"]["code"], "UNAUTHENTICATED")


if __name__ == "__main__":
    unittest.main()
