"""A mail server on loopback, for the tests: it prints its port, then each mail that it took as a line of JSON, and ends with its
standard input.

The names of recipients decide: `refused…` is refused for good, `later…` for now, `twice…` for now two times, and with `hangs…` it says
nothing more.
A subject with `full` makes it refuse the mail itself for now.
"""

import argparse
import asyncio
import collections
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    def __init__(self):
        self.refusals = collections.Counter()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 there is no such mailbox"
        if address.startswith("later"):
            return "451 4.2.1 the mailbox is busy"
        if address.startswith("twice") and self.refusals[address] < 2:
            self.refusals[address] += 1
            return "450 4.2.0 the mailbox is being looked for"
        if address.startswith("hangs"):
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if "full" in mail["subject"]:
            return "452 4.3.1 the disk is full"
        part = lambda kind: mail.get_body((kind,)).get_content()
        took = {
            "helo": session.host_name,
            "is_encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "login": session.auth_data,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "plain": part("plain"),
            "html": part("html"),
            "is_ascii": envelope.content.isascii(),
        }
        print(json.dumps(took), flush=True)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, given):
    is_known = (given.login, given.password) == (b"fresnel", b"pass word")
    # Not handled: the server shall answer.
    return AuthResult(success=is_known, handled=False, auth_data=given.login.decode() if is_known else None)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login", action="store_true")
    parser.add_argument("--only-ascii", action="store_true")
    options = parser.parse_args()
    context = None
    if options.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    starttls = context if options.tls == "starttls" else None

    mailbox = Mailbox()

    def serve():
        return SMTP(
            mailbox,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate if options.login else None,
            auth_required=options.login,
            auth_require_tls=False,
            enable_SMTPUTF8=not options.only_ascii,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=context if starttls is None else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    # Connections that hang must not keep it.
    os._exit(0)


asyncio.run(main())
