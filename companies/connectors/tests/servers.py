"""Servers on this machine in place of the SEC's, of AWS, and of a source that asks for certificates."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.worker import wait_until


class Pages:
    """What a server answers: content by path, or a queue of statuses before it; and what it was asked."""

    def __init__(self):
        self.content = {}
        self.failures = []
        self.headers = {}
        self.asked = []

    @property
    def paths(self):
        return [path for path, _ in self.asked]


@contextlib.contextmanager
def serving(context=None):
    pages = Pages()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            pages.asked.append((self.path, dict(self.headers)))
            content = pages.content.get(self.path)
            status = pages.failures.pop(0) if pages.failures else 200 if content is not None else 404
            body = content if status == 200 and content is not None else b"no"
            self.send_response(status)
            for name, value in pages.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    pages.address = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def aws():
    """Moto's server in a second process: an S3 and a Secrets Manager."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], env=dict(os.environ), **quiet
    )
    address = f"http://127.0.0.1:{port}"

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        wait_until(answers, "moto answers", seconds=120)
        yield address
    finally:
        process.terminate()
        process.wait()


def certificates(folder):
    """An authority, and under it a server's and a client's certificate, as files."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Test CA", authority_key.public_key(), "Test CA", authority_key, ca=True)
    _write(folder / "ca.pem", authority.public_bytes(serialization.Encoding.PEM))
    for name, usage in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH),
        ("client", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(name, key.public_key(), "Test CA", authority_key, usage=usage)
        _write(folder / f"{name}.pem", made.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(folder / f"{name}.key", secret)
    return folder


def asking_for_certificates(folder):
    """A server's side of mutual TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _certificate(name, public_key, issuer, issuer_key, *, ca=False, usage=None):
    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    if ca:
        bits = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
            + ("encipher_only", "decipher_only"),
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **bits), critical=True
        )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _write(path, content):
    path.write_bytes(content)
