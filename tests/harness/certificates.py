"""Certificates that are made for the test that needs them."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """An authority of its own, in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @staticmethod
    def make(folder: Path) -> Authority:
        """Makes one; `folder/ca.pem` is whom to trust."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        draft = _draft(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        certificate = draft.sign(key, hashes.SHA256())
        (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return Authority(folder, key, certificate)

    @property
    def roots(self) -> Path:
        """The file of the authority's certificate."""
        return self.folder / "ca.pem"

    def issue(
        self, name: str = "localhost", host: str = "localhost", until: datetime.datetime | None = None
    ) -> tuple[Path, Path]:
        """Writes `server.pem` and `server.key`, or writes them anew, for `host`; `name` is the common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        addresses = [x509.IPAddress(ip_address("127.0.0.1"))] if host == "localhost" else []
        names = x509.SubjectAlternativeName([x509.DNSName(host), *addresses])
        certificate = (
            _draft(subject, self.certificate.subject, key, until)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        cert, secret = self.folder / "server.pem", self.folder / "server.key"
        cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert, secret

    def client(self, *protocols: str) -> ssl.SSLContext:
        """A client's context that trusts this authority alone, and offers these protocols by ALPN."""
        context = ssl.create_default_context(cafile=str(self.roots))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime.datetime | None = None
) -> x509.CertificateBuilder:
    end = until or datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=2, hours=1))
        .not_valid_after(end)
    )
